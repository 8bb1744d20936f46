"""What an index stores of the texts of entries: terms with impacts, their places, and the words they come from.

Indexing spends most of its time here, so entries are analysed in batches: texts are split at white space, each distinct
piece is analysed once, and everything after that (counting, length normalisation, weighting) is computed with arrays
for all words of all entries at once. The result for an entry does not depend on the other entries in the batch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np

from portal.core.memo import bounded_cache
from portal.core.text import ZWNJ, fold, fold_with_offsets
from search.index.evidence import FULL, evidence_of
from search.index.plan import BODY, SHORT_ANSWER, TITLE
from search.index.scoring import FIELD_COUNT, FIELD_NAMES, FIELDS, FULL_IMPACT, KEYWORDS, SATURATION, SHORTEST
from search.language import analysis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.documents import SearchEntry

#: Number of occurrences stored per term and field, for highlighting; a snippet needs the first few.
_MAX_PLACES: Final = 10

_PIECE: Final = re.compile(r"\S+")
_ONE_WORD: Final = re.compile(r"[\W_]*([^\W_]+)[\W_]*")
_ENDS_IN_PREFIX: Final = re.compile(rf"(?:^|[\W_])(?:{'|'.join(analysis.PERSIAN_PREFIXES)})$")
_CONTENT: Final = "zzz"
_and_a_space: Final = (1).__add__

#: Stem, start, end, folded word, whether it is a single word, the word as written.
Written = tuple[str, int, int, str, bool, str]


@dataclass(frozen=True, slots=True)
class AnalysedEntries:
    """What an index stores of the texts of some entries.

    `postings` has a row for each term of each entry, sorted by entry: index of the entry, index of the term in `terms`,
    impact. `places` has a row for each place, sorted by entry: index of the entry, index of the term among those of the
    entry, start (times `FIELD_COUNT`, plus the index of the field), end; see `scoring.read_places`. `words` has each
    distinct word, as written in one of the entries.
    """

    terms: list[str]
    postings: np.ndarray
    places: np.ndarray
    words: dict[str, Written]


def analyse(entries: Sequence[SearchEntry]) -> AnalysedEntries:
    """Analyse the texts of the entries.

    Evidence for an entry (`search.index.evidence`) increases its impacts.
    """
    reading = _Reading()
    for entry in entries:
        for text in _texts(entry):
            reading.add(text, entry.language)
    most = np.array([FULL_IMPACT * (FULL + evidence_of(entry)) // FULL for entry in entries])
    return reading.analysed(most)


@bounded_cache(max_bytes=2**20, usual_bytes=1_600)
def stems_in(title: str, language: str) -> frozenset[str]:
    """The terms of a title; cached, because the same titles are suggested with every keystroke."""
    return frozenset({token[0] for _offset, tokens in pieces_of(title, language) for token in tokens})


def pieces_of(text: str, language: str) -> list[tuple[int, tuple[Written, ...]]]:
    """The result of `analysis.tokens` piece by piece, with the offset to add to starts and ends."""
    pieces = _Pieces()
    numbers, starts = pieces.read(text, language)
    return [(start, pieces.tokens[number]) for number, start in zip(numbers, starts, strict=True)]


def _texts(entry: SearchEntry) -> tuple[str, ...]:
    """The texts of an entry in the order of `FIELDS`."""
    texts = {TITLE: entry.title, SHORT_ANSWER: entry.short_answer, BODY: entry.body, KEYWORDS: entry.keywords}
    return tuple(texts[name] for name in FIELD_NAMES)


# Pieces -------------------------------------------------------------------------------------------------------------


class _Pieces:
    """The distinct pieces of texts, numbered in order of appearance, and the tokens of each.

    Words never span white space, except after a detached Persian verb prefix, which forms one piece with what follows.
    A text of stop words alone is also one piece, because stop words count if there is nothing else.
    """

    def __init__(self) -> None:
        self.tokens: list[tuple[Written, ...]] = []
        self._numbers: dict[str, _Numbers] = {}

    def read(self, text: str, language: str) -> tuple[list[int], list[int]]:
        """The numbers of the text's pieces, and their starts."""
        known = self._numbers.get(language)
        if known is None:
            known = self._numbers[language] = _Numbers(self.tokens, language)
        pieces = text.split()
        numbers = list(map(known.__getitem__, pieces))
        if known.unfinished.isdisjoint(numbers):
            starts = _starts(text, pieces)
        else:
            numbers, starts = _with_what_follows(text, known)
        if not any(self.tokens[number] for number in numbers):
            self.tokens.append(tuple(_found(token, text) for token in analysis.tokens(text, language=language)))
            return [len(self.tokens) - 1], [0]
        return numbers, starts


