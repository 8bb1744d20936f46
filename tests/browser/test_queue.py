"""A hundred items of the review queue by keyboard alone."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.browser.people import sign_in

#: Held posts: every fourth is spam, which a moderator is to hide, and says so. As rows: how posts come to be held is
#: proven elsewhere.
_WAVE = """
from community import services
from community.models import Area, CommunityProfile, Level, Post, ReviewItem, Thread
from community.screening import score_of
from portal.accounts.models import User
area = Area.objects.filter(kind="questions").first()
thread = services.start_thread(author=User.objects.get(email="sara@noora.example"), area=area, title="Wave", body="Wave", token="wave")
person = User.objects.create_user(email="wave@example.com", password=None, handle="wave-of-posts")
CommunityProfile.objects.create(user=person, level=Level.MEMBER)
posts = [Post(author=person, thread=thread, number=number + 2, state="held", language="en", html=f"<p>{{body}}</p>", body=body)
         for number in range({count}) for body in [f"wave {{number}} " + ("SPAM" if number % 4 == 0 else "fine")]]
Post.objects.bulk_create(posts)
Thread.objects.filter(pk=thread.pk).update(highest_number={count} + 1)
score = score_of("honeypot")
ReviewItem.objects.bulk_create(ReviewItem(post=post, score=score, reasons=[["honeypot", score]]) for post in posts)
print(thread.pk)
"""
_STATES = """
import json
import re
from community.models import AuditEntry, Post, ReviewItem
posts = Post.objects.filter(thread={thread}, number__gt=1)
print(json.dumps({{
    "states": sorted(set(posts.values_list("body", "state", "state_reason"))),
    "open": ReviewItem.objects.filter(post__in=posts, decision="").count(),
    "undone": AuditEntry.objects.filter(post__in=posts, action="review.undone").count(),
}}))
"""
COUNT = 100


def test_a_hundred_items_are_cleared_by_keyboard_alone(portal, visit):
    thread = portal.shell(_WAVE.format(count=COUNT))
    page = visit("/en/")
    sign_in(page, "community@noora.example")
    page.goto("/en/desk/queue/?reason=held")
    page.evaluate("window.isLoadedOnce = true")
    lost = []

    def focused() -> str:
        """The text of the item that has the focus; empty if none has."""
        return page.evaluate("document.activeElement.closest('[data-queue-item]')?.innerText ?? ''")

    def decide() -> None:
        """Approve or hide the item that has the focus, and wait for what is shown then."""
        with page.expect_navigation(wait_until="domcontentloaded"):  # the address names what was decided last
            for key in ("h", "h") if "SPAM" in focused() else ("a",):
                page.keyboard.press(key)
        if "wave" not in focused() and place < COUNT - 1:
            lost.append(place)

    for place in range(COUNT):
        if place % 20 == 5:  # goes back and forth: the same item has the focus
            here = focused()
            page.keyboard.press("j")
            assert focused() != here
            page.keyboard.press("k")
            assert focused() == here
        decide()
        if place % 20 == 0:
            expect(page.locator("[role=status][data-said]")).to_contain_text("Hidden: a post in")
        if place == 41:
            with page.expect_navigation(wait_until="domcontentloaded"):
                page.keyboard.press("u")
            assert "wave 41 fine" in focused()
            decide()

    assert lost == []
    assert page.evaluate("window.isLoadedOnce"), "no decision loads the page"
    found = json.loads(portal.shell(_STATES.format(thread=thread)).splitlines()[-1])
    expected = sorted(
        [f"wave {number} SPAM", "hidden", "spam"] if number % 4 == 0 else [f"wave {number} fine", "visible", ""]
        for number in range(COUNT)
    )
    assert (found["states"], found["open"], found["undone"]) == (expected, 0, 1)


def test_a_second_h_without_a_reason_says_what_to_do(portal, visit):
    portal.shell(_WAVE.format(count=1).replace("honeypot", "first-post").replace("wave", "wave-1"))
    page = visit("/en/")
    sign_in(page, "community@noora.example")
    page.goto("/en/desk/queue/?reason=held")
    item = page.locator("[data-queue-item]", has_text="wave-1")
    item.focus()

    for key in ("h", "h"):
        page.keyboard.press(key)

    hint = item.locator("[data-choose]")
    expect(hint).to_be_visible()
    expect(page.locator("[role=status][data-said]")).to_have_text(hint.inner_text())
    for key in ("ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("[data-done]")).to_contain_text("Hidden: a post in")


def test_who_is_signed_out_meanwhile_is_asked_to_sign_in(visit):
    page = visit("/en/")
    sign_in(page, "community@noora.example")
    page.goto("/en/desk/queue/")
    page.context.clear_cookies(name=re.compile("session"))

    page.locator("[data-key=a]").first.click()

    page.wait_for_url(re.compile("/accounts/login/"))


def test_the_focus_is_somewhere_when_the_last_page_was_cleared(visit):
    page = visit("/en/")
    sign_in(page, "community@noora.example")

    page.goto("/en/desk/queue/?reason=appeals&after=0_1")

    expect(page.locator("h1:focus, [data-queue-item]:focus")).to_have_count(1)
