"""The report of liability: what is owed to members, by when it expires and when it was earned, and how it came to that.

All three tables are made of the books, and agree with each other and with `ledger_check` to the unit. Whatever was
booked counts on the day it was booked, in the programme's time zone and calendar. A constant number of queries.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.db.models.functions import TruncDate

from loyalty.buckets import month_end
from loyalty.models.ledger import FIRST_OF_WALLET, NEVER, Kind, Posting
from loyalty.money import currency_name, decimals_of
from loyalty.queries import liability
from portal.core.formats import format_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from loyalty.models import PointsPolicy
    from loyalty.models.ledger import Programme

#: Columns of the flow, by the account of the programme: points that come from it, and points that go to it.
_COLUMNS: Final[Mapping[int, tuple[str, str]]] = {
    Kind.ISSUE: ("issued", "taken_back"),
    Kind.BUDGET: ("issued", "taken_back"),
    Kind.REDEEMED: ("given_back", "redeemed"),
    Kind.EXPIRED: ("reinstated", "expired"),
    Kind.FORFEIT: ("restored", "ended"),
    Kind.ADJUST: ("added", "removed"),
}


class Month(NamedTuple):
    """A month of the programme's calendar, by its last day."""

    last_day: dt.date


class Outstanding(NamedTuple):
    """Points that expire in a month; never, if it is None."""

    month: Month | None
    available: int
    pending: int
    held: int

    @property
    def points(self) -> int:
        """All of them."""
        return self.available + self.pending + self.held


class Cohort(NamedTuple):
    """Points that were earned in a month: how many, and how many of them are still there.

    Of points that expire together the oldest count as spent first. None: what was there by postponed expiry.
    """

    month: Month | None
    earned: int
    left: int


