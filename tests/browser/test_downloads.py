"""Downloading in Chromium: find it, accept the licence, get exactly what the page promised, with and without JavaScript."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest


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
