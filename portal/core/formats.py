"""Numbers, dates and sizes formatted for the current reader. The template filters of `ui` call these functions.

Grouping, decimal and percent signs follow the digits; month names follow the language; the calendar is a separate
preference, since some people read English with Jalali dates, and others Persian with Gregorian ones.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, TypeAlias

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy
from persiantools.jdatetime import JalaliDate

from portal.core.preferences import current_preferences
from portal.core.text import to_latin_digits, to_persian_digits, without_bidi_controls

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

Number: TypeAlias = int | float | Decimal

MINUS: Final = "\u2212"
_PERSIAN_SIGNS: Final = str.maketrans({",": "٬", ".": "٫", "%": "٪"})
#: First Gregorian year that lies entirely within the range of the conversion.
_FIRST_JALALI_YEAR: Final = 623
_LAST_JALALI_YEAR: Final = 9997
_WEEK: Final = dt.timedelta(days=7)

_JALALI_MONTHS: Final = [
    pgettext_lazy("Jalali month", "Farvardin"),
    pgettext_lazy("Jalali month", "Ordibehesht"),
    pgettext_lazy("Jalali month", "Khordad"),
    pgettext_lazy("Jalali month", "Tir"),
    pgettext_lazy("Jalali month", "Mordad"),
    pgettext_lazy("Jalali month", "Shahrivar"),
    pgettext_lazy("Jalali month", "Mehr"),
    pgettext_lazy("Jalali month", "Aban"),
    pgettext_lazy("Jalali month", "Azar"),
    pgettext_lazy("Jalali month", "Dey"),
    pgettext_lazy("Jalali month", "Bahman"),
    pgettext_lazy("Jalali month", "Esfand"),
]
_GREGORIAN_MONTHS: Final = [
    pgettext_lazy("month in a date", "Jan"),
    pgettext_lazy("month in a date", "Feb"),
    pgettext_lazy("month in a date", "Mar"),
    pgettext_lazy("month in a date", "Apr"),
    pgettext_lazy("month in a date", "May"),
    pgettext_lazy("month in a date", "Jun"),
    pgettext_lazy("month in a date", "Jul"),
    pgettext_lazy("month in a date", "Aug"),
    pgettext_lazy("month in a date", "Sep"),
    pgettext_lazy("month in a date", "Oct"),
    pgettext_lazy("month in a date", "Nov"),
    pgettext_lazy("month in a date", "Dec"),
]
#: Names of the days of the week; Monday is the first.
WEEKDAYS: Final = [
    pgettext_lazy("weekday", "Monday"),
    pgettext_lazy("weekday", "Tuesday"),
    pgettext_lazy("weekday", "Wednesday"),
    pgettext_lazy("weekday", "Thursday"),
    pgettext_lazy("weekday", "Friday"),
    pgettext_lazy("weekday", "Saturday"),
    pgettext_lazy("weekday", "Sunday"),
]
_DATE_FORMS: Final = {
    "": pgettext_lazy("date", "%(day)s %(month)s %(year)s"),
    "day": pgettext_lazy("date", "%(day)s %(month)s"),
    "month": pgettext_lazy("date", "%(month)s %(year)s"),
    "full": pgettext_lazy("date", "%(weekday)s, %(day)s %(month)s %(year)s"),
}
_SIZES: Final = [
    gettext_lazy("%(size)s B"),
    gettext_lazy("%(size)s KB"),
    gettext_lazy("%(size)s MB"),
    gettext_lazy("%(size)s GB"),
    gettext_lazy("%(size)s TB"),
]


def solar_months() -> list[str]:
    """Return the names of the months of the solar calendar in the active language; Farvardin is the first."""
    return [str(name) for name in _JALALI_MONTHS]


def _in_digits(text: str) -> str:
    return to_persian_digits(text) if current_preferences().has_persian_digits else to_latin_digits(text)


def _as_number(value: object) -> Number | None:
    """Return the number in `value`; text counts when it is a plain number such as ``"12480"``."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    try:
        number = Decimal(to_latin_digits(str(value)))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def format_number(value: object, decimals: int | None = None) -> str:
    """Format as ``12,480`` or ``۱۲٬۴۸۰``. Other text only gets the reader's digits; None gives an empty string.

    With `decimals`, exactly that many decimal places.
    """
    if value is None:
        return ""
    number = _as_number(value)
    if number is None:
        return _in_digits(str(value))
    text = format(abs(number), "," if decimals is None else f",.{decimals}f")
    if current_preferences().has_persian_digits:
        text = to_persian_digits(text.translate(_PERSIAN_SIGNS))
    return MINUS + text if number < 0 else text


def format_percent(value: object, decimals: int | None = None) -> str:
    """Format as ``68%`` or ``۶۸٪``; `value` is already a percentage."""
    text = format_number(value, decimals)
    return text and text + ("٪" if current_preferences().has_persian_digits else "%")


def format_signed(value: object) -> SafeString:
    """Format a change with its sign, isolated: ``<bdi>+200</bdi>``."""
    number = _as_number(value)
    sign = "+" if number is not None and number > 0 else ""
    return format_html("<bdi>{}{}</bdi>", sign, format_number(value))


