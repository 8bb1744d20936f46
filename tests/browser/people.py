"""Signing in as a person of the demo, or as one who has never been here; posting as fast as a person does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Portal

PASSWORD = "noora-demo"
NEWCOMERS_PASSWORD = "a-quiet-river-42"
#: `community.forms.FASTEST_SECONDS`, and a little: what newcomers send sooner is taken for that of a program.
TYPING_SECONDS = 2.1

_NEWCOMER = """
from portal.accounts.models import User
from allauth.account.models import EmailAddress
person = User.objects.create_user(email="{name}@example.com", password="{password}", handle="{name}", language="{language}")
EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
"""


def sign_in(page: Page, email: str, language: str = "en", password: str = PASSWORD) -> None:
    """Sign in with the form; stays on the page that follows."""
    page.goto(f"/{language}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) [type=submit]").first.click()
    page.wait_for_url(lambda url: "/login/" not in url)


def newcomer(portal: Portal, name: str, language: str) -> str:
    """Create a person who has never been here; return the mail address."""
    portal.shell(_NEWCOMER.format(name=name, language=language, password=NEWCOMERS_PASSWORD))
    return f"{name}@example.com"


def post(page: Page) -> None:
    """Send the form, after the time a person needs at least."""
    time.sleep(TYPING_SECONDS)
    page.locator("button[name=do][value=post]:visible").click()
