"""Forms of corrections."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from persiantools.jdatetime import JalaliDate

from loyalty.models import PointsPolicy
from loyalty.models.adjustments import NOTE_LENGTH, Reason
from loyalty.money import known_currencies
from loyalty.programme_field import ProgrammeField
from loyalty.services.adjusting.files import points_of
from portal.core.forms import FoldedCharField
from portal.core.preferences import current_preferences
from portal.core.text import normalise_input, row_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty.queries import Expiring, Lapsed

_DAY: Final = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})\Z")
#: Years before this one are Jalali: nobody plans for the Middle Ages.
_FIRST_GREGORIAN_YEAR: Final = 1700

#: Why points of a member are frozen, or earning and spending stopped. The code is stored.
FREEZE_REASONS: Final = [
    ("misuse-suspected", pgettext_lazy("freeze", "Misuse is suspected")),
    ("account-taken", pgettext_lazy("freeze", "Somebody else may be using the account")),
    ("member-asked", pgettext_lazy("freeze", "The member asked for it")),
    ("looked-into", pgettext_lazy("freeze", "It was looked into, all is well")),
]
SWITCH_REASONS: Final = [
    ("incident", pgettext_lazy("switch", "Something is wrong")),
    ("maintenance", pgettext_lazy("switch", "Maintenance")),
    ("ending", pgettext_lazy("switch", "The programme ends")),
    ("all-well", pgettext_lazy("switch", "All is well again")),
]

#: What was switched, as records of the ledger name it.
CHANGES: Final = {
    "freeze": pgettext_lazy("switch", "Frozen"),
    "unfreeze": pgettext_lazy("switch", "Freeze ended"),
    "close": pgettext_lazy("switch", "Closed"),
    "stop earning": pgettext_lazy("switch", "Earning stopped"),
    "resume earning": pgettext_lazy("switch", "Earning goes on"),
    "stop spending": pgettext_lazy("switch", "Spending stopped"),
    "resume spending": pgettext_lazy("switch", "Spending goes on"),
}


def day_of(text: str) -> dt.date | None:
    """Return the day that is written as year, month and day in Latin digits, Jalali or Gregorian; None if it is none."""
    found = _DAY.match(text)
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    try:
        if year < _FIRST_GREGORIAN_YEAR:
            jalali: dt.date = JalaliDate(year, month, day).to_gregorian()
            return jalali
        return dt.date(year, month, day)
    except ValueError:
        return None


class DayField(forms.Field):
    """A day in the reader's calendar, in any digits: 1405/9/8, ۱۴۰۵/۹/۸ or 2026-11-29."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs |= {
            "dir": "ltr",
            "maxlength": "20",
            "placeholder": "۱۴۰۵/۹/۸ · 2026-11-29",
            "autocomplete": "off",
        }

    def to_python(self, value: Any) -> Any:
        text = normalise_input(str(value or ""), digits=True).strip()
        if not text:
            return None
        day = day_of(text)
        if day is None:
            raise ValidationError(_("Write a day as year/month/day, for example 1405/9/8 or 2026-11-29."))
        return day

    def prepare_value(self, value: Any) -> Any:
        return day_as_typed(value) if isinstance(value, dt.date) else value


def day_as_typed(day: dt.date) -> str:
    """Return the day as the reader would type it."""
    if current_preferences().is_jalali:
        jalali = JalaliDate(day)
        return f"{jalali.year}/{jalali.month}/{jalali.day}"
    return day.isoformat()


