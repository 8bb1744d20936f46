"""Which entries answer a plan, and how well: whole numbers worked out from postings, the same on every database.

Reading a word that stands in every third entry costs more than all the rest, so it is avoided where the answer does not
need it: an entry that holds enough of the words holds one of the rarest of them, and only the blocks of such entries are
read of the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from search.backends import FULL_WEIGHT, blocks, sql
from search.scoring import facet_term, rarity

if TYPE_CHECKING:
    from search.backends import Filters, Plan, QueryTerm
    from search.backends.blocks import Heading, Postings

#: Postings that are read at once without further thought.
_LITTLE: Final = 20_000
#: Postings read of unfinished words while a person types.
_WHILE_TYPING: Final = 30_000
#: A narrowed reading asks for at most so many blocks.
_MAX_BLOCKS: Final = 2_000


@dataclass(slots=True)
class Matching:
    """The entries of one kind and language that answer: score and number of words of each, by key."""

    scores: Postings
    matched: Postings


def for_typing(plan: Plan, counts: Mapping[str, int]) -> Plan:
    """The plan with as many of the words an unfinished one may become as can be read quickly; at least one each."""
    left = _WHILE_TYPING
    kept: list[QueryTerm] = []
    answered: set[int] = set()
    for term in plan.terms:
        if left > 0 or not answered.issuperset(term.words):
            kept.append(term)
            answered.update(term.words)
            left -= counts.get(term.text, 0)
    return replace(plan, terms=tuple(kept))


def find(plan: Plan, filters: Filters, *, while_typing: bool = False) -> dict[Heading, Matching]:
    """The entries that hold enough of the words, of the kinds and languages of `filters`; at most four queries.

    How many words are enough is decided in each language by itself, so that the number of results in another
    language is the number its reader would see. `while_typing`, of many words that an unfinished one may become some
    are left out.
    """
    where = _Where(plan.audiences, filters.languages)
    if sum(term.frequency for term in plan.terms) <= _LITTLE:
        found = _enough(plan, _all_terms(plan, where))
    else:
        counts = _counts(_texts(plan.terms))
        if while_typing:
            plan = for_typing(plan, counts)
        found = _holding_required(plan, where, counts)
        languages = {language for _kind, language in found}
        if not filters.languages or languages != set(filters.languages):
            rest = _all_terms(plan, replace(where, but_languages=tuple(sorted(languages))))
            found |= _enough(plan, rest)
    return {heading: match for heading, match in found.items() if not filters.kinds or heading[0] in filters.kinds}


def _counts(texts: Collection[str]) -> dict[str, int]:
    """In how many entries each term stands; of words an unfinished one may become, the plan knows only the sum."""
    statement = f"SELECT text, entry_count FROM {sql.TERM} WHERE text IN ({sql.placeholders(texts)})"  # noqa: S608 - our name
    return dict(sql.fetch(statement, list(texts)))


@dataclass(frozen=True, slots=True)
class _Where:
    audiences: Collection[str]
    languages: Collection[str]
    but_languages: Collection[str] = ()

    def read(
        self, texts: Collection[str], numbers: Collection[int] | None = None
    ) -> dict[Heading, dict[str, Postings]]:
        return blocks.read(
            texts, audiences=self.audiences, languages=self.languages, but_languages=self.but_languages, numbers=numbers
        )


def _texts(terms: Iterable[QueryTerm]) -> set[str]:
    return {text for term in terms for text in (term.text, *term.beside)}


def _all_terms(plan: Plan, where: _Where) -> dict[Heading, Matching]:
    """Every entry that holds any of the words."""
    found = where.read(_texts(plan.terms))
    return {heading: _matching(plan, postings, None) for heading, postings in found.items()}


def _enough(plan: Plan, found: Mapping[Heading, Matching]) -> dict[Heading, Matching]:
    """Without the entries that hold too few of the words, measured by the best of their language."""
    most: dict[str, int] = defaultdict(int)
    for (_kind, language), match in found.items():
        most[language] = max(most[language], *match.matched.values(), 0)
    return {
        (kind, language): _at_least(
            match, plan.required if most[language] >= plan.required else (most[language] + 1) // 2
        )
        for (kind, language), match in found.items()
    }


def _at_least(match: Matching, words: int) -> Matching:
    if words <= 1:
        return match
    scores = match.scores
    kept = {pk: scores[pk] for pk, matched in match.matched.items() if matched >= words}
    return Matching(kept, match.matched)


def _holding_required(plan: Plan, where: _Where, counts: Mapping[str, int]) -> dict[Heading, Matching]:
    """The entries that hold as many words as the plan requires, led by its rarest words; of some languages perhaps none."""
    terms_of: dict[int, list[QueryTerm]] = defaultdict(list)
    for term in plan.terms:
        for word in term.words:
            terms_of[word].append(term)
    rarest = sorted(terms_of, key=lambda word: (sum(counts.get(term.text, 0) for term in terms_of[word]), word))
    leading = {term for word in rarest[: len(rarest) - plan.required + 1] for term in terms_of[word]}
    found = where.read(_texts(leading))
    candidates = {heading: set().union(*postings.values()) for heading, postings in found.items()}
    others = _texts(plan.terms) - _texts(leading)
    if others and candidates:
        numbers = {pk >> blocks.BLOCK_BITS for pks in candidates.values() for pk in pks}
        narrowed = sorted(numbers) if len(numbers) <= _MAX_BLOCKS else None
        for heading, postings in where.read(others, narrowed).items():
            if heading in found:
                found[heading].update(postings)
    matching = {heading: _matching(plan, postings, candidates[heading]) for heading, postings in found.items()}
    kept = {heading: _at_least(match, plan.required) for heading, match in matching.items()}
    if plan.required == 1:
        return kept
    languages = {language for (_kind, language), match in kept.items() if match.scores}
    return {heading: match for heading, match in kept.items() if heading[1] in languages}


def _matching(plan: Plan, postings: Mapping[str, Postings], candidates: set[int] | None) -> Matching:
    """Scores and numbers of words of the candidates, or of all entries that hold a word."""
    found: list[tuple[QueryTerm, int, Postings]] = []
    holding: dict[int, list[Postings]] = defaultdict(list)
    for term in plan.terms:
        if held := _held(term, postings, candidates):
            found.append((term, max(1, rarity(term.frequency, plan.size) * term.weight // FULL_WEIGHT), held))
            for word in term.words:
                holding[word].append(held)
    has_synonyms = any(term.weight != FULL_WEIGHT for term in plan.terms)
    scores = _scores_with_synonyms(found) if has_synonyms else _scores(found)
    if len(holding) == 1:
        return Matching(scores, dict.fromkeys(scores, 1))
    matched: Postings = {}
    for held_by_terms in holding.values():
        held_word: Iterable[int] = held_by_terms[0] if len(held_by_terms) == 1 else set().union(*held_by_terms)
        for pk in held_word:
            matched[pk] = matched.get(pk, 0) + 1
    return Matching(scores, matched)


def _scores(found: Iterable[tuple[QueryTerm, int, Postings]]) -> Postings:
    scores: Postings = {}
    for _term, weight, held in found:
        if not scores:
            scores = {pk: weight * impact for pk, impact in held.items()}
            continue
        for pk, impact in held.items():
            scores[pk] = scores.get(pk, 0) + weight * impact
    return scores


def _scores_with_synonyms(found: Iterable[tuple[QueryTerm, int, Postings]]) -> Postings:
    """For each word what its own terms say, or the strongest synonym where that says more.

    The weight of a term that answers several words is shared out among them.
    """
    own: dict[int, Postings] = defaultdict(dict)
    other: dict[int, Postings] = defaultdict(dict)
    for term, weight, held in found:
        shares = len(term.words)
        for place, word in enumerate(term.words):
            share = weight * (place + 1) // shares - weight * place // shares
            if term.weight == FULL_WEIGHT:
                scores = own[word]
                for pk, impact in held.items():
                    scores[pk] = scores.get(pk, 0) + share * impact
            else:
                scores = other[word]
                for pk, impact in held.items():
                    scores[pk] = max(scores.get(pk, 0), share * impact)
    total: Postings = defaultdict(int)
    for word in own.keys() | other.keys():
        typed, instead = own.get(word, {}), other.get(word, {})
        for pk in typed.keys() | instead.keys():
            total[pk] += max(typed.get(pk, 0), instead.get(pk, 0))
    return dict(total)


def _held(term: QueryTerm, postings: Mapping[str, Postings], candidates: set[int] | None) -> Postings:
    """The postings of a term that count: of candidates, and of entries that hold what it must stand beside."""
    held = postings.get(term.text, {})
    company = [postings.get(text, {}).keys() for text in term.beside]
    if candidates is not None and len(candidates) < len(held):
        held = {pk: held[pk] for pk in candidates & held.keys()}
    if company:
        held = {pk: impact for pk, impact in held.items() if all(pk in pks for pks in company)}
    return held


def with_values(plan: Plan, filters: Filters, *, but: str = "") -> set[int] | None:
    """The entries that have the products and topics that were chosen; none at all where nothing was. One query."""
    chosen = {
        name: [facet_term(name, value) for value in values]
        for name, values in (("product", filters.products), ("topic", filters.topics))
        if values and name != but
    }
    if not chosen:
        return None
    found = blocks.read([text for texts in chosen.values() for text in texts], audiences=plan.audiences)
    allowed = [
        {pk for postings in found.values() for text in texts for pk in postings.get(text, ())}
        for texts in chosen.values()
    ]
    return set.intersection(*allowed)
