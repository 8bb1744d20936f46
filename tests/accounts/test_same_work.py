"""Known and unknown addresses cost the same: the time an answer takes must not tell the two apart.

Counted is what takes the time, the hashing of passwords and the making of mails; a clock would be right now and then.
"""

from __future__ import annotations

import re
from typing import ClassVar

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from portal.core.models import OutgoingMail
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "چهار-کلمهٔ-بی-ربط"
DOORS = {
    "/fa/accounts/signup/": {"email": "{}", "password1": PASSWORD},
    "/fa/accounts/signup/passkey/": {"email": "{}"},
    "/fa/accounts/login/": {"login": "{}", "password": "نادرست"},
    "/fa/accounts/login/code/": {"email": "{}"},
    "/fa/accounts/password/reset/": {"email": "{}"},
}


class CountingHasher(MD5PasswordHasher):
    algorithm = "counted"
    passwords: ClassVar[list[str]] = []

    def encode(self, password: str, salt: str) -> str:
        self.passwords.append(password)
        return super().encode(password, salt)


@pytest.mark.parametrize("door", DOORS)
def test_known_and_unknown_addresses_cost_the_same_and_are_answered_alike(client, settings, door):
    settings.PASSWORD_HASHERS = ["tests.accounts.test_same_work.CountingHasher"]
    UserFactory(email="known@example.com")
    UserFactory(email="passkey@example.com", password="!")
    UserFactory(email="unconfirmed@example.com", unconfirmed=True)
    work = {}

    for address in ("nobody@example.com", "known@example.com", "passkey@example.com", "unconfirmed@example.com"):
        client.logout()
        CountingHasher.passwords.clear()
        before = OutgoingMail.objects.count()
        response = client.post(door, {name: value.format(address) for name, value in DOORS[door].items()})
        page = client.get(response.url) if response.status_code == 302 else response
        mails = OutgoingMail.objects.count() - before
        work[address] = (len(CountingHasher.passwords), mails, response.status_code, _neutral(page.text, address))

    assert work["nobody@example.com"][:2] == (int("password" in str(DOORS[door])), int(door[-6:] != "login/"))
    assert set(work.values()) == {work["nobody@example.com"]}


def _neutral(page: str, address: str) -> str:
    """The page without what differs between any two visits."""
    page = page.replace(address, "ADDRESS")
    return re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]*', r"\1", page)
