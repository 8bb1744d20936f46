"""Facts about an account that its owner is told: from a real sign-in and a real change of the password."""

from __future__ import annotations

import pytest

from portal.core import outbox
from portal.notifications.models import Notification
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def sign_in(client, person) -> None:
    client.post("/fa/accounts/login/", {"login": person.email, "password": PASSWORD}, headers={"User-Agent": FIREFOX})
    outbox.drain()


def titles(client, language: str = "fa") -> str:
    return client.get(f"/{language}/notifications/").text


def test_a_sign_in_on_a_new_device_is_told_and_mailed_and_the_next_one_there_is_not(client, mina, mailoutbox):
    sign_in(client, mina)
    client.post("/fa/accounts/logout/")
    sign_in(client, mina)

    assert Notification.objects.get().kind == "accounts.new_device"
    (arrived,) = mailoutbox
    assert "ورود با دستگاهی تازه" in arrived.subject
    assert "Firefox" in arrived.body
    assert [name for name in arrived.extra_headers if name.startswith(("List-", "References"))] == []
    assert "Firefox" in titles(client)


def test_who_keeps_no_cookies_is_told_once_a_day_for_each_browser_and_address(client, mina, mailoutbox):
    for _time in range(3):
        client.cookies.clear()
        sign_in(client, mina)
    assert (Notification.objects.count(), len(mailoutbox)) == (1, 1)
    client.cookies.clear()
    client.defaults["REMOTE_ADDR"] = "203.0.113.7"

    sign_in(client, mina)

    assert (Notification.objects.count(), len(mailoutbox)) == (2, 2)


def test_a_changed_password_is_told_here_and_mailed_once_by_the_accounts(client, mina, mailoutbox):
    sign_in(client, mina)
    before = len(mailoutbox)
    new = {"oldpassword": PASSWORD, "password1": "گذرواژهٔ-تازه-۹۳", "password2": "گذرواژهٔ-تازه-۹۳"}

    client.post("/fa/accounts/password/change/", new)
    outbox.drain()

    assert [arrived.subject.strip("\u2068\u2069") for arrived in mailoutbox[before:]] == ["گذرواژهٔ شما عوض شد"]
    assert "گذرواژه عوض شد" in titles(client)
    assert "The password was changed" in titles(client, "en")


def test_signing_up_is_no_sign_in_on_a_new_device(client, mailoutbox):
    import re

    from portal.accounts.models import User

    client.post("/fa/accounts/signup/", {"email": "new@example.com", "password1": "گذرواژهٔ-تازه-۹۳"})
    code = re.search(r"\n([A-Z0-9-]{6,})\n", mailoutbox[0].body)
    assert code, mailoutbox[0].body
    client.post("/fa/accounts/confirm-email/", {"code": code[1]})
    outbox.drain()

    assert User.objects.filter(email="new@example.com").exists()
    assert not Notification.objects.exists()


def test_somebody_who_has_left_is_told_nothing(client):
    person = UserFactory(is_active=False)

    sign_in(client, person)

    assert not Notification.objects.exists()