class _Numbers(dict[str, int]):
    """Maps a piece to its index in `tokens`; unknown pieces are analysed and added."""

    def __init__(self, tokens: list[tuple[Written, ...]], language: str) -> None:
        super().__init__()
        self._tokens, self._language = tokens, language
        #: The pieces that may continue after white space.
        self.unfinished: set[int] = set()

    def __missing__(self, piece: str) -> int:
        number = len(self._tokens)
        found, may_go_on = _tokens_of_piece(piece, self._language)
        self._tokens.append(found)
        if may_go_on:
            self.unfinished.add(number)
        self[piece] = number
        return number


def _starts(text: str, pieces: Sequence[str]) -> list[int]:
    """The starts of the pieces of a text."""
    lengths = list(map(len, pieces))
    if sum(lengths) + len(pieces) - 1 == len(text):  # a single space between any two
        return list(accumulate(map(_and_a_space, lengths[:-1]), initial=0))
    return [match.start() for match in _PIECE.finditer(text)]


def _with_what_follows(text: str, known: _Numbers) -> tuple[list[int], list[int]]:
    """The pieces of a text with detached verb prefixes, and their starts."""
    numbers: list[int] = []
    starts: list[int] = []
    start: int | None = None
    for match in _PIECE.finditer(text):
        start = match.start() if start is None else start
        number = known[text[start : match.end()]]
        if number not in known.unfinished:
            numbers.append(number)
            starts.append(start)
            start = None
    if start is not None:
        numbers.append(known[text[start:].rstrip()])
        starts.append(start)
    return numbers, starts


@bounded_cache(max_bytes=4 * 2**20, usual_bytes=800)
def _tokens_of_piece(piece: str, language: str) -> tuple[tuple[Written, ...], bool]:
    """The tokens of a piece, and whether its last word may be a verb prefix that belongs to what follows."""
    folded, offsets = fold_with_offsets(piece)
    may_go_on = _ENDS_IN_PREFIX.search(folded) is not None
    alone = _ONE_WORD.fullmatch(folded)
    if alone and offsets == list(range(len(piece))):
        word = alone[1]
        stem = analysis.term_of(word, language=language)
        if stem is None:
            return (), may_go_on
        start, end = alone.span(1)
        return (_found(analysis.Token(stem, start, end, 0, word[: analysis.MAX_WORD_LENGTH]), piece),), may_go_on
    # A content word is added so that stop words are removed even if the piece consists of them.
    made = analysis.tokens(f"{piece} {_CONTENT}", language=language)
    return tuple(_found(token, piece) for token in made if token.end <= len(piece)), may_go_on


def _found(token: analysis.Token, text: str) -> Written:
    return token.text, token.start, token.end, token.word, token.width == 1, _spelling(token, text)


def _spelling(token: analysis.Token, text: str) -> str:
    """The word as written; the folded word if the place in the text contains more, such as endings."""
    spelling = text[token.start : token.end]
    letters = fold(spelling).replace(ZWNJ, "") if len(spelling) <= 2 * len(token.word) else ""
    return spelling if letters == token.word else token.word


# Counting -----------------------------------------------------------------------------------------------------------


