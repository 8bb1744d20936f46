"""The picker of dates in the solar calendar, by keyboard, in Chromium."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.html import escape
from django.utils.translation import override

from portal.core.solar_dates import _words

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPT = Path(settings.BASE_DIR) / "portal/static/portal/js/solar.js"


def _form(browser: Browser) -> Page:
    with override("fa"):
        words = escape(json.dumps(_words(), ensure_ascii=False))
    page = browser.new_page()
    page.set_content(
        '<!doctype html><html lang="fa" dir="rtl"><body>'
        f'<input id="day" dir="ltr" data-solar="{words}"><input id="moment" dir="ltr" data-solar="{words}" data-solar-time="">'
    )
    page.add_script_tag(content=SCRIPT.read_text())
    return page


def test_a_day_is_chosen_by_keyboard(browser: Browser) -> None:
    page = _form(browser)
    page.locator("#moment").fill("۱۴۰۵/۱۰/۰۱ ۰۸:۳۰")
    page.keyboard.press("ArrowDown")
    assert "دی ۱۴۰۵" in page.locator(".solar").inner_text()
    page.keyboard.press("ArrowLeft")  # the next day, on a page from right to left
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    assert page.locator("#moment").input_value() == "۱۴۰۵/۱۱/۰۹ ۰۸:۳۰"
    assert page.locator(".solar").count() == 0
    assert page.evaluate("document.activeElement.id") == "moment"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert page.locator(".solar").count() == 0
    page.close()


def test_the_picker_knows_every_day_that_is_typed(browser: Browser) -> None:
    page = _form(browser)
    for typed in ("1403/12/30", "1404/12/29", "1405/01/01", "1405-06-31", "1410/07/01", "1399/12/30"):
        page.locator("#day").fill(typed)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        shown = page.locator("#day").input_value()
        assert shown.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")) == typed.replace("-", "/")
    page.close()
