"""Status points: how they follow the awards of a programme, and how many of them count."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max, Q, Sum
from persiantools.jdatetime import JalaliDate

from loyalty.exceptions import EarningStoppedError, NotReversibleError, WalletClosedError
from loyalty.models.earning import Decision
from loyalty.models.ledger import Code, Journal, Programme, Wallet
from loyalty.models.tiers import TierProgramme, TierSet
from loyalty.services import ledger
from loyalty.services.ledger import statements
from loyalty.services.tiers.judging import Earned
from portal.core.outbox import NotNowError

if TYPE_CHECKING:
    from collections.abc import Collection

#: How long a decision waits while earning status points is stopped.
PAUSE: Final = dt.timedelta(minutes=10)


@transaction.atomic
def mirror(*, event_id: int, wallet_id: int) -> Wallet | None:
    """Book the status points for an event of a programme with tiers; return the wallet with them, None if there is none.

    As many as the rules gave, without what a campaign added. Any number of times, in any order and at the same moment:
    every decision has a key of its own, and they are booked in their order, under the lock of the wallet.
    """
    source = Wallet.objects.get(pk=wallet_id)
    link = TierProgramme.objects.filter(source=source.programme_id).select_related("status").first()
    if link is None or source.status == Wallet.Status.CLOSED:
        return None
    wallet = ledger.open_wallet(programme=link.status, member_key=source.member_key)
    statements.lock_wallets([wallet.pk])
    booked = 0
    for decision in Decision.objects.filter(event=event_id, wallet=source).select_related("event").order_by("round"):
        try:
            if decision.outcome == Decision.Outcome.REVERSED:
                if booked:
                    _take_back(wallet, decision, booked)
                booked = 0
            elif points := sum(one["points"] - one["bonus"] for one in decision.considered):
                booked = _give(wallet, decision, points)
        except WalletClosedError:
            return None
        except EarningStoppedError as error:
            raise NotNowError(PAUSE) from error
    return wallet


def _give(wallet: Wallet, decision: Decision, points: int) -> int:
    return ledger.earn(
        wallet=wallet,
        amount=points,
        key=f"status:{decision.pk}",
        source=decision.event.source_id,
        reason="status",
        actor="rules",
        occurred_at=decision.event.occurred_at if not decision.round else decision.decided_at,
    ).journal_id


def _take_back(wallet: Wallet, decision: Decision, journal: int) -> None:
    with suppress(NotReversibleError):  # staff took them back
        ledger.reverse(
            wallet=wallet, journal_id=journal, reversal=f"decision:{decision.pk}", reason=decision.reason, actor="rules"
        )


# What counts ---------------------------------------------------------------------------------------------------------


def periods_that_count(programme: Programme, window: str, today: dt.date) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return the times, of which the one with most points counts: from the beginning up to, not including, the end."""
    tomorrow = today + dt.timedelta(days=1)
    if window == TierSet.Window.ROLLING:
        days = [(tomorrow - dt.timedelta(days=365), tomorrow)]
    else:
        begins = [_year_begins(programme.calendar, today, years) for years in (-1, 0)]
        days = [(begins[0], begins[1]), (begins[1], tomorrow)]
    zone = ZoneInfo(programme.time_zone)
    return [(_midnight(start, zone), _midnight(end, zone)) for start, end in days]


def _year_begins(calendar: str, today: dt.date, years: int) -> dt.date:
    if calendar == Programme.Calendar.JALALI:
        first: dt.date = JalaliDate(JalaliDate(today).year + years, 1, 1).to_gregorian()
        return first
    return dt.date(today.year + years, 1, 1)


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=zone)


def earned_by(wallet_ids: Collection[int], periods: list[tuple[dt.datetime, dt.datetime]]) -> dict[int, Earned]:
    """Return what counts in each wallet. Two queries per period, however many wallets.

    Only awards count, and what was taken back of them: not what was spent, expired or corrected.
    """
    best: dict[int, Earned] = {}
    for start, end in periods:
        given = _sums(Q(wallet__in=wallet_ids, code=Code.EARN, occurred_at__gte=start, occurred_at__lt=end))
        taken = _sums(
            Q(
                wallet__in=wallet_ids,
                code=Code.REVERSE,
                reverses__code=Code.EARN,
                reverses__occurred_at__gte=start,
                reverses__occurred_at__lt=end,
            )
        )
        for wallet, (points, last) in given.items():
            back = taken.get(wallet, (0, 0))[0]
            earned = Earned(points - back, points, last)
            best[wallet] = max(best.get(wallet, Earned()), earned)
    return best


def _sums(which: Q) -> dict[int, tuple[int, int]]:
    rows: Any = Journal.objects.filter(which).values("wallet").annotate(points=Sum("amount"), last=Max("pk"))
    return {row["wallet"]: (row["points"], row["last"]) for row in rows.order_by("wallet")}
