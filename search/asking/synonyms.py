"""Synonyms, applied at query time: other words and phrases that also answer the words of a question.

The synonyms of editors (`search.models.Synonym`) are read once and cached until one of them changes. Words and phrases
are looked up as typed; what is found is not looked up again, so that there are no chains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from portal.core.memo import LONG_SECONDS, Memo
from search.index.plan import FULL_WEIGHT, QueryTerm
from search.language.phrases import Phrase
from search.models import Synonym

if TYPE_CHECKING:
    from search.language.analysis import Token

#: Weight of a synonym in per mille of the weight of the word itself.
SYNONYM_WEIGHT: Final = FULL_WEIGHT * 7 // 10
#: Maximum number per question; more are left out, so that a text full of words with synonyms stays small.
MAX_ALTERNATIVES: Final = 48


@dataclass(frozen=True, slots=True)
class Rules:
    """For each first stem of a phrase: the forms of phrases that begin with it, and the phrases they also find."""

    by_stem: Mapping[str, Sequence[tuple[tuple[str, ...], Phrase]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_stem)


NO_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Alternative:
    """A phrase that also answers some words of a question; `typed` holds the stems of those words."""

    phrase: Phrase
    words: tuple[int, ...]
    typed: tuple[str, ...]

    @property
    def adds_something(self) -> bool:
        """Whether it can find entries the typed words do not: «رمز عبور» finds nothing that «رمز» does not."""
        return not any(set(form) >= set(self.typed) for form in self.phrase.forms)

    def known_forms(self, known: Mapping[str, int]) -> list[tuple[str, ...]]:
        """The forms all of whose stems are in the index."""
        return [form for form in self.phrase.forms if all(stem in known for stem in form)]

    def terms(self, known: Mapping[str, int]) -> Iterator[QueryTerm]:
        """The terms to search for. A phrase is searched for by its rarest word, which counts only beside the others.

        Its document frequency is at least that of the typed words: a rare synonym must not count more than the word.
        """
        typed = min(known.get(stem, 0) for stem in self.typed)
        for form in self.known_forms(known):
            rarest = min(form, key=lambda stem: (known[stem], stem))
            yield QueryTerm(
                text=rarest,
                words=self.words,
                frequency=max(known[rarest], typed),
                weight=SYNONYM_WEIGHT,
                beside=tuple(sorted(set(form) - {rarest})),
            )


def rules_for(language: str) -> Rules:
    """The active synonyms for readers of a language. One query, cached until a synonym changes."""
    return _rules.get(language, lambda: rules_of(Synonym.objects.filter(language=language, is_active=True)))


_rules: Final[Memo[Rules]] = Memo(max_size=16, seconds=LONG_SECONDS, scopes=("search:synonyms",))


def rules_of(synonyms: Iterable[Synonym]) -> Rules:
    """The rules for these synonyms, whose order does not matter."""
    by_stem: dict[str, dict[tuple[tuple[str, ...], str], Phrase]] = defaultdict(dict)
    for synonym in synonyms:
        for searched, found in synonym.pairs():
            for form in searched.forms:
                known = by_stem[form[0]].setdefault((form, found.key), found)
                if found.text < known.text:  # of several spellings, always take the same one
                    by_stem[form[0]][form, found.key] = found
    return Rules(
        {
            stem: [(form, found) for (form, _key), found in sorted(rows.items(), key=lambda row: row[0])]
            for stem, rows in by_stem.items()
        }
    )


def alternatives(found: Sequence[Token], rules: Rules) -> tuple[Alternative, ...]:
    """The synonyms of the words of an analysed question, in the order of the words."""
    if not rules:
        return ()
    made: dict[tuple[str, tuple[int, ...]], Alternative] = {}
    for words, form in _spans(found, rules):
        for candidate, phrase in rules.by_stem[form[0]]:
            if candidate == form:
                alternative = Alternative(phrase, words, form)
                if alternative.adds_something:
                    made.setdefault((phrase.key, words), alternative)
    return tuple(made.values())[:MAX_ALTERNATIVES]


def _spans(found: Sequence[Token], rules: Rules) -> Iterator[tuple[tuple[int, ...], tuple[str, ...]]]:
    """Every (words, stems) of the question that is a form of a phrase: neighbouring words, or two words joined."""
    stems: dict[int, list[str]] = defaultdict(list)
    for token in found:
        if token.width == 1:
            stems[token.position].append(token.text)
    numbers = sorted(stems)
    for place, number in enumerate(numbers):
        for stem in stems[number]:
            for form in dict.fromkeys(form for form, _found in rules.by_stem.get(stem, ())):
                words = tuple(numbers[place : place + len(form)])
                if len(words) == len(form) and all(map(_holds, words, form, [stems] * len(form))):
                    yield words, form
    for token in found:
        form = (token.text,)
        if token.width > 1 and any(form == known for known, _found in rules.by_stem.get(token.text, ())):
            covered = [number for number in numbers if token.position <= number < token.position + token.width]
            yield tuple(covered) or (token.position,), form


def _holds(number: int, stem: str, stems: Mapping[int, Sequence[str]]) -> bool:
    return stem in stems[number]
