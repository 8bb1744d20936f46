"""The entries that match a plan, and their scores: integers computed from postings, the same on every database.

Reading the postings of a word that occurs in every third entry costs more than everything else, so it is avoided if the
result does not depend on it: an entry with enough of the question contains one of the rarest words, so of the more
frequent ones only the blocks of such entries are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Final

import numpy as np

from search.index.embedded import blocks, sql
from search.index.embedded.blocks import Held
from search.index.plan import FULL_WEIGHT, few_words
from search.index.rarity import rarity
from search.index.scoring import facet_term

if TYPE_CHECKING:
    from search.index.embedded.blocks import Heading
    from search.index.plan import Filters, Plan, QueryTerm

#: Up to so many postings, all terms are read completely.
_LITTLE: Final = 60_000
#: Number of postings read for completions while a person types.
_WHILE_TYPING: Final = 20_000
#: Maximum number of blocks that a query is restricted to.
_MAX_BLOCKS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Matching:
    """The matching entries of one kind and language: sorted primary keys, scores, numbers and weight of words held."""

    pks: np.ndarray
    scores: np.ndarray
    matched: np.ndarray
    held: np.ndarray

    def only(self, kept: np.ndarray) -> Matching:
        """The entries for which `kept` is true."""
        return Matching(self.pks[kept], self.scores[kept], self.matched[kept], self.held[kept])


def joined(matches: Iterable[Matching]) -> Matching:
    """All of them as one; they must be disjoint."""
    nothing: np.ndarray = np.empty(0, np.int64)
    some = [Matching(nothing, nothing, np.empty(0, np.int16), nothing), *matches]
    return Matching(
        *(np.concatenate([getattr(match, name) for match in some]) for name in ("pks", "scores", "matched", "held"))
    )


def for_typing(plan: Plan, counts: Mapping[str, int]) -> Plan:
    """The plan with only so many completions as can be read quickly, but at least one term for each word."""
    left = _WHILE_TYPING
    kept: list[QueryTerm] = []
    answered: set[int] = set()
    for term in plan.terms:
        if left > 0 or not answered.issuperset(term.words):
            kept.append(term)
            answered.update(term.words)
            left -= counts.get(term.text, 0)
    return replace(plan, terms=tuple(kept))


def find(plan: Plan, filters: Filters) -> dict[Heading, Matching]:
    """The entries with enough of the words, in the kinds and languages of `filters`; at most four queries.

    How many words are enough is decided for each language separately, so that the number of results shown for another
    language is the number its readers would see. For an unfinished word, some of the completions may be left out.
    """
    where = _Where(plan.audiences, filters.languages)
    if sum(term.frequency for term in plan.terms) <= _LITTLE:
        found = _enough(plan, _all_terms(plan, where))
    else:
        if plan.is_unfinished:
            plan = for_typing(plan, _counts(_texts(plan.terms)))
        found = _holding_enough(plan, where)
        languages = {language for _kind, language in found}
        if not filters.languages or languages != set(filters.languages):
            rest = _all_terms(plan, replace(where, but_languages=tuple(sorted(languages))))
            found |= _enough(plan, rest)
    return {heading: match for heading, match in found.items() if not filters.kinds or heading[0] in filters.kinds}


def _counts(texts: Collection[str]) -> dict[str, int]:
    """The document frequency of each term; for completions, the plan contains only their sum."""
    statement = f"SELECT text, entry_count FROM {sql.TERM} WHERE text IN ({sql.placeholders(texts)})"  # noqa: S608 - our name
    return dict(sql.fetch(statement, list(texts)))


@dataclass(frozen=True, slots=True)
class _Where:
    audiences: Collection[str]
    languages: Collection[str]
    but_languages: Collection[str] = ()

    def read(self, texts: Collection[str], numbers: Collection[int] | None = None) -> dict[Heading, dict[str, Held]]:
        return blocks.read(
            texts, audiences=self.audiences, languages=self.languages, but_languages=self.but_languages, numbers=numbers
        )


def _texts(terms: Iterable[QueryTerm]) -> set[str]:
    return {text for term in terms for text in (term.text, *term.beside)}


def _all_terms(plan: Plan, where: _Where) -> dict[Heading, Matching]:
    """All entries with at least one of the words."""
    found = where.read(_texts(plan.terms))
    weights = plan.weights
    return {heading: _matching(plan, postings, None, weights) for heading, postings in found.items()}


def _enough(plan: Plan, found: Mapping[Heading, Matching]) -> dict[Heading, Matching]:
    """Remove entries with too little of the question; where few have enough, also keep those with some words."""
    least = plan.least
    most: dict[str, int] = defaultdict(int)
    holding: dict[str, int] = defaultdict(int)
    for (_kind, language), match in found.items():
        most[language] = max(most[language], int(match.matched.max(initial=0)))
        holding[language] += int((match.held >= least).sum())
    kept = {}
    for (kind, language), match in found.items():
        enough = match.held >= least
        if holding[language] < plan.wanted:
            enough |= match.matched >= few_words(most[language])
        kept[kind, language] = match.only(enough)
    return kept


def _holding_enough(plan: Plan, where: _Where) -> dict[Heading, Matching]:
    """The entries with enough of the question, found by its rarest words; languages with few of them are left out.

    The rarest words are those without which the rest does not weigh enough.
    """
    terms_of: dict[int, list[QueryTerm]] = defaultdict(list)
    for term in plan.terms:
        for word in term.words:
            terms_of[word].append(term)
    least, weights = plan.least, plan.weights
    rarest = sorted(terms_of, key=lambda word: (-weights[word], word))
    count = next(
        number for number in range(1, len(rarest) + 1) if sum(weights[word] for word in rarest[number:]) < least
    )
    leading = {term for word in rarest[:count] for term in terms_of[word]}
    found = where.read(_texts(leading))
    candidates = {heading: _all_of(postings.values()) for heading, postings in found.items()}
    others = _texts(plan.terms) - _texts(leading)
    if others and candidates:
        numbers = np.unique(np.concatenate(list(candidates.values())) >> blocks.BLOCK_BITS).tolist()
        narrowed = numbers if len(numbers) <= _MAX_BLOCKS else None
        for heading, postings in where.read(others, narrowed).items():
            if heading in found:
                found[heading].update(postings)
    matching = {heading: _matching(plan, postings, candidates[heading], weights) for heading, postings in found.items()}
    kept = {heading: match.only(match.held >= least) for heading, match in matching.items()}
    holding: dict[str, int] = defaultdict(int)
    for (_kind, language), match in kept.items():
        holding[language] += len(match.pks)
    return {heading: match for heading, match in kept.items() if holding[heading[1]] >= plan.wanted}


def _all_of(postings: Iterable[Held]) -> np.ndarray:
    """The sorted primary keys of all entries with at least one of the terms."""
    some = [held.pks for held in postings if len(held)]
    # Primary keys are dense: a bitmap is much cheaper than sorting.
    holds: np.ndarray = np.zeros(max((int(pks.max()) for pks in some), default=0) + 1, bool)
    for pks in some:
        holds[pks] = True
    return np.flatnonzero(holds)


def _matching(
    plan: Plan, postings: Mapping[str, Held], candidates: np.ndarray | None, weights: Mapping[int, int]
) -> Matching:
    """Scores and numbers of words of the candidates, or of all entries with at least one of the words."""
    pks = candidates
    if pks is None:
        pks = _all_of(postings[term.text] for term in plan.terms if term.text in postings)
    found = list(_found(plan, postings, pks))
    holding: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(len(pks), bool))
    for part in found:
        for word in part.words:
            holding[word][part.where] = True
    matched: np.ndarray = np.zeros(len(pks), np.int16)
    held: np.ndarray = np.zeros(len(pks), np.int64)
    for word, holds in holding.items():
        matched += holds
        held += weights[word] * holds
    has_synonyms = any(not part.is_typed for part in found)
    scores = _scores_with_synonyms(found, len(pks)) if has_synonyms else _scores(found, len(pks))
    return Matching(pks, scores, matched, held).only(matched > 0)


@dataclass(frozen=True, slots=True)
class _Part:
    """Terms that answer the same words with the same weight: indexes of entries among all matches, and impacts.

    An entry occurs once for each of the terms it contains. `is_typed` is False for a synonym.
    """

    words: tuple[int, ...]
    weight: int
    is_typed: bool
    where: np.ndarray
    impacts: np.ndarray


def _found(plan: Plan, postings: Mapping[str, Held], pks: np.ndarray) -> Iterator[_Part]:
    """The postings of the terms, merged where words and weight are equal, as for the up to thirty completions."""
    if not len(pks):
        return
    places: np.ndarray = np.zeros(int(pks[-1]) + 1, np.int32)
    places[pks] = np.arange(len(pks))
    alike: dict[tuple[tuple[int, ...], int, bool, str], list[Held]] = defaultdict(list)
    for term in plan.terms:
        if held := postings.get(term.text):
            weight = max(1, rarity(term.frequency, plan.size) * term.weight // FULL_WEIGHT)
            is_typed = term.weight == FULL_WEIGHT
            for text in term.beside:
                others = postings[text].pks if text in postings else np.empty(0, np.int64)
                held = held.only(np.isin(held.pks, others, assume_unique=True))
            alike[term.words, weight, is_typed, "" if is_typed else term.text].append(held)
    for (words, weight, is_typed, _text), some in alike.items():
        held = some[0] if len(some) == 1 else Held.joined(some)
        where: np.ndarray = places.take(held.pks, mode="clip")
        stand = pks[where] == held.pks
        yield _Part(words, weight, is_typed, where[stand], held.impacts[stand])


def _scores(found: Iterable[_Part], count: int) -> np.ndarray:
    scores: np.ndarray = np.zeros(count, np.int64)
    for part in found:
        scores += part.weight * _sums(part, count)
    return scores


def _sums(part: _Part, count: int) -> np.ndarray:
    """The sum of impacts per entry: integers far below 2⁵³, so that the floats used meanwhile are exact."""
    return np.bincount(part.where, part.impacts, count).astype(np.int64)


def _scores_with_synonyms(found: Iterable[_Part], count: int) -> np.ndarray:
    """Scores where each word counts by its own terms, or by its strongest synonym if that scores more.

    The weight of a term that answers several words is divided among them.
    """
    own: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(count, np.int64))
    other: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(count, np.int64))
    for part in found:
        shares = len(part.words)
        sums = _sums(part, count)
        for place, word in enumerate(part.words):
            share = part.weight * (place + 1) // shares - part.weight * place // shares
            if part.is_typed:
                own[word] += share * sums
            else:
                other[word] = np.maximum(other[word], share * sums)
    total: np.ndarray = np.zeros(count, np.int64)
    for word in own.keys() | other.keys():
        total += np.maximum(own[word], other[word])
    return total


def with_values(plan: Plan, filters: Filters, *, but: str = "") -> np.ndarray | None:
    """The sorted primary keys of the entries that pass the filters on declared facets, except that on `but`.

    Returns None if there are no such filters. One query.
    """
    chosen = {
        name: [facet_term(name, value) for value in values] for name, values in filters.declared.items() if name != but
    }
    if not chosen:
        return None
    found = blocks.read([text for texts in chosen.values() for text in texts], audiences=plan.audiences)
    allowed = [
        _all_of(postings[text] for postings in found.values() for text in texts if text in postings)
        for texts in chosen.values()
    ]
    return reduce(partial(np.intersect1d, assume_unique=True), allowed)
