"""Popular questions, offered as suggestions to other readers."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Sum
from django.utils import timezone

from portal.core.audience import audiences_for
from portal.core.memo import LONG_SECONDS, Memo
from portal.core.privacy import PLACEHOLDERS
from portal.core.visitors import ENOUGH_NETWORKS, counted
from search import queries
from search.asking.notices import NoticeCode
from search.asking.questions import Question, read, stems_of
from search.index.answering import answer
from search.models import PopularQuestion, SearchDay, SearchGap, SearchLog
from search.showing.visibility import seen_by

if TYPE_CHECKING:
    from django.db.models import QuerySet

_DAYS: Final = 30
_MOST: Final = 10
#: Maximum number of questions that are tried, and kept: some may lose their answers before the next hourly run.
_TRIED: Final = 30
_KEPT: Final = 15
#: Number of answers that are stored with a question.
_ANSWERS: Final = 5

_popular: Final[Memo[tuple[str, ...]]] = Memo(max_size=16, seconds=LONG_SECONDS, scopes=("search", "articles"))


class _Answer(NamedTuple):
    kind: str
    object_id: int


def popular_searches(language: str, limit: int = 5) -> list[str]:
    """The questions most visits asked in this language in the last 30 days, each in its most frequent spelling.

    At most ten, the same for all readers. A question is listed if so many visits asked it that it identifies nobody
    (`SEARCH_LISTED_FROM_VISITS`), they came from at least five networks, it contains no personal data, is neither a gap nor ignored by an editor, and
    anonymous visitors find an answer to all of its words. The list is computed every hour (`renew_popular`); whether
    the answers still exist is checked when content or index change, with two queries and one for each kind of answer.

        for text in popular_searches("fa", 3):
            <a href="{% url 'search:results' %}?q={{ text|urlencode }}"><bdi>{{ text }}</bdi></a>
    """
    return list(_popular.get(language, lambda: tuple(_answered_still(language)))[:limit])


def _answered_still(language: str) -> Iterator[str]:
    """The stored questions whose words are all known and that still have at least one answer for anonymous visitors."""
    ignored = _troubled(language)
    questions = list(PopularQuestion.objects.filter(language=language).exclude(key__in=ignored)[:_KEPT])
    if not questions:
        return
    known = _known(language, [question.text for question in questions])
    answers = {_Answer(*found) for question in questions for found in question.answers}
    seen = set(seen_by(None, list(answers)))
    for question in questions:
        if question.text in known and any(_Answer(*found) in seen for found in question.answers):
            yield question.text


def _known(language: str, texts: Sequence[str]) -> set[str]:
    """The texts all of whose words are known to anonymous visitors; one query."""
    analysed = {text: read(text, language) for text in texts}
    stems = {stem for found, others, _rules in analysed.values() for stem in stems_of(found, others)}
    vocabulary = answer(lambda backend: backend.vocabulary(stems, audiences=audiences_for(None)))
    questions = (Question(text, found, vocabulary, others, rules) for text, (found, others, rules) in analysed.items())
    return {question.text for question in questions if not question.unknown}


def renew_popular() -> None:
    """Recompute the popular questions that have answers. Runs some tens of searches per language; idempotent."""
    for language, _name in settings.LANGUAGES:
        found = list(islice(_answered(language), _KEPT))
        with transaction.atomic():
            PopularQuestion.objects.filter(language=language).delete()
            PopularQuestion.objects.bulk_create(  # two runs may overlap
                found,
                update_conflicts=True,
                unique_fields=["language", "key"],
                update_fields=["text", "place", "answers"],
            )
    _popular.forget()


def _answered(language: str) -> Iterator[PopularQuestion]:
    """The most frequent questions that have answers now, with the first few answers."""
    since = timezone.localdate() - dt.timedelta(days=_DAYS)
    asked = (
        SearchDay.objects.filter(language=language, day__gte=since)
        .exclude(key="")
        .exclude(key__in=_troubled(language))
        .values("key")
        .annotate(all_visits=Sum("visits"), in_vain=Sum("visits_without_result"))
        .filter(all_visits__gte=settings.SEARCH_LISTED_FROM_VISITS, in_vain__lt=F("all_visits"))
    )
    weights = _weights(language, since)
    keys = sorted({row["key"] for row in asked} & weights.keys(), key=lambda key: (-weights[key], key))[:_TRIED]
    texts = texts_of(language, keys, since)
    for place, key in enumerate(keys, start=1):
        if any(placeholder in texts[key] for placeholder in PLACEHOLDERS):
            continue
        answers = _answers(texts[key], language)
        if answers:
            yield PopularQuestion(language=language, key=key, text=texts[key], place=place, answers=answers)


def _weights(language: str, since: dt.date) -> dict[str, int]:
    """The visits that count of every question from enough networks since that day (`portal.core.visitors`).

    Three queries on the log. It is kept for `SEARCH_LOG_DAYS`; if these are fewer, they are the period.
    """
    rows = SearchLog.objects.filter(language=language, day__gte=since).order_by()
    by_sector = rows.values_list("key").annotate(sectors=Count("sector", distinct=True))
    by_day = rows.exclude(network="").values_list("key", "day").annotate(networks=Count("network", distinct=True))
    enough = {
        *(key for key, _sectors in by_sector.filter(sectors__gte=ENOUGH_NETWORKS)),
        *(key for key, _day, _networks in by_day.filter(networks__gte=ENOUGH_NETWORKS)),
    }
    sizes: dict[str, list[int]] = defaultdict(list)
    for key, _sector, number in rows.values_list("key", "sector").annotate(Count("visit", distinct=True)):
        if key in enough:
            sizes[key].append(number)
    return {key: sum(counted(some)) for key, some in sizes.items()}


def _troubled(language: str) -> QuerySet[SearchGap, Any]:
    """The keys of questions with an open gap and of those an editor ignores."""
    return SearchGap.objects.filter(language=language).exclude(state=SearchGap.State.CLOSED).values("key")


def texts_of(language: str, keys: list[str], since: dt.date) -> dict[str, str]:
    """The most frequent spelling of each question since that day. One query."""
    written: dict[str, Counter[str]] = {}
    rows = SearchDay.objects.filter(language=language, key__in=keys, day__gte=since).order_by("day")
    for key, text, visits in rows.values_list("key", "text", "visits"):
        written.setdefault(key, Counter())[text] += visits
    return {key: counts.most_common(1)[0][0] for key, counts in written.items()}


def _answers(text: str, language: str) -> list[tuple[str, int]]:
    """The first results for an anonymous visitor, if they answer every word and the question was not changed."""
    result = queries.search(text=text, user=None, language=language)
    if not {notice.code for notice in result.notices} <= {NoticeCode.SYNONYM}:
        return []
    return [(hit.kind, hit.object_id) for hit in result.hits[:_ANSWERS]]
