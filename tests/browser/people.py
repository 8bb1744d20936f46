"""Signing in as a person of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "noora-demo"


def sign_in(page: Page, email: str, language: str = "en", password: str = PASSWORD) -> None:
    """Sign in with the form; stays on the page that follows."""
    page.goto(f"/{language}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) [type=submit]").first.click()
    page.wait_for_url(lambda url: "/login/" not in url)
