"""Conversations in Chromium: asking, waiting for a moderator, answering, accepting, and names that are offered."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.people import sign_in

_NEWCOMER = """
from portal.accounts.models import User
from allauth.account.models import EmailAddress
person = User.objects.create_user(email="{name}@example.com", password="{password}", handle="{name}", language="fa")
EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
"""
PASSWORD = "a-quiet-river-42"


def newcomer(portal, name: str) -> str:
    """Create a person who has never been here; return the mail address."""
    portal.shell(_NEWCOMER.format(name=name, password=PASSWORD))
    return f"{name}@example.com"


def post(page, label: str) -> None:
    """Send the form, after the time a person needs at least."""
    time.sleep(2.1)  # `community.forms.FASTEST_SECONDS`: sooner is taken for a program
    page.get_by_role("button", name=label).click()


@pytest.mark.parametrize("js", [True, False], ids=["js", "no-js"])
def test_a_first_question_is_checked_answered_and_solved(portal, visit, js):
    """On a phone in Persian the question, at a desk in English the moderator."""
    title = f"تلویزیون پس از قطعی برق روشن نمی‌شود ({'با' if js else 'بی'} جاوااسکریپت)"
    asker = visit("/fa/", js=js, width=390)
    sign_in(asker, newcomer(portal, f"asker_{js}".lower()), "fa", PASSWORD)
    asker.goto("/fa/community/ask/")
    asker.locator("input[name=title]").fill(title)
    asker.locator("textarea[name=body]").fill(
        "دیشب برق رفت و از صبح چراغ تلویزیون روشن نیست. بیرون: https://one.example https://two.example"
    )
    post(asker, "انتشار")
    expect(asker.locator("h1")).to_have_text(title)
    expect(asker.locator("main")).to_contain_text("ناظر")
    address = asker.url

    visitor = visit(address, js=js, watch=False)
    expect(visitor.locator("h1")).not_to_have_text(title)

    moderator = visit("/en/", js=js)
    sign_in(moderator, "community@noora.example")
    moderator.goto("/en/desk/queue/")
    item = moderator.locator("article", has_text=title)
    item.get_by_role("button", name=re.compile("Approve")).first.click()
    expect(moderator.locator("main article", has_text=title)).to_have_count(0)

    helper = visit("/fa/", js=js, width=390)
    sign_in(helper, "reza@noora.example", "fa")
    helper.goto(address)
    expect(helper.locator("h1")).to_have_text(title)
    helper.locator("main a.btn", has_text="پاسخ").first.click()
    helper.locator("textarea[name=body]").fill("آداپتور را ده دقیقه از برق بکشید.\n\n```\nreset --soft\n```")
    helper.get_by_role("button", name=re.compile("پاسخ")).last.click()
    expect(helper.locator("main .post__body").last).to_contain_text("ده دقیقه")
    assert helper.locator("main .post__body pre").last.get_attribute("dir") == "ltr"

    asker.goto(address)
    asker.get_by_role("button", name="همین حلش کرد").first.click()
    expect(asker.locator("main")).to_contain_text("سپاس")
    asker.goto(address)  # before it, questions that wait for an answer may be offered
    expect(asker.locator("main")).to_contain_text("پاسخ پذیرفته")
    visitor.goto(address)
    expect(visitor.locator(".post--solution").first).to_contain_text("ده دقیقه")


def test_an_at_sign_offers_the_people_of_the_thread(portal, visit):
    thread, name = (
        portal.shell(
            "from community.models import Post; from portal.accounts.models import User; "
            "post = Post.objects.visible_to(None).filter(number__gt=1, thread__is_locked=False, author__is_active=True)"
            ".exclude(author__email='sara@noora.example').filter(author__handle__regex='^[a-z]').first(); "
            "print(post.thread_id, post.author.handle)"
        )
        .splitlines()[-1]
        .split()
    )
    page = visit("/fa/", width=390)
    sign_in(page, "sara@noora.example", "fa")
    page.goto(f"/fa/community/t/{thread}/reply/")
    text = page.locator("textarea[name=body]")

    text.press_sequentially(f"سلام @{name[:2]}")
    offered = page.locator(".editor__people [role=option]", has_text=name)
    expect(offered).to_be_visible()
    text.press("Escape")
    expect(offered).to_be_hidden()
    text.press_sequentially(name[2])
    expect(offered).to_be_visible()
    while offered.get_attribute("aria-selected") != "true":
        text.press("ArrowDown")
    text.press("Enter")

    expect(text).to_have_value(f"سلام @{name} ")
    expect(page.locator(".editor__people")).to_be_hidden()


_MENUS_OUTSIDE = """() => [...document.querySelectorAll(".post__acts details.menu")].filter(menu => {
  menu.open = true;
  const shown = menu.querySelector(".menu__pop").getBoundingClientRect();
  menu.open = false;
  return shown.left < 0 || shown.right > document.documentElement.clientWidth;
}).length"""


@pytest.mark.parametrize("language", ["fa", "en"])
def test_code_and_menus_stay_on_a_narrow_screen(portal, visit, language):
    page = visit(f"/{language}/", js=True, width=390)
    sign_in(page, "reza@noora.example", language)
    page.goto(f"/{language}/community/ask/")
    page.locator("textarea[name=body]").fill("```\n" + "ping 10.0.0.1 " * 30 + "\n```")
    page.locator("button[value=preview]").click()
    expect(page.locator("#preview pre")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390

    page.goto(f"/{language}/community/")
    page.locator(".tlist a.cover").nth(2).click()
    expect(page.locator(".post__acts details.menu").first).to_be_attached()
    for width in range(300, 430, 10):  # the buttons before it fill the line at one of these
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(_MENUS_OUTSIDE) == 0
