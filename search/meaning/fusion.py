"""What the words find and what the meaning finds, as one list.

The two rankings are fused by reciprocal rank: an entry scores the sum of ``1 / (60 + its place)`` over those it is in
(Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
SIGIR 2009). Places can be compared where scores cannot.

Of the words all that a reader can reach is fused, not only a first page: so pages never repeat or lose an entry.
Everything is counted as it is listed: what only the meaning found is part of the total and of the counts of its facets.
When more entries hold the words than a reader can reach, the meaning changes their order and adds none.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from search.index.plan import MAX_PAGES, PAGE_SIZE, Filters, Found, Sort
from search.meaning.nearest import nearest
from search.registry import KIND, LANGUAGE, offered_facets

if TYPE_CHECKING:
    from search.index.plan import BackendHit, EntryKey, FacetCounts, Plan
    from search.index.protocol import Backend

T = TypeVar("T", bound=Hashable)

#: The constant of the paper: the greater it is, the less the first places are worth.
RANK_CONSTANT: Final = 60
REACHABLE: Final = MAX_PAGES * PAGE_SIZE

_LONG_AGO: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


def fuse(*rankings: Sequence[T]) -> list[T]:
    """One ranking of all items; of equals, first what the earlier ranking names first."""
    scores: dict[T, float] = {}
    for ranking in rankings:
        for place, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (RANK_CONSTANT + place)
    return sorted(scores, key=lambda item: -scores[item])


@dataclass(frozen=True, slots=True)
class Hybrid:
    """An index that also finds what is of like meaning. Where nothing is, it is the index itself, and as quick."""

    backend: Backend
    #: Entries of like meaning, the likest first, and what holds the words; of all kinds and languages, both for the
    #: eyes of the plan's audiences.
    alike: Sequence[BackendHit] = ()
    worded: Found = Found(hits=[], total=0)  # noqa: RUF009 - never changed

    def __bool__(self) -> bool:
        """Whether anything is of like meaning."""
        return bool(self.alike)

    @property
    def _is_whole(self) -> bool:
        """Whether we hold all that has the words. Else only its order is changed, and nothing is added to it."""
        return self.worded.total <= REACHABLE

    def search(self, plan: Plan) -> Found:
        """A page of what the words and the meaning find. See `Backend.search`."""
        if not self:
            return self.backend.search(plan)
        if self._is_whole:
            worded = [hit for hit in self.worded.hits if _passes(hit, plan.filters)]
            alike = [hit for hit in self.alike if _passes(hit, plan.filters)]
            more = 0
        else:
            found = self.backend.search(replace(plan, offset=0, limit=REACHABLE), with_places=False)
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
        """How many entries `search` finds in each value of each facet. See `Backend.facets`."""
        if not self or not self._is_whole:
            return self.backend.facets(plan)
        counts: dict[str, Counter[str]] = {facet.name: Counter() for facet in offered_facets()}
        for hit in {_key(hit): hit for hit in (*self.alike, *self.worded.hits)}.values():
            for facet, count in counts.items():
                if _passes(hit, plan.filters, but=facet):
                    count.update(_values(hit, facet))
        return counts

    def only_by_meaning(self, hits: Iterable[BackendHit]) -> bool:
        """Whether there are hits and none of them holds enough of the words."""
        if not self:
            return False
        known = {_key(hit) for hit in self.worded.hits}
        return self._is_whole and bool(hits) and not any(_key(hit) in known for hit in hits)

    def _with_places(self, hits: Sequence[BackendHit], plan: Plan) -> list[BackendHit]:
        """The hits with the places of the words. Those of like meaning may hold some of them, too."""
        if not plan.terms:
            return list(hits)
        places = {_key(hit): hit.places for hit in self.backend.fetch([_key(hit) for hit in hits], plan)}
        return [replace(hit, places=places.get(_key(hit), {})) for hit in hits]


def with_meaning(backend: Backend, text: str, plan: Plan) -> Hybrid:
    """The index for one question: as it is where the extra is off, nothing is of like meaning, or meaning fails.

    Two queries where something is. What the audiences may not read is left out by the index, as always.
    """
    keys = [(near.kind, near.object_id, near.language) for near in nearest(text, audiences=plan.audiences)]
    if not keys:
        return Hybrid(backend)
    found = {_key(hit): hit for hit in backend.fetch(keys, replace(plan, terms=(), filters=Filters()))}
    alike = [found[key] for key in keys if key in found]
    if not alike or not plan.terms:
        return Hybrid(backend, alike)
    worded = backend.search(replace(plan, filters=Filters(), offset=0, limit=REACHABLE), with_places=False)
    return Hybrid(backend, alike, worded)


def _key(hit: BackendHit) -> EntryKey:
    return hit.kind, hit.object_id, hit.language


def _values(hit: BackendHit, facet: str) -> Collection[str]:
    """What the entry is found under in a facet."""
    if facet == KIND.name:
        return (hit.kind,)
    return (hit.language,) if facet == LANGUAGE.name else hit.facets.get(facet, ())


def _passes(hit: BackendHit, filters: Filters, *, but: str = "") -> bool:
    """Whether the reader's filters leave the entry; what was chosen in the facet `but` is not asked."""
    since = filters.updated_since
    if since and not (hit.updated and hit.updated >= since):
        return False
    return all(facet == but or set(wanted) & set(_values(hit, facet)) for facet, wanted in filters.items())
