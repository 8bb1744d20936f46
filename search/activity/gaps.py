"""Search gaps: questions that find nothing, or nothing that readers choose.

A gap opens when a question of at least `SEARCH_LISTED_FROM_VISITS` visits in 30 days finds nothing for most of them, or
finds something that hardly anybody chooses. It is closed automatically when the same question finds something, or when
readers choose one of its results. Searches from before it was closed do not open it again. An editor may ignore a gap,
and undo that.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from search import queries
from search.activity.popular import texts_of
from search.models import SearchDay, SearchGap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portal.accounts.models import User

_DAYS: Final = 30
#: A question counts as "results, but no click" up to this percentage of visits with a click, of those with results.
CHOSEN_PERCENT: Final = 10
#: Maximum number of questions that one run looks up in the index; the rest is left for the next run.
_MAX_QUESTIONS: Final = 500


@dataclass(frozen=True, slots=True)
class GapReport:
    """Numbers of gaps that a run opened and closed."""

    opened: int
    closed: int


def reason_of(visits: int, without_result: int, with_click: int) -> SearchGap.Reason | None:
    """The reason why a question with these numbers of visits is a gap, or None if it is not."""
    if without_result * 2 > visits:
        return SearchGap.Reason.ZERO
    with_result = visits - without_result
    if with_result and with_click * 100 <= with_result * CHOSEN_PERCENT:
        return SearchGap.Reason.NO_CLICK
    return None


@dataclass(slots=True)
class _Seen:
    visits: int = 0
    without_result: int = 0
    with_click: int = 0

    @property
    def reason(self) -> SearchGap.Reason | None:
        """The reason why the question is a gap; None if it is not, or if there are too few visits to tell."""
        if self.visits < settings.SEARCH_LISTED_FROM_VISITS:
            return None
        reason = reason_of(self.visits, self.without_result, self.with_click)
        is_certain = reason != SearchGap.Reason.NO_CLICK or self.with_result >= settings.SEARCH_LISTED_FROM_VISITS
        return reason if is_certain else None

    @property
    def with_result(self) -> int:
        return self.visits - self.without_result

    @property
    def is_chosen(self) -> bool:
        """Whether enough visits chose something; always False while there are too few visits to tell."""
        enough = self.with_result >= settings.SEARCH_LISTED_FROM_VISITS
        return enough and self.with_click * 100 > self.with_result * CHOSEN_PERCENT


def tend_gaps() -> GapReport:
    """Open and close gaps according to the counted searches. Idempotent, also if two runs overlap."""
    gaps = {(gap.language, gap.key): gap for gap in SearchGap.objects.all()}
    seen = _seen_since(gaps)
    closed = sum(_close(gap, seen) for gap in gaps.values() if gap.state == SearchGap.State.OPEN)
    opened = 0
    wanted = {
        identity: reason
        for identity, numbers in seen.items()
        if (reason := numbers.reason) and _may_open(gaps.get(identity))
    }
    texts = _texts(wanted)
    for identity, reason in list(wanted.items())[:_MAX_QUESTIONS]:
        if reason == SearchGap.Reason.ZERO and _finds_something(identity[0], texts[identity]):
            continue  # fixed before it was noticed
        opened += _open(identity, texts[identity], reason, gaps.get(identity))
    return GapReport(opened, closed)


def _seen_since(gaps: Mapping[tuple[str, str], SearchGap]) -> dict[tuple[str, str], _Seen]:
    """Figures of the last 30 days for every frequent question; with a gap, only since that was opened or closed."""
    since = timezone.localdate() - dt.timedelta(days=_DAYS)
    rows = SearchDay.objects.filter(day__gte=since).exclude(key="")
    sums = (
        rows.values_list("language", "key")
        .annotate(asked=Sum("visits"), in_vain=Sum("visits_without_result"), chosen=Sum("visits_with_click"))
        .filter(asked__gte=settings.SEARCH_LISTED_FROM_VISITS)
        .order_by("-asked", "language", "key")
    )
    seen = {(language, key): _Seen(*numbers) for language, key, *numbers in sums}
    seen |= {identity: _Seen() for identity in gaps}
    first_days = {identity: _first_day(gap) for identity, gap in gaps.items()}
    days = rows.filter(key__in={key for _language, key in gaps})
    for language, key, day, visits, in_vain, chosen in days.values_list(
        "language", "key", "day", "visits", "visits_without_result", "visits_with_click"
    ):
        if (language, key) in gaps and day >= first_days[language, key]:
            numbers = seen[language, key]
            numbers.visits += visits
            numbers.without_result += in_vain
            numbers.with_click += chosen
    return seen


def _first_day(gap: SearchGap) -> dt.date:
    """The first day whose figures count: the day it was opened, or the day after it was closed."""
    if gap.closed_at is not None:
        return timezone.localdate(gap.closed_at) + dt.timedelta(days=1)
    return timezone.localdate(gap.opened_at)


def _may_open(gap: SearchGap | None) -> bool:
    return gap is None or gap.state == SearchGap.State.CLOSED


def _texts(identities: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    since = timezone.localdate() - dt.timedelta(days=_DAYS)
    keys: dict[str, list[str]] = defaultdict(list)
    for language, key in identities:
        keys[language].append(key)
    return {
        (language, key): text
        for language, some in keys.items()
        for key, text in texts_of(language, some, since).items()
    }


def _finds_something(language: str, text: str) -> bool:
    """Whether an anonymous visitor would find something now."""
    return queries.search(text=text, user=None, language=language).total > 0


def _open(identity: tuple[str, str], text: str, reason: SearchGap.Reason, before: SearchGap | None) -> bool:
    language, key = identity
    if before is None:
        _gap, created = SearchGap.objects.get_or_create(
            language=language, key=key, defaults={"text": text, "reason": reason}
        )
        return created
    again = SearchGap.objects.filter(pk=before.pk, state=SearchGap.State.CLOSED)
    return bool(
        again.update(
            state=SearchGap.State.OPEN,
            text=text,
            reason=reason,
            opened_at=timezone.now(),
            closed_at=None,
            closed_by=None,
        )
    )


def _close(gap: SearchGap, seen: Mapping[tuple[str, str], _Seen]) -> bool:
    """Close the gap if its question finds something now, or is clicked often enough; return whether it was closed."""
    if gap.reason == SearchGap.Reason.ZERO:
        succeeds = _finds_something(gap.language, gap.text)
    else:
        numbers = seen.get((gap.language, gap.key))
        succeeds = numbers is not None and numbers.is_chosen
    still_open = SearchGap.objects.filter(pk=gap.pk, state=SearchGap.State.OPEN)
    return succeeds and bool(still_open.update(state=SearchGap.State.CLOSED, closed_at=timezone.now(), closed_by=None))


@transaction.atomic
def ignore(*, language: str, key: str, text: str, reason: SearchGap.Reason, by: User) -> SearchGap:
    """Mark the gap of this question as ignored: it is not listed and does not open again. Idempotent."""
    gap, _created = SearchGap.objects.select_for_update().get_or_create(
        language=language, key=key, defaults={"text": text, "reason": reason}
    )
    if gap.state != SearchGap.State.IGNORED:
        gap.state, gap.closed_at, gap.closed_by = SearchGap.State.IGNORED, timezone.now(), by
        gap.save(update_fields=["state", "closed_at", "closed_by"])
    return gap


@transaction.atomic
def mind_again(*, gap_id: int) -> SearchGap | None:
    """Undo `ignore`: the gap is open again until it is closed automatically. Returns None if there is no such gap."""
    gap = SearchGap.objects.select_for_update().filter(pk=gap_id).first()
    if gap is not None and gap.state == SearchGap.State.IGNORED:
        gap.state, gap.closed_at, gap.closed_by = SearchGap.State.OPEN, None, None
        gap.save(update_fields=["state", "closed_at", "closed_by"])
    return gap
