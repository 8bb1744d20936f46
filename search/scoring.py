"""How strongly an entry is about a term: BM25F, worked out once when the entry is indexed.

For each field the frequency of a term is evened out by the field's length (three words of ten say more than three of
a thousand), weighted, and summed; the sum saturates. What is left for the moment of the search is the term's rarity.
The usual lengths are constants, not averages over the index: a score then depends on the entry alone, entries can be
indexed one by one, and every database ranks alike.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from portal.core.text import ZWNJ, fold, fold_with_offsets
from search import analysis
from search.backends import BODY, SHORT_ANSWER, TITLE
from search.evidence import FULL, evidence_of

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

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

_PIECE: Final = re.compile(r"\S+")
_ONE_WORD: Final = re.compile(r"[\W_]*([^\W_]+)[\W_]*")
_PREFIX_ENDINGS: Final = tuple(analysis.PERSIAN_PREFIXES)
_CONTENT: Final = "zzz"


#: Stem, start, end, word, whether it is a single word, the word as it was written.
Found = tuple[str, int, int, str, bool, str]


@dataclass(slots=True)
class AnalysedEntry:
    """What the index stores of an entry's text: the impact of each term, places, and each word once.

    `places` are three numbers for each place a term stands in: the number of the term in the order of the impacts, the
    start (times four, plus the number of the field), and the end. See `read_places`.
    """

    impacts: dict[str, int] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    words: dict[str, Found] = field(default_factory=dict)


def analyse_entry(entry: SearchEntry) -> AnalysedEntry:
    """Everything the index stores of the entry's texts.

    What speaks for the entry beside its words (`search.evidence`) makes its impacts greater.
    """
    texts = {
        TITLE: entry.title,
        SHORT_ANSWER: entry.short_answer,
        BODY: entry.body,
        KEYWORDS: entry.keywords,
    }
    analysed = AnalysedEntry()
    weighted: dict[str, float] = {}
    numbers: dict[str, int] = {}
    for number, name in enumerate(_FIELD_NAMES):
        if texts[name]:
            _analyse_field(analysed, weighted, numbers, number, texts[name], entry.language)
    most = FULL_IMPACT * (FULL + evidence_of(entry)) // FULL
    for term in numbers:  # first those with places, in the order of their numbers
        analysed.impacts[term] = 0
    for term, frequency in weighted.items():
        analysed.impacts[term] = round(most * frequency / (frequency + SATURATION))
    return analysed


def _analyse_field(  # noqa: PLR0917 - called once
    analysed: AnalysedEntry,
    weighted: dict[str, float],
    numbers: dict[str, int],
    number: int,
    text: str,
    language: str,
) -> None:
    """The busiest loop of indexing: a text is taken apart at white space, and most pieces were seen before."""
    scoring = FIELDS[_FIELD_NAMES[number]]
    shown = _FIELD_NAMES[number] != KEYWORDS
    counts: dict[str, int] = {}
    words, places = analysed.words, analysed.places
    length = 0
    for offset, tokens in _pieces(text, language):
        for token in tokens:
            stem, start, end, word, is_single, _spelling = token
            length += is_single
            count = counts.get(stem, 0) + 1
            counts[stem] = count
            if word not in words:
                words[word] = token
            if shown and count <= _MAX_PLACES:
                term = numbers.get(stem)
                if term is None:
                    term = numbers[stem] = len(numbers)
                places.append(term)
                places.append((offset + start) * 4 + number)
                places.append(offset + end)
    relative_length = max(length / scoring.usual_length, SHORTEST)
    evening = 1 - scoring.length_share + scoring.length_share * relative_length
    share = scoring.weight / evening
    for term_text, count in counts.items():
        weighted[term_text] = weighted.get(term_text, 0.0) + share * count


def _pieces(text: str, language: str) -> list[tuple[int, tuple[Found, ...]]]:
    """What `analysis.tokens` finds, with an offset to add: most pieces of a text were seen before, and are remembered.

    Words never reach over white space, except after a Persian verb prefix that stands alone.
    """
    made: list[tuple[int, tuple[Found, ...]]] = []
    pieces = _PIECE.finditer(text)
    for match in pieces:
        found, may_go_on = _tokens_of_piece(match[0], language)
        start = match.start()
        while may_go_on and (following := next(pieces, None)):
            found, may_go_on = _tokens_of_piece(text[start : following.end()], language)
        if found:
            made.append((start, found))
    if not made:  # stop words alone; they count where there is nothing else
        made.append((0, tuple(_found(token, text) for token in analysis.tokens(text, language=language))))
    return made


def stems_in(text: str, language: str) -> set[str]:
    """The terms a text would be found by; quick for texts of words that were seen before."""
    return {token[0] for _offset, tokens in _pieces(text, language) for token in tokens}


@lru_cache(maxsize=50_000)
def _tokens_of_piece(piece: str, language: str) -> tuple[tuple[Found, ...], bool]:
    """The tokens, and whether the last word may be a verb prefix that belongs to what follows."""
    folded, offsets = fold_with_offsets(piece)
    may_go_on = folded.endswith(_PREFIX_ENDINGS)
    alone = _ONE_WORD.fullmatch(folded)
    if alone and offsets == list(range(len(piece))):
        word = alone[1]
        stem = analysis.term_of(word, language=language)
        if stem is None:
            return (), may_go_on
        start, end = alone.span(1)
        return (_found(analysis.Token(stem, start, end, 0, word[: analysis.MAX_WORD_LENGTH]), piece),), may_go_on
    # With a word that says something, stop words are left out even where the piece holds nothing else.
    made = analysis.tokens(f"{piece} {_CONTENT}", language=language)
    return tuple(_found(token, piece) for token in made if token.end <= len(piece)), may_go_on


def _found(token: analysis.Token, text: str) -> Found:
    return token.text, token.start, token.end, token.word, token.width == 1, _spelling(token, text)


def _spelling(token: analysis.Token, text: str) -> str:
    """The word as the author wrote it; folded, where the place holds more than the word (its endings)."""
    spelling = text[token.start : token.end]
    letters = fold(spelling).replace(ZWNJ, "") if len(spelling) <= 2 * len(token.word) else ""
    return spelling if letters == token.word else token.word


def read_places(places: Sequence[int], numbers: Container[int]) -> dict[str, list[Place]]:
    """Where the terms of these numbers stand, by field, from `AnalysedEntry.places`; in order."""
    found: dict[str, list[Place]] = defaultdict(list)
    for number, start, end in zip(places[0::3], places[1::3], places[2::3], strict=True):
        if number in numbers:
            found[_FIELD_NAMES[start % 4]].append((start // 4, end))
    return {name: sorted(some) for name, some in found.items()}


def rarity(frequency: int, size: int) -> int:
    """The weight of a term that `frequency` of `size` entries hold: BM25's inverse document frequency, at least 1."""
    frequency = min(frequency, size)
    return max(1, round(RARITY_UNIT * math.log(1 + (size - frequency + 0.5) / (frequency + 0.5))))


def facet_term(name: str, value: str) -> str:
    """The term that stands for a value entries can be filtered by; no word holds the sign between."""
    return f"{name}={value}"
