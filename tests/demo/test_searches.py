"""The demo's searches are plausible, the same every time, and the hourly work agrees with them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import Min
from django.utils import timezone

from portal.demo.searches import DAYS, load_searches
from search.activity.gaps import tend_gaps
from search.activity.popular import popular_searches
from search.activity.report import Listing, listed
from search.models import ClickEvidence, SearchClick, SearchDay, SearchGap, SearchLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.demo.searches")]


def test_both_languages_have_a_history_of_two_months(demo):
    for language in ("fa", "en"):
        first = SearchDay.objects.filter(language=language).aggregate(first=Min("day"))["first"]
        assert 60 <= (timezone.localdate() - first).days <= DAYS + 1
        for listing in (Listing.TOP, Listing.ZERO, Listing.NO_CLICK):
            assert listed(language, 30, listing).count() >= 1, (language, listing)
    assert SearchClick.objects.exists()
    assert ClickEvidence.objects.exists()


@pytest.mark.parametrize("days_on", range(7))
def test_gaps_are_as_the_hourly_work_would_have_them(demo, monkeypatch, days_on):
    """On whatever day of the week the demo is loaded: Fridays are quiet."""
    for model in (SearchLog, SearchClick, SearchDay, SearchGap, ClickEvidence):
        model.objects.all().delete()
    now = timezone.now() + dt.timedelta(days=days_on)
    monkeypatch.setattr(timezone, "now", lambda: now)
    load_searches()
    before = list(SearchGap.objects.order_by("pk").values_list("text", "reason", "state"))
    assert {state for _text, _reason, state in before} == {"open", "closed", "ignored"}

    tend_gaps()

    after = list(SearchGap.objects.order_by("pk").values_list("text", "reason", "state"))
    assert after == before


def test_popular_searches_are_there_from_the_start(demo):
    assert popular_searches("fa", 1) == ["رمز وای فای"]
    # Which of its two spellings was the commoner one depends on the days of the week since.
    assert popular_searches("en", 1)[0] in {"wifi password", "Wi-Fi password"}


def test_loading_again_adds_nothing(demo):
    before = SearchLog.objects.count()

    assert (load_searches(), SearchLog.objects.count()) == (0, before)
