"""Who has earned a badge: pure functions of the days on which awards were given that still stand.

The same awards always come to the same answer, so that neither time nor an order of messages takes a badge away.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from loyalty.models.badges import Badge

if TYPE_CHECKING:
    from collections.abc import Sequence


def best_count(badge: Badge, days: Sequence[dt.date]) -> int:
    """Return the most awards within a time that counts; `days` in their order."""
    if badge.period == Badge.Period.FIXED:
        return _within(days, badge.starts_on, badge.ends_on)
    if badge.period != Badge.Period.ROLLING or badge.days is None:
        return len(days)
    best = first = 0
    for last, day in enumerate(days):
        while (day - days[first]).days >= badge.days:
            first += 1
        best = max(best, last - first + 1)
    return best


def is_earned(badge: Badge, days: Sequence[dt.date]) -> bool:
    """Return whether there are enough of them."""
    return best_count(badge, days) >= badge.target


def count_so_far(badge: Badge, days: Sequence[dt.date], today: dt.date) -> int:
    """Return how many count for somebody who goes on today."""
    if badge.period == Badge.Period.ROLLING and badge.days is not None:
        return _within(days, today - dt.timedelta(days=badge.days - 1), today)
    return best_count(badge, days)


def is_over(badge: Badge, today: dt.date) -> bool:
    """Return whether nobody can earn it any more."""
    return badge.ends_on is not None and badge.ends_on < today


def _within(days: Sequence[dt.date], first: dt.date | None, last: dt.date | None) -> int:
    return sum(first is not None and last is not None and first <= day <= last for day in days)
