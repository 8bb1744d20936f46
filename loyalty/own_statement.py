"""Which lines of a statement a member wants to see: of a kind, and of a time in their calendar. And all of them on paper."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy, pgettext_lazy
from persiantools.jdatetime import JalaliDate

from loyalty import own_points, queries
from loyalty.buckets import today_of
from loyalty.models.ledger import Code
from loyalty.queries import Which
from portal.core.preferences import current_preferences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

    from loyalty.models import Programme, Wallet
    from loyalty.own_points import Line

#: What lines can be about, as the address names it.
KINDS: Final[Mapping[str, tuple[_StrPromise, tuple[Code, ...]]]] = {
    "": (pgettext_lazy("statement", "Everything"), ()),
    "earned": (pgettext_lazy("statement", "Earned"), (Code.EARN, Code.ACTIVATE, Code.REVERSE)),
    "spent": (pgettext_lazy("statement", "Spent"), (Code.CAPTURE, Code.REFUND)),
    "reserved": (pgettext_lazy("statement", "Reserved"), (Code.HOLD, Code.RELEASE)),
    "expiry": (pgettext_lazy("statement", "Expiry"), (Code.EXPIRE, Code.EXTEND, Code.REINSTATE)),
    "corrected": (pgettext_lazy("statement", "Corrections"), (Code.ADJUST, Code.CLOSE)),
}
#: Times, as the address names them.
TIMES: Final[Mapping[str, _StrPromise]] = {
    "": gettext_lazy("Any time"),
    "month": gettext_lazy("This month"),
    "last-month": gettext_lazy("Last month"),
    "year": gettext_lazy("This year"),
    "last-year": gettext_lazy("Last year"),
}
#: Lines on paper: some thirty pages.
MOST_LINES: Final = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen, from a day to before another one if it is a time."""

    kind: str
    time: str
    first_day: dt.date | None
    after_last: dt.date | None
    which: Which

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.kind and not self.time

    @property
    def last_day(self) -> dt.date | None:
        """The last day of the time."""
        return self.after_last - dt.timedelta(days=1) if self.after_last else None

    @property
    def kinds(self) -> list[tuple[str, _StrPromise]]:
        """The kinds that can be chosen."""
        return [(kind, label) for kind, (label, _codes) in KINDS.items()]

    @property
    def times(self) -> list[tuple[str, _StrPromise]]:
        """The times that can be chosen."""
        return list(TIMES.items())

    @property
    def label(self) -> _StrPromise:
        """What it is about."""
        return KINDS[self.kind][0]


def selection_of(asked: Mapping[str, str], programme: Programme) -> Selection:
    """Return what an address asks for; everything where it asks for what there is not. Days are the programme's."""
    kind, time = asked.get("kind", ""), asked.get("time", "")
    kind, time = kind if kind in KINDS else "", time if time in TIMES else ""
    first, after = _days(time, today_of(programme))
    zone = ZoneInfo(programme.time_zone)
    since, until = (dt.datetime.combine(day, dt.time(), zone) if day else None for day in (first, after))
    return Selection(kind, time, first, after, Which(tuple(KINDS[kind][1]), since, until, is_short=True))


def _days(time: str, today: dt.date) -> tuple[dt.date | None, dt.date | None]:
    """The first day of a time and the day after its last one, in the reader's calendar."""
    if not time:
        return None, None
    unit = time.removeprefix("last-")
    first = _begin(today, unit)
    if time == unit:
        return first, _begin(first + dt.timedelta(days=32 if unit == "month" else 367), unit)
    return _begin(first - dt.timedelta(days=1), unit), first


def _begin(day: dt.date, unit: str) -> dt.date:
    """The first day of the month or year that the day is in."""
    if not current_preferences().is_jalali:
        return day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)
    jalali = JalaliDate(day)
    begin: dt.date = JalaliDate(jalali.year, jalali.month if unit == "month" else 1, 1).to_gregorian()
    return begin


@dataclass(frozen=True, slots=True)
class Paper:
    """A statement to be printed, oldest line first."""

    lines: list[Line]
    #: Whether there are older lines, which are not on it.
    is_cut: bool

    @property
    def adds_up(self) -> bool:
        """Whether its lines lead from the balance before them to the one after: what is left out between changed nothing."""
        return bool(self.lines) and self.before + sum(line.change for line in self.lines) == self.after

    @property
    def before(self) -> int:
        """All points before its first line."""
        return self.lines[0].balance - self.lines[0].change if self.lines else 0

    @property
    def after(self) -> int:
        """All points after its last line."""
        return self.lines[-1].balance if self.lines else 0


def paper_of(wallet: Wallet | None, chosen: Selection) -> Paper:
    """Return the statement to be printed. At most five queries, however many lines."""
    if wallet is None:
        return Paper([], is_cut=False)
    page = queries.statement(wallet, limit=MOST_LINES, which=chosen.which)
    lines = own_points.in_words(wallet, page.lines)
    return Paper(lines[::-1], is_cut=page.next_before is not None)
