"""The search report for editors. Questions with too few visits are left out, as they could identify a person."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from search.activity.gaps import CHOSEN_PERCENT, reason_of
from search.activity.popular import texts_of
from search.models import SearchDay, SearchGap

PERIODS: Final = (7, 30, 90)
DEFAULT_PERIOD: Final = 30


class Listing(enum.StrEnum):
    """The lists of the report."""

    TOP = "top"
    ZERO = "zero"
    NO_CLICK = "no-click"
    IGNORED = "ignored"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionFigures:
    """The figures of one question in one language in the period."""

    language: str
    key: str
    text: str
    searches: int
    visits: int
    visits_without_result: int
    visits_with_click: int
    clicks_first: int
    clicks_top: int
    visits_before: int
    gap: SearchGap | None

    @property
    def zero_percent(self) -> float:
        return 100 * self.visits_without_result / self.visits

    @property
    def click_percent(self) -> float | None:
        """Percentage of visits with results that chose one; None if nothing was found."""
        found = self.visits - self.visits_without_result
        return min(100.0, 100 * self.visits_with_click / found) if found else None

    @property
    def trend(self) -> int | None:
        """Change in visits against the preceding period of the same length; None if it was not asked then."""
        return self.visits - self.visits_before if self.visits_before else None

    @property
    def reason(self) -> SearchGap.Reason | None:
        """The reason why the question is a gap, or None."""
        return reason_of(self.visits, self.visits_without_result, self.visits_with_click)


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of all searches in a language in the period, including rare ones."""

    searches: int
    visits: int
    visits_without_result: int
    visits_with_click: int

    @property
    def zero_percent(self) -> float | None:
        return 100 * self.visits_without_result / self.visits if self.visits else None

    @property
    def no_click_percent(self) -> float | None:
        found = self.visits - self.visits_without_result
        return max(0.0, 100 - 100 * self.visits_with_click / found) if found else None


def totals(language: str, days: int) -> Totals:
    """The totals of a language; a visit counts once for each question it asked. One query."""
    names = ("searches", "visits", "visits_without_result", "visits_with_click")
    sums = SearchDay.objects.filter(language=language, day__gt=_start(days)).aggregate(
        **{name: Coalesce(Sum(name), 0) for name in names}
    )
    return Totals(**sums)


#: Rows of annotated sums, whose names are not fields of the model, so that they cannot be type-checked.
_Sums = Any


def listed(language: str, days: int, listing: Listing) -> _Sums:
    """Sums per question, most visits first; to be paginated and passed to `describe`."""
    start = _start(days)
    now = Q(day__gt=start)
    rows: _Sums = SearchDay.objects.filter(language=language, day__gt=start - dt.timedelta(days=days)).exclude(key="")
    names = ("searches", "visits", "visits_without_result", "visits_with_click", "clicks_first", "clicks_top")
    sums = (
        rows.values("key")
        .annotate(
            **{f"{name}_now": Coalesce(Sum(name, filter=now), 0) for name in names},
            visits_before=Coalesce(Sum("visits", filter=~now), 0),
        )
        .filter(visits_now__gte=settings.SEARCH_LISTED_FROM_VISITS)
        .order_by("-visits_now", "key")
    )
    return _narrowed(sums, language, listing)


def _narrowed(sums: _Sums, language: str, listing: Listing) -> _Sums:
    gaps = SearchGap.objects.filter(language=language)
    ignored = gaps.filter(state=SearchGap.State.IGNORED).values("key")
    if listing is Listing.IGNORED:
        return sums.filter(key__in=ignored)
    if listing is Listing.CLOSED:
        return sums.filter(key__in=gaps.filter(state=SearchGap.State.CLOSED).values("key"))
    if listing is Listing.ZERO:
        return sums.exclude(key__in=ignored).filter(visits_now__lt=F("visits_without_result_now") * 2)
    if listing is Listing.NO_CLICK:
        found = F("visits_now") - F("visits_without_result_now")
        return (
            sums.exclude(key__in=ignored)
            .filter(visits_now__gte=F("visits_without_result_now") * 2)
            .filter(visits_now__gt=F("visits_without_result_now"))
            .annotate(few=found * CHOSEN_PERCENT)
            .filter(few__gte=F("visits_with_click_now") * 100)
        )
    return sums


def describe(sums: Sequence[dict[str, Any]], language: str, days: int) -> list[QuestionFigures]:
    """The questions of one page, with their texts and gaps. Two queries, whatever the number of questions."""
    keys = [row["key"] for row in sums]
    texts = texts_of(language, keys, _start(days))
    gaps = {gap.key: gap for gap in SearchGap.objects.filter(language=language, key__in=keys)}
    return [
        QuestionFigures(
            language=language,
            key=row["key"],
            text=texts[row["key"]],
            searches=row["searches_now"],
            visits=row["visits_now"],
            visits_without_result=row["visits_without_result_now"],
            visits_with_click=row["visits_with_click_now"],
            clicks_first=row["clicks_first_now"],
            clicks_top=row["clicks_top_now"],
            visits_before=row["visits_before"],
            gap=gaps.get(row["key"]),
        )
        for row in sums
    ]


def find(language: str, key: str) -> QuestionFigures | None:
    """The figures of a question, or None if it may not be listed."""
    days = max(PERIODS)
    found = describe(list(listed(language, days, Listing.TOP).filter(key=key)[:1]), language, days)
    return found[0] if found else None


def _start(days: int) -> dt.date:
    """The day before the first day of the period, which ends today."""
    return timezone.localdate() - dt.timedelta(days=days)