@dataclass(slots=True)
class Flow:
    """What happened in a month, and what was outstanding at its end."""

    month: Month
    moved: Counter[str] = field(default_factory=Counter)
    outstanding: int = 0

    @property
    def issued(self) -> int:
        """Points that were given."""
        return self.moved["issued"]

    @property
    def taken_back(self) -> int:
        """Points that were taken back, or paid a debt."""
        return self.moved["taken_back"]

    @property
    def redeemed(self) -> int:
        """Points that were spent, less those given back."""
        return self.moved["redeemed"] - self.moved["given_back"]

    @property
    def expired(self) -> int:
        """Points that expired."""
        return self.moved["expired"] - self.moved["reinstated"]

    @property
    def adjusted(self) -> int:
        """Points that staff gave, less those they took."""
        return self.moved["added"] - self.moved["removed"]

    @property
    def ended(self) -> int:
        """Points of memberships that ended."""
        return self.moved["ended"] - self.moved["restored"]

    @property
    def net(self) -> int:
        """By how much the outstanding points changed."""
        return self.issued - self.taken_back - self.redeemed - self.expired + self.adjusted - self.ended


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one programme."""

    by_expiry: list[Outstanding]
    by_cohort: list[Cohort]
    flows: list[Flow]
    #: What members owe: their next points pay it first.
    debt: int

    @property
    def outstanding(self) -> int:
        """All points of all members."""
        return sum(row.points for row in self.by_expiry)


def report_of(programme: Programme) -> Report:
    """Return the report as of now. Three queries."""

    def month_of(day: dt.date) -> Month:
        return Month(month_end(day, months=0, in_calendar=programme.calendar))

    lots = liability(programme)
    by_expiry: dict[Month | None, list[int]] = defaultdict(lambda: [0, 0, 0])
    left: Counter[dt.date | None] = Counter()
    for lot in lots:
        month = month_of(lot.last_day) if lot.last_day else None
        for place, points in enumerate(lot.points[:3]):
            by_expiry[month][place] += points
        left[lot.last_day] += sum(lot.points[:3])
    return Report(
        by_expiry=[Outstanding(month, *points) for month, points in by_expiry.items() if any(points)],
        by_cohort=_cohorts(_earned(programme), left, month_of),
        flows=_flows(_moved(programme), month_of),
        debt=sum(lot.points.debt for lot in lots),
    )


def _earned(programme: Programme) -> list[tuple[dt.date | None, dt.date, int]]:
    """Points that came from the programme: last day, day on which they were booked, number."""
    rows = (
        Posting.objects.filter(
            journal__programme=programme,
            debit__kind__in=[Kind.ISSUE, Kind.BUDGET, Kind.ADJUST],
            credit__kind__in=[Kind.AVAILABLE, Kind.PENDING],
        )
        .annotate(day=TruncDate("journal__created_at", tzinfo=ZoneInfo(programme.time_zone)))
        .values_list("credit__bucket", "day")
        .annotate(points=Sum("amount"))
        .order_by("day")
    )
    return [(None if bucket == NEVER else bucket, day, points) for bucket, day, points in rows]


def _cohorts(
    earned: Iterable[tuple[dt.date | None, dt.date, int]],
    left: Counter[dt.date | None],
    month_of: Callable[[dt.date], Month],
) -> list[Cohort]:
    by_lot: dict[dt.date | None, list[tuple[Month, int]]] = defaultdict(list)
    total: Counter[Month] = Counter()
    for bucket, day, points in earned:
        month = month_of(day)
        by_lot[bucket].append((month, points))
        total[month] += points
    remaining: Counter[Month | None] = Counter()
    for bucket, points_left in left.items():
        rest = points_left
        for month, points in reversed(by_lot[bucket]):  # the newest are still there
            kept = min(points, rest)
            remaining[month] += kept
            rest -= kept
        remaining[None] += rest
    cohorts = [Cohort(month, total[month], remaining[month]) for month in sorted(total)]
    return [*cohorts, *([Cohort(None, 0, remaining[None])] if remaining[None] else [])]


def _moved(programme: Programme) -> list[tuple[int, int, dt.date, int]]:
    """Points between the programme and lots of members: kind of either account, day, number."""
    rows = (
        Posting.objects.filter(journal__programme=programme)
        .annotate(day=TruncDate("journal__created_at", tzinfo=ZoneInfo(programme.time_zone)))
        .values_list("debit__kind", "credit__kind", "day")
        .annotate(points=Sum("amount"))
        .order_by("day")
    )
    return [row for row in rows if Kind.DEBT not in row[:2]]


def _flows(moved: Iterable[tuple[int, int, dt.date, int]], month_of: Callable[[dt.date], Month]) -> list[Flow]:
    flows: dict[Month, Flow] = {}
    for debit, credit, day, points in moved:
        if (debit >= FIRST_OF_WALLET) == (credit >= FIRST_OF_WALLET):
            continue  # within a wallet, or a budget that is filled
        month = month_of(day)
        flow = flows.setdefault(month, Flow(month))
        column = _COLUMNS[debit][0] if debit < FIRST_OF_WALLET else _COLUMNS[credit][1]
        flow.moved[column] += points
    total = 0
    for month in sorted(flows):
        total += flows[month].net
        flows[month].outstanding = total
    return [flows[month] for month in sorted(flows)]


# Money ---------------------------------------------------------------------------------------------------------------


def money_of(points: int, policy: PointsPolicy) -> Decimal:
    """Return what so many points cost, to the smallest unit of the currency, halves up."""
    unit = Decimal(1).scaleb(-decimals_of(policy.currency))
    return (points * policy.point_cost).quantize(unit, rounding=ROUND_HALF_UP)


def money_text(points: int, policy: PointsPolicy) -> str:
    """Return it with the name of the currency, in the reader's digits; empty if nobody said what a point costs."""
    if not policy.point_cost:
        return ""
    amount = format_number(money_of(points, policy), decimals_of(policy.currency))
    return f"{amount} {currency_name(policy.currency)}"
