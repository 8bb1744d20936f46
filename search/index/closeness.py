"""A second look at the best entries: how much of the title a question answers, and whether its words stand together.

BM25 counts words and forgets where they stand. The first entries of a ranking are therefore read once more: a title
that the question covers and that covers the question is what somebody asks for, so that for "voucher" the title
"Voucher" comes before "How to change the voucher of a gift"; and words next to each other in the question are more
likely to mean the same thing where they are next to each other in the text. Both only add to the score.

The shares were learnt on one half of six sets of questions in two languages, and tried on the other half
(docs/decisions/0051-ranking-by-evidence.md). The same on every index: only hits and plan are used.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from search.index.entry_terms import stems_in
from search.index.plan import BODY, FULL_WEIGHT, PAGE_SIZE, SHORT_ANSWER, TITLE, Found, Sort

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from search.index.plan import BackendHit, Place, Plan
    from search.index.protocol import Backend

#: The number of entries that are looked at again; whole pages.
LOOKED_AT: Final = 2 * PAGE_SIZE
#: Per mille added to the score at most: for the title, and for words that stand together.
COVERED: Final = 900
TOGETHER: Final = 300
#: Two words stand together with at most so many words between them. A longer gap in letters is not looked at.
_BETWEEN: Final = 1
_GAP: Final = 40


def search(backend: Backend, plan: Plan, *, with_places: bool = True) -> Found:
    """A page of hits, the best entries in the order of a second look. See `Backend.search`."""
    if not plan.terms or plan.sort != Sort.RELEVANCE or plan.offset >= LOOKED_AT:
        return backend.search(plan, with_places=with_places)
    best = backend.search(replace(plan, offset=0, limit=LOOKED_AT))
    hits = in_order(best.hits, plan)
    if plan.offset + plan.limit > LOOKED_AT and best.total > LOOKED_AT:
        behind = replace(plan, offset=LOOKED_AT, limit=plan.offset + plan.limit - LOOKED_AT)
        hits += backend.search(behind, with_places=with_places).hits
    return replace(best, hits=hits[plan.offset : plan.offset + plan.limit])


def in_order(hits: Sequence[BackendHit], plan: Plan) -> list[BackendHit]:
    """The hits, which must have their places, in the order of a second look; ties keep their order."""
    asked = _Asked(plan)
    scores = {number: hit.score * (FULL_WEIGHT + asked.bonus(hit)) for number, hit in enumerate(hits)}
    return [hits[number] for number in sorted(scores, key=lambda number: -scores[number])]


class _Asked:
    """A question, as far as a second look needs it."""

    def __init__(self, plan: Plan) -> None:
        self._weights = plan.weights
        self._total = sum(self._weights.values())
        self._words: dict[str, set[int]] = defaultdict(set)
        typed: dict[int, str] = {}
        for term in plan.terms:
            if not term.beside:
                self._words[term.text].update(term.words)
            if term.weight == FULL_WEIGHT and not term.beside and len(term.words) == 1:
                typed.setdefault(term.words[0], term.text)
        words = sorted(self._weights)
        #: Neighbouring words, as far as both are known.
        self._pairs = {
            (typed[one], typed[other])
            for one, other in itertools.pairwise(words)
            if one in typed and other in typed and typed[one] != typed[other]
        }
        self._neighbours = max(len(words) - 1, 1)

    def bonus(self, hit: BackendHit) -> int:
        """Per mille to be added to the score of a hit."""
        return round(COVERED * self._title(hit)) + round(TOGETHER * self._together(hit))

    def _title(self, hit: BackendHit) -> float:
        """How well question and title cover each other, 0 to 1: the title's share counts whole, the question's less."""
        stems = stems_in(hit.title, hit.language)
        held = stems & self._words.keys()
        if not held:
            return 0.0
        words = set().union(*(self._words[stem] for stem in held))
        return len(held) / len(stems) * math.sqrt(sum(self._weights[word] for word in words) / self._total)

    def _together(self, hit: BackendHit) -> float:
        """The share of the question's neighbouring words that also stand together in one of the texts, in order."""
        if not self._pairs:
            return 0.0
        texts = {TITLE: hit.title, SHORT_ANSWER: hit.short_answer, BODY: hit.body}
        found: set[tuple[str, str]] = set()
        for name, places in hit.places.items():
            found |= self._pairs & set(_neighbours(texts.get(name, ""), places, hit.language))
        return len(found) / self._neighbours


def _neighbours(text: str, places: Sequence[Place], language: str) -> Iterator[tuple[str, str]]:
    """The stems of places that stand together in a text, in their order."""
    stems: Mapping[int, frozenset[str]] = {
        number: stems_in(text[start:end], language) for number, (start, end) in enumerate(places)
    }
    for number, (_start, end) in enumerate(places):
        for other in range(number + 1, len(places)):
            begin = places[other][0]
            if begin - end > _GAP:
                break
            if begin >= end and len(text[end:begin].split()) <= _BETWEEN:
                yield from ((one, next_) for one in stems[number] for next_ in stems[other])
