"""“My data” in a browser: the copy arrives as a file, and deleting says what stays before anything happens."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.browser.people import PASSWORD, sign_in


def _picture(page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize(
    ("language", "width", "dark", "js"), [("fa", 390, True, True), ("en", 1280, False, True), ("en", 390, False, False)]
)
def test_a_copy_is_downloaded_and_the_page_before_deleting_says_what_stays(visit, language, width, dark, js):
    page = visit(f"/{language}/", width=width, dark=dark, js=js)
    sign_in(page, "sara@noora.example", language)
    name = f"{language}-my-data-{width}"

    page.goto(f"/{language}/account/data/")
    _picture(page, name)
    page.locator("form[action$='/data/download/'] [type=submit]").click()
    page.locator("main input[name=password]").fill(PASSWORD)
    page.locator("main form:has(input[name=password]) [type=submit]").click()
    page.wait_for_url(f"**/{language}/account/data/")
    with page.expect_download() as download:
        page.locator("form[action$='/data/download/'] [type=submit]").click()

    copy = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert copy["account"][0]["email"] == "sara@noora.example"
    assert copy["devices"]
    page.goto(f"/{language}/account/data/delete/")
    _picture(page, f"{name}-delete")
    assert page.locator("main h1").count() == 1
    assert page.locator("main li").count() >= 5
