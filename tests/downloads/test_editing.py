"""Editors' screens: upload, publish, withdraw; and the virus scan that stands before publishing."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal.core import outbox
from portal.core.models import OutboxMessage
from portal.core.roles import CONTENT_EDITORS
from portal.core.serving.limits import Limits
from portal.downloads import scanning, services
from portal.downloads.exceptions import DownloadError
from portal.downloads.models import Download, File, Release
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory
from tests.factories.downloads import DownloadFactory, file_in, release_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.downloads.admin", "portal.downloads.services"),
]


@pytest.fixture
def editor(settings):
    settings.STAFF_SECOND_FACTOR = False
    client = Client()
    client.force_login(UserFactory(role=CONTENT_EDITORS))
    return client


def test_an_editor_makes_a_download_uploads_a_file_and_publishes_it(editor):
    made = editor.post(
        reverse("downloads_admin:add"),
        {
            "name_fa": "برنامهٔ نورا",
            "slug": "noora-app",
            "icon": "download",
            "audience": "public",
            "files_for": "public",
            "order": 0,
        },
    )
    download = Download.objects.get(slug="noora-app")
    editor.post(
        reverse("downloads_admin:add_release", args=[download.pk]),
        {"version": "۱.۲", "channel": "stable", "released_on": "2026-11-01"},
    )
    release = Release.objects.get()
    where = [download.pk, release.pk]
    sent = {"file": SimpleUploadedFile("نورا.exe", b"content"), "platform": "windows", "architecture": "x86_64"}
    uploaded = editor.post(reverse("downloads_admin:upload", args=where), sent)
    asked = editor.get(reverse("downloads_admin:publish", args=where))
    before = Client().get(download.get_absolute_url()).status_code
    editor.post(reverse("downloads_admin:publish", args=where))

    file = File.objects.get()
    assert (made.status_code, uploaded.status_code, asked.status_code, before) == (302, 302, 200, 404)
    assert (release.version, file.name, file.sha256) == ("1.2", "نورا.exe", hashlib.sha256(b"content").hexdigest())
    assert Client().get(download.get_absolute_url()).status_code == 200
    assert file.sha256 in editor.get(reverse("downloads_admin:release", args=where)).text


@pytest.mark.parametrize("version", ["1.0", "bamboo"])
def test_a_version_that_is_taken_or_has_no_place_is_refused(editor, version):
    release = release_of(DownloadFactory())
    path = reverse("downloads_admin:add_release", args=[release.download_id])

    response = editor.post(path, {"version": version, "channel": "stable", "released_on": "2026-11-01"})

    assert response.status_code == 422
    assert Release.objects.count() == 1


def test_a_file_is_refused_at_the_form_as_at_the_door(editor, settings):
    release = release_of(DownloadFactory(), is_published=False)
    path = reverse("downloads_admin:upload", args=[release.download_id, release.pk])
    at_the_door = Limits.from_settings().body_bytes(path)
    settings.DOWNLOADS_MAX_MB = 0

    response = editor.post(path, {"file": SimpleUploadedFile("a.bin", b"x"), "platform": "any"})

    assert at_the_door == 200 * 1024 * 1024
    assert response.status_code == 422
    assert release.files.count() == 1


def test_who_is_no_editor_publishes_nothing():
    release = release_of(DownloadFactory(), is_published=False)

    with pytest.raises(PermissionDenied):
        services.publish_release(release=release, by=UserFactory(staff=True))


def test_a_published_file_cannot_be_taken_away_from_under_its_release():
    release = release_of(DownloadFactory())

    with pytest.raises(DownloadError):
        services.delete_file(file=release.files.get())


@pytest.mark.parametrize(("status", "scan"), [(0, "clean"), (1, "infected")])
def test_what_was_not_found_clean_is_not_published(settings, status, scan):
    settings.DOWNLOADS_SCAN_COMMAND = f'{sys.executable} -c "import sys; sys.exit({status})"'
    release = Release.objects.create(download=DownloadFactory(), version="1.0", released_on="2026-11-01")
    file = file_in(release)
    admin = UserFactory(superuser=True)
    with pytest.raises(DownloadError):
        services.publish_release(release=release, by=admin)

    outbox.drain()
    file.refresh_from_db()
    assert file.scan == scan
    if scan == "clean":
        assert services.publish_release(release=release, by=admin).state == "published"
    else:
        with pytest.raises(DownloadError):
            services.publish_release(release=release, by=admin)


def test_a_scanner_that_fails_says_nothing_about_the_file():
    with pytest.raises(scanning.ScanFailedError):
        scanning.CommandScanner(f'{sys.executable} -c "import sys; sys.exit(2)"').is_clean("x")


def test_what_was_withdrawn_is_back_with_one_click_and_tells_nobody_again(editor):
    release = release_of(DownloadFactory())
    where = [release.download_id, release.pk]
    told = OutboxMessage.objects.count()

    page = editor.post(reverse("downloads_admin:withdraw", args=where), follow=True)
    gone = Client().get(release.download.get_absolute_url()).status_code
    back = reverse("downloads_admin:publish", args=where)
    again = editor.get(back).text
    editor.post(back)

    assert (gone, Client().get(release.download.get_absolute_url()).status_code) == (404, 200)
    assert f'method="post" action="{back}"' in page.text
    assert "دوباره" in again
    assert OutboxMessage.objects.count() == told


def test_what_no_reader_knew_is_deleted_with_its_files_and_what_they_knew_is_not(editor, after_commit):
    known = release_of(DownloadFactory())
    draft = release_of(known.download, "2.0", is_published=False)
    content = Path(draft.files.get().file.path)
    unknown = release_of(DownloadFactory(), is_published=False).download
    services.withdraw_release(release=known, by=UserFactory(superuser=True))

    def delete(name, *where):
        url = reverse(f"downloads_admin:{name}", args=where)
        assert editor.get(url).status_code == 200
        return editor.post(url)

    with after_commit():
        delete("delete_release", draft.download_id, draft.pk)
        delete("delete_release", known.download_id, known.pk)
        delete("delete", known.download_id)
        delete("delete", unknown.pk)

    assert list(Release.objects.all()) == [known]
    assert list(Download.objects.all()) == [known.download]
    assert not content.exists()


def test_a_form_that_is_older_than_what_is_there_changes_nothing(editor):
    release = release_of(DownloadFactory(audience="public", products=[ProductFactory()]), is_published=False)
    download = release.download
    about, facts = (
        reverse("downloads_admin:edit", args=[download.pk]),
        reverse("downloads_admin:release", args=[download.pk, release.pk]),
    )
    opened, opened_facts = (editor.get(url).context["form"]["seen"].value() for url in (about, facts))
    services.publish_release(
        release=release, by=UserFactory(superuser=True)
    )  # changes nothing of what is written there
    data = {"name_fa": "نام", "slug": download.slug, "icon": "download", "audience": "public", "files_for": "public"}
    release_data = {"version": "1.0", "channel": "beta", "released_on": "2026-11-01"}

    def save(url, **sent):
        return editor.post(url, sent).status_code

    in_time = save(about, **data, order=0, seen=opened), save(facts, **release_data, seen=opened_facts)
    late = (
        save(about, **data, order=7, seen=opened),
        save(facts, **release_data | {"channel": "stable"}, seen=opened_facts),
    )

    assert (in_time, late) == ((302, 302), (422, 422))
    release.refresh_from_db()
    assert (release.channel, release.state) == ("beta", "published")
    assert Download.objects.get().order == 0
