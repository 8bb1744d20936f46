"""What many readers ask, to offer to the next one."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Final

from django.conf import settings
from django.db.models import F, Sum
from django.utils import timezone

from portal.core.memo import LONG_SECONDS, Memo
from portal.core.privacy import PLACEHOLDERS
from search import queries
from search.models import SearchDay, SearchGap
from search.results import NoticeCode

_DAYS: Final = 30
_MOST: Final = 10
#: How many questions are tried at most, to find as many as are wanted.
_TRIED: Final = 30

_popular: Final[Memo[tuple[str, ...]]] = Memo(max_size=16, seconds=LONG_SECONDS, of_index=True)


def popular_searches(language: str, limit: int = 5) -> list[str]:
    """The questions of the last 30 days that most visits asked in this language, each as most of them wrote it.

    At most ten. For everybody: asked by so many visits that they are nobody's own words (`SEARCH_LISTED_FROM_VISITS`),
    without what names a person, nothing that leads nowhere or that an editor ignores, and every word of them answered by something that a visitor without an account may see.
    Kept in memory for five minutes, or until content or index change; then one query and a search for each question.

        for text in popular_searches("fa", 3):
            <a href="{% url 'search:results' %}?q={{ text|urlencode }}"><bdi>{{ text }}</bdi></a>
    """
    return list(_popular.get(language, lambda: tuple(_find(language)))[:limit])


def _find(language: str) -> list[str]:
    since = timezone.localdate() - dt.timedelta(days=_DAYS)
    troubled = SearchGap.objects.filter(language=language).exclude(state=SearchGap.State.CLOSED).values("key")
    asked = (
        SearchDay.objects.filter(language=language, day__gte=since)
        .exclude(key="")
        .exclude(key__in=troubled)
        .values("key")
        .annotate(all_visits=Sum("visits"), in_vain=Sum("visits_without_result"))
        .filter(all_visits__gte=settings.SEARCH_LISTED_FROM_VISITS, in_vain__lt=F("all_visits"))
        .order_by("-all_visits", "key")[:_TRIED]
    )
    keys = [row["key"] for row in asked]
    texts = texts_of(language, keys, since)
    found: list[str] = []
    for key in keys:
        text = texts[key]
        if not any(placeholder in text for placeholder in PLACEHOLDERS) and _is_answered(text, language):
            found.append(text)
        if len(found) == _MOST:
            break
    return found


def texts_of(language: str, keys: list[str], since: dt.date) -> dict[str, str]:
    """How most visits since then wrote each of the questions. One query."""
    written: dict[str, Counter[str]] = {}
    rows = SearchDay.objects.filter(language=language, key__in=keys, day__gte=since).order_by("day")
    for key, text, visits in rows.values_list("key", "text", "visits"):
        written.setdefault(key, Counter())[text] += visits
    return {key: counts.most_common(1)[0][0] for key, counts in written.items()}


def _is_answered(text: str, language: str) -> bool:
    """Whether a visitor without an account finds something for every word, with nothing of the question changed."""
    result = queries.search(text=text, user=None, language=language)
    return result.total > 0 and {notice.code for notice in result.notices} <= {NoticeCode.SYNONYM}
