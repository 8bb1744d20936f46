"""What readers trip over: on phones, on paper, after an answer, between languages, at every width."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import sideways
from tests.browser.pages import public_pages

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
#: An article that has no translation, and one that has.
_ARTICLES = """
from faq.models import ArticlePage
articles = ArticlePage.objects.live().filter(effective_audience="public", locale__language_code="fa").order_by("pk")
english = ArticlePage.objects.live().filter(locale__language_code="en").values("translation_key")
both = articles.filter(translation_key__in=english).first()
name = "only-in-persian"
alone = articles.filter(slug=name).first() or both.copy(update_attrs={"slug": name, "external_id": name}, copy_revisions=False)
print(alone.url)
print(both.url)
"""


@pytest.fixture(scope="module")
def articles(portal) -> list[str]:
    return portal.shell(_ARTICLES).splitlines()[-2:]


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_a_phone_changes_the_language_and_says_what_is_not_translated(visit, articles, js):
    """The nearest page is opened instead, and without a word it would look like the wrong one."""
    page = visit(articles[0], js=js, **PHONE)
    note = page.locator("#not-translated")
    expect(note).to_be_hidden()

    page.locator(".top .lang").click()

    page.wait_for_url(re.compile("/en/"))
    expect(note).to_be_in_viewport()
    expect(note).to_contain_text("not translated yet")
    assert sideways(page) <= 0
    page.goto(articles[1])
    page.locator(".top .lang").click()
    page.wait_for_url(re.compile("/en/"))
    expect(note).to_be_hidden()


def test_focus_goes_to_the_thanks_and_the_answer_is_known_after_a_reload(visit, articles):
    page = visit(articles[1])
    page.locator("#feedback button[value=no]").click()
    expect(page.locator("#feedback-title")).to_be_focused()
    page.locator("#feedback input[value=outdated]").check()
    page.locator("#feedback button[type=submit]").click()
    thanks = page.locator("section#feedback h2")
    expect(thanks).to_be_focused()
    said = thanks.inner_text()

    page.reload()

    expect(page.locator("section#feedback h2")).to_have_text(said)
    expect(page.locator("#feedback button[value=yes]")).to_have_count(0)
    expect(page.locator("body")).to_be_focused()
    page.locator("section#feedback a[href*='language=']").click()
    expect(page.locator("#feedback button[value=yes]")).to_be_visible()


def test_no_key_is_offered_where_fingers_point(visit):
    hint = "main kbd, footer input[data-slash]"
    assert visit("/fa/").locator(hint).locator("visible=true").count()

    assert not visit("/fa/", **PHONE).locator(hint).locator("visible=true").count()


def test_answers_come_before_filters_on_a_phone_without_scripts(visit):
    page = visit("/fa/search/?q=مودم", js=False, **PHONE)

    answer, filters = page.locator("[data-hit]").first.bounding_box(), page.locator("#filters").bounding_box()

    assert answer["y"] < filters["y"]


def test_paper_names_the_company_and_a_short_address(visit, articles):
    page = visit(articles[1])
    page.emulate_media(media="print")

    shown = page.locator("body").inner_text()

    assert "نورا" in shown
    assert re.search(r"http://\S+/a/\d+/?\s", shown)
    assert page.locator("video, audio, .top__end, .foot").locator("visible=true").count() == 0
    printed = page.locator(".doc a").evaluate_all(
        "links => links.map((link) => getComputedStyle(link, '::after').content)"
    )
    assert not [text for text in printed if "%" in text]


def test_passkeys_are_offered_where_they_work(visit, portal):
    """They belong to a name: Chromium refuses them at an IP address."""
    way = "[data-needs-passkeys]"
    assert not visit("/fa/accounts/signup/").locator(way).locator("visible=true").count()
    assert not visit("/fa/accounts/login/").locator("[data-passkey]").locator("visible=true").count()

    home = portal.url.replace("127.0.0.1", "localhost")
    assert visit(f"{home}/fa/accounts/signup/", watch=False).locator(way).locator("visible=true").count() == 2


@pytest.mark.parametrize("language", ["fa", "en"])
def test_nothing_is_wider_than_the_window_at_any_width(visit, portal, language):
    pages = public_pages(portal)
    page = visit(f"/{language}/")
    found = []
    for name in ("home", "article red-light", "search results", "community ", "downloads", "sign up"):
        page.goto(pages[language, name])
        page.evaluate("document.fonts.ready")  # letters of another font are a little wider until then
        for width in range(320, 1601, 20):
            page.set_viewport_size({"width": width, "height": 900})
            if sideways(page) > 0:
                found.append(f"{name} at {width}: {sideways(page)} px")

    assert found == []
