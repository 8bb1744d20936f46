"""Times in sources: ISO, or a date of either calendar in any digits."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from persiantools.jdatetime import JalaliDateTime

from community.importing.errors import RowError
from portal.core.text import to_latin_digits

#: Years below this belong to the Jalali calendar.
_FIRST_GREGORIAN_YEAR: Final = 1700
_MOMENT: Final = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ,،]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\Z"
)


def read_moment(text: str) -> dt.datetime | None:
    """Return the time; one without a zone is taken as UTC, one in the future as now. None for an empty text. Raises `RowError`."""
    text = to_latin_digits(text).strip()
    if not text:
        return None
    try:
        moment = _parse(text) or parse_datetime(text)  # Django would take a Jalali year for one of the Middle Ages
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise RowError(_("The time is not written as one."), detail=text[:40])
    if timezone.is_naive(moment):
        moment = moment.replace(tzinfo=dt.UTC)
    if not _FIRST_GREGORIAN_YEAR < moment.year < 9000:
        raise RowError(_("The time is not written as one."), detail=text[:40])
    return min(moment, timezone.now())


def _parse(text: str) -> dt.datetime | None:
    match = _MOMENT.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    if year < _FIRST_GREGORIAN_YEAR:
        in_persian = JalaliDateTime(year, month, day, hour, minute, second)
        found: dt.datetime = in_persian.to_gregorian()
        return found.replace(tzinfo=None)
    return dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone follows