class _Reading:
    """Collects the pieces of the fields of entries, field by field, and computes what is stored of them."""

    def __init__(self) -> None:
        self._pieces = _Pieces()
        self._numbers: list[int] = []
        self._starts: list[int] = []
        self._counts: list[int] = []

    def add(self, text: str, language: str) -> None:
        numbers, starts = self._pieces.read(text, language) if text else ([], [])
        self._numbers += numbers
        self._starts += starts
        self._counts.append(len(numbers))

    def analysed(self, most: np.ndarray) -> AnalysedEntries:
        """Compute the result; `most` is the maximum impact of a term in each entry."""
        terms: dict[str, int] = {}
        words: dict[str, Written] = {}
        of_pieces = []
        for tokens in self._pieces.tokens:
            for token in tokens:
                words.setdefault(token[3], token)
                of_pieces.append((terms.setdefault(token[0], len(terms)), token[1], token[2], token[4]))
        sizes = np.array([len(tokens) for tokens in self._pieces.tokens], np.int64)
        tokens = np.array(of_pieces, np.int64).reshape(-1, 4)
        term, start, end, field, is_single = self._occurrences(tokens, sizes)
        # Sort by entry, term and field, keeping the order within a field.
        key = (field // FIELD_COUNT * len(terms) + term) * FIELD_COUNT + field % FIELD_COUNT
        order = np.argsort(key, kind="stable")
        key = key[order]
        first_in_field = _firsts(key)
        frequency = (
            np.diff(first_in_field, append=len(key)) * self._shares(field, is_single)[field[order][first_in_field]]
        )
        in_field = key[first_in_field] // FIELD_COUNT
        first = _firsts(in_field)
        frequency = np.add.reduceat(frequency, first) if len(first) else frequency
        entry, number = np.divmod(in_field[first], max(len(terms), 1))
        impact = np.rint(most[entry] * frequency / (frequency + SATURATION)).astype(np.int64)
        places = _places(key, first_in_field, entry, np.stack([start, end], axis=1)[order])
        return AnalysedEntries(list(terms), np.stack([entry, number, impact], axis=1), places, words)

    def _occurrences(self, tokens: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
        """Arrays for all tokens: term, start, end, index of the field among all fields, whether it is a single word."""
        numbers = np.array(self._numbers, np.int64)
        count = sizes[numbers]
        behind = np.cumsum(count)
        where = np.arange(behind[-1] if len(behind) else 0) + np.repeat(
            (np.cumsum(sizes) - sizes)[numbers] - behind + count, count
        )
        fields: np.ndarray = np.repeat(np.arange(len(self._counts)), self._counts)
        starts: np.ndarray = np.repeat(np.array(self._starts, np.int64), count)
        term, start, end, is_single = tokens[where].T
        return [term, start + starts, end + starts, np.repeat(fields, count), is_single]

    def _shares(self, field: np.ndarray, is_single: np.ndarray) -> np.ndarray:
        """The weight of one occurrence in each field: BM25F's field weight, normalised by the length of the text."""
        fields = [FIELDS[name] for name in FIELD_NAMES]
        weight, usual, share = (
            np.tile([getattr(each, name) for each in fields], len(self._counts) // FIELD_COUNT)
            for name in ("weight", "usual_length", "length_share")
        )
        length = np.bincount(field, is_single, len(self._counts))
        shares: np.ndarray = weight / (1 - share + share * np.maximum(length / usual, SHORTEST))
        return shares


def _firsts(key: np.ndarray) -> np.ndarray:
    """The indexes at which a new value begins in a sorted array."""
    return np.flatnonzero(np.diff(key, prepend=-1))


def _places(key: np.ndarray, first_in_field: np.ndarray, entry: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """The first places of each term in each field that can be shown; all arrays are sorted by `key`."""
    counts = np.diff(first_in_field, append=len(key))
    field: np.ndarray = key % FIELD_COUNT
    kept = (np.arange(len(key)) - np.repeat(first_in_field, counts) < _MAX_PLACES) & (
        field != FIELD_NAMES.index(KEYWORDS)
    )
    posting = np.cumsum(np.diff(key // FIELD_COUNT, prepend=-1) != 0) - 1
    number = posting - np.asarray(np.searchsorted(entry, entry))[posting]
    places = np.stack([entry[posting], number, spans[:, 0] * FIELD_COUNT + field, spans[:, 1]], axis=1)
    return places[kept]
