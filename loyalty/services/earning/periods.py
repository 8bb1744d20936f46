"""Periods of limits, in the programme's calendar and time zone."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

from loyalty.models.ledger import Programme

DAY: Final = "day"
WEEK: Final = "week"
MONTH: Final = "month"
EVER: Final = "ever"


def local_time(programme: Programme, at: dt.datetime) -> dt.datetime:
    """Return an aware time as the clock shows it where the programme is."""
    return at.astimezone(ZoneInfo(programme.time_zone))


def periods_of(programme: Programme, at: dt.datetime) -> dict[str, str]:
    """Return the names of the periods that the time is in: kind → name with the first day.

    Weeks begin on Saturday by the Jalali calendar, on Monday by the Gregorian.
    """
    day = local_time(programme, at).date()
    is_jalali = programme.calendar == Programme.Calendar.JALALI
    week = day - dt.timedelta(days=(day.weekday() + 2) % 7 if is_jalali else day.weekday())
    if is_jalali:
        jalali = JalaliDate(day)
        month = JalaliDate(jalali.year, jalali.month, 1).to_gregorian()
    else:
        month = day.replace(day=1)
    return {DAY: f"day:{day}", WEEK: f"week:{week}", MONTH: f"month:{month}", EVER: EVER}
