from __future__ import annotations

import pytest
from django.db import IntegrityError

from portal.accounts.models import User
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.accounts.models")]


def test_an_address_belongs_to_one_person_whatever_its_letter_case():
    UserFactory(email="mina@example.com")

    with pytest.raises(IntegrityError):
        UserFactory(email="MINA@example.com")


def test_a_public_name_belongs_to_one_person_whatever_its_letter_case():
    UserFactory(handle="Mina")

    with pytest.raises(IntegrityError):
        UserFactory(handle="mina")


def test_a_new_person_has_a_public_name_that_says_nothing():
    user = User.objects.create_user("mina.karimi@example.com")

    assert user.handle.startswith("user-")
    assert "mina" not in str(user)
    assert not user.has_usable_password()


def test_confirming_an_address_twice_keeps_one():
    user = UserFactory(unconfirmed=True)

    user.confirm_address()
    user.confirm_address()

    assert [(row.email, row.verified, row.primary) for row in user.emailaddress_set.all()] == [(user.email, True, True)]


def test_an_account_needs_an_address():
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("")
