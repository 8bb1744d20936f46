"""Dates in forms of the admin: typed and shown in the editor's calendar."""

from __future__ import annotations

import datetime as dt

import pytest
from django import forms
from django.utils.translation import override
from wagtail.admin.widgets import AdminDateInput, AdminDateTimeInput

from portal.core.preferences import Preferences, preferences_in_use
from portal.core.solar_dates import gregorian_text


class _Form(forms.Form):
    day = forms.DateField(required=False, widget=AdminDateInput)
    moment = forms.DateTimeField(required=False, widget=AdminDateTimeInput)


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("1405-10-01", dt.date(2026, 12, 22)),
        ("۱۴۰۵/۱۰/۰۱", dt.date(2026, 12, 22)),
        ("١٤٠٥/١٠/١", dt.date(2026, 12, 22)),
        ("۱ دی ۱۴۰۵", dt.date(2026, 12, 22)),
        ("1403/12/30", dt.date(2025, 3, 20)),  # a leap year
        ("2026-12-22", dt.date(2026, 12, 22)),
        ("۲۰۲۶-۱۲-۲۲", dt.date(2026, 12, 22)),
    ],
)
@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_solar_year_is_never_one_of_the_common_era(typed: str, day: dt.date, language: str) -> None:
    with override("fa" if "دی" in typed else language):
        form = _Form({"day": typed, "moment": f"{typed} ۰۸:۳۰"})
        assert form.is_valid(), form.errors
        assert form.cleaned_data["day"] == day
        assert form.cleaned_data["moment"].replace(tzinfo=None) == dt.datetime.combine(day, dt.time(8, 30))


@pytest.mark.parametrize("typed", ["1405/12/30", "1405-13-01", "۱۴۰۵/۷/۳۱", "فردا"])
def test_a_day_that_does_not_exist_is_refused_and_stays_as_typed(typed: str) -> None:
    with override("fa"):
        form = _Form({"day": typed})
        assert "day" in form.errors
        assert typed in form["day"].as_widget()
    assert gregorian_text("") == ""


def test_a_date_is_shown_in_the_calendar_and_digits_of_the_editor() -> None:
    initial = {"day": dt.date(2026, 12, 22), "moment": dt.datetime.fromisoformat("2026-12-22 08:30")}
    with override("fa"):
        form = _Form(initial=initial)
        assert 'value="۱۴۰۵/۱۰/۰۱"' in str(form["day"])
        assert 'value="۱۴۰۵/۱۰/۰۱ ۰۸:۳۰"' in str(form["moment"])
        assert "initDate" not in str(form)  # Wagtail's own picker knows one calendar
        assert 'value="۱۴۰۵/۱۰/۰۱"' in str(_Form({"day": "1405-10-01"})["day"])
        assert _Form({"day": "۱۴۰۵/۱۰/۰۱"}, initial=initial).changed_data == ["moment"]
        with preferences_in_use(Preferences(digits="latin")):
            assert 'value="1405/10/01"' in str(_Form(initial=initial)["day"])
        with preferences_in_use(Preferences(calendar="gregorian")):
            assert 'value="2026-12-22"' in str(_Form(initial=initial)["day"])
            assert "initDateChooser" in str(form["day"])
    with override("en"):
        assert 'value="2026-12-22"' in str(_Form(initial=initial)["day"])
