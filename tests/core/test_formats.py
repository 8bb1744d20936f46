from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from portal.core import formats
from portal.core.preferences import Preferences, preferences_in_use

NOON = dt.datetime(2026, 11, 22, 12, 5, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("value", "persian", "english"),
    [
        (12480, "۱۲٬۴۸۰", "12,480"),
        (1.25, "۱٫۲۵", "1.25"),
        (Decimal("1234.50"), "۱٬۲۳۴٫۵۰", "1,234.50"),
        (-7, "−۷", "−7"),
        ("12480", "۱۲٬۴۸۰", "12,480"),
        ("۱۲۴۸۰", "۱۲٬۴۸۰", "12,480"),
        ("4.12.1", "۴.۱۲.۱", "4.12.1"),
        ("۳ تا ۵", "۳ تا ۵", "3 تا 5"),
        (None, "", ""),
        ("", "", ""),
        (float("inf"), "inf", "inf"),
    ],
)
def test_numbers_are_grouped_and_written_as_the_reader_writes_them(value, persian, english):
    assert formats.format_number(value) == persian

    with translation.override("en"):
        assert formats.format_number(value) == english


def test_decimals_are_kept_to_the_asked_number():
    assert formats.format_number(4.249, 1) == "۴٫۲"
    assert formats.format_number(4, 1) == "۴٫۰"


def test_percent_signs_and_changes_follow_the_digits():
    assert formats.format_percent(68) == "۶۸٪"
    assert formats.format_signed(200) == "<bdi>+۲۰۰</bdi>"
    assert formats.format_signed(-1200) == "<bdi>−۱٬۲۰۰</bdi>"
    assert formats.format_signed(0) == "<bdi>۰</bdi>"

    with translation.override("en"):
        assert formats.format_percent(68) == "68%"
        assert formats.format_percent(None) == ""


@pytest.mark.parametrize(
    ("size_bytes", "persian", "english"),
    [
        (0, "۰ بایت", "0 B"),
        (1023, "۱٬۰۲۳ بایت", "1,023 B"),
        (1536, "۱٫۵ کیلوبایت", "1.5 KB"),
        (4_404_019, "۴٫۲ مگابایت", "4.2 MB"),
        (5 * 1024**4, "۵ ترابایت", "5 TB"),
        (5 * 1024**5, "۵٬۱۲۰ ترابایت", "5,120 TB"),
    ],
)
def test_sizes_have_words_for_units(size_bytes, persian, english):
    assert formats.format_size(size_bytes) == persian

    with translation.override("en"):
        assert formats.format_size(size_bytes) == english


def test_left_to_right_values_keep_latin_digits_and_are_escaped():
    assert formats.format_ltr("۴.۱۲ <b>\u202e") == '<bdi class="ltr">4.12 &lt;b&gt;</bdi>'
    assert formats.format_ltr("ab12", wrap=True) == '<bdi class="ltr ltr--wrap">ab12</bdi>'


def test_dates_follow_the_language():
    assert formats.format_date(DAY) == '<time datetime="2026-11-22">۱ آذر ۱۴۰۵</time>'

    with translation.override("en"):
        assert formats.format_date(DAY) == '<time datetime="2026-11-22">22 Nov 2026</time>'


@pytest.mark.parametrize(
    ("language", "preferences", "text"),
    [
        ("fa", Preferences(calendar="gregorian"), "۲۲ نوامبر ۲۰۲۶"),
        ("fa", Preferences(digits="latin"), "1 آذر 1405"),
        ("en", Preferences(calendar="jalali"), "1 Azar 1405"),
        ("en", Preferences(calendar="jalali", digits="persian"), "۱ Azar ۱۴۰۵"),
    ],
)
def test_calendar_and_digits_are_choices_of_their_own(language, preferences, text):
    with translation.override(language), preferences_in_use(preferences):
        assert formats.date_text(DAY) == text


