"""Synonyms, applied at query time: other words and phrases that also answer the words of a question.

The synonyms of editors (`search.models.Synonym`) and those of the starter list (`search.asking.starters`) are read once
and cached until one of them changes. Words and phrases are looked up as typed; what is found is not looked up again, so
that there are no chains.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from portal.core.memo import LONG_SECONDS, Memo
from search.asking import starters
from search.index.plan import FULL_WEIGHT, QueryTerm
from search.language.phrases import Phrase
from search.models import Synonym

if TYPE_CHECKING:
    from search.language.analysis import Token

#: Weight of a synonym in per mille of the weight of the word itself.
SYNONYM_WEIGHT: Final = FULL_WEIGHT * 7 // 10
#: The same of the starter list, which knows nothing of the texts it is used on.
STARTER_WEIGHT: Final = FULL_WEIGHT * 5 // 10
#: Maximum number per question; more are left out, so that a text full of words with synonyms stays small.
MAX_ALTERNATIVES: Final = 48
#: Number of words that a beginning of at least so many letters may become.
_MAX_BEGUN: Final = 8
_SHORTEST_BEGINNING: Final = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """For each first stem of a phrase: the forms of phrases that begin with it, the phrases they find, their weight."""

    by_stem: Mapping[str, Sequence[tuple[tuple[str, ...], Phrase, int]]] = field(default_factory=dict)
    #: The stems that are a phrase by themselves, sorted.
    words: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.by_stem)

    def beginning_with(self, beginning: str) -> Sequence[str]:
        """The first few of the words that a word that is still being typed may become, without itself."""
        start = bisect.bisect_right(self.words, beginning)
        return [word for word in self.words[start : start + _MAX_BEGUN] if word.startswith(beginning)]


NO_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Alternative:
    """A phrase that also answers some words of a question; `typed` holds the stems of those words."""

    phrase: Phrase
    words: tuple[int, ...]
    typed: tuple[str, ...]
    weight: int = SYNONYM_WEIGHT

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
                weight=self.weight,
                beside=tuple(sorted(set(form) - {rarest})),
            )


def rules_for(language: str) -> Rules:
    """The active synonyms for readers of a language. Two queries, cached until a synonym changes."""

    def read() -> Rules:
        return rules_of(Synonym.objects.filter(language=language, is_active=True), starters.in_use(language))

    return _rules.get(language, read)


_rules: Final[Memo[Rules]] = Memo(max_size=16, seconds=LONG_SECONDS, scopes=("search:synonyms",))


def rules_of(synonyms: Iterable[Synonym], of_list: Iterable[Synonym] = ()) -> Rules:
    """The rules for these synonyms of editors, and these of the starter list; within both, their order does not matter.

    A pair that editors wrote as well has the weight of theirs.
    """
    by_stem: dict[str, dict[tuple[tuple[str, ...], str], tuple[Phrase, int]]] = defaultdict(dict)
    weighed = [(each, SYNONYM_WEIGHT) for each in synonyms] + [(each, STARTER_WEIGHT) for each in of_list]
    for synonym, weight in weighed:
        for searched, found in synonym.pairs():
            for form in searched.forms:
                known, known_weight = by_stem[form[0]].setdefault((form, found.key), (found, weight))
                if known_weight == weight and found.text < known.text:  # of several spellings, always take the same one
                    by_stem[form[0]][form, found.key] = found, weight
    rows = {
        stem: [(form, *found) for (form, _key), found in sorted(of_stem.items(), key=lambda row: row[0])]
        for stem, of_stem in by_stem.items()
    }
    return Rules(rows, sorted({form[0] for some in rows.values() for form, *_found in some if len(form) == 1}))


def alternatives(found: Sequence[Token], rules: Rules) -> tuple[Alternative, ...]:
    """The synonyms of the words of an analysed question, in the order of the words."""
    if not rules:
        return ()
    made: dict[tuple[str, tuple[int, ...]], Alternative] = {}
    for words, form in _spans(found, rules):
        _add(made, rules, form, words)
    return _strongest(made.values())


def begun(found: Sequence[Token], rules: Rules, beginning: str) -> tuple[Alternative, ...]:
    """The synonyms of the words that the last word may become, of which only this beginning has been typed."""
    last = max((token.position for token in found if token.width == 1), default=None)
    if last is None or len(beginning) < _SHORTEST_BEGINNING:
        return ()
    made: dict[tuple[str, tuple[int, ...]], Alternative] = {}
    for word in rules.beginning_with(beginning):
        _add(made, rules, (word,), (last,))
    return tuple(made.values())[:_MAX_BEGUN]


def _add(
    made: dict[tuple[str, tuple[int, ...]], Alternative], rules: Rules, form: tuple[str, ...], words: tuple[int, ...]
) -> None:
    """Add to `made` what these words of the question, which have this form, also find."""
    for candidate, phrase, weight in rules.by_stem[form[0]]:
        if candidate == form:
            alternative = Alternative(phrase, words, form, weight)
            if alternative.adds_something:
                made.setdefault((phrase.key, words), alternative)


def _strongest(made: Iterable[Alternative]) -> tuple[Alternative, ...]:
    """As many as are used; those of editors first where there are too many."""
    numbered = list(enumerate(made))
    if len(numbered) > MAX_ALTERNATIVES:
        kept = sorted(numbered, key=lambda each: -each[1].weight)[:MAX_ALTERNATIVES]
        numbered = sorted(kept, key=lambda each: each[0])
    return tuple(alternative for _number, alternative in numbered)


def _spans(found: Sequence[Token], rules: Rules) -> Iterator[tuple[tuple[int, ...], tuple[str, ...]]]:
    """Every (words, stems) of the question that is a form of a phrase: neighbouring words, or two words joined."""
    stems: dict[int, list[str]] = defaultdict(list)
    for token in found:
        if token.width == 1:
            stems[token.position].append(token.text)
    numbers = sorted(stems)
    for place, number in enumerate(numbers):
        for stem in stems[number]:
            for form in dict.fromkeys(form for form, *_found in rules.by_stem.get(stem, ())):
                words = tuple(numbers[place : place + len(form)])
                if len(words) == len(form) and all(map(_holds, words, form, [stems] * len(form))):
                    yield words, form
    for token in found:
        form = (token.text,)
        if token.width > 1 and any(form == known for known, *_found in rules.by_stem.get(token.text, ())):
            covered = [number for number in numbers if token.position <= number < token.position + token.width]
            yield tuple(covered) or (token.position,), form


def _holds(number: int, stem: str, stems: Mapping[int, Sequence[str]]) -> bool:
    return stem in stems[number]
