"""Editors add synonyms and pin answers; both take effect for readers at once, on every worker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.people import sign_in

PICTURES = os.environ.get("PICTURES")


def keep_picture(page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("js", "word"), [(True, "ژگولقه"), (False, "غیقژاخ")], ids=["js", "no-js"])
def test_an_editor_tries_a_synonym_before_saving_and_readers_find_it_at_once(portal, visit, js, word):
    reader = visit(f"/fa/search/?q={word}", js=js)
    expect(reader.locator("main article.res[data-hit]")).to_have_count(0)
    editor = visit("/fa/", js=js, watch=False)
    sign_in(editor, "editor@noora.example", "fa")

    editor.goto(f"/admin/snippets/search/synonym/add/?language=fa&words={word}")
    editor.locator("textarea[name=words]").fill(f"{word}\nرمز")
    editor.locator("button[name=preview]").click()

    expect(editor.locator("table.listing").first).to_contain_text("قبل: ۰ نتیجه")
    expect(editor.locator("textarea[name=words]")).to_have_value(f"{word}\nرمز")
    assert (
        portal.shell(
            f"from search.models import Synonym; print(Synonym.objects.filter(words__contains='{word}').count())"
        )
        == "0"
    )
    editor.locator("table.listing").first.scroll_into_view_if_needed()
    keep_picture(editor, f"synonym-preview-{'js' if js else 'no-js'}")

    editor.locator("footer [type=submit]").first.click()
    editor.wait_for_url("**/admin/snippets/search/synonym/**")
    keep_picture(editor, f"synonym-list-{'js' if js else 'no-js'}")

    for _worker in range(4):
        reader.goto(f"/fa/search/?q={word}")
        expect(reader.locator("main")).to_contain_text("رمز» را هم جست‌وجو کردیم")
    reader.get_by_role("link", name="همان نوشتهٔ خودم را بگرد").click()
    expect(reader.locator("main article.res[data-hit]")).to_have_count(0)


@pytest.mark.parametrize(("js", "word"), [(True, "ژقولگه"), (False, "غخژاقی")], ids=["js", "no-js"])
def test_an_editor_imports_a_spreadsheet_and_readers_find_it_at_once(visit, js, word):
    editor = visit("/fa/", js=js, watch=False)
    sign_in(editor, "editor@noora.example", "fa")
    editor.goto("/admin/snippets/search/synonym/")
    editor.goto("/admin/snippets/search/synonym/import/")

    rows = f"\ufeffزبان;واژه‌ها\nفارسی;{word}، رمز\nفارسی;تنها\n".encode()
    editor.set_input_files("#import-file", {"name": "واژه‌ها.csv", "mimeType": "text/csv", "buffer": rows})
    editor.locator("form button[type=submit]", has_text="بررسی").click()
    expect(editor.locator("table.listing")).to_contain_text("دست‌کم ۲ واژهٔ گوناگون")
    expect(editor.locator("button[name=save]")).to_have_count(0)
    keep_picture(editor, f"synonym-import-wrong-{'js' if js else 'no-js'}")

    editor.locator("#import-rows").fill(f"زبان;واژه‌ها\nفارسی;{word}، رمز\n")
    editor.locator("form button[type=submit]", has_text="بررسی").click()
    keep_picture(editor, f"synonym-import-right-{'js' if js else 'no-js'}")
    editor.locator("button[name=save]").click()

    editor.wait_for_url("**/admin/snippets/search/synonym/")
    reader = visit(f"/fa/search/?q={word}", js=js)
    expect(reader.locator("main")).to_contain_text("رمز» را هم جست‌وجو کردیم")


@pytest.mark.parametrize("language", ["fa", "en"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_pinned_answer_stands_first(visit, language, width, dark):
    question, label = {"fa": ("پرداخت قبض", "پیشنهاد ما"), "en": ("lost phone", "Recommended")}[language]

    page = visit(f"/{language}/search/?q={question}", width=width, dark=dark)

    expect(page.locator("main article.res").first).to_contain_text(label)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    keep_picture(page, f"pins-{language}-{width}-{'dark' if dark else 'light'}")
