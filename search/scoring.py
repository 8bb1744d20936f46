"""How strongly an entry is about a term: BM25F, worked out once when the entry is indexed.

For each field the frequency of a term is evened out by the field's length (three words of ten say more than three of
a thousand), weighted, and summed; the sum saturates. What is left for the moment of the search is the term's rarity.
The usual lengths are constants, not averages over the index: a score then depends on the entry alone, entries can be
indexed one by one, and every database ranks alike.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from portal.core.text import ZWNJ, fold
from search import analysis
from search.backends import BODY, SHORT_ANSWER, TITLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.backends import Place
    from search.documents import SearchEntry


@dataclass(frozen=True, slots=True)
class FieldScoring:
    """`weight` of a field, its `usual_length` in words, and how far length counts (`length_share`, 0 to 1)."""

    weight: float
    usual_length: float
    length_share: float


KEYWORDS: Final = "keywords"
FIELDS: Final[dict[str, FieldScoring]] = {
    TITLE: FieldScoring(weight=3.0, usual_length=6, length_share=0.4),
    SHORT_ANSWER: FieldScoring(weight=1.4, usual_length=30, length_share=0.5),
    BODY: FieldScoring(weight=1.0, usual_length=150, length_share=0.6),
    KEYWORDS: FieldScoring(weight=1.5, usual_length=6, length_share=0.3),
}
#: How soon more occurrences stop to count.
SATURATION: Final = 1.2
#: A field much shorter than usual counts as this share of the usual length: a text of two words is no better title.
SHORTEST: Final = 0.5
#: The impact of a term that could not be stronger.
FULL_IMPACT: Final = 10_000
#: Rarities are integers, too, in thousandths.
RARITY_UNIT: Final = 1000

#: Occurrences remembered per term and field, for highlights; a snippet needs the first few.
_MAX_PLACES: Final = 10
_FIELD_NAMES: Final = list(FIELDS)


@dataclass(slots=True)
class AnalysedEntry:
    """What the index stores of an entry's text: the impact and places of each term, the stem and spelling of each word."""

    impacts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    words: dict[str, tuple[str, str]] = field(default_factory=dict)

    def spans(self, term: str) -> str:
        """The places of a term as text: field number, start and end, joined by dots; separated by spaces."""
        return " ".join(f"{number}.{start}.{end}" for number, start, end in self.places.get(term, ()))


def analyse_entry(entry: SearchEntry) -> AnalysedEntry:
    """Everything the index stores of the entry's texts."""
    texts = {
        TITLE: entry.title,
        SHORT_ANSWER: entry.short_answer,
        BODY: entry.body,
        KEYWORDS: entry.keywords,
    }
    analysed = AnalysedEntry()
    weighted: dict[str, float] = defaultdict(float)
    for number, name in enumerate(_FIELD_NAMES):
        _analyse_field(analysed, weighted, number, texts[name], entry.language)
    for term, frequency in weighted.items():
        analysed.impacts[term] = round(FULL_IMPACT * frequency / (frequency + SATURATION))
    return analysed


def _analyse_field(analysed: AnalysedEntry, weighted: dict[str, float], number: int, text: str, language: str) -> None:
    scoring = FIELDS[_FIELD_NAMES[number]]
    counts: dict[str, int] = defaultdict(int)
    length = 0
    for token in analysis.tokens(text, language=language):
        counts[token.text] += 1
        length += token.width == 1
        if token.word not in analysed.words:
            analysed.words[token.word] = (token.text, _spelling(token, text))
        if counts[token.text] <= _MAX_PLACES and _FIELD_NAMES[number] != KEYWORDS:
            analysed.places[token.text].append((number, token.start, token.end))
    relative_length = max(length / scoring.usual_length, SHORTEST)
    evening = 1 - scoring.length_share + scoring.length_share * relative_length
    for term, count in counts.items():
        weighted[term] += scoring.weight * count / evening


def _spelling(token: analysis.Token, text: str) -> str:
    """The word as the author wrote it; folded, where the place holds more than the word (its endings)."""
    spelling = text[token.start : token.end]
    letters = fold(spelling).replace(ZWNJ, "") if len(spelling) <= 2 * len(token.word) else ""
    return spelling if letters == token.word else token.word


def read_spans(spans: str) -> Mapping[str, list[Place]]:
    """The places by field, from what `AnalysedEntry.spans` wrote."""
    places: dict[str, list[Place]] = defaultdict(list)
    for span in spans.split():
        number, start, end = span.split(".")
        places[_FIELD_NAMES[int(number)]].append((int(start), int(end)))
    return places


def rarity(frequency: int, size: int) -> int:
    """The weight of a term that `frequency` of `size` entries hold: BM25's inverse document frequency, at least 1."""
    frequency = min(frequency, size)
    return max(1, round(RARITY_UNIT * math.log(1 + (size - frequency + 0.5) / (frequency + 0.5))))
