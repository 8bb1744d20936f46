"""An article that is due, in Chromium and in Persian: changed in a way that matters, its readers told, and translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.people import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Portal

_DUE_FOR_LONG = """
import datetime as dt
from faq.models import ArticlePage, TranslationDebt
from portal.accounts.models import User
TranslationDebt.objects.filter(article__external_id="receipt").delete()
pages = ArticlePage.objects.filter(external_id="receipt").select_related("locale").order_by("-locale__language_code")
pages.update(next_review_on=dt.date(2020, 1, 1), owner=User.objects.get(email="editor@noora.example"))
print(*(line for page in pages for line in (page.title, page.url)), sep="\\n")
"""
_LATE = "This translation is out of date"


def publish(page: Page) -> None:
    page.evaluate("() => { const b = document.querySelector('button[name=action-publish]'); b.form.requestSubmit(b); }")
    page.wait_for_load_state("networkidle")


def test_an_editor_changes_what_is_due_and_a_translator_follows(portal: Portal, visit: Callable[..., Page]) -> None:
    persian, _address, english, address = portal.shell(_DUE_FOR_LONG).splitlines()[-4:]
    reader = visit(address)
    expect(reader.get_by_text(_LATE)).to_have_count(0)
    editor = visit("/fa/", watch=False)  # the admin is not ours
    sign_in(editor, "editor@noora.example", "fa")

    editor.goto("/admin/")
    editor.locator("#due-for-review-content").get_by_role("link", name=persian).click()
    editor.locator("#id_change_significance").select_option("major")
    editor.locator("#id_change_note").fill("رسید حالا در برنامه است.")
    publish(editor)

    reader.reload()
    expect(reader.get_by_text(_LATE)).to_be_visible()
    expect(reader.locator(".note a[hreflang=fa][dir=rtl]")).to_have_text(persian)

    editor.goto("/admin/help/translations/")
    editor.get_by_role("link", name=english).click()
    expect(editor.locator("#id_title")).to_have_value(english)
    publish(editor)

    reader.reload()
    expect(reader.get_by_text(_LATE)).to_have_count(0)
    editor.goto("/admin/help/translations/")
    expect(editor.get_by_role("link", name=english)).to_have_count(0)
