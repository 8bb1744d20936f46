"""Downloading in Chromium: find it, accept the licence, get exactly what the page promised, with and without JavaScript;
and by programs that open several connections or were interrupted (`script/bench downloads` has real ones)."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

_STORE = """
import json, os
from django.core.files.base import ContentFile
from django.utils import timezone
from portal.accounts.models import User
from portal.downloads import services
from portal.downloads.models import Download, Release
download = Download.objects.create(slug="of-a-test", name={"fa": "آزمون", "en": "Test"}, audience="public")
release = Release.objects.create(download=download, version="1.0", released_on=timezone.localdate())
file = services.add_file(release=release, file=ContentFile(os.urandom(3_000_001), "نمونه.bin"), platform="any")
services.publish_release(release=release, by=User.objects.filter(is_superuser=True).first())
print(json.dumps([file.get_absolute_url(), file.sha256, file.size]))
"""


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_a_visitor_finds_a_firmware_accepts_its_licence_and_gets_what_the_page_promised(visit, js):
    page = visit("/fa/", js=js, width=390)
    page.goto("/fa/downloads/")
    page.locator("main a[href$='/downloads/x2-firmware/']").first.click()
    promised = page.locator(".hash code").first.inner_text()

    page.locator(".dl a.btn").first.click()
    page.wait_for_url(re.compile("/licence/"))
    page.locator("input[name=accept]").check()
    with page.expect_download() as started:
        page.locator("main form button[type=submit]").click()

    assert started.value.suggested_filename == "x2-firmware-4.12.1.bin"
    assert hashlib.sha256(Path(started.value.path()).read_bytes()).hexdigest() == promised


def test_eight_connections_and_one_that_broke_get_the_same_bytes(portal):
    path, sha256, size = json.loads(portal.shell(_STORE).splitlines()[-1])
    address = urlsplit(portal.url)

    def ask(asked="", *, condition="", most=None):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        headers = {"Range": asked, "If-Range": condition} if condition else {"Range": asked} if asked else {}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(most)
        connection.close()  # with `most`, in the middle of it
        return answer.status, answer.headers["ETag"], body

    step = size // 8 + 1
    with ThreadPoolExecutor(8) as clients:
        parts = list(clients.map(lambda first: ask(f"bytes={first}-{first + step - 1}"), range(0, size, step)))
    _status, etag, begun = ask(most=1_000_000)
    rest = ask(f"bytes={len(begun)}-", condition=etag)
    other = ask(f"bytes={len(begun)}-", condition='"of an earlier file"')

    assert {status for status, _etag, _body in parts} == {206}
    assert {each for _status, each, _body in parts} == {etag}
    assert hashlib.sha256(b"".join(body for _status, _etag, body in parts)).hexdigest() == sha256
    assert (rest[0], hashlib.sha256(begun + rest[2]).hexdigest()) == (206, sha256)
    assert (other[0], hashlib.sha256(other[2]).hexdigest()) == (200, sha256)
