"""Periods of limits, in the programme's calendar and time zone."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from loyalty.buckets import month_begin, week_begin
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
    week = week_begin(day, in_calendar=programme.calendar)
    month = month_begin(day, in_calendar=programme.calendar)
    return {DAY: f"day:{day}", WEEK: f"week:{week}", MONTH: f"month:{month}", EVER: EVER}
