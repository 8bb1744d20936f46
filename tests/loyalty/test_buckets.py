"""Ends of months in both calendars, and days of a programme's time zone."""

from __future__ import annotations

import datetime as dt

import pytest
from persiantools.jdatetime import JalaliDate

from loyalty.buckets import expiry_of, month_end, today_of
from loyalty.models import Programme
from loyalty.models.ledger import NEVER


@pytest.mark.parametrize(
    ("earned", "months", "expires"),
    [
        ((1405, 1, 1), 0, (1405, 1, 31)),
        ((1405, 6, 31), 0, (1405, 6, 31)),
        ((1405, 7, 1), 0, (1405, 7, 30)),
        ((1405, 8, 19), 12, (1406, 8, 30)),
        ((1404, 12, 29), 0, (1404, 12, 29)),  # Esfand has 29 days …
        ((1403, 12, 1), 0, (1403, 12, 30)),  # … and 30 in a leap year
        ((1403, 12, 30), 12, (1404, 12, 29)),
        ((1405, 11, 15), 1, (1405, 12, 29)),
        ((1405, 6, 31), 1, (1405, 7, 30)),
        ((1405, 12, 29), 1, (1406, 1, 31)),
        ((1407, 12, 1), 0, (1407, 12, 29)),
        ((1408, 12, 1), 0, (1408, 12, 30)),
        ((1405, 1, 31), 120, (1415, 1, 31)),
    ],
)
def test_jalali_points_expire_at_the_end_of_a_jalali_month(earned, months, expires):
    day = month_end(JalaliDate(*earned).to_gregorian(), months=months, in_calendar=Programme.Calendar.JALALI)

    assert day == JalaliDate(*expires).to_gregorian()
    assert JalaliDate(day + dt.timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    ("earned", "months", "expires"),
    [
        ("2026-01-31", 0, "2026-01-31"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2027-12-31", 2, "2028-02-29"),
        ("2026-11-28", 12, "2027-11-30"),
        ("2026-12-01", 1, "2027-01-31"),
    ],
)
def test_gregorian_points_expire_at_the_end_of_a_gregorian_month(earned, months, expires):
    day = month_end(dt.date.fromisoformat(earned), months=months, in_calendar=Programme.Calendar.GREGORIAN)

    assert day.isoformat() == expires


@pytest.mark.parametrize("calendar", Programme.Calendar)
def test_a_month_too_far_away_is_refused(calendar):
    with pytest.raises(ValueError, match="future"):
        month_end(dt.date(2026, 1, 1), months=12 * 9000, in_calendar=calendar)


@pytest.mark.parametrize(
    ("time_zone", "moment", "day"),
    [
        ("Asia/Tehran", "2027-03-20T20:29:59+00:00", "2027-03-20"),
        ("Asia/Tehran", "2027-03-20T20:30:00+00:00", "2027-03-21"),  # Nowruz
        ("UTC", "2027-03-20T23:59:59+00:00", "2027-03-20"),
        ("Europe/Berlin", "2027-03-28T00:59:59+00:00", "2027-03-28"),  # the night of the change of clocks
        ("Europe/Berlin", "2027-03-27T22:59:59+00:00", "2027-03-27"),
        ("Europe/Berlin", "2027-03-28T21:59:59+00:00", "2027-03-28"),
        ("Europe/Berlin", "2027-03-28T22:00:00+00:00", "2027-03-29"),
        ("America/St_Johns", "2027-11-01T02:29:59+00:00", "2027-10-31"),
        ("Pacific/Kiritimati", "2026-12-31T10:00:00+00:00", "2027-01-01"),
        ("Pacific/Apia", "2011-12-30T10:30:00+00:00", "2011-12-31"),  # had no 30 December
    ],
)
def test_a_day_begins_at_midnight_of_the_programme(time_zone, moment, day):
    programme = Programme(time_zone=time_zone)

    assert today_of(programme, at=dt.datetime.fromisoformat(moment)).isoformat() == day


def test_a_programme_without_months_has_points_for_ever():
    assert expiry_of(Programme(expiry_months=0), earned_on=dt.date(2026, 11, 28)) == NEVER
    assert expiry_of(Programme(expiry_months=1), earned_on=dt.date(2026, 11, 28)) == dt.date(2027, 1, 20)
