"""Fixtures of the account tests: codes from mails, in Persian digits; a signed-in person."""

from __future__ import annotations

import re

import pytest

from portal.core.text import to_persian_digits
from tests.factories.accounts import PASSWORD, UserFactory


@pytest.fixture
def code_from_mail(mailoutbox):
    """Return a function for the code in the latest mail, in Latin digits as written there."""

    def find() -> str:
        match = re.search(r"^\d{6}$", mailoutbox[-1].body, re.MULTILINE)
        assert match, mailoutbox[-1].body
        return match[0]

    return find


@pytest.fixture
def persian_code_from_mail(code_from_mail):
    return lambda: to_persian_digits(code_from_mail())


@pytest.fixture
def person(db):
    return UserFactory(language="fa")


@pytest.fixture
def signed_in(client, person):
    client.force_login(person)
    return client


@pytest.fixture
def just_signed_in(client, person):
    """A client that signed in with the password a moment ago, as security settings require."""
    client.force_login(person)
    client.post("/fa/accounts/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def client_class(client):
    """The class of test clients, to open a second browser."""
    return type(client)