def format_size(size_bytes: int) -> str:
    """Format as ``4.2 MB`` or «۴٫۲ مگابایت», in units of 1024 bytes. Apply `ltr` only where units stay Latin."""
    size, unit = float(max(size_bytes, 0)), 0
    while size >= 1024 and unit < len(_SIZES) - 1:
        size /= 1024
        unit += 1
    decimals = 0 if unit == 0 or size >= 100 or size == int(size) else 1
    return _SIZES[unit] % {"size": format_number(size, decimals)}


def format_ltr(value: object, *, wrap: bool = False) -> SafeString:
    """Return an element that keeps left-to-right order and Latin digits: versions, serials, phones, paths, addresses.

    With `wrap`, long values such as hashes may break anywhere.
    """
    text = without_bidi_controls(to_latin_digits(str(value)))
    return format_html('<bdi class="{}">{}</bdi>', "ltr ltr--wrap" if wrap else "ltr", text)


def _local(value: dt.date) -> dt.date:
    """Return a datetime in the reader's time zone, and a plain date unchanged."""
    return timezone.localtime(value) if isinstance(value, dt.datetime) and timezone.is_aware(value) else value


def date_text(value: dt.date, form: str = "") -> str:
    """Return the date in the reader's calendar and digits: ``22 Nov 2026``, «۱ آذر ۱۴۰۵».

    Forms: ``""`` day, month, year · ``"day"`` without the year · ``"month"`` without the day · ``"name"`` of the month
    alone · ``"full"`` with the weekday. Years outside the range of the solar calendar's conversion are shown as Gregorian dates.
    """
    local = _local(value)
    year, month, day = local.year, local.month, local.day
    names = _GREGORIAN_MONTHS
    if current_preferences().is_jalali and _FIRST_JALALI_YEAR <= year <= _LAST_JALALI_YEAR:
        jalali = JalaliDate.to_jalali(year, month, day)
        year, month, day = jalali.year, jalali.month, jalali.day
        names = _JALALI_MONTHS
    if form == "name":
        return str(names[month - 1])
    pattern = _DATE_FORMS.get(form, _DATE_FORMS[""])
    values = {"day": day, "month": names[month - 1], "year": year, "weekday": WEEKDAYS[local.weekday()]}
    return _in_digits(pattern % values)


def time_text(value: dt.datetime | dt.time) -> str:
    """Return the time of day on a 24-hour clock, ``09:05`` or ``۰۹:۰۵``, in the reader's time zone."""
    local = _local(value) if isinstance(value, dt.datetime) else value
    return _in_digits(local.strftime("%H:%M"))


def moment_text(value: dt.date) -> str:
    """Return the date and, for a datetime, the time of day."""
    if not isinstance(value, dt.datetime):
        return date_text(value)
    return pgettext("date and time", "%(date)s, %(time)s") % {"date": date_text(value), "time": time_text(value)}


def format_date(value: dt.date, form: str = "") -> SafeString:
    """Return `date_text` inside ``<time>``; the ``datetime`` attribute is the reader's local date, always Gregorian."""
    local = _local(value)
    day = local.date() if isinstance(local, dt.datetime) else local
    return format_html('<time datetime="{}">{}</time>', day.isoformat(), date_text(value, form))


def format_time(value: dt.datetime | dt.time) -> SafeString:
    """Return `time_text` inside ``<time>``."""
    machine = value.isoformat(timespec="minutes") if isinstance(value, dt.datetime) else value.strftime("%H:%M")
    return format_html('<time datetime="{}">{}</time>', machine, time_text(value))


def ago_text(value: dt.date, now: dt.datetime | None = None) -> str:
    """Return the relative time in words within a week before or after `now`, otherwise the date."""
    now = now or timezone.now()
    if not isinstance(value, dt.datetime):
        return _days_ago_text(value, timezone.localdate(now))
    moment = value if timezone.is_aware(value) else timezone.make_aware(value)
    passed = now - moment
    if abs(passed) > _WEEK:
        return date_text(value)
    minutes = int(abs(passed).total_seconds() // 60)
    if minutes < 1:
        return _("just now")
    future = passed < dt.timedelta(0)
    if minutes < 60:
        count = minutes
        text = (
            ngettext("in %(count)s minute", "in %(count)s minutes", count)
            if future
            else ngettext("%(count)s minute ago", "%(count)s minutes ago", count)
        )
    elif minutes < 24 * 60:
        count = minutes // 60
        text = (
            ngettext("in %(count)s hour", "in %(count)s hours", count)
            if future
            else ngettext("%(count)s hour ago", "%(count)s hours ago", count)
        )
    else:
        count = minutes // (24 * 60)
        text = _days_pattern(count, future=future)
    return text % {"count": format_number(count)}


def _days_pattern(count: int, *, future: bool) -> str:
    if future:
        return ngettext("in %(count)s day", "in %(count)s days", count)
    return ngettext("%(count)s day ago", "%(count)s days ago", count)


def _days_ago_text(value: dt.date, today: dt.date) -> str:
    days = (today - value).days
    if days == 0:
        return _("today")
    if abs(days) > _WEEK.days:
        return date_text(value)
    return _days_pattern(abs(days), future=days < 0) % {"count": format_number(abs(days))}


def format_ago(value: dt.date) -> SafeString:
    """Return `ago_text` inside ``<time>``, with date and time as its title."""
    return format_html('<time datetime="{}" title="{}">{}</time>', _machine(value), moment_text(value), ago_text(value))


def _machine(value: dt.date) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, dt.datetime) else value.isoformat()
