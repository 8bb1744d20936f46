"""When a way into an account was last changed: every change counts, signing up does not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from allauth.socialaccount import signals as social_signals

from portal.accounts import own_data
from portal.accounts.changes import last_change_of
from portal.accounts.models import AccessChange, User
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.accounts.changes")]

NEW = "سه-واژهٔ-بی-ربط"


def test_a_new_password_is_noted_at_once_and_in_the_copy_of_ones_data(client):
    person = UserFactory()
    client.force_login(person)
    assert last_change_of(person) is None
    client.post("/fa/accounts/reauthenticate/", {"password": PASSWORD})

    client.post("/fa/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    change = last_change_of(person)
    assert change.what == "password"
    assert dict(own_data.export_account(person))["last change of the ways to sign in"]["at"] == change.at


def test_whoever_signs_up_has_changed_nothing(client):
    client.post("/fa/accounts/signup/", {"email": "new@example.com", "password1": NEW})

    assert User.objects.filter(email="new@example.com").exists()
    assert not AccessChange.objects.exists()


@pytest.mark.parametrize(
    ("signal", "what"),
    [
        (account_signals.password_set, "password"),
        (account_signals.password_changed, "password"),
        (account_signals.password_reset, "password"),
        (account_signals.email_changed, "address"),
        (mfa_signals.authenticator_added, "factor"),
        (mfa_signals.authenticator_removed, "factor"),
        (mfa_signals.authenticator_reset, "factor"),
        (social_signals.social_account_added, "company"),
        (social_signals.social_account_removed, "company"),
    ],
)
def test_the_last_change_is_kept_whichever_it_was(client, signal, what):
    person = UserFactory()
    client.force_login(person)
    request = client.get("/fa/accounts/").wsgi_request
    of_person = SimpleNamespace(user=person)
    account_signals.password_set.send(sender=User, request=request, user=person)
    first = last_change_of(person).at

    signal.send(sender=User, request=request, user=person, sociallogin=of_person, socialaccount=of_person)

    assert last_change_of(person).what == what
    assert last_change_of(person).at > first


@pytest.mark.parametrize(
    ("values", "what"),
    [({"password1": NEW, "password2": NEW}, "password"), ({"email": "thief@example.com"}, "address")],
)
def test_what_staff_are_talked_into_counts_and_other_edits_do_not(client, settings, values, what):
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(superuser=True))
    person = UserFactory()
    url = f"/admin/users/edit/{person.pk}/"
    unchanged = {"email": person.email, "name": "دیگر", "handle": person.handle, "is_active": "on"}
    assert client.post(url, unchanged).status_code == 302
    assert last_change_of(person) is None

    assert client.post(url, unchanged | values).status_code == 302

    assert last_change_of(person).what == what
