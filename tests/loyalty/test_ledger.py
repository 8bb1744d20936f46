"""What can be done with points: each command, its replay, its refusals."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.exceptions import (
    EarningStoppedError,
    HoldEndedError,
    InsufficientPointsError,
    InvalidAmountError,
    InvalidDateError,
    KeyReusedError,
    NotReversibleError,
    SpendingStoppedError,
    TransfersRefusedError,
    WalletClosedError,
    WalletFrozenError,
)
from loyalty.models import Account, Journal, Posting, SwitchRecord
from loyalty.models.ledger import NEVER, Kind
from loyalty.services import ledger
from loyalty.services.ledger import Award, Shortfall
from tests.factories.loyalty import ProgrammeFactory, WalletFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.services.ledger.posting",
        "loyalty.services.ledger.statements",
        "loyalty.services.ledger.commands",
        "loyalty.services.ledger.batches",
    ),
]

ABAN = dt.date(2026, 11, 21)  # the last day of Aban 1405
AZAR = dt.date(2026, 12, 21)
DEY = dt.date(2027, 1, 20)
TODAY = dt.date(2026, 11, 10)


@pytest.fixture
def wallet():
    return WalletFactory()


def lots(wallet, kind=Kind.AVAILABLE):
    """Bucket → points, of the lots that are not empty."""
    return {
        account.bucket: account.credits - account.debits
        for account in Account.objects.filter(wallet=wallet, kind=kind)
        if account.credits != account.debits
    }


def balances(wallet):
    last = Journal.objects.filter(wallet=wallet).order_by("number").last()
    return (last.available, last.pending, last.held, last.debt) if last else (0, 0, 0, 0)


def rows():
    return Journal.objects.count(), Posting.objects.count()


def programme_balance(wallet, kind):
    postings = Posting.objects.filter(journal__programme=wallet.programme)
    came = sum(postings.filter(credit__kind=kind).values_list("amount", flat=True))
    return came - sum(postings.filter(debit__kind=kind).values_list("amount", flat=True))


def earned(wallet, *amounts, expires_on=ABAN, **facts):
    return [
        ledger.earn(
            wallet=wallet, amount=amount, key=f"{wallet.pk}:{expires_on}:{number}", expires_on=expires_on, **facts
        )
        for number, amount in enumerate(amounts)
    ]


# Earning -------------------------------------------------------------------------------------------------------------


def test_an_award_is_available_at_once_and_expires_as_the_programme_says(wallet):
    done = ledger.earn(
        wallet=wallet, amount=50, key="e", occurred_at=dt.datetime(2026, 11, 10, 8, tzinfo=dt.UTC), source="پاسخ:۱۲"
    )

    assert done.is_new
    assert done.balances == (1, 50, 0, 0, 0)
    assert lots(wallet) == {dt.date(2027, 11, 21): 50}  # the end of Aban 1406
    assert Journal.objects.get().source == "پاسخ:۱۲"
    assert programme_balance(wallet, Kind.ISSUE) == -50


def test_what_is_written_down_with_a_journal_is_read_as_it_was_written(wallet):
    odd = 'it\'s \\n "50 %" {a,b} \u200f🙂 \\u0041'

    one = ledger.earn(wallet=wallet, amount=50, key=odd, source=odd, reason="r\\'", actor="$1")
    [other] = ledger.earn_many(
        programme=wallet.programme, awards=[Award(wallet=wallet, amount=7, key=odd + "2", source=odd, actor="%s")]
    )

    written = Journal.objects.in_bulk([one.journal_id, other.journal_id])
    assert [(row.key, row.source, row.reason, row.actor) for row in written.values()] == [
        (odd, odd, "r\\'", "$1"),
        (odd + "2", odd, "", "%s"),
    ]
    assert ledger.earn(wallet=wallet, amount=50, key=odd, source=odd, reason="r\\'", actor="$1").is_new is False


def test_postgresql_is_asked_twice_for_an_award_and_three_times_for_a_hold(wallet):
    def asked(command, **arguments):
        with CaptureQueriesContext(connection) as captured:
            command(wallet=wallet, amount=5, **arguments)
        return sum("SAVEPOINT" not in query["sql"] for query in captured)

    ledger.earn(wallet=wallet, amount=50, key="first", expires_on=ABAN)
    counts = asked(ledger.earn, key="e", expires_on=ABAN), asked(ledger.hold, hold="h", today=TODAY)

    assert counts == ((2, 3) if connection.vendor == "postgresql" else (7, 10))


def test_points_of_a_programme_without_expiry_never_expire():
    wallet = WalletFactory(programme__expiry_months=0)

    ledger.earn(wallet=wallet, amount=50, key="e")

    assert lots(wallet) == {NEVER: 50}
    assert ledger.expire(wallet=wallet, today=dt.date(2999, 1, 1)) is None


def test_the_same_key_awards_once_for_ever(wallet):
    first = ledger.earn(wallet=wallet, amount=50, key="e")
    ledger.earn(wallet=wallet, amount=1, key="other")

    again = ledger.earn(wallet=wallet, amount=50, key="e")

    assert again == first._replace(is_new=False)
    assert rows() == (2, 2)


@pytest.mark.parametrize("change", [{"amount": 51}, {"budget": "کمپین"}, {"pending_until": TODAY}, {"source": "x"}])
def test_the_same_key_with_another_request_is_refused(wallet, change):
    ledger.earn(wallet=wallet, amount=50, key="e")

    with pytest.raises(KeyReusedError):
        ledger.earn(**{"wallet": wallet, "amount": 50, "key": "e", **change})

    assert rows() == (1, 1)


def test_the_key_of_another_wallet_is_refused_and_the_same_key_in_another_programme_is_another(wallet):
    ledger.earn(wallet=wallet, amount=50, key="e")

    with pytest.raises(KeyReusedError):
        ledger.earn(wallet=WalletFactory(programme=wallet.programme), amount=50, key="e")
    assert ledger.earn(wallet=WalletFactory(), amount=50, key="e").is_new


@pytest.mark.parametrize("amount", [0, -1, 10**12 + 1, 1.0, True, "۵", None])
def test_an_impossible_amount_is_refused(wallet, amount):
    for attempt in (
        lambda: ledger.earn(wallet=wallet, amount=amount, key="e"),
        lambda: ledger.hold(wallet=wallet, amount=amount, hold="h"),
        lambda: ledger.fund(programme=wallet.programme, budget="b", amount=amount, key="f", actor="staff"),
    ):
        with pytest.raises(InvalidAmountError):
            attempt()

    assert rows() == (0, 0)


def test_pending_points_become_available_on_their_day(wallet):
    earned(wallet, 30, pending_until=TODAY)
    earned(wallet, 20, pending_until=TODAY + dt.timedelta(days=1), expires_on=AZAR)

    assert balances(wallet) == (0, 50, 0, 0)
    assert ledger.activate(wallet=wallet, today=TODAY - dt.timedelta(days=1)) is None
    assert ledger.activate(wallet=wallet, today=TODAY).balances == (3, 30, 20, 0, 0)
    assert ledger.activate(wallet=wallet, today=TODAY) is None
    assert ledger.activate(wallet=wallet, today=TODAY + dt.timedelta(days=7)).balances == (4, 50, 0, 0, 0)
    assert lots(wallet) == {ABAN: 30, AZAR: 20}


def test_points_that_would_expire_while_pending_are_refused(wallet):
    with pytest.raises(InvalidDateError):
        earned(wallet, 30, expires_on=ABAN, pending_until=ABAN + dt.timedelta(days=1))


def test_an_award_from_a_budget_takes_from_it_until_it_is_empty(wallet):
    ledger.fund(programme=wallet.programme, budget="نوروز", amount=100, key="f", actor="staff")
    ledger.earn(wallet=wallet, amount=70, key="1", budget="نوروز")

    with pytest.raises(InsufficientPointsError) as refused:
        ledger.earn(wallet=wallet, amount=31, key="2", budget="نوروز")
    ledger.earn(wallet=wallet, amount=30, key="2", budget="نوروز")

    assert refused.value.missing == 1
    assert balances(wallet) == (100, 0, 0, 0)
    budget = Account.objects.get(kind=Kind.BUDGET)
    assert (budget.credits, budget.debits) == (100, 100)


# Spending ------------------------------------------------------------------------------------------------------------


def test_a_hold_takes_the_points_that_expire_first(wallet):
    earned(wallet, 30, expires_on=AZAR)
    earned(wallet, 20, expires_on=ABAN)

    ledger.hold(wallet=wallet, hold="h", amount=25, today=TODAY)

    assert lots(wallet) == {AZAR: 25}
    assert lots(wallet, Kind.HELD) == {ABAN: 20, AZAR: 5}
    assert balances(wallet) == (25, 0, 25, 0)


def test_more_than_there_is_cannot_be_held(wallet):
    earned(wallet, 30)

    with pytest.raises(InsufficientPointsError) as refused:
        ledger.hold(wallet=wallet, hold="h", amount=31, today=TODAY)

    assert refused.value.missing == 1
    assert balances(wallet) == (30, 0, 0, 0)


def test_points_can_be_spent_on_their_last_day_and_not_after_it(wallet):
    earned(wallet, 30, expires_on=ABAN)

    with pytest.raises(InsufficientPointsError):
        ledger.hold(wallet=wallet, hold="h", amount=1, today=ABAN + dt.timedelta(days=1))
    assert ledger.hold(wallet=wallet, hold="h", amount=30, today=ABAN).is_new


def test_releasing_a_hold_restores_every_lot(wallet):
    earned(wallet, 30, expires_on=AZAR)
    earned(wallet, 20, expires_on=ABAN)
    ledger.hold(wallet=wallet, hold="h", amount=45, today=TODAY)

    done = ledger.release(wallet=wallet, hold="h")
    again = ledger.release(wallet=wallet, hold="h")

    assert lots(wallet) == {ABAN: 20, AZAR: 30}
    assert done.is_new
    assert not again.is_new
    with pytest.raises(HoldEndedError):
        ledger.capture(wallet=wallet, hold="h")


def test_a_captured_hold_is_spent(wallet):
    earned(wallet, 30)
    ledger.hold(wallet=wallet, hold="h", amount=20, today=TODAY)

    done = ledger.capture(wallet=wallet, hold="h")

    assert done.amount == 20
    assert balances(wallet) == (10, 0, 0, 0)
    assert programme_balance(wallet, Kind.REDEEMED) == 20
    with pytest.raises(HoldEndedError):
        ledger.release(wallet=wallet, hold="h")


def test_capturing_a_part_releases_the_rest_to_its_lots(wallet):
    earned(wallet, 30, expires_on=AZAR)
    earned(wallet, 20, expires_on=ABAN)
    ledger.hold(wallet=wallet, hold="h", amount=50, today=TODAY)

    ledger.capture(wallet=wallet, hold="h", amount=25)

    assert lots(wallet) == {AZAR: 25}
    assert balances(wallet) == (25, 0, 0, 0)


def test_the_hold_of_another_member_cannot_be_touched(wallet):
    earned(wallet, 30)
    ledger.hold(wallet=wallet, hold="h", amount=20, today=TODAY)
    other = WalletFactory(programme=wallet.programme)

    for attempt in (ledger.capture, ledger.release):
        with pytest.raises(HoldEndedError):
            attempt(wallet=other, hold="h")
    with pytest.raises(KeyReusedError):
        ledger.hold(wallet=other, hold="h", amount=20, today=TODAY)
    ledger.capture(wallet=wallet, hold="h")
    with pytest.raises(NotReversibleError):
        ledger.refund(wallet=other, hold="h", refund="r")

    assert balances(wallet) == (10, 0, 0, 0)


def test_refunds_go_back_to_the_lots_as_if_only_the_rest_had_been_spent(wallet):
    earned(wallet, 20, expires_on=ABAN)
    earned(wallet, 30, expires_on=AZAR)
    earned(wallet, 50, expires_on=DEY)
    ledger.hold(wallet=wallet, hold="h", amount=90, today=TODAY)
    ledger.capture(wallet=wallet, hold="h")

    found = []
    for number, amount in enumerate((50, 15, None)):
        ledger.refund(wallet=wallet, hold="h", refund=str(number), amount=amount)
        found.append(lots(wallet))

    assert found == [{DEY: 50, AZAR: 10}, {DEY: 50, AZAR: 25}, {DEY: 50, AZAR: 30, ABAN: 20}]
    assert programme_balance(wallet, Kind.REDEEMED) == 0


def test_no_more_is_refunded_than_was_spent_and_a_repeated_refund_changes_nothing(wallet):
    earned(wallet, 30)
    ledger.hold(wallet=wallet, hold="h", amount=20, today=TODAY)
    ledger.capture(wallet=wallet, hold="h")
    ledger.refund(wallet=wallet, hold="h", refund="1", amount=15)

    assert not ledger.refund(wallet=wallet, hold="h", refund="1", amount=15).is_new
    with pytest.raises(NotReversibleError) as refused:
        ledger.refund(wallet=wallet, hold="h", refund="2", amount=6)
    assert refused.value.left == 5
    ledger.refund(wallet=wallet, hold="h", refund="2")
    with pytest.raises(NotReversibleError):
        ledger.refund(wallet=wallet, hold="h", refund="3")

    assert balances(wallet) == (30, 0, 0, 0)


def test_what_was_never_spent_cannot_be_refunded(wallet):
    earned(wallet, 30)
    ledger.hold(wallet=wallet, hold="h", amount=20, today=TODAY)

    with pytest.raises(NotReversibleError):
        ledger.refund(wallet=wallet, hold="h", refund="1")


def test_a_refund_does_not_make_expired_points_young_again(wallet):
    earned(wallet, 20, expires_on=ABAN)
    ledger.hold(wallet=wallet, hold="h", amount=20, today=ABAN)
    ledger.capture(wallet=wallet, hold="h")

    ledger.refund(wallet=wallet, hold="h", refund="1")

    with pytest.raises(InsufficientPointsError):
        ledger.hold(wallet=wallet, hold="again", amount=1, today=AZAR)
    assert ledger.expire(wallet=wallet, today=AZAR).amount == 20


# Expiry --------------------------------------------------------------------------------------------------------------


def test_expiry_takes_exactly_the_lots_whose_last_day_is_over_once(wallet):
    earned(wallet, 20, 5, expires_on=ABAN)
    earned(wallet, 30, expires_on=AZAR)
    ledger.hold(wallet=wallet, hold="h", amount=7, today=TODAY)

    assert ledger.expire(wallet=wallet, today=ABAN) is None
    assert ledger.expire(wallet=wallet, today=ABAN + dt.timedelta(days=1)).amount == 18
    assert ledger.expire(wallet=wallet, today=ABAN + dt.timedelta(days=1)) is None

    assert lots(wallet) == {AZAR: 30}
    assert balances(wallet) == (30, 0, 7, 0)  # what is held does not expire
    ledger.release(wallet=wallet, hold="h")
    assert ledger.expire(wallet=wallet, today=ABAN + dt.timedelta(days=1)).amount == 7  # on the same day, too
    assert programme_balance(wallet, Kind.EXPIRED) == 25


def test_an_extension_moves_one_lot_to_a_later_day(wallet):
    earned(wallet, 20, expires_on=ABAN)
    earned(wallet, 30, expires_on=DEY)
    extension = {"wallet": wallet, "bucket": ABAN, "to": DEY, "key": "x", "reason": "goodwill", "actor": "staff:1"}

    ledger.extend(**extension)

    assert not ledger.extend(**extension).is_new
    assert lots(wallet) == {DEY: 50}
    with pytest.raises(InvalidDateError):
        ledger.extend(**{**extension, "bucket": DEY, "to": ABAN, "key": "y"})
    with pytest.raises(InsufficientPointsError):
        ledger.extend(**{**extension, "key": "y"})


# Taking back ---------------------------------------------------------------------------------------------------------


def test_a_reversal_takes_its_own_lot_first_then_those_that_expire_first(wallet):
    earned(wallet, 20, expires_on=ABAN)
    earned(wallet, 30, expires_on=AZAR)
    [mistake] = earned(wallet, 10, expires_on=DEY)
    ledger.hold(wallet=wallet, hold="h", amount=55, today=TODAY)  # 5 of the mistake are left
    ledger.release(wallet=wallet, hold="h")
    ledger.hold(wallet=wallet, hold="i", amount=25, today=TODAY)

    ledger.reverse(wallet=wallet, journal_id=mistake.journal_id, reversal="r")

    assert lots(wallet) == {AZAR: 25}
    assert balances(wallet) == (25, 0, 25, 0)


def test_a_reversal_takes_pending_points_before_available_ones(wallet):
    earned(wallet, 20, expires_on=AZAR)
    [pending] = earned(wallet, 30, expires_on=ABAN, pending_until=TODAY)

    ledger.reverse(wallet=wallet, journal_id=pending.journal_id, reversal="r")

    assert balances(wallet) == (20, 0, 0, 0)


def test_taking_spent_points_back_leaves_a_debt_that_later_points_pay(wallet):
    [mistake] = earned(wallet, 100)
    ledger.hold(wallet=wallet, hold="h", amount=80, today=TODAY)
    ledger.capture(wallet=wallet, hold="h")

    done = ledger.reverse(wallet=wallet, journal_id=mistake.journal_id, reversal="r")
    assert done.balances[1:] == (0, 0, 0, 80)
    earned(wallet, 50, expires_on=AZAR)
    assert balances(wallet) == (0, 0, 0, 30)
    earned(wallet, 40, expires_on=DEY, pending_until=TODAY)
    assert balances(wallet) == (0, 40, 0, 30)  # pending points may yet be taken back
    ledger.activate(wallet=wallet, today=TODAY)

    assert balances(wallet) == (10, 0, 0, 0)
    assert lots(wallet) == {DEY: 10}
    assert programme_balance(wallet, Kind.FORFEIT) == 0
    assert programme_balance(wallet, Kind.ISSUE) == -90  # what the member kept: 80 spent, 10 left


@pytest.mark.parametrize("way_back", ["release", "refund"])
def test_points_that_come_back_pay_the_debt_first(wallet, way_back):
    [mistake] = earned(wallet, 100)
    ledger.hold(wallet=wallet, hold="h", amount=80, today=TODAY)
    if way_back == "refund":
        ledger.capture(wallet=wallet, hold="h")
    ledger.reverse(wallet=wallet, journal_id=mistake.journal_id, reversal="r")

    if way_back == "refund":
        ledger.refund(wallet=wallet, hold="h", refund="1")
    else:
        ledger.release(wallet=wallet, hold="h")

    assert balances(wallet) == (0, 0, 0, 0)
    assert programme_balance(wallet, Kind.ISSUE) == 0


def test_a_reversal_can_forgive_or_refuse_instead(wallet):
    [mistake] = earned(wallet, 100)
    ledger.hold(wallet=wallet, hold="h", amount=80, today=TODAY)
    ledger.capture(wallet=wallet, hold="h")
    reversal = {"wallet": wallet, "journal_id": mistake.journal_id, "reversal": "r"}

    with pytest.raises(InsufficientPointsError) as refused:
        ledger.reverse(**reversal, shortfall=Shortfall.REFUSE)
    assert refused.value.missing == 80
    assert ledger.reverse(**reversal, shortfall=Shortfall.FORGIVE).amount == 20
    assert balances(wallet) == (0, 0, 0, 0)
    with pytest.raises(InsufficientPointsError):
        ledger.reverse(**{**reversal, "reversal": "s"}, shortfall=Shortfall.FORGIVE)


def test_no_more_is_taken_back_than_was_awarded(wallet):
    [mistake] = earned(wallet, 100)
    [kept] = earned(wallet, 100, expires_on=DEY)
    reversal = {"wallet": wallet, "journal_id": mistake.journal_id}

    ledger.reverse(**reversal, reversal="1", amount=60)
    assert not ledger.reverse(**reversal, reversal="1", amount=60).is_new
    with pytest.raises(NotReversibleError) as refused:
        ledger.reverse(**reversal, reversal="2", amount=41)
    ledger.reverse(**reversal, reversal="2")

    assert refused.value.left == 40
    assert balances(wallet) == (100, 0, 0, 0)
    for journal_id in (mistake.journal_id, mistake.journal_id + 1000):
        with pytest.raises(NotReversibleError):
            ledger.reverse(wallet=wallet, journal_id=journal_id, reversal="3")
    with pytest.raises(NotReversibleError):
        ledger.reverse(wallet=WalletFactory(programme=wallet.programme), journal_id=kept.journal_id, reversal="3")


def test_reversed_points_go_back_to_the_budget_they_came_from(wallet):
    ledger.fund(programme=wallet.programme, budget="نوروز", amount=100, key="f", actor="staff")
    done = ledger.earn(wallet=wallet, amount=70, key="1", budget="نوروز")

    ledger.reverse(wallet=wallet, journal_id=done.journal_id, reversal="r")

    budget = Account.objects.get(kind=Kind.BUDGET)
    assert (budget.credits, budget.debits) == (170, 70)


def test_a_spending_journal_cannot_be_reversed_as_an_award(wallet):
    earned(wallet, 30)
    held = ledger.hold(wallet=wallet, hold="h", amount=20, today=TODAY)
    taken = ledger.adjust(wallet=wallet, amount=-5, key="a", reason="mistake", actor="staff:1")

    for journal in (held, taken):
        with pytest.raises(NotReversibleError):
            ledger.reverse(wallet=wallet, journal_id=journal.journal_id, reversal="r")


def test_a_correction_adds_or_takes_points_with_a_reason(wallet):
    correction = {"wallet": wallet, "reason": "goodwill", "actor": "staff:1", "approver": "staff:2"}

    ledger.adjust(**correction, amount=30, key="1", expires_on=ABAN)
    ledger.adjust(**correction, amount=-10, key="2")

    assert not ledger.adjust(**correction, amount=-10, key="2").is_new
    assert balances(wallet) == (20, 0, 0, 0)
    with pytest.raises(InsufficientPointsError):
        ledger.adjust(**correction, amount=-21, key="3")
    with pytest.raises(ValueError, match="reason"):
        ledger.adjust(**{**correction, "reason": ""}, amount=1, key="3")
    last = Journal.objects.order_by("number").last()
    assert (last.reason, last.actor, last.approver) == ("goodwill", "staff:1", "staff:2")


def test_points_do_not_move_between_members(wallet):
    earned(wallet, 30)

    with pytest.raises(TransfersRefusedError):
        ledger.transfer(wallet=wallet, to=WalletFactory(programme=wallet.programme), amount=10)


# Switches ------------------------------------------------------------------------------------------------------------


def test_a_frozen_wallet_keeps_its_points_in_and_may_be_corrected(wallet):
    [award] = earned(wallet, 30)
    earned(wallet, 10, expires_on=AZAR, pending_until=TODAY)
    ledger.hold(wallet=wallet, hold="h", amount=5, today=TODAY)
    ledger.freeze(wallet=wallet, reason="votes", actor="staff:1")

    for attempt in (
        lambda: ledger.hold(wallet=wallet, hold="i", amount=1, today=TODAY),
        lambda: ledger.capture(wallet=wallet, hold="h"),
        lambda: ledger.activate(wallet=wallet, today=TODAY),
    ):
        with pytest.raises(WalletFrozenError):
            attempt()
    ledger.release(wallet=wallet, hold="h")
    earned(wallet, 1, expires_on=DEY)
    ledger.reverse(wallet=wallet, journal_id=award.journal_id, reversal="r")
    assert not ledger.hold(wallet=wallet, hold="h", amount=5, today=TODAY).is_new  # what was done stays done
    ledger.unfreeze(wallet=wallet, reason="cleared", actor="staff:1")
    ledger.unfreeze(wallet=wallet, reason="cleared", actor="staff:1")

    assert ledger.activate(wallet=wallet, today=TODAY).balances[1:] == (11, 0, 0, 0)
    assert list(SwitchRecord.objects.values_list("change", "reason")) == [("freeze", "votes"), ("unfreeze", "cleared")]


def test_a_closed_wallet_is_empty_for_good(wallet):
    [mistake] = earned(wallet, 30)
    earned(wallet, 10, expires_on=AZAR, pending_until=TODAY)
    ledger.hold(wallet=wallet, hold="h", amount=30, today=TODAY)
    ledger.reverse(wallet=wallet, journal_id=mistake.journal_id, reversal="r")
    assert balances(wallet) == (0, 10, 30, 30)

    assert ledger.close(wallet=wallet, reason="erasure", actor="member").balances[1:] == (0, 0, 0, 0)
    assert ledger.close(wallet=wallet, reason="erasure", actor="member") is None

    for attempt in (
        lambda: ledger.earn(wallet=wallet, amount=1, key="e"),
        lambda: ledger.hold(wallet=wallet, hold="i", amount=1),
        lambda: ledger.freeze(wallet=wallet, reason="x", actor="y"),
        lambda: ledger.unfreeze(wallet=wallet, reason="x", actor="y"),
    ):
        with pytest.raises(WalletClosedError):
            attempt()
    with pytest.raises(HoldEndedError):
        ledger.release(wallet=wallet, hold="h")
    assert SwitchRecord.objects.count() == 1


def test_an_empty_wallet_is_closed_without_a_journal(wallet):
    assert ledger.close(wallet=wallet, reason="erasure", actor="member") is None

    with pytest.raises(WalletClosedError):
        ledger.earn(wallet=wallet, amount=1, key="e")


def test_the_kill_switches_stop_earning_and_spending(wallet):
    earned(wallet, 30)
    ledger.hold(wallet=wallet, hold="h", amount=5, today=TODAY)
    switched = {"programme": wallet.programme, "reason": "incident", "actor": "staff:1"}

    ledger.set_switches(**switched, stop_earning=True)
    with pytest.raises(EarningStoppedError):
        ledger.earn(wallet=wallet, amount=1, key="e")
    [result] = ledger.earn_many(programme=wallet.programme, awards=[Award(wallet=wallet, amount=1, key="e")])
    assert isinstance(result, EarningStoppedError)
    ledger.set_switches(**switched, stop_earning=False, stop_spending=True)
    for attempt in (ledger.capture, lambda **facts: ledger.hold(**{**facts, "hold": "i"}, amount=1, today=TODAY)):
        with pytest.raises(SpendingStoppedError):
            attempt(wallet=wallet, hold="h")
    assert ledger.earn(wallet=wallet, amount=1, key="e").is_new
    ledger.release(wallet=wallet, hold="h")
    ledger.set_switches(**switched, stop_spending=False)

    assert ledger.hold(wallet=wallet, hold="i", amount=1, today=TODAY).is_new
    assert list(SwitchRecord.objects.values_list("change", flat=True)) == [
        "stop earning", "resume earning", "stop spending", "resume spending",
    ]  # fmt: skip


# Many at once --------------------------------------------------------------------------------------------------------


def test_a_batch_awards_what_single_awards_would(django_assert_max_num_queries):
    programme = ProgrammeFactory()
    plain, frozen, closed, indebted = WalletFactory.create_batch(4, programme=programme)
    earned(plain, 1, expires_on=DEY)
    [mistake] = earned(indebted, 10)
    ledger.hold(wallet=indebted, hold="h", amount=10, today=TODAY)
    ledger.capture(wallet=indebted, hold="h")
    ledger.reverse(wallet=indebted, journal_id=mistake.journal_id, reversal="r")
    ledger.freeze(wallet=frozen, reason="x", actor="y")
    ledger.close(wallet=closed, reason="x", actor="y")
    ledger.fund(programme=programme, budget="نوروز", amount=5, key="f", actor="staff")

    def award(wallet, amount, key, **facts):
        return Award(wallet=wallet, amount=amount, key=key, expires_on=AZAR, **facts)

    awards = [
        award(plain, 2, "1"),
        award(plain, 3, "2", pending_until=TODAY),
        award(plain, 2, "1"),  # twice in one batch
        award(plain, 9, "1"),  # the same key for something else
        award(frozen, 4, "3"),
        award(closed, 4, "4"),
        award(indebted, 4, "5"),
        award(plain, 5, "6", budget="نوروز"),
        award(plain, 1, "7", budget="نوروز"),
        award(plain, 0, "8"),
    ]
    results = list(ledger.earn_many(programme=programme, awards=awards))

    assert [type(result).__name__ for result in results] == [
        "Posted", "Posted", "Posted", "KeyReusedError", "Posted", "WalletClosedError", "Posted", "Posted",
        "InsufficientPointsError", "InvalidAmountError",
    ]  # fmt: skip
    assert [balances(wallet) for wallet in (plain, frozen, closed, indebted)] == [
        (8, 3, 0, 0), (4, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 6),
    ]  # fmt: skip
    assert results[2] == results[0]._replace(is_new=False)
    before = rows()
    again = list(ledger.earn_many(programme=programme, awards=awards))
    assert rows() == before
    assert [getattr(one, "is_new", None) for one in again] == [
        False, False, False, None, False, None, False, False, None, None,
    ]  # fmt: skip


def test_a_batch_costs_the_same_number_of_queries_whatever_its_length(django_assert_max_num_queries):
    programme = ProgrammeFactory()
    wallets = WalletFactory.create_batch(40, programme=programme)

    with django_assert_max_num_queries(14):
        results = list(
            ledger.earn_many(
                programme=programme,
                awards=[
                    Award(wallet=wallet, amount=number + 1, key=str(number)) for number, wallet in enumerate(wallets)
                ],
            )
        )

    assert [one.balances.available for one in results] == list(range(1, 41))
    assert [balances(wallet)[0] for wallet in wallets] == list(range(1, 41))


def test_an_award_for_a_wallet_of_another_programme_is_a_mistake(wallet):
    with pytest.raises(ValueError, match="another programme"):
        list(ledger.earn_many(programme=ProgrammeFactory(), awards=[Award(wallet=wallet, amount=1, key="1")]))


def test_what_is_due_is_done_for_every_wallet_once_and_frozen_ones_wait(monkeypatch):
    monkeypatch.setattr("loyalty.services.ledger.batches.WALLETS", 2)
    programme = ProgrammeFactory()
    wallets = WalletFactory.create_batch(5, programme=programme)
    other = WalletFactory()
    for wallet in (*wallets, other):
        earned(wallet, 10, expires_on=ABAN)
        earned(wallet, 20, expires_on=DEY, pending_until=TODAY)
    ledger.freeze(wallet=wallets[1], reason="x", actor="y")

    assert ledger.activate_due(programme=programme, today=TODAY) == 4
    assert ledger.expire_due(programme=programme, today=AZAR) == 5
    assert ledger.activate_due(programme=programme, today=TODAY) == 0
    assert ledger.expire_due(programme=programme, today=AZAR) == 0

    assert [balances(wallet)[:2] for wallet in wallets] == [(20, 0), (0, 20), (20, 0), (20, 0), (20, 0)]
    assert balances(other)[:2] == (10, 20)
