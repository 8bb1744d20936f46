"""Hybrid search: the results of keyword search and of semantic search, as one ranking.

The two rankings are combined by reciprocal rank fusion: the score of an entry is the sum of ``1 / (60 + its rank)``
over the rankings it is in (Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
Rank Learning Methods", SIGIR 2009). Ranks can be compared where scores cannot.

All keyword results that a reader can page to are fused, not only the first page, so that pages never repeat or lose an
entry. Totals and facet counts include entries that only semantic search found. If there are more keyword results than a
reader can page to, semantic search only reorders them and adds none.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from search.index import closeness
from search.index.plan import MAX_PAGES, PAGE_SIZE, Filters, Found, Sort
from search.meaning.nearest import nearest
from search.registry import KIND, LANGUAGE, offered_facets

if TYPE_CHECKING:
    from search.index.plan import BackendHit, EntryKey, FacetCounts, Plan
    from search.index.protocol import Backend

T = TypeVar("T", bound=Hashable)

#: The constant k of the paper: the greater it is, the less the first ranks count.
RANK_CONSTANT: Final = 60
REACHABLE: Final = MAX_PAGES * PAGE_SIZE

_LONG_AGO: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


def fuse(*rankings: Sequence[T]) -> list[T]:
    """One ranking of all items; ties keep the order of the first ranking."""
    scores: dict[T, float] = {}
    for ranking in rankings:
        for place, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (RANK_CONSTANT + place)
    return sorted(scores, key=lambda item: -scores[item])


@dataclass(frozen=True, slots=True)
class Hybrid:
    """An index combined with the semantically similar entries for one question. Without any, it is just the index."""

    backend: Backend
    #: Similar entries, most similar first, and the keyword results; of all kinds and languages, both restricted to the
    #: plan's audiences.
    alike: Sequence[BackendHit] = ()
    worded: Found = Found(hits=[], total=0)  # noqa: RUF009 - never changed

    def __bool__(self) -> bool:
        """Whether there are any similar entries."""
        return bool(self.alike)

    @property
    def _is_whole(self) -> bool:
        """Whether `worded` holds all keyword results. If not, they are only reordered, and nothing is added."""
        return self.worded.total <= REACHABLE

    def search(self, plan: Plan) -> Found:
        """A page of the combined results. See `Backend.search`."""
        if not self:
            return closeness.search(self.backend, plan)
        if self._is_whole:
            worded = [hit for hit in self.worded.hits if _passes(hit, plan.filters)]
            alike = [hit for hit in self.alike if _passes(hit, plan.filters)]
            more = 0
        else:
            found = closeness.search(self.backend, replace(plan, offset=0, limit=REACHABLE), with_places=False)
            worded, more = found.hits, found.total - len(found.hits)
            known = {_key(hit) for hit in worded}
            alike = [hit for hit in self.alike if _key(hit) in known]
        hits = {_key(hit): hit for hit in (*alike, *worded)}
        order = fuse([_key(hit) for hit in worded], [_key(hit) for hit in alike])
        if plan.sort == Sort.NEWEST:
            order.sort(key=lambda key: hits[key].updated or _LONG_AGO, reverse=True)
        page = [hits[key] for key in order[plan.offset : plan.offset + plan.limit]]
        return Found(hits=self._with_places(page, plan), total=len(hits) + more)

    def facets(self, plan: Plan) -> FacetCounts:
        """Facet counts of what `search` finds. See `Backend.facets`."""
        if not self or not self._is_whole:
            return self.backend.facets(plan)
        counts: dict[str, Counter[str]] = {facet.name: Counter() for facet in offered_facets()}
        for hit in {_key(hit): hit for hit in (*self.alike, *self.worded.hits)}.values():
            for facet, count in counts.items():
                if _passes(hit, plan.filters, but=facet):
                    count.update(_values(hit, facet))
        return counts

    def only_by_meaning(self, hits: Iterable[BackendHit]) -> bool:
        """Whether there are hits, all of which only semantic search found."""
        if not self:
            return False
        known = {_key(hit) for hit in self.worded.hits}
        return self._is_whole and bool(hits) and not any(_key(hit) in known for hit in hits)

    def _with_places(self, hits: Sequence[BackendHit], plan: Plan) -> list[BackendHit]:
        """The hits with the words and their places, which semantically similar entries may contain, too."""
        if not plan.terms:
            return list(hits)
        fetched = {_key(hit): hit for hit in self.backend.fetch([_key(hit) for hit in hits], plan)}
        held = [(hit, fetched.get(_key(hit))) for hit in hits]
        return [
            replace(hit, places=found.places if found else {}, words=found.words if found else frozenset())
            for hit, found in held
        ]


def with_meaning(backend: Backend, text: str, plan: Plan) -> Hybrid:
    """The index to use for one question: unchanged if the extra is off or fails, or if nothing is similar.

    Two queries if something is similar. The index leaves out what the audiences may not see, as always.
    """
    keys = [(near.kind, near.object_id, near.language) for near in nearest(text, audiences=plan.audiences)]
    if not keys:
        return Hybrid(backend)
    found = {_key(hit): hit for hit in backend.fetch(keys, replace(plan, terms=(), filters=Filters()))}
    alike = [found[key] for key in keys if key in found]
    if not alike or not plan.terms:
        return Hybrid(backend, alike)
    everything = replace(plan, filters=Filters(), offset=0, limit=REACHABLE)
    worded = closeness.search(backend, everything, with_places=False)
    return Hybrid(backend, alike, worded)


def _key(hit: BackendHit) -> EntryKey:
    return hit.kind, hit.object_id, hit.language


def _values(hit: BackendHit, facet: str) -> Collection[str]:
    """The values of the hit in a facet."""
    if facet == KIND.name:
        return (hit.kind,)
    return (hit.language,) if facet == LANGUAGE.name else hit.facets.get(facet, ())


def _passes(hit: BackendHit, filters: Filters, *, but: str = "") -> bool:
    """Whether the hit passes the reader's filters, ignoring the filter on the facet `but`."""
    since = filters.updated_since
    if since and not (hit.updated and hit.updated >= since):
        return False
    return all(facet == but or set(wanted) & set(_values(hit, facet)) for facet, wanted in filters.items())
