"""The nightly check of the books: damage is reported once, its points are frozen, nothing is repaired."""

from __future__ import annotations

import datetime as dt
from unittest import mock

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone, translation

from loyalty.models import Account, LedgerCheck, LedgerFinding, SwitchRecord, Wallet
from loyalty.services import ledger, reconciling
from portal.core.models import OutgoingMail
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import WalletFactory
from tests.loyalty.test_ledger_check import triggers_off
from tests.loyalty.test_tiers_admin import with_rights

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.reconciling", "loyalty.models.checks"),
]
NIGHT = dt.datetime(2026, 11, 29, 0, 0, tzinfo=dt.UTC)  # half past three in Tehran


@pytest.fixture
def wallets():
    """Two wallets, the counters of the first of which somebody changed in the database."""
    first, second = WalletFactory.create_batch(2)
    for wallet in (first, second):
        ledger.earn(wallet=wallet, amount=50, key="start")
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute("UPDATE loyalty_account SET credits = credits + 9 WHERE wallet_id = %s", [first.pk])
    return first, second


def check_at(moment):
    with mock.patch("django.utils.timezone.now", return_value=moment):
        return reconciling.reconcile()


def statuses(wallets):
    return [Wallet.objects.get(pk=wallet.pk).status for wallet in wallets]


def test_a_damaged_row_is_reported_once_frozen_and_left_as_it_is(wallets, settings):
    settings.ADMINS = [("", "operator@noora.example")]
    lead = UserFactory(superuser=True)
    before = list(Account.objects.order_by("pk").values_list())

    done = check_at(NIGHT)
    assert (done.problems, done.frozen) == (2, 1)
    assert statuses(wallets) == ["frozen", "open"]
    assert list(Account.objects.order_by("pk").values_list()) == before
    assert OutgoingMail.objects.filter(kind="loyalty/email/ledger_check").count() == 2
    assert lead.email

    # Staff have looked, and let the points go: the next night finds nothing new.
    ledger.unfreeze(wallet=wallets[0], reason="looked", actor="test")
    again = check_at(NIGHT + dt.timedelta(days=1))
    assert (again.problems, again.frozen) == (2, 0)
    assert statuses(wallets) == ["open", "open"]
    assert OutgoingMail.objects.filter(kind="loyalty/email/ledger_check").count() == 2
    assert LedgerFinding.objects.count() == 2
    assert SwitchRecord.objects.filter(actor="ledger_check").count() == 1


def test_right_books_are_noted_once_a_day_and_disturb_nobody():
    ledger.earn(wallet=WalletFactory(), amount=5, key="start")
    assert reconciling.is_reconciling_due(None)
    assert check_at(NIGHT).problems == 0
    assert check_at(NIGHT + dt.timedelta(hours=3)) is None
    assert LedgerCheck.objects.count() == 1
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(("hours", "is_due"), [(10, False), (22, False), (24, True)])
def test_the_next_check_waits_for_the_night(hours, is_due):
    ledger.earn(wallet=WalletFactory(), amount=5, key="start")
    check_at(NIGHT)
    with mock.patch("django.utils.timezone.now", return_value=NIGHT + dt.timedelta(hours=hours)):
        assert reconciling.is_reconciling_due(None) == is_due


def test_staff_read_when_the_books_were_checked_and_the_mail_is_in_plain_words(client, settings, wallets):
    settings.STAFF_SECOND_FACTOR = False
    LedgerCheck.objects.create(day=timezone.localdate(), journals=2, problems=2)
    with_rights(client, "change_pointspolicy", "switch_programme")
    assert "ناهمخوان" in client.get(reverse("points_programmes:index")).text
    [first, *_more] = ledger.check()
    with translation.override("fa"):
        assert "ثبت شده" in reconciling.in_words(first)


def test_old_findings_hide_no_new_ones():
    many = WalletFactory.create_batch(23)  # more than a check that somebody reads reports of one kind
    late = WalletFactory()
    for wallet in (*many, late):
        ledger.earn(wallet=wallet, amount=50, key="start")
    raised = "UPDATE loyalty_account SET credits = credits + 9 WHERE wallet_id {}"
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute(raised.format("<> %s"), [late.pk])
    assert check_at(NIGHT).frozen == len(many)

    with triggers_off(), connection.cursor() as cursor:
        cursor.execute(raised.format("= %s"), [late.pk])

    assert check_at(NIGHT + dt.timedelta(days=1)).frozen == 1
    assert statuses([late]) == ["frozen"]


def test_a_check_that_found_too_much_to_look_for_what_is_new_is_told_every_night(wallets, settings, monkeypatch):
    settings.ADMINS = [("", "operator@noora.example")]
    monkeypatch.setattr(reconciling, "MOST", 2)

    for night in range(2):
        check_at(NIGHT + dt.timedelta(days=night))

    assert OutgoingMail.objects.filter(kind="loyalty/email/ledger_check").count() == 2
