"""User journeys in Chromium, on the real portal, with and without JavaScript."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from tests.browser.people import sign_in

with_and_without_js = pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])


def article_path(portal, external_id: str, language: str) -> str:
    return portal.shell(
        "from faq.models import ArticlePage; "
        f"print(ArticlePage.objects.get(external_id='{external_id}', locale__language_code='{language}').url)"
    ).splitlines()[-1]


def search(page, words: str) -> None:
    box = page.locator("main input[name=q]").first
    box.fill(words)
    box.press("Enter")
    page.wait_for_url(re.compile(r"/search/\?.*q="))


@pytest.mark.parametrize(
    ("js", "query", "external_id"),
    [(True, "تغيير رمز واي فاي", "change-wifi-password"), (False, "سيم كارت را فعال كنم", "activate-sim")],
    ids=["js", "no-js"],
)
def test_an_answer_that_failed_a_reader_is_mended_and_found(portal, visit, js, query, external_id):
    path = unquote(article_path(portal, external_id, "fa"))
    complaint = f"این مرحله در برنامهٔ تازه نیست ({external_id})"

    # A visitor searches with Arabic letters and finds the article.
    visitor = visit("/fa/", js=js, width=390)
    search(visitor, query)
    hit = visitor.locator(f"main a[href='{path}'], main a[href='{article_path(portal, external_id, 'fa')}']").first
    expect(hit).to_be_visible()
    hit.click()
    assert unquote(visitor.url).endswith(path)

    # It did not help because it is outdated.
    visitor.locator("#feedback button[value=no]").click()
    visitor.locator("#feedback input[value=outdated]").check()
    visitor.locator("#feedback input[name=comment]").fill(complaint)
    visitor.locator("#feedback button[type=submit]").first.click()
    expect(visitor.locator("body")).to_contain_text("به نویسنده می‌رسد")

    # The editor sees the feedback, corrects the article and publishes it.
    editor = visit("/en/", watch=False)
    sign_in(editor, "editor@noora.example")
    editor.goto("/admin/")
    expect(editor.locator("body")).to_contain_text(complaint)
    page_id = portal.shell(
        "from faq.models import ArticlePage; "
        f"print(ArticlePage.objects.get(external_id='{external_id}', locale__language_code='fa').pk)"
    ).splitlines()[-1]
    editor.goto(f"/admin/pages/{page_id}/edit/")
    expect(editor.locator("body")).to_contain_text(complaint)
    editor.locator("textarea[name=short_answer]").fill("از این هفته دکمهٔ شباهنگ در برنامه همین کار را می‌کند.")
    editor.locator("footer [data-w-dropdown-target=toggle], footer .w-dropdown__toggle").first.click()
    editor.locator("button[name=action-publish]").click()
    expect(editor.locator(".messages .success, .w-status, [role=alert]").first).to_be_visible()
    editor.wait_for_load_state()

    # The visitor finds the new text.
    visitor.goto("/fa/")
    search(visitor, "شباهنگ")
    expect(visitor.locator("main :is(.best, .res)").filter(has_text="شباهنگ").first).to_be_visible()
    visitor.goto(path)
    expect(visitor.locator("main")).to_contain_text("دکمهٔ شباهنگ")


@with_and_without_js
def test_a_customer_signs_up_and_makes_the_portal_theirs(portal, visit, js):
    address = f"golnaz-{'js' if js else 'plain'}@example.com"
    page = visit("/fa/accounts/signup/", js=js, width=390)

    # Sign up; the code is typed with Persian digits.
    page.locator("input[name=email]").fill(address)
    page.locator("input[name=password1]").fill("یک-گذرواژهٔ-بلند-۴۲")
    page.locator("form:has(input[name=password1]) button[type=submit]").first.click()
    code = portal.code_for(address).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    page.locator("input[name=code]").fill(code)
    page.locator("form:has(input[name=code]) button[type=submit]").first.click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    before = page.goto("/en/").text()
    assert "Noora X2" not in before.split("</nav>")[-1] or "Your device" not in before

    # Jalali dates and Persian digits, in English.
    page.goto("/en/account/preferences/")
    page.locator("select[name=language]").select_option("en")
    page.locator("select[name=calendar], input[name=calendar][value=jalali]").first.evaluate("el => el.tagName")
    for name, value in (("calendar", "jalali"), ("digits", "persian")):
        field = page.locator(f"[name={name}]").first
        if field.evaluate("el => el.tagName") == "SELECT":
            field.select_option(value)
        else:
            page.locator(f"[name={name}][value={value}]").check()
    page.locator("form:has([name=calendar]) button[type=submit]").first.click()
    page.goto(article_path(portal, "pay-late", "en"))
    expect(page.locator("main time").first).to_have_text(re.compile("[۰-۹]+ \\w+ ۱۴۰[0-9۰-۹]"))

    # A device: the home page changes.
    page.goto("/en/account/devices/add/x2/")
    page.locator("main form button[type=submit]").first.click()
    page.goto("/en/")
    expect(page.locator("main")).to_contain_text("Noora X2")


@with_and_without_js
def test_the_language_switch_stays_on_the_same_article(portal, visit, js):
    page = visit(article_path(portal, "reset-router", "fa"), js=js)

    page.locator("header a[hreflang=en]").first.click()

    assert page.url.endswith(article_path(portal, "reset-router", "en"))
    expect(page.locator("html")).to_have_attribute("dir", "ltr")


def test_suggestions_come_while_typing_and_follow_the_keyboard(portal, visit):
    page = visit("/fa/")
    page.keyboard.press("/")
    box = page.locator("main input[name=q]").first
    expect(box).to_be_focused()

    box.type("چراغ قرم", delay=30)
    option = page.locator("[role=option]").first
    expect(option).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(1)
    box.press("Escape")
    expect(option).not_to_be_visible()

    box.press("ArrowDown")
    box.type("ز")
    expect(page.locator("[role=option]").first).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    page.wait_for_url(lambda url: "/search/" not in url and not url.endswith("/fa/"))
    expect(page.locator("article h1")).to_be_visible()


@with_and_without_js
def test_the_theme_is_a_choice_that_stays(visit, js):
    page = visit("/en/", js=js)

    if js:
        page.evaluate("document.querySelector('[data-theme-menu], .menu') && true")
    page.locator("footer button[value=dark], footer [data-theme-value=dark]").first.click()
    page.goto("/en/search/")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
