"""What many readers ask, to offer to the next one."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from portal.core.audience import audiences_for
from portal.core.memo import LONG_SECONDS, Memo
from portal.core.privacy import PLACEHOLDERS
from search import queries
from search.asking.notices import NoticeCode
from search.asking.questions import Question, read, stems_of
from search.index.answering import answer
from search.models import PopularQuestion, SearchDay, SearchGap
from search.showing.visibility import seen_by

if TYPE_CHECKING:
    from django.db.models import QuerySet

_DAYS: Final = 30
_MOST: Final = 10
#: How many questions are tried at most, and kept: some may lose their answers before the next hour.
_TRIED: Final = 30
_KEPT: Final = 15
#: How many of its answers are remembered with a question.
_ANSWERS: Final = 5

_popular: Final[Memo[tuple[str, ...]]] = Memo(max_size=16, seconds=LONG_SECONDS, scopes=("search", "articles"))


class _Answer(NamedTuple):
    kind: str
    object_id: int


def popular_searches(language: str, limit: int = 5) -> list[str]:
    """The questions of the last 30 days that most visits asked in this language, each as most of them wrote it.

    At most ten. For everybody: asked by so many visits that they are nobody's own words (`SEARCH_LISTED_FROM_VISITS`),
    without what names a person, nothing that leads nowhere or that an editor ignores, and every word of them answered by
    something that a visitor without an account may see. Which they are is found out every hour (`renew_popular`); whether
    they still have an answer is asked when content or index change, for two queries and one for each kind of answers.

        for text in popular_searches("fa", 3):
            <a href="{% url 'search:results' %}?q={{ text|urlencode }}"><bdi>{{ text }}</bdi></a>
    """
    return list(_popular.get(language, lambda: tuple(_answered_still(language)))[:limit])


def _answered_still(language: str) -> Iterator[str]:
    """Those of the questions whose words are all known and of whose answers one at least is there, for everybody."""
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
    """The texts without an unknown word for readers without an account; one query."""
    analysed = {text: read(text, language) for text in texts}
    stems = {stem for found, others, _rules in analysed.values() for stem in stems_of(found, others)}
    vocabulary = answer(lambda backend: backend.vocabulary(stems, audiences=audiences_for(None)))
    questions = (Question(text, found, vocabulary, others, rules) for text, (found, others, rules) in analysed.items())
    return {question.text for question in questions if not question.unknown}


def renew_popular() -> None:
    """Find out again what many ask and is answered; some tens of searches in each language. Repeatable."""
    for language, _name in settings.LANGUAGES:
        found = list(islice(_answered(language), _KEPT))
        with transaction.atomic():
            PopularQuestion.objects.filter(language=language).delete()
            PopularQuestion.objects.bulk_create(  # two runs at once end as one
                found,
                update_conflicts=True,
                unique_fields=["language", "key"],
                update_fields=["text", "place", "answers"],
            )
    _popular.forget()


def _answered(language: str) -> Iterator[PopularQuestion]:
    """The questions of most visits that are answered now, with the first of their answers."""
    since = timezone.localdate() - dt.timedelta(days=_DAYS)
    asked = (
        SearchDay.objects.filter(language=language, day__gte=since)
        .exclude(key="")
        .exclude(key__in=_troubled(language))
        .values("key")
        .annotate(all_visits=Sum("visits"), in_vain=Sum("visits_without_result"))
        .filter(all_visits__gte=settings.SEARCH_LISTED_FROM_VISITS, in_vain__lt=F("all_visits"))
        .order_by("-all_visits", "key")[:_TRIED]
    )
    keys = [row["key"] for row in asked]
    texts = texts_of(language, keys, since)
    for place, key in enumerate(keys, start=1):
        if any(placeholder in texts[key] for placeholder in PLACEHOLDERS):
            continue
        answers = _answers(texts[key], language)
        if answers:
            yield PopularQuestion(language=language, key=key, text=texts[key], place=place, answers=answers)


def _troubled(language: str) -> QuerySet[SearchGap, Any]:
    """The keys of questions that lead nowhere or that an editor ignores."""
    return SearchGap.objects.filter(language=language).exclude(state=SearchGap.State.CLOSED).values("key")


def texts_of(language: str, keys: list[str], since: dt.date) -> dict[str, str]:
    """How most visits since then wrote each of the questions. One query."""
    written: dict[str, Counter[str]] = {}
    rows = SearchDay.objects.filter(language=language, key__in=keys, day__gte=since).order_by("day")
    for key, text, visits in rows.values_list("key", "text", "visits"):
        written.setdefault(key, Counter())[text] += visits
    return {key: counts.most_common(1)[0][0] for key, counts in written.items()}


def _answers(text: str, language: str) -> list[tuple[str, int]]:
    """What a visitor without an account finds first, when it answers every word and nothing of the question was changed."""
    result = queries.search(text=text, user=None, language=language)
    if not {notice.code for notice in result.notices} <= {NoticeCode.SYNONYM}:
        return []
    return [(hit.kind, hit.object_id) for hit in result.hits[:_ANSWERS]]
