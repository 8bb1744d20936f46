"""The last six months of a member's points, as bars: what was earned and what was spent."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils.translation import pgettext
from persiantools.jdatetime import JalaliDate

from loyalty.buckets import month_end, today_of
from loyalty.models import Journal
from loyalty.models.ledger import Code, Programme
from portal.core.formats import date_text, format_number
from portal.core.preferences import current_preferences

if TYPE_CHECKING:
    from loyalty.models import Wallet

_MONTHS: Final = 6
#: Sizes of the picture, in its own units.
_WIDTH: Final = 45
_BAR: Final = 15
_FLOOR: Final = 120
_HIGH: Final = 100
#: What adds to a bar, and what takes from it again.
_EARNED: Final = (Code.EARN, Code.REVERSE)
_SPENT: Final = (Code.CAPTURE, Code.REFUND)


@dataclass(frozen=True, slots=True)
class Month:
    """A month with its points, and where its bars are."""

    first_day: dt.date
    earned: int
    spent: int
    #: The most of any month: the height of the picture.
    most: int
    place: int

    @property
    def name(self) -> str:
        """Its name in the reader's calendar."""
        return date_text(self.first_day, "name")

    @property
    def bars(self) -> list[tuple[str, int, int, int]]:
        """Class, left edge, top and height of both bars."""
        left = self.place * _WIDTH + 4
        heights = [points * _HIGH // self.most for points in (self.earned, self.spent)]
        return [
            (f"b{number + 1}", left + number * (_BAR + 3), _FLOOR - high, high) for number, high in enumerate(heights)
        ]

    @property
    def middle(self) -> int:
        """Where its name is."""
        return self.place * _WIDTH + 4 + _BAR + 1

    def __str__(self) -> str:
        """Return it in words, for those who do not see the bars."""
        return pgettext("chart", "%(month)s: %(earned)s earned, %(spent)s spent") % {
            "month": self.name,
            "earned": format_number(self.earned),
            "spent": format_number(self.spent),
        }


def last_months(wallet: Wallet) -> list[Month]:
    """Return the last six months, oldest first; empty if nothing was earned or spent in them. One query."""
    programme = wallet.programme
    starts = _starts(today_of(programme))
    zone = ZoneInfo(programme.time_zone)
    times = [dt.datetime.combine(day, dt.time(), zone) for day in starts]
    sums = {
        f"{code.value}_{place}": Sum(
            "amount", filter=Q(code=code, created_at__gte=times[place], created_at__lt=times[place + 1]), default=0
        )
        for place in range(_MONTHS)
        for code in (*_EARNED, *_SPENT)
    }
    found = Journal.objects.filter(wallet=wallet, created_at__gte=times[0]).aggregate(**sums)

    def points(codes: tuple[Code, Code], place: int) -> int:
        more, less = (int(found[f"{code.value}_{place}"]) for code in codes)
        return max(0, more - less)

    both = [(points(_EARNED, place), points(_SPENT, place)) for place in range(_MONTHS)]
    most = max(max(pair) for pair in both)
    if not most:
        return []
    return [Month(starts[place], *pair, most=most, place=place) for place, pair in enumerate(both)]


def _starts(today: dt.date) -> list[dt.date]:
    """The first days of the months in the reader's calendar, and the first one after them."""
    calendar = Programme.Calendar.JALALI if current_preferences().is_jalali else Programme.Calendar.GREGORIAN
    starts = [month_end(today, months=0, in_calendar=calendar) + dt.timedelta(days=1)]
    for _month in range(_MONTHS):
        day = starts[-1] - dt.timedelta(days=1)
        number = JalaliDate(day).day if calendar == Programme.Calendar.JALALI else day.day
        starts.append(day - dt.timedelta(days=number - 1))
    return starts[::-1]
