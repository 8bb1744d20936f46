"""The bell in Chromium: a list that opens below it, a number that stays true, and a page without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.people import PASSWORD, sign_in

_PERSON = """
from portal.accounts.models import User
from portal.accounts.events import AccountChanged
from portal.notifications.security import tell_of_change
from django.db import transaction
from django.utils import timezone
person, is_new = User.objects.get_or_create(email="{email}", defaults={{"language": "{language}"}})
if is_new:
    person.set_password("{password}")
    person.save()
    person.confirm_address()
with transaction.atomic():
    tell_of_change(AccountChanged(user_id=person.pk, at=timezone.now(), what="account/email/password_changed"))
"""


def told(portal, email: str, language: str) -> None:
    """Make sure there is such a person, and tell them of one more fact."""
    portal.shell(_PERSON.format(email=email, password=PASSWORD, language=language))


@pytest.mark.parametrize(
    ("language", "width", "numbers"), [("fa", 390, ("۲", "۳")), ("en", 1280, ("2", "3"))], ids=["fa", "en"]
)
def test_the_bell_opens_its_list_and_asks_again_only_while_it_is_seen(portal, visit, language, width, numbers):
    email = f"bell-{language}@example.com"
    told(portal, email, language)
    page = visit(f"/{language}/", width=width)
    page.clock.install()
    sign_in(page, email, language)  # the sign-in itself is news: the device is new
    bell = page.locator("[data-notifications-link]")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/count/") else None)

    expect(bell.locator("[data-badge]")).to_have_text(numbers[0])
    bell.focus()
    page.keyboard.press("Enter")
    pop = page.locator("#bell-pop")
    expect(pop.locator("li")).to_have_count(2)
    expect(pop.locator("a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(pop).to_have_count(0)
    expect(bell).to_be_focused()

    told(portal, email, language)
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(180_000)
    hidden = list(asked)
    page.evaluate("delete document.visibilityState")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(bell.locator("[data-badge]")).to_have_text(numbers[1])
    page.clock.run_for(60_000)
    expect(bell).to_have_accessible_name(re.compile(numbers[1]))

    assert hidden == []
    assert 1 <= len(asked) <= 3


def test_without_javascript_the_bell_leads_to_the_page_and_all_is_marked_as_read(portal, visit):
    told(portal, "bell-nojs@example.com", "fa")
    page = visit("/fa/", js=False, width=390)
    sign_in(page, "bell-nojs@example.com", "fa")

    page.locator("[data-notifications-link]").click()
    expect(page.locator("main .told li")).to_have_count(2)
    page.get_by_role("button", name="همه را خواندم").click()

    expect(page.locator("main .is-new")).to_have_count(0)
    expect(page.locator("[data-notifications-link] [data-badge]")).to_be_hidden()
