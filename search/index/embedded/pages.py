"""The hits of a page: selection, order and rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from django.db import connection
from django.utils import timezone

from search.index import damage, evidence
from search.index.embedded import matching, seals, sql
from search.index.plan import BackendHit, Place, Plan, Sort

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from search.index.embedded.matching import Matching
    from search.index.plan import Filters

#: Up to so many entries, all columns are read at once; for more, first only those that determine the order.
READ_WHOLE: Final = 60

ORDER: Final = "e.id, e.kind, e.object_id, e.language, e.popularity, e.updated, e.facets_text"
SHOWN: Final = f"{ORDER}, e.family, e.title, e.short_answer, e.body, e.url, e.scope_id, e.audience"
HIT: Final = f"{SHOWN}, e.seal"
_SEAL: Final = len(SHOWN.split(","))
#: The columns of the second checksum of an entry.
PLACES: Final = "e.terms, e.places"


@dataclass(frozen=True, slots=True)
class Met:
    """What an entry has of a question: see `BackendHit`."""

    places: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    words: frozenset[int] = frozenset()


NOTHING: Final = Met()


def rows(columns: str, pks: Collection[int], *, with_places: bool = False) -> list[tuple[Any, ...]]:
    columns += f", {PLACES}" if with_places else ""
    return [
        row
        for some in sql.chunks(pks)
        for row in sql.fetch(f"SELECT {columns} FROM {sql.ENTRY} e WHERE e.id IN ({sql.placeholders(some)})", some)  # noqa: S608 - our names
    ]


def whole(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of `HIT` that are as they were written; without `PLACES` if only these are not."""
    kept = []
    is_damaged = False
    for row in rows:
        seal, places = row[_SEAL], row[_SEAL + 1 :]
        if not seals.is_shown_whole(shown(row), seal):
            is_damaged = True
        elif places and not seals.is_entry_whole(shown(row), places, seal):
            is_damaged = True
            kept.append((*row[: _SEAL + 1], b"", b""))
        else:
            kept.append(row)
    if is_damaged:
        damage.notice("entries")
    return kept


def is_whole(row: Sequence[Any]) -> bool:
    """Whether a row of `HIT` and `PLACES` is as it was written."""
    return seals.is_entry_whole(shown(row), row[_SEAL + 1 :], row[_SEAL])


def shown(row: Sequence[Any]) -> tuple[Any, ...]:
    """The values of `SHOWN`, from a row that begins with them, as they are sealed."""
    return (*row[:5], seals.moment(row[5]) or row[5], *row[6:_SEAL])


def narrowed(plan: Plan, filters: Filters, found: Matching) -> Matching:
    """The entries that pass the filters on declared facets and on the time of the last change."""
    for allowed in (matching.with_values(plan, filters), changed_since(plan, found.pks)):
        if allowed is not None:
            found = found.only(np.isin(found.pks, allowed))
    return found


def changed_since(plan: Plan, *found: np.ndarray) -> np.ndarray | None:
    """The primary keys of the entries changed since the time of the filter; None if there is no such filter."""
    since = plan.filters.updated_since
    if since is None:
        return None
    moment = connection.ops.adapt_datetimefield_value(since)
    return np.array(
        [
            row[0]
            for pks in found
            for some in sql.chunks(pks.tolist())
            for row in sql.fetch(
                f"SELECT id FROM {sql.ENTRY} WHERE id IN ({sql.placeholders(some)}) AND updated >= %s",  # noqa: S608 - our names
                [*some, moment],
            )
        ],
        np.int64,
    )


def candidates(plan: Plan, found: Matching) -> Matching:
    """The entries that could be on the page once evidence is taken into account."""
    wanted = plan.offset + plan.limit
    if len(found.pks) <= max(wanted, READ_WHOLE) or plan.sort == Sort.NEWEST:
        return found
    least = int(np.partition(found.scores, -wanted)[-wanted])
    most = evidence.FULL + evidence.FRESH + evidence.PREFERRED * bool(plan.prefers)
    return found.only(found.scores >= least * evidence.FULL // most)


def final(plan: Plan, scores: Mapping[int, int], row: tuple[Any, ...]) -> int:
    """The score of the text, increased by freshness and the reader's preferences (`search.index.evidence`)."""
    _pk, _kind, _object_id, _language, _popularity, updated, facets_text = row[:7]
    share = evidence.FULL
    moment = seals.moment(updated)
    if moment and moment > timezone.now() - dt.timedelta(days=evidence.FRESH_DAYS):
        share += evidence.FRESH
    if plan.prefers and not _preferred(plan).isdisjoint(facets_text.split("\n")):
        share += evidence.PREFERRED
    return scores[row[0]] * share // evidence.FULL


def _preferred(plan: Plan) -> set[str]:
    return {f"{name} {code}" for name, codes in plan.prefers.items() for code in codes}


def best(plan: Plan, scores: Mapping[int, int], rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of the page in a deterministic order."""

    def order(row: tuple[Any, ...]) -> tuple[Any, ...]:
        _pk, kind, object_id, language, popularity, updated = row[:6]
        ties = (-popularity, object_id, language, kind)
        if plan.sort == Sort.NEWEST:
            moment = seals.moment(updated)
            return (moment is None, -moment.timestamp() if moment else 0, *ties)
        return (-final(plan, scores, row), *ties)

    return sorted(filter(_can_be_sorted, rows), key=order)[plan.offset : plan.offset + plan.limit]


def _can_be_sorted(row: tuple[Any, ...]) -> bool:
    """False for a row that SQLite stores with other types after damage."""
    _pk, kind, object_id, language, popularity, _updated, facets_text = row[:7]
    texts, numbers = (kind, language, facets_text), (object_id, popularity)
    return all(isinstance(text, str) for text in texts) and all(isinstance(number, int) for number in numbers)


def values_of(facets_text: str) -> dict[str, tuple[str, ...]]:
    facets: dict[str, tuple[str, ...]] = {}
    for line in filter(None, facets_text.split("\n")):
        name, _space, value = line.partition(" ")
        facets[name] = (*facets.get(name, ()), value)
    return facets


def has_values(row: tuple[Any, ...], filters: Filters) -> bool:
    values = values_of(row[6])
    return all(set(chosen) & set(values.get(name, ())) for name, chosen in filters.declared.items())


def hit(row: tuple[Any, ...], met: Met, score: int, matched: int) -> BackendHit:
    _pk, kind, object_id, language, popularity, updated, facets_text, family, title, short_answer, body, url = row[:12]
    return BackendHit(
        kind=kind,
        object_id=object_id,
        family=family,
        language=language,
        title=title,
        short_answer=short_answer,
        body=body,
        url=url,
        facets=values_of(facets_text),
        popularity=popularity,
        updated=seals.moment(updated),
        score=score,
        matched=matched,
        places=met.places,
        words=met.words,
    )
