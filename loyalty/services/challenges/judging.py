"""Who has completed a challenge, and for how many weeks somebody has helped: pure functions of the days of awards that stand.

The same awards always come to the same answer, so that neither time nor an order of messages takes anything away.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from persiantools.jdatetime import JalaliDate

from loyalty.buckets import month_begin, month_end, week_begin
from loyalty.models.challenges import ONCE, Challenge
from loyalty.models.ledger import Programme

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Weeks without help in each quarter of a year that end no row of weeks.
FREE_WEEKS: Final = 2
_WEEK: Final = dt.timedelta(days=7)
_MONTHS_OF_QUARTER: Final = 3


def counts(challenge: Challenge, days: Iterable[dt.date], *, in_calendar: str) -> dict[str, int]:
    """Return how many awards count, by period. What can be completed once has one period: the best month."""
    first, last = challenge.starts_on, challenge.ends_on
    within = [day for day in days if (first is None or first <= day) and (last is None or day <= last)]
    if challenge.period == Challenge.Period.FIXED:
        return {ONCE: len(within)} if within else {}
    months = Counter(month_begin(day, in_calendar=in_calendar).isoformat() for day in within)
    if challenge.repeats or not months:
        return dict(months)
    return {ONCE: max(months.values())}


@dataclass(frozen=True, slots=True)
class Now:
    """The time of a challenge that a day is in."""

    first_day: dt.date
    last_day: dt.date


def time_at(challenge: Challenge, today: dt.date, *, in_calendar: str) -> Now | None:
    """Return the time that counts today, which is a month or the days of the challenge; None before and after it."""
    first, last = challenge.starts_on, challenge.ends_on
    if (first is not None and today < first) or (last is not None and last < today):
        return None
    if challenge.period == Challenge.Period.FIXED and first is not None and last is not None:
        return Now(first, last)
    begin, end = month_begin(today, in_calendar=in_calendar), month_end(today, months=0, in_calendar=in_calendar)
    return Now(max(begin, first) if first else begin, min(end, last) if last else end)


def period_of(challenge: Challenge, day: dt.date, *, in_calendar: str) -> str:
    """Return the name of the period that a day is in, as records have it."""
    if challenge.period == Challenge.Period.MONTH and challenge.repeats:
        return month_begin(day, in_calendar=in_calendar).isoformat()
    return ONCE


# Weeks in a row ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Streak:
    """Weeks in a row in which somebody helped."""

    weeks: int = 0
    #: The longest ever.
    best: int = 0
    #: The first day of the first of them.
    since: dt.date | None = None
    #: First days of weeks without help that ended nothing.
    free: list[dt.date] = field(default_factory=list)


def streak_of(days: Iterable[dt.date], today: dt.date, *, in_calendar: str) -> Streak:
    """Return the row of weeks that lasts today: as many weeks back as have at most two weeks off in each quarter.

    A week is of the quarter of its first day, and that of today is never a week off. So help in one more week, whenever, never
    makes a row shorter.
    """
    active = {week_begin(day, in_calendar=in_calendar) for day in days}
    this_week = week_begin(today, in_calendar=in_calendar)
    first = last = min(active, default=this_week)
    off: Counter[tuple[int, int]] = Counter()
    weeks = best = 0
    while last <= this_week:
        if last in active:
            weeks += 1
        elif last < this_week:
            off[_quarter_of(last, in_calendar)] += 1
            while off[_quarter_of(last, in_calendar)] > FREE_WEEKS:
                if first in active:
                    weeks -= 1
                else:
                    off[_quarter_of(first, in_calendar)] -= 1
                first += _WEEK
        best = max(best, weeks)
        last += _WEEK
    row = [first + _WEEK * place for place in range((this_week - first) // _WEEK + 1)]
    begin = next((week for week in row if week in active), None)
    free = [week for week in row if begin is not None and begin < week < this_week and week not in active]
    return Streak(weeks, best, begin, free)


def _quarter_of(day: dt.date, in_calendar: str) -> tuple[int, int]:
    date = JalaliDate(day) if in_calendar == Programme.Calendar.JALALI else day
    return date.year, (date.month - 1) // _MONTHS_OF_QUARTER
