"""Date fields of the admin in the editor's calendar: typed, shown and picked as 1405/10/01 where that is the solar one.

Wagtail's date widgets are changed where they convert text, so that every form has it: the schedule of a page, dates of
review, filters of reports. What is typed becomes a Gregorian date before the form reads it, with or without scripts; a
year of the solar calendar is one for every editor, since nobody plans for the year 1405 of the common era. See
``static/portal/js/solar.js`` for the picker.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any, Final

from django.forms import Media
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from persiantools.jdatetime import JalaliDate
from wagtail.admin.widgets import datetime as wagtail_widgets

from portal.core.formats import WEEKDAYS, solar_months
from portal.core.preferences import current_preferences
from portal.core.text import normalise_input, to_latin_digits, to_persian_digits

#: Years that are read as those of the solar calendar.
SOLAR_YEARS: Final = range(1300, 1500)
_TYPED: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T,،]+(\d{1,2}):(\d{2})(?::\d{2})?)?")
_NAMED: Final = re.compile(r"(\d{1,2}) (\w+) (\d{4})(?:[ ,،]+(\d{1,2}):(\d{2}))?")
#: Put before a text that is no date in the solar calendar but would be one in the other: no form takes it for a date.
_REFUSED: Final = "\u200e"


def gregorian_text(typed: str) -> str:
    """Return a typed date, with a time or without, as ``2026-12-22 08:30``; any other text unchanged."""
    text = " ".join(normalise_input(typed, digits=True).split())
    match = _TYPED.fullmatch(text)
    if match:
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    else:
        match = _NAMED.fullmatch(text)
        names = {name: number for number, name in enumerate(solar_months(), start=1)}
        if not match or match[2] not in names:
            return typed
        year, month, day = int(match[3]), names[match[2]], int(match[1])
    if year in SOLAR_YEARS:
        try:
            date = JalaliDate(year, month, day).to_gregorian()
        except ValueError:
            return f"{_REFUSED}{typed}"
        year, month, day = date.year, date.month, date.day
    time = f" {int(match[4]):02}:{match[5]}" if match[4] else ""
    return f"{year:04}-{month:02}-{day:02}{time}"


def shown_text(value: Any) -> str | None:
    """Return a date of a form in the solar calendar and the editor's digits; None if it is not one that can be shown so."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value) if " " in value else dt.date.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, dt.date):
        return None
    try:
        solar = JalaliDate.to_jalali(value.year, value.month, value.day)
    except ValueError:
        return None
    text = f"{solar.year}/{solar.month:02}/{solar.day:02}"
    if isinstance(value, dt.datetime):
        text += f" {value:%H:%M}"
    return to_persian_digits(text) if current_preferences().has_persian_digits else to_latin_digits(text)


def _words() -> dict[str, Any]:
    """Return what the picker says. Its weeks begin on Saturday."""
    return {
        "months": solar_months(),
        "days": [str(WEEKDAYS[number % 7]) for number in range(5, 12)],
        "digits": "fa" if current_preferences().has_persian_digits else "en",
        "label": _("Choose a date"),
        "previous": pgettext("month", "Previous"),
        "next": pgettext("month", "Next"),
    }


def install() -> None:
    """Put the solar calendar in front of the conversions of Wagtail's widgets; called once, when the apps are ready."""
    for widget in (wagtail_widgets.AdminDateInput, wagtail_widgets.AdminDateTimeInput):
        _extend(widget)


def _extend(widget: Any) -> None:
    plain_value, plain_format, plain_context = widget.value_from_datadict, widget.format_value, widget.get_context
    plain_template, plain_media = widget.template_name, widget.media.fget

    def value_from_datadict(self: Any, data: Any, files: Any, name: str) -> Any:
        value = plain_value(self, data, files, name)
        return gregorian_text(value) if isinstance(value, str) else value

    def format_value(self: Any, value: Any) -> Any:
        shown = shown_text(value) if current_preferences().is_jalali else None
        return plain_format(self, value) if shown is None else shown

    def get_context(self: Any, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = plain_context(self, name, value, attrs)
        if current_preferences().is_jalali:
            context["widget"]["attrs"] |= {"dir": "ltr", "data-solar": json.dumps(_words(), ensure_ascii=False)}
            if isinstance(self, wagtail_widgets.AdminDateTimeInput):
                context["widget"]["attrs"]["data-solar-time"] = ""
        return context

    def template_name(self: Any) -> str:
        """Return the plain input, without the call of Wagtail's own picker, where the other one is used."""
        return "django/forms/widgets/input.html" if current_preferences().is_jalali else plain_template

    def media(self: Any) -> Media:
        return plain_media(self) + Media(js=["portal/js/solar.js"])

    widget.value_from_datadict, widget.format_value, widget.get_context = value_from_datadict, format_value, get_context
    widget.template_name, widget.media = property(template_name), property(media)
