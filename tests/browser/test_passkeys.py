"""Passkeys, with Chromium's virtual authenticator."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error as PlaywrightError

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import CDPSession, Page

    from tests.browser.conftest import Portal


@pytest.fixture
def home(portal: Portal) -> str:
    """The portal's URL with a host name: passkeys do not work with IP addresses."""
    return portal.url.replace("127.0.0.1", "localhost")


@dataclass
class Device:
    """A visitor whose device can store passkeys and verify its owner."""

    page: Page
    devtools: CDPSession
    authenticator_id: str
    problems: list[str] = field(default_factory=list)

    def owner_is_there(self, *, yes: bool) -> None:
        """Set whether the device verifies its owner when asked."""
        self.devtools.send(
            "WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.authenticator_id, "enabled": yes}
        )


@pytest.fixture
def device(visit: Callable[..., Page]) -> Device:
    page = visit("about:blank", watch=False)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    answer = devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    device = Device(page, devtools, answer["authenticatorId"])
    page.on("console", lambda message: message.type == "error" and device.problems.append(message.text))
    return device


def sign_up_with_a_passkey(page: Page, portal: Portal, home: str, address: str) -> None:
    page.goto(f"{home}/fa/accounts/signup/")
    page.get_by_role("link", name="ساختن حساب بدون گذرواژه").click()
    page.get_by_label("ایمیل").fill(address)
    page.get_by_role("button", name="ادامه").click()
    page.get_by_label("کد تأیید").fill(portal.code_for(address))
    page.get_by_role("button", name="ادامه").click()
    page.get_by_role("button", name="ساختن کلید عبور").click()
    page.wait_for_url(re.compile(r"/fa/$"))


def test_an_account_is_made_and_opened_with_nothing_but_a_passkey(device: Device, portal: Portal, home: str) -> None:
    page = device.page
    sign_up_with_a_passkey(page, portal, home, "passkey@example.com")
    page.goto(f"{home}/fa/account/")
    page.get_by_role("main").get_by_role("button", name="خروج").click()

    device.owner_is_there(yes=False)  # otherwise it accepts the suggestion in the e-mail field first
    page.goto(f"{home}/fa/accounts/login/?next=/fa/account/security/")
    device.owner_is_there(yes=True)
    with suppress(PlaywrightError):  # the suggestion may be faster than the button; both lead there
        page.get_by_role("button", name="ورود با کلید عبور").click(timeout=3000)
    page.wait_for_url(f"{home}/fa/account/security/")

    assert "شما ۱ کلید عبور دارید" in page.get_by_role("main").inner_text()
    assert device.problems == []


def test_the_email_field_suggests_the_passkey(device: Device, portal: Portal, home: str) -> None:
    page = device.page
    sign_up_with_a_passkey(page, portal, home, "suggested@example.com")
    page.goto(f"{home}/fa/account/")
    page.get_by_role("main").get_by_role("button", name="خروج").click()

    page.goto(f"{home}/fa/accounts/login/?next=/fa/account/security/")  # the device accepts the suggestion at once
    page.wait_for_url(f"{home}/fa/account/security/")

    assert "suggested@example.com" in page.get_by_role("main").inner_text()


def test_a_passkey_proves_who_it_is_before_it_is_renamed(device: Device, portal: Portal, home: str) -> None:
    page = device.page
    sign_up_with_a_passkey(page, portal, home, "renamed@example.com")

    page.goto(f"{home}/fa/accounts/2fa/webauthn/")
    page.get_by_role("link", name="تغییر نام").click()
    page.get_by_role("button", name="با کلید عبور").click()
    page.get_by_label("نام").fill("گوشی من")
    page.get_by_role("button", name="ذخیره").click()

    assert "گوشی من" in page.get_by_role("main").inner_text()


def test_a_device_without_a_passkey_says_so_and_the_other_ways_stay(device: Device, home: str) -> None:
    page = device.page
    page.goto(f"{home}/fa/accounts/login/")

    page.get_by_role("button", name="ورود با کلید عبور").click()
    problem = page.get_by_role("alert")

    problem.wait_for()
    assert "نشد، یا لغو شد" in problem.inner_text()
    assert page.get_by_label("گذرواژه").is_visible()


def test_without_javascript_the_button_is_not_there(visit: Callable[..., Page], home: str) -> None:
    page = visit(f"{home}/fa/accounts/login/", js=False, watch=False)

    assert not page.get_by_role("button", name="ورود با کلید عبور").is_visible()
    assert page.get_by_label("گذرواژه").is_visible()
