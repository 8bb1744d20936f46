"""An editor's day in Chromium and in Persian: an article goes live when its time comes, moves, and is pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from playwright.sync_api import expect

from tests.browser.people import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Portal

TITLE = "چراغ آبی پشت دستگاه یعنی چه؟"
QUESTION = "چراغ آبی دستگاه"
_DRAFT = f"""
from faq.models import ArticlePage, TopicPage
one, other = TopicPage.objects.filter(locale__language_code="fa", live=True).order_by("path")[:2]
draft = one.add_child(instance=ArticlePage(title="{TITLE}", slug="چراغ-آبی", locale=one.locale, live=False, short_answer="همه‌چیز درست است."))
draft.save_revision()
print(draft.pk, other.title, sep="\\n")
"""
#: Lets its time come, and does what the worker does every minute.
_TIME_COMES = """
from datetime import timedelta
from django.utils import timezone
from wagtail.models import Page, Revision
from portal.core.jobs import run_due
waiting = Revision.objects.get(object_id="{pk}", approved_go_live_at__gt=timezone.now())
print(waiting.approved_go_live_at.date())
waiting.approved_go_live_at = timezone.now() - timedelta(seconds=1)
waiting.content["go_live_at"] = waiting.approved_go_live_at.isoformat()
waiting.save()
run_due()
print(Page.objects.get(pk={pk}).url)
"""
_URL = "from wagtail.models import Page; print(Page.objects.get(pk={pk}).url)"


def publish(editor: Page) -> None:
    with editor.expect_navigation():
        editor.locator("button[name=action-publish]").first.click()


def choose(editor: Page, title: str) -> None:
    """Choose a page in Wagtail's dialog, by searching for it."""
    editor.locator("[data-chooser-action-choose]:visible").first.click()
    editor.locator(".modal [name=q]").fill(title)
    editor.locator(".modal .page-results a.choose-page, .modal a.choose-page").get_by_text(
        title, exact=True
    ).first.click()
    expect(editor.locator(".modal")).to_have_count(0)


def test_an_article_goes_live_at_its_time_moves_and_is_pinned(portal: Portal, visit: Callable[..., Page]) -> None:
    pk, other_topic = portal.shell(_DRAFT).splitlines()[-2:]
    reader = visit("/fa/")
    editor = visit("/fa/", watch=False)  # the admin is not ours
    sign_in(editor, "editor@noora.example", "fa")

    editor.goto(f"/admin/pages/{pk}/edit/")
    editor.get_by_role("button", name="نمایش وضعیت").click()
    editor.locator("[data-a11y-dialog-show=schedule-publishing-dialog]:visible").click()
    dialog = editor.locator("#schedule-publishing-dialog")
    dialog.locator("input[name=go_live_at]").fill("۱۴۱۵/۰۱/۱۵ ۰۸:۳۰")
    with editor.expect_navigation():
        dialog.locator("[type=submit]").click()
    publish(editor)

    day, address = portal.shell(_TIME_COMES.format(pk=pk)).splitlines()[-2:]
    assert day == "2036-04-03"
    assert reader.goto(address).status == 200
    expect(reader.get_by_role("heading", level=1)).to_have_text(TITLE)

    editor.goto(f"/admin/pages/{pk}/move/")
    editor.locator("#id_new_parent_page-chooser button:visible").first.click()
    choose(editor, other_topic)
    with editor.expect_navigation():
        editor.locator("form:has([name=new_parent_page]) [type=submit]").click()
    with editor.expect_navigation():
        editor.locator("main form [type=submit]").last.click()

    moved = portal.shell(_URL.format(pk=pk))
    assert moved != address
    assert reader.goto(address + "?from=mail").status == 200
    assert unquote(reader.url).endswith(unquote(moved) + "?from=mail")

    editor.goto("/admin/searchpicks/add/")
    editor.locator("[name=query_string]").fill(QUESTION)
    editor.locator("#id_editors_picks-ADD").click()
    choose(editor, TITLE)
    with editor.expect_navigation():
        editor.locator("main form [type=submit]").last.click()

    reader.goto(f"/fa/search/?q={quote(QUESTION)}")
    first = reader.locator("main article.res").first
    expect(first).to_contain_text(TITLE)
    expect(first).to_contain_text("پیشنهاد ما")
