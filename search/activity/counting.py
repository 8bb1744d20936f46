"""Aggregation of single searches per question and day, and deletion of the old ones. Everything here is idempotent."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.utils import timezone

from search.models import SearchClick, SearchDay, SearchLog

if TYPE_CHECKING:
    from collections.abc import Iterable

_BATCH: Final = 500
_COUNTS: Final = (
    "searches",
    "visits",
    "visits_without_result",
    "visits_with_click",
    "clicks_first",
    "clicks_top",
)
_TOP: Final = 3


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Numbers of rows that were deleted."""

    searches: int
    clicks: int
    rare_questions: int


def count_days() -> int:
    """Count the last counted day, the day before it and every day after it; return the number of days counted.

    Earlier days cannot have changed. Counting a day twice, or in two processes at once, gives the same rows.
    """
    last = SearchDay.objects.order_by("-day").values_list("day", flat=True).first()
    rows = SearchLog.objects.all()
    if last is not None:
        rows = rows.filter(day__gte=last - dt.timedelta(days=1))
    days = list(rows.order_by("day").values_list("day", flat=True).distinct())
    for day in days:
        _count(day)
    return len(days)


@transaction.atomic
def _count(day: dt.date) -> None:
    """Count one day. Five queries, and one for each 500 questions."""
    rows: dict[tuple[str, str], SearchDay] = {}
    searches = SearchLog.objects.filter(day=day)
    counted = searches.values("language", "key").annotate(
        searches=Count("pk"),
        visits=Count("visit", distinct=True),
        visits_without_result=Count("visit", distinct=True, filter=Q(total=0)),
    )
    for counts in counted:
        rows[counts["language"], counts["key"]] = SearchDay(day=day, **counts)
    for (language, key), text in _texts(searches.values_list("language", "key", "text").annotate(Count("pk"))).items():
        rows[language, key].text = text
    clicks = SearchClick.objects.filter(day=day, source=SearchClick.Source.RESULTS)
    places = clicks.values("language", "key").annotate(
        clicks_first=Count("pk", filter=Q(position=1)), clicks_top=Count("pk", filter=Q(position__lte=_TOP))
    )
    chosen = clicks.filter(visit=OuterRef("visit"), language=OuterRef("language"), key=OuterRef("key"))
    visits = (
        searches.filter(Exists(chosen))
        .values("language", "key")
        .annotate(visits_with_click=Count("visit", distinct=True))
    )
    for numbers in [*map(dict, places), *map(dict, visits)]:
        row = rows.get((str(numbers["language"]), str(numbers["key"])))
        if row is not None:  # a click without a recorded search is ignored
            for name, number in numbers.items():
                setattr(row, name, number)
    _put(rows[identity] for identity in sorted(rows))  # in a fixed order, so that two processes cannot deadlock


def _texts(written: Iterable[tuple[str, str, str, int]]) -> dict[tuple[str, str], str]:
    """The most frequent spelling of each question."""
    texts: dict[tuple[str, str], Counter[str]] = {}
    for language, key, text, number in sorted(written):
        texts.setdefault((language, key), Counter())[text] += number
    return {identity: counts.most_common(1)[0][0] for identity, counts in texts.items()}


def _put(rows: Iterable[SearchDay]) -> None:
    SearchDay.objects.bulk_create(
        rows,
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["day", "language", "key"],
        update_fields=["text", *_COUNTS],
    )


@transaction.atomic
def forget_old() -> Forgotten:
    """Delete single searches and clicks older than `SEARCH_LOG_DAYS`, and the texts of questions that are too rare.

    A question that stayed below `SEARCH_LISTED_FROM_VISITS` in all that time could be one person's words: its counts
    are added to the day's row without a text, so that totals stay right. Days that are not counted yet are kept.
    """
    end = timezone.localdate() - dt.timedelta(days=settings.SEARCH_LOG_DAYS)
    counted_to = SearchDay.objects.order_by("-day").values_list("day", flat=True).first()
    end = min(end, counted_to) if counted_to is not None else dt.date.min
    searches, _by_model = SearchLog.objects.filter(day__lt=end).delete()
    clicks, _by_model = SearchClick.objects.filter(day__lt=end).delete()
    return Forgotten(searches, clicks, _forget_rare(end))


def _forget_rare(end: dt.date) -> int:
    """Merge the counts of rare questions before `end` into each day's row without a text; return the number merged."""
    listed = SearchDay.objects.values("language", "key").annotate(all_visits=Sum("visits"))
    common = listed.filter(
        language=OuterRef("language"), key=OuterRef("key"), all_visits__gte=settings.SEARCH_LISTED_FROM_VISITS
    )
    rare = SearchDay.objects.filter(day__lt=end).exclude(key="").exclude(Exists(common))
    doomed = list(rare.order_by("pk").values_list("pk", "day", "language", *_COUNTS))
    sums: dict[tuple[dt.date, str], SearchDay] = {
        (row.day, row.language): row
        for row in SearchDay.objects.filter(key="", day__in={day for _pk, day, *_rest in doomed})
    }
    for _pk, day, language, *numbers in doomed:
        row = sums.setdefault((day, language), SearchDay(day=day, language=language))
        for name, number in zip(_COUNTS, numbers, strict=True):
            setattr(row, name, getattr(row, name) + number)
    _put(
        SearchDay(day=day, language=language, **{name: getattr(row, name) for name in _COUNTS})
        for (day, language), row in sorted(sums.items(), key=lambda item: item[0])
    )
    for start in range(0, len(doomed), _BATCH):
        SearchDay.objects.filter(pk__in=[pk for pk, *_rest in doomed[start : start + _BATCH]]).delete()
    return len(doomed)
