"""Whose points they are, the export of a person's statement, and erasure."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from loyalty.exceptions import WalletClosedError
from loyalty.models import Journal, Member, Posting, Wallet
from loyalty.queries import wallets_of
from loyalty.services import ledger
from loyalty.services.members import export_points, forget_member, wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import ProgrammeFactory, WalletFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.services.members")]

DAY = dt.date(2026, 12, 21)


@pytest.fixture
def person():
    person = UserFactory(language="fa")
    wallet = wallet_for(user=person, programme=ProgrammeFactory(code="باشگاه"))
    ledger.earn(wallet=wallet, amount=50, key="1", expires_on=DAY, source="پاسخ:۱۲", reason="solution")
    ledger.hold(wallet=wallet, hold="h", amount=20, today=DAY)
    return person


def test_a_person_has_one_wallet_per_programme(person):
    [wallet] = wallets_of(person)

    assert wallet_for(user=person, programme=wallet.programme) == wallet
    second = wallet_for(user=person, programme=ProgrammeFactory())
    assert second.member_key == wallet.member_key
    assert list(wallets_of(person)) == [wallet, second]
    assert list(wallets_of(UserFactory())) == []


def test_the_export_is_the_persons_whole_statement(person):
    WalletFactory()

    lines = json.loads(json.dumps(list(export_points(person)), ensure_ascii=False))

    assert [(line["what"], line["amount"], line["balance"]["available"]) for line in lines] == [
        ("hold", 20, 30),
        ("earn", 50, 50),
    ]
    assert lines[1]["programme"] == "باشگاه"
    assert lines[1]["source"] == "پاسخ:۱۲"
    assert dt.datetime.fromisoformat(lines[1]["occurred_at"]).tzinfo is not None


@pytest.mark.parametrize("leave", [forget_member, lambda person: person.delete()], ids=["forgotten", "deleted"])
def test_whoever_leaves_takes_no_books_along(person, leave):
    [wallet] = wallets_of(person)
    before = set(Journal.objects.values_list()), set(Posting.objects.values_list())

    leave(person)

    assert not Member.objects.exists()
    wallet = Wallet.objects.get(pk=wallet.pk)
    assert wallet.status == Wallet.Status.CLOSED
    assert before[0] < set(Journal.objects.values_list())
    assert before[1] < set(Posting.objects.values_list())
    last = Journal.objects.order_by("number").last()
    assert (last.code, last.available, last.held) == ("close", 0, 0)
    assert list(ledger.check()) == []
    with pytest.raises(WalletClosedError):
        ledger.earn(wallet=wallet, amount=1, key="2")


def test_forgetting_somebody_without_points_or_twice_is_harmless(person):
    forget_member(UserFactory())
    forget_member(person)
    forget_member(person)

    assert Journal.objects.filter(code="close").count() == 1


def test_whoever_comes_back_begins_anew(person):
    [old] = wallets_of(person)
    forget_member(person)

    new = wallet_for(user=person, programme=old.programme)

    assert new.member_key != old.member_key
    assert ledger.earn(wallet=new, amount=1, key="2").balances.available == 1