class PointsField(forms.Field):
    """A number of points with its sign, in any digits."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs |= {"dir": "ltr", "maxlength": "20", "inputmode": "text", "autocomplete": "off"}

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        if not text:
            return None
        points = points_of(text)
        if points is None:
            raise ValidationError(_("This is not a possible number of points."))
        return points


class _AskForm(forms.Form):
    """What every request has: a reason, a note, and a name of its own, so that sending it twice asks once."""

    reason = forms.ChoiceField(label=_("Reason"), choices=Reason.choices)
    note = FoldedCharField(
        label=_("Note"),
        max_length=NOTE_LENGTH,
        help_text=_("For your colleagues. Members receive it with a copy of their data."),
    )
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


class AdjustForm(_AskForm):
    """Points given to a member or taken away."""

    points = PointsField(
        label=_("Points"), help_text=_("With a minus sign they are taken away, those that expire first.")
    )
    expires_on = DayField(
        label=_("Last day of the points"), required=False, help_text=_("Empty: as the programme says.")
    )
    field_order = ("points", "expires_on", "reason", "note", "token")


class ExtendForm(_AskForm):
    """A later day for points that expire."""

    bucket = forms.ChoiceField(label=_("Points that expire on"))
    to = DayField(label=_("New last day"))
    field_order = ("bucket", "to", "reason", "note", "token")

    def __init__(self, *args: Any, lots: Iterable[tuple[Expiring, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["bucket"].choices = [  # type: ignore[attr-defined]
            (lot.last_day.isoformat(), label) for lot, label in lots if lot.last_day
        ]

    def clean_bucket(self) -> dt.date:
        """Return the day."""
        return dt.date.fromisoformat(self.cleaned_data["bucket"])


class ReinstateForm(_AskForm):
    """Points that expired and are given again."""

    #: Of these only the service knows what is left: the form that is sent twice names what it has brought back itself.
    journal_id = forms.CharField(label=_("Points that expired on"), max_length=20, widget=forms.Select)
    points = PointsField(label=_("How many"), required=False, help_text=_("Empty: all of them."))
    to = DayField(label=_("New last day"))
    field_order = ("journal_id", "points", "to", "reason", "note", "token")

    def __init__(self, *args: Any, lapsed: Iterable[tuple[Lapsed, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # That they were given again the statement says by itself.
        reasons = [(value, label) for value, label in Reason.choices if value != Reason.REINSTATED]
        self.fields["reason"].choices = reasons  # type: ignore[attr-defined]
        choices = [(row.journal_id, label) for row, label in lapsed]
        self.fields["journal_id"].widget.choices = choices

    def clean_journal_id(self) -> int:
        """Return its number. Raises `ValidationError` if it is none."""
        number = row_number(self.cleaned_data["journal_id"])
        if number is None:
            raise ValidationError(_("Choose one of them."))
        return number

    def clean_points(self) -> int | None:
        """Return how many; None: all. Raises `ValidationError` for those that would be taken away."""
        points: int | None = self.cleaned_data["points"]
        if points is not None and points <= 0:
            raise ValidationError(_("This is not a possible number of points."))
        return points


class FreezeForm(forms.Form):
    """Why points are frozen, or no longer."""

    reason = forms.ChoiceField(label=_("Reason"), choices=FREEZE_REASONS)


class SwitchForm(forms.Form):
    """Why earning or spending stops, or goes on."""

    reason = forms.ChoiceField(label=_("Reason"), choices=SWITCH_REASONS)


class FileForm(forms.Form):
    """A file of corrections: uploaded, or its rows in the page."""

    programme = ProgrammeField()
    file = forms.FileField(label=_("Spreadsheet (CSV or XLSX)"), required=False)
    rows = forms.CharField(
        label=_("Its rows, to paste or to mend"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto", "spellcheck": "false"}),
    )
    reason = forms.ChoiceField(label=_("Reason"), choices=Reason.choices)
    note = FoldedCharField(label=_("Note"), max_length=NOTE_LENGTH)


class PolicyForm(forms.ModelForm[PointsPolicy]):
    """How much one person corrects alone."""

    class Meta:
        model = PointsPolicy
        fields = ("alone_up_to", "days_to_decide", "budget_alone_up_to", "point_cost", "currency")

    def clean_currency(self) -> str:
        """Return the code. Raises `ValidationError` for none that people pay with."""
        code = str(self.cleaned_data["currency"]).upper()
        if code not in known_currencies():
            raise ValidationError(_("There is no such currency."))
        return code
