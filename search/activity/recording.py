"""Recording of searches and clicks: the records sent to `portal.insight.recorder`, and the rows made of them."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from portal.core.limits import limited
from portal.insight.activity import Activity
from portal.insight.recorder import recorder
from search import registry
from search.asking.keys import query_key, readable_text
from search.models import SearchClick, SearchLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest

    from search.showing.results import SearchResult

#: The name under which a results page reports what it found (`portal.insight.facts`).
FACT: Final = "search"
#: A question repeated by a visit within this time is the same search: a reload, the back button, another filter.
SAME_SEARCH: Final = dt.timedelta(minutes=10)
_REMEMBERED: Final = 10_000
#: Searches of one network that are recorded in an hour.
_RECORDED_PER_HOUR: Final = 3_000
#: Maximum number of characters of a text in the queue; fewer are stored.
_MAX_TYPED: Final = 2_048


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted(Activity):
    """Something a visitor did with a question."""

    language: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched(Noted):
    """A visitor saw the first page of the results."""

    total: int
    notices: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Clicked(Noted):
    """A visitor chose a result."""

    kind: str
    object_id: int
    position: int
    source: SearchClick.Source


def search_facts(result: SearchResult, language: str) -> tuple[str, ...]:
    """The facts a results page reports; they are the same for everybody who gets the page."""
    total = result.total or len(result.pins)
    return (language, str(total), *dict.fromkeys(notice.code for notice in result.notices))


def note_search(request: HttpRequest, facts: Sequence[str]) -> None:
    """Record that a visitor saw a results page; `facts` are those of `search_facts`.

    One network writes only so many rows, whatever browsers and questions it invents.
    """
    if limited(request, "search_record", _RECORDED_PER_HOUR, 3600, is_frequent=True, by_network=True) is not None:
        return
    language, total, *notices = facts
    text = request.GET.get("q", "")[:_MAX_TYPED]
    found = {"total": int(total), "notices": " ".join(notices)}
    search_activity.record(Searched.of(request, language=language, text=text, **found))


def note_click(
    request: HttpRequest,
    *,
    language: str,
    text: str,
    kind: str,
    object_id: int,
    position: int,
    source: SearchClick.Source,
) -> None:
    """Record the result a visitor chose. Returns at once and never raises."""
    chosen = {"kind": kind, "object_id": object_id, "position": position, "source": source}
    search_activity.record(Clicked.of(request, language=language, text=text, **chosen))


#: (visit, language, key) → time of the last search known to this process. Only the writer thread uses it.
_asked: OrderedDict[tuple[str, str, str], dt.datetime] = OrderedDict()


def forget_asked() -> None:
    """Clear the memory of recent searches; for tests."""
    _asked.clear()


def write(batch: Sequence[Noted]) -> None:
    """Redact the records and store them, without repeated searches and clicks on unknown objects.

    At most five queries, and one for each kind of object. Raises database errors.
    """
    known = _existing(click for click in batch if isinstance(click, Clicked))
    searches: list[SearchLog] = []
    clicks: list[SearchClick] = []
    for noted in batch:
        key = query_key(noted.text, noted.language)
        if not key:
            continue
        origin = noted.origin(f"search:{noted.language}:{key}")
        facts: dict[str, Any] = {
            "at": noted.at,
            "day": noted.day,
            "visit": noted.visit,
            "network": origin.network,
            "sector": origin.sector,
            "language": noted.language,
            "key": key,
        }
        if isinstance(noted, Searched):
            searches.append(
                SearchLog(**facts, text=readable_text(noted.text), total=noted.total, notices=noted.notices[:100])
            )
        elif isinstance(noted, Clicked) and (noted.kind, noted.object_id) in known:
            clicks.append(
                SearchClick(
                    **facts,
                    kind=noted.kind,
                    object_id=noted.object_id,
                    position=noted.position,
                    source=noted.source,
                )
            )
    with transaction.atomic():
        fresh = _without_repeated(searches)
        SearchLog.objects.bulk_create(fresh)
        SearchClick.objects.bulk_create(clicks, ignore_conflicts=True)
    for row in fresh:  # only now, because a failed batch is written again
        _remember(row)


def _existing(clicks: Iterable[Clicked]) -> set[tuple[str, int]]:
    """The clicked objects that exist and are indexed; one query per kind."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for click in clicks:
        wanted[click.kind].add(click.object_id)
    found = set()
    for kind, ids in wanted.items():
        document = registry.get_document(kind)
        if document is not None:
            pks = document.get_queryset().filter(pk__in=ids).order_by().values_list("pk", flat=True)
            found |= {(kind, pk) for pk in pks}
    return found


def _without_repeated(searches: Sequence[SearchLog]) -> list[SearchLog]:
    """The searches without those the same visit made within `SAME_SEARCH` before, recorded by any process."""
    if not searches:
        return []
    since = min(row.at for row in searches) - SAME_SEARCH
    earlier = SearchLog.objects.filter(
        day__in={row.day for row in searches}, visit__in={row.visit for row in searches}, at__gte=since
    )
    asked = {**_asked}
    for visit, language, key, at in earlier.order_by("at").values_list("visit", "language", "key", "at"):
        asked[visit, language, key] = at
    fresh = []
    for row in searches:
        identity = (row.visit, row.language, row.key)
        before = asked.get(identity)
        if before is None or abs(row.at - before) >= SAME_SEARCH:
            asked[identity] = row.at
            fresh.append(row)
    return fresh


def _remember(row: SearchLog) -> None:
    _asked[row.visit, row.language, row.key] = row.at
    _asked.move_to_end((row.visit, row.language, row.key))
    while len(_asked) > _REMEMBERED:
        _asked.popitem(last=False)


#: One queue for both, so that a search is stored before the clicks on its results.
search_activity: Final = recorder.kind("search", store=write)
