"""Statements, summaries and what is outstanding."""

from __future__ import annotations

import datetime as dt

import pytest

from loyalty import queries
from loyalty.queries import Arriving, Expiring, Liability, Points
from loyalty.services import ledger
from tests.factories.loyalty import WalletFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.queries")]

ABAN, AZAR = dt.date(2026, 11, 21), dt.date(2026, 12, 21)
TODAY = dt.date(2026, 11, 10)


@pytest.fixture
def wallet():
    wallet = WalletFactory()
    [mistake] = [ledger.earn(wallet=wallet, amount=50, key="1", expires_on=ABAN, source="پاسخ:۱", reason="solution")]
    ledger.earn(wallet=wallet, amount=20, key="2", expires_on=AZAR, pending_until=AZAR)
    ledger.hold(wallet=wallet, hold="h", amount=45, today=TODAY)
    ledger.capture(wallet=wallet, hold="h", amount=40)
    ledger.reverse(wallet=wallet, journal_id=mistake.journal_id, reversal="r")
    return wallet


def test_a_statement_tells_what_changed_and_what_was_there_after(wallet):
    page = queries.statement(wallet)

    assert [(line.number, line.code, line.amount, line.change, line.balance) for line in page.lines] == [
        (5, "reverse", 50, Points(available=-10, debt=40), Points(pending=20, debt=40)),
        (4, "capture", 40, Points(available=5, held=-45), Points(available=10, pending=20)),
        (3, "hold", 45, Points(available=-45, held=45), Points(available=5, pending=20, held=45)),
        (2, "earn", 20, Points(pending=20), Points(available=50, pending=20)),
        (1, "earn", 50, Points(available=50), Points(available=50)),
    ]
    assert page.next_before is None
    assert (page.lines[-1].source, page.lines[-1].reason) == ("پاسخ:۱", "solution")


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_pages_of_a_statement_join_without_gaps(wallet, limit, django_assert_num_queries):
    everything = queries.statement(wallet).lines
    joined, before = [], None

    while before is not None or not joined:
        with django_assert_num_queries(1):
            page = queries.statement(wallet, before=before, limit=limit)
        joined += page.lines
        before = page.next_before
        if before is None:
            break

    assert joined == everything == list(queries.whole_statement(wallet))


def test_a_statement_shows_nobody_elses_points(wallet):
    other = WalletFactory(programme=wallet.programme)
    ledger.earn(wallet=other, amount=1, key="other")

    assert [line.amount for line in queries.statement(other).lines] == [1]
    assert queries.statement(WalletFactory()).lines == []


def test_a_summary_tells_what_can_be_spent_what_comes_and_what_expires(wallet, django_assert_num_queries):
    ledger.earn(wallet=wallet, amount=60, key="3", expires_on=ABAN)
    ledger.earn(wallet=wallet, amount=7, key="4", expires_on=AZAR)
    ledger.hold(wallet=wallet, hold="i", amount=5, today=TODAY)

    with django_assert_num_queries(1):
        summary = queries.summary(wallet, today=TODAY)

    assert summary == queries.Summary(
        spendable=22, held=5, debt=0, arriving=[Arriving(AZAR, 20)], expiring=[Expiring(ABAN, 15), Expiring(AZAR, 7)]
    )
    later = queries.summary(wallet, today=ABAN + dt.timedelta(days=1))  # before the job has run
    assert (later.spendable, later.expiring) == (7, [Expiring(AZAR, 7)])


def test_the_liability_is_what_members_have_by_the_day_it_expires(wallet, django_assert_num_queries):
    other = WalletFactory(programme=wallet.programme)
    ledger.earn(wallet=other, amount=60, key="3", expires_on=ABAN)
    ledger.hold(wallet=other, hold="i", amount=5, today=TODAY)
    ledger.earn(wallet=WalletFactory(programme__expiry_months=0), amount=1000, key="3")

    with django_assert_num_queries(1):
        rows = queries.liability(wallet.programme)

    assert rows == [
        Liability(ABAN, Points(available=55, held=5)),
        Liability(AZAR, Points(pending=20)),
        Liability(None, Points(debt=40)),
    ]