@pytest.mark.parametrize(
    ("form", "persian", "english"),
    [
        ("day", "۱ آذر", "22 Nov"),
        ("month", "آذر ۱۴۰۵", "Nov 2026"),
        ("full", "یکشنبه، ۱ آذر ۱۴۰۵", "Sunday, 22 Nov 2026"),
    ],
)
def test_dates_come_in_several_lengths(form, persian, english):
    assert formats.date_text(DAY, form) == persian

    with translation.override("en"):
        assert formats.date_text(DAY, form) == english


def test_leap_days_new_years_and_days_before_the_solar_calendar_are_right():
    assert formats.date_text(dt.date(2025, 3, 20)) == "۳۰ اسفند ۱۴۰۳"
    assert formats.date_text(dt.date(2025, 3, 21)) == "۱ فروردین ۱۴۰۴"
    assert formats.date_text(dt.date(300, 1, 2)) == "۲ ژانویه ۳۰۰"
    assert formats.date_text(dt.date.max) == "۳۱ دسامبر ۹۹۹۹"


def test_a_moment_is_shown_on_the_readers_day_and_clock():
    late = dt.datetime(2026, 11, 21, 21, 35, tzinfo=dt.UTC)  # after midnight in Tehran

    with preferences_in_use(Preferences()):
        assert formats.format_date(late) == '<time datetime="2026-11-22">۱ آذر ۱۴۰۵</time>'
        assert formats.format_time(late) == '<time datetime="2026-11-21T21:35+00:00">۰۱:۰۵</time>'
    with preferences_in_use(Preferences(time_zone="Europe/London")):
        assert formats.format_date(late) == '<time datetime="2026-11-21">۳۰ آبان ۱۴۰۵</time>'
        assert formats.time_text(late) == "۲۱:۳۵"
    assert formats.time_text(dt.time(9, 5)) == "۰۹:۰۵"


@pytest.mark.parametrize(
    ("passed", "persian", "english"),
    [
        (dt.timedelta(seconds=30), "همین حالا", "just now"),
        (dt.timedelta(minutes=1), "۱ دقیقه پیش", "1 minute ago"),
        (dt.timedelta(minutes=59), "۵۹ دقیقه پیش", "59 minutes ago"),
        (dt.timedelta(hours=2), "۲ ساعت پیش", "2 hours ago"),
        (dt.timedelta(hours=25), "۱ روز پیش", "1 day ago"),
        (dt.timedelta(days=7), "۷ روز پیش", "7 days ago"),
        (dt.timedelta(days=7, seconds=1), "۲۴ آبان ۱۴۰۵", "15 Nov 2026"),
        (dt.timedelta(minutes=-5), "۵ دقیقهٔ دیگر", "in 5 minutes"),
        (dt.timedelta(hours=-1), "۱ ساعت دیگر", "in 1 hour"),
        (dt.timedelta(days=-3), "۳ روز دیگر", "in 3 days"),
        (dt.timedelta(days=-8), "۹ آذر ۱۴۰۵", "30 Nov 2026"),
    ],
)
def test_recent_moments_are_told_in_words_and_old_ones_as_dates(passed, persian, english):
    assert formats.ago_text(NOON - passed, NOON) == persian

    with translation.override("en"):
        assert formats.ago_text(NOON - passed, NOON) == english


@pytest.mark.parametrize(("days", "text"), [(0, "امروز"), (1, "۱ روز پیش"), (-2, "۲ روز دیگر"), (8, "۲۳ آبان ۱۴۰۵")])
def test_plain_dates_are_counted_in_days(days, text):
    assert formats.ago_text(DAY - dt.timedelta(days=days), NOON) == text


def test_a_naive_moment_is_of_the_readers_zone():
    naive = timezone.localtime(NOON).replace(tzinfo=None) - dt.timedelta(hours=3)

    assert formats.ago_text(naive, NOON) == "۳ ساعت پیش"


def test_the_title_of_a_relative_time_tells_the_whole_moment():
    assert 'title="۱ آذر ۱۴۰۵، ساعت ۱۵:۳۵"' in formats.format_ago(NOON)
