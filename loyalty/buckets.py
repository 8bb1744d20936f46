"""Days on which points expire: the last day of a month of the programme's calendar."""

from __future__ import annotations

import calendar
import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils import timezone
from persiantools.jdatetime import JalaliDate

from loyalty.models.ledger import NEVER, Programme

if TYPE_CHECKING:
    from typing import Final

#: The last day that both calendars and the database can express as the end of a month.
_LAST_YEAR: Final = 9000


def today_of(programme: Programme, *, at: dt.datetime | None = None) -> dt.date:
    """Return the date in the programme's time zone, now or `at` an aware time."""
    return (at or timezone.now()).astimezone(ZoneInfo(programme.time_zone)).date()


@lru_cache(maxsize=512)  # thousands of awards of a batch are of a few days
def month_end(day: dt.date, *, months: int, in_calendar: str) -> dt.date:
    """Return the last day of the month that is `months` (0 or more) after that of `day`, in a `Programme.Calendar`.

    Raises `ValueError` for a year too far away.
    """
    if in_calendar == Programme.Calendar.JALALI:
        jalali = JalaliDate(day)
        year, month = _later(jalali.year, jalali.month, months)
        last_day: dt.date = JalaliDate(year, month, JalaliDate.days_in_month(month, year)).to_gregorian()
        return last_day
    year, month = _later(day.year, day.month, months)
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def month_begin(day: dt.date, *, in_calendar: str) -> dt.date:
    """Return the first day of the month of `day`, in a `Programme.Calendar`."""
    if in_calendar == Programme.Calendar.JALALI:
        jalali = JalaliDate(day)
        first_day: dt.date = JalaliDate(jalali.year, jalali.month, 1).to_gregorian()
        return first_day
    return day.replace(day=1)


def week_begin(day: dt.date, *, in_calendar: str) -> dt.date:
    """Return the first day of the week of `day`: Saturday by the Jalali calendar, Monday by the Gregorian."""
    is_jalali = in_calendar == Programme.Calendar.JALALI
    return day - dt.timedelta(days=(day.weekday() + 2) % 7 if is_jalali else day.weekday())


def expiry_of(programme: Programme, *, earned_on: dt.date) -> dt.date:
    """Return the last day on which points earned on that day can be spent, or `NEVER`."""
    if programme.expiry_months == 0:
        return NEVER
    return month_end(earned_on, months=programme.expiry_months, in_calendar=programme.calendar)


def _later(year: int, month: int, months: int) -> tuple[int, int]:
    years, zero_based = divmod(month - 1 + months, 12)
    if year + years > _LAST_YEAR:
        raise ValueError("The month is too far in the future.")
    return year + years, zero_based + 1
