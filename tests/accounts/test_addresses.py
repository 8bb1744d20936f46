"""Spellings of one mailbox are one address: for uniqueness, for limits, for signing in, and for whom a mail goes to."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from portal.accounts.models import User
from portal.core.mail import send_mail
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.accounts.migrations")]

KNOWN = "known@example.com"
SPELLINGS = ["known@exa\u00admple.com", "known@example.c\u200bom", "known@ｅxample.com", "known@exam\u200cple.com", "KNOWN@EXAMPLE。COM"]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_second_account_for_a_mailbox_is_not_made(client, mailoutbox, spelling):
    UserFactory(email=KNOWN)

    client.post("/fa/accounts/signup/", {"email": spelling, "password1": "چهار-کلمهٔ-بی-ربط"})

    assert User.objects.count() == 1
    assert ([mail.to for mail in mailoutbox], "قبلاً حساب" in mailoutbox[0].subject) == ([[KNOWN]], True)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_signs_in_with_any_spelling(client, spelling):
    person = UserFactory(email=KNOWN)

    client.post("/fa/accounts/login/", {"login": spelling, "password": PASSWORD})

    assert get_user(client) == person


@pytest.mark.parametrize("path", ["/fa/accounts/login/code/", "/fa/accounts/password/reset/"])
def test_a_mailbox_gets_no_more_mails_for_being_spelt_in_many_ways(client, mailoutbox, path):
    UserFactory(email=KNOWN)

    for spelling in [KNOWN, *SPELLINGS]:
        client.logout()
        client.post(path, {"email": spelling})

    assert [mail.to for mail in mailoutbox] == [[KNOWN]] * 5


def test_wrong_passwords_are_counted_together(client):
    UserFactory(email=KNOWN)
    for spelling in SPELLINGS:
        client.post("/fa/accounts/login/", {"login": spelling, "password": "نادرست"})

    client.post("/fa/accounts/login/", {"login": KNOWN, "password": PASSWORD})

    assert not get_user(client).is_authenticated


@pytest.mark.parametrize("door", ["wagtailusers_users:add", "admin:accounts_user_add"])
def test_staff_cannot_make_one_either(client, settings, door):
    settings.STAFF_SECOND_FACTOR = False
    UserFactory(email=KNOWN)
    client.force_login(UserFactory(superuser=True))
    password = {"password1": "چهار-کلمهٔ-بی-ربط", "password2": "چهار-کلمهٔ-بی-ربط", "usable_password": "true"}

    inline = {"audience_memberships-TOTAL_FORMS": "0", "audience_memberships-INITIAL_FORMS": "0"}

    response = client.post(reverse(door), {"email": SPELLINGS[0], "handle": "another", **password, **inline})

    assert response.status_code == 200
    assert "با این ایمیل پیش‌تر حسابی ساخته شده است" in response.text
    assert User.objects.count() == 2


def test_a_command_makes_an_account_in_the_one_form():
    assert User.objects.create_user("Sara@Exa\u00admple.com").email == "sara@example.com"
    assert User.objects.get_by_natural_key("SARA@example.c\u200bom").email == "sara@example.com"


def test_a_mail_goes_to_the_address_that_was_compared(mailoutbox):
    send_mail(
        to=["sara@stra\u00dfe.example", "نام <ali@نامه\u200cای.example>"],
        template="mfa/email/totp_activated",
        context={},
    )

    assert mailoutbox[0].to == ["sara@xn--strae-oqa.example", "=?utf-8?b?2YbYp9mF?= <ali@xn--mgba3gch31f060k.example>"]


@pytest.mark.django_db(transaction=True)
def test_stored_addresses_get_the_one_form_unless_somebody_has_it():
    odd, doubled, first = "odd@exa\u00admple.com", "known@exa\u00admple.com", KNOWN
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", "0001_initial")])
    old = executor.loader.project_state(
        [("accounts", "0001_initial"), ("account", "0009_emailaddress_unique_primary_email")]
    ).apps
    for number, email in enumerate((odd, doubled, first)):
        user = old.get_model("accounts", "User").objects.create(email=email, handle=f"person{number}")
        old.get_model("account", "EmailAddress").objects.create(user=user, email=email, verified=True, primary=True)

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    expected = ["odd@example.com", doubled, first]
    assert list(User.objects.order_by("pk").values_list("email", flat=True)) == expected
    assert list(EmailAddress.objects.order_by("pk").values_list("email", flat=True)) == expected
