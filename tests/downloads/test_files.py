"""The one way to files: who gets them, parts of them, their names, and what is counted."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from portal.core.localized import LocalizedText
from portal.downloads import services
from portal.downloads.models import LicenceAcceptance, Transfer
from portal.insight.recorder import recorder
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.downloads import CONTENT, published_file

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _afresh():
    recorder.forget()
    cache.clear()
    yield
    recorder.forget()


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_the_file_arrives_whole_with_its_digest():
    file = published_file()

    response = Client().get(file.get_absolute_url())

    assert (response.status_code, body(response)) == (200, CONTENT)
    assert (file.size, file.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert response["Content-Type"] == "application/octet-stream"
    assert response["ETag"].startswith('"')  # a strong one: parts of the same file can be joined


@pytest.mark.parametrize(
    ("asked", "status", "wanted", "stated"),
    [
        ("bytes=0-99", 206, CONTENT[:100], "bytes 0-99/2048"),
        ("bytes=2000-", 206, CONTENT[2000:], "bytes 2000-2047/2048"),
        ("bytes=-48", 206, CONTENT[-48:], "bytes 2000-2047/2048"),
        ("bytes=2048-", 416, b"", "bytes */2048"),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("nonsense", 200, CONTENT, None),
    ],
    ids=["first", "open", "last", "beyond", "several", "nonsense"],
)
def test_parts_of_a_file(asked, status, wanted, stated):
    response = Client().get(published_file().get_absolute_url(), headers={"Range": asked})

    assert (response.status_code, body(response), response.get("Content-Range")) == (status, wanted, stated)


def test_a_resumed_download_continues_only_the_same_file():
    file = published_file()
    head = Client().head(file.get_absolute_url())

    def rest(condition):
        return Client().get(file.get_absolute_url(), headers={"Range": "bytes=1000-", "If-Range": condition})

    assert (head.status_code, head["Accept-Ranges"], body(head)) == (200, "bytes", b"")
    assert body(rest(head["ETag"])) == CONTENT[1000:]
    assert body(rest('"another"')) == CONTENT


@pytest.mark.parametrize(
    "name",
    ["نصب نورا ۶.۳.exe", 'a"b;c%20d.zip', "空.tar.gz", "a\r\nX-Evil: 1.bin", "../../etc/passwd", "x" * 300 + ".bin"],
)
def test_a_file_is_saved_under_its_name_whatever_letters_it_has(name):
    file = published_file(name)

    response = Client().get(file.get_absolute_url())
    disposition = response["Content-Disposition"]

    assert response.status_code == 200
    assert disposition.isascii()
    assert disposition.startswith("attachment")
    assert quote(file.name, safe="") in disposition or f'filename="{file.name}"' in disposition
    assert "/" not in file.name
    assert "X-Evil" not in response.headers


def test_a_draft_is_nobodys_and_media_gives_no_file_away():
    file = published_file()
    path = f"/media/{file.file.name}"
    services.withdraw_release(release=file.release, by=UserFactory(superuser=True))

    assert Client().get(file.get_absolute_url()).status_code == 404
    assert Client().get(path).status_code == 404
    assert (Path(settings.MEDIA_ROOT) / file.file.name).is_file()


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        ({}, {"visitor", "member", "owner", "partner", "staff"}),
        ({"files_for": "signed-in"}, {"member", "owner", "partner", "staff"}),
        ({"files_for": "partner"}, {"partner", "staff"}),
        ({"is_for_owners": True}, {"owner", "staff"}),
        ({"audience": "partner"}, {"partner", "staff"}),
        ({"audience": "staff"}, {"staff"}),
    ],
    ids=["everybody", "members", "partners", "owners", "page for partners", "page for staff"],
)
def test_who_may_fetch_a_file_and_what_the_others_see(fields, may):
    product = ProductFactory()
    file = published_file(products=[product], **fields)
    people = {
        "visitor": None,
        "member": UserFactory(),
        "owner": OwnershipFactory(product=product).user,
        "partner": UserFactory(partner=True),
        "staff": UserFactory(staff=True),
    }
    got = set()
    for kind, person in people.items():
        client = Client()
        if person:
            client.force_login(person)
        response = client.get(file.get_absolute_url())
        page = client.get(file.release.download.get_absolute_url())
        if response.status_code == 200:
            got.add(kind)
        elif "audience" in fields:  # for them there is no such download
            assert (response.status_code, page.status_code) == (404, 404)
        else:
            assert response["Location"] == file.release.download.get_absolute_url()
            assert "note--warn" in page.text
            assert file.get_absolute_url() not in page.text

    assert got == may


@pytest.mark.parametrize("kind", ["visitor", "member"])
def test_a_licence_is_accepted_once(kind):
    file = published_file(must_accept=True, licence=LocalizedText(fa="متن مجوز", en="The licence"))
    person, client = UserFactory(), Client(headers={"Sec-Fetch-Site": "same-origin"})
    if kind == "member":
        client.force_login(person)
    asked = client.get(file.get_absolute_url())
    page = client.get(asked["Location"])

    refused = client.post(asked["Location"])
    accepted = client.post(asked["Location"], {"accept": "1"})

    assert "متن مجوز" in page.text
    assert refused.status_code == 422
    assert accepted["Location"] == file.get_absolute_url()
    assert client.get(file.get_absolute_url()).status_code == 200
    assert list(LicenceAcceptance.objects.values_list("person", "licence_version")) == (
        [(person.pk, 1)] if kind == "member" else []
    )

    download = file.release.download
    download.licence = LocalizedText(fa="متن تازه")
    services.save_download(download)

    assert client.get(file.get_absolute_url()).status_code == 302  # another text has to be accepted anew


def test_the_permalink_leads_to_the_latest_file_for_the_platform():
    file = published_file()
    download = file.release.download
    address = reverse("downloads_root:latest", args=[download.slug])

    def leads_to(path, agent="curl/8"):
        return Client().get(path, headers={"User-Agent": agent})["Location"]

    assert leads_to(address) == file.get_absolute_url()
    windows, mac = (
        services.add_file(release=file.release, file=_upload(name), platform=name) for name in ("windows", "macos")
    )

    assert leads_to(f"{address}?platform=macos") == mac.get_absolute_url()
    assert leads_to(address, "Mozilla/5.0 (Windows NT 10.0)") == windows.get_absolute_url()
    assert leads_to(address) == download.get_absolute_url()


def _upload(name):
    return ContentFile(b"content", f"{name}.bin")


def test_who_downloads_without_end_is_asked_to_wait(settings):
    settings.DOWNLOADS_PER_HOUR = 2
    path = published_file().get_absolute_url()

    # From a network of its own: what other tests downloaded counts for theirs.
    codes = [Client().get(path, REMOTE_ADDR="100.64.9.9").status_code for _number in range(3)]
    assert codes == [200, 200, 429]


def test_requests_of_one_download_count_once():
    file = published_file()

    def get(*, address="203.0.113.1", **headers):
        Client().get(file.get_absolute_url(), REMOTE_ADDR=address, headers=headers)
        recorder.flush()
        return (Transfer.objects.count(), Transfer.objects.filter(is_complete=True).count())

    assert get(Range="bytes=0-99") == (1, 0)
    assert get(Range="bytes=100-1999") == (1, 0)
    assert get(Range="bytes=2000-") == (1, 1)
    assert get(Range="bytes=2000-") == (1, 1)
    assert get(Range="bytes=9999-") == (1, 1)  # 416
    assert get(address="198.51.100.1") == (2, 2)


def test_behind_a_web_server_the_request_says_what_is_handed_over(settings):
    settings.MEDIA_ACCEL_PREFIX = "/internal/"
    file = published_file()

    for asked in ("bytes=0-99", "bytes=2000-2047"):
        response = Client().get(file.get_absolute_url(), headers={"Range": asked})
        recorder.flush()

    assert response["X-Accel-Redirect"] == f"/internal/{file.file.name}"
    assert list(Transfer.objects.values_list("is_complete", flat=True)) == [True]
