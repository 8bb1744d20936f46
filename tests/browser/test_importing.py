"""A spreadsheet becomes articles, in Chromium and in Persian: uploaded, its columns said, checked, seen, imported, undone."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.people import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Portal

_TITLE = "چطور رنگ چراغ شب‌خواب مودم را عوض کنم؟"
_ROWS = [
    ["الف", "ب", "ج"],
    [
        _TITLE,
        "دکمهٔ پشت مودم را نگه دارید.<script>bad()</script>\n\n1. **خاموش کنید.**\n2. **روشن کنید.**",
        "درون‌ریزی آزمایشی",
    ],
    ["مودم شب‌ها صدا می‌دهد؟", "نه، فن آن تنها در گرما می‌چرخد.", "درون‌ریزی آزمایشی"],
]


def test_an_editor_imports_a_spreadsheet_and_takes_it_back(
    portal: Portal, visit: Callable[..., Page], tmp_path: Path
) -> None:
    sheet = tmp_path / "پرسش‌ها.csv"
    with sheet.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(_ROWS)
    page = visit("/fa/", watch=False)  # the admin is not ours
    sign_in(page, "editor@noora.example", "fa")

    page.goto("/admin/help/import/")
    page.locator("input[type=file]").set_input_files(sheet)
    page.get_by_role("button", name="بارگذاری و بررسی").click()
    choose = page.locator("select[name=column-1]")
    expect(choose).to_be_visible(timeout=30_000)  # the page renews itself
    for number, meaning in enumerate(["title", "body", "category"], start=1):
        page.locator(f"select[name=column-{number}]").select_option(meaning)
    page.get_by_role("button", name="دوباره بررسی شود").click()

    expect(page.get_by_text("ساخته می‌شود: ۲")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("<script>").first).to_be_visible()
    page.get_by_role("link", name=_TITLE).click()
    seen = page.frame_locator("iframe.import-preview")
    expect(seen.get_by_role("heading", level=1)).to_have_text(_TITLE)
    expect(seen.locator("ol").get_by_text("خاموش کنید")).to_be_visible()
    page.get_by_role("link", name="بازگشت به درون‌ریزی").click()

    page.get_by_role("button", name="درون‌ریزی", exact=True).click()
    expect(page.get_by_text("ساخته شد: ۲")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name=_TITLE).click()
    expect(page.locator("#id_title")).to_have_value(_TITLE)
    page.go_back()
    page.get_by_role("link", name="برگرداندن درون‌ریزی").click()
    page.locator("form button.no").click()
    expect(page.get_by_text("حذف شد: ۲.")).to_be_visible(timeout=30_000)
    assert (
        portal.shell(f'from faq.models import ArticlePage; print(ArticlePage.objects.filter(title="{_TITLE}").count())')
        == "0"
    )
