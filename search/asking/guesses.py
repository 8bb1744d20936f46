"""Guesses at what was meant by words the index does not know: typing errors, Finglish, the wrong keyboard.

Each unknown word is read in every way, and the likeliest reading is taken: `search.language.corrections` says how
unlikely a typing error is, `search.language.finglish` how well the letters of a Finglish word fit. A Persian page, and
Persian stop words in the text («… ro chetori …»), make Finglish likelier; an English page and English stop words make
it less likely.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from portal.core.text import fold, swap_keyboard
from search.index.entry_terms import stems_in
from search.index.plan import FULL_WEIGHT, Filters, Plan, QueryTerm
from search.language.analysis import ENGLISH_STOP_WORDS, tokens
from search.language.corrections import SHORTEST, Correction, correct, distance
from search.language.endings import is_said
from search.language.finglish import (
    Reading,
    is_latin,
    likeliest,
    read,
    read_beginnings,
    read_stop_word,
    skeleton,
    skeletons,
)
from search.language.finglish_beginnings import SHORTEST as SHORTEST_BEGINNING
from search.language.finglish_beginnings import beginnings
from search.language.spelling import Spelling

if TYPE_CHECKING:
    from search.asking.questions import Question
    from search.index.protocol import Backend
    from search.language.analysis import Token

#: Maximum number of completions for each beginning of an unfinished Persian word, and of those that are used.
_COMPLETIONS: Final = 20
_MOST_BEGUN: Final = 8
#: If there are more unknown words than this, they are not typing errors.
_MAX_WORDS: Final = 8
_MAX_REPAIRED: Final = 4
#: Shorter Persian words have too many words that sound alike.
_SHORTEST_SOUND: Final = 4
_WORST_SOUND: Final = 2.0

#: Maximum number of known words for which others are tried, and how much likelier these must be: three times.
_MAX_SUSPECTS: Final = 2
_MUCH_LIKELIER: Final = math.log(3)

#: Of corrections that are less likely than the best one by no more than this, the one that fits the other words is
#: taken; this is looked up for so many words.
_CLOSE: Final = 3.0
_MAX_FITTED: Final = 2
#: Greatest cost of a typing error (swapped, doubled, sounding alike) that turns one real word into another.
_SLIGHT: Final = 0.5
#: Longest word in capitals that is an abbreviation, and neither a slip nor Persian.
_LONGEST_ABBREVIATION: Final = 5

# Log-likelihoods in favour of Finglish: one unit makes up for a word that is e times as frequent.
_PERSIAN_PAGE: Final = 1.0
_OTHER_PAGE: Final = -2.5
_STOP_WORD: Final = 0.8
#: Maximum misfit for a Persian reading of a word that the index knows in Latin letters as well.
_BESIDE: Final = 0.3
_SHORTEST_KNOWN_STOP_WORD: Final = 3

# Costs of other typing errors.
_JOINED: Final = 0.7
_OTHER_KEYBOARD: Final = 0.3

_PIECE: Final = re.compile(r"\S+")
_CORE: Final = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)
_APOSTROPHES: Final = re.compile("['’‘]")
_RUN: Final = re.compile(r"[^\W_]{3,}")


class _Piece(NamedTuple):
    """A piece of the text between spaces, without surrounding punctuation; `word` is folded, without apostrophes."""

    start: int
    end: int
    word: str


class _Guess(NamedTuple):
    """A replacement for ``[start, end)`` of the text."""

    start: int
    end: int
    written: str
    likelihood: float
    is_finglish: bool = False
    is_stop_word: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The terms of the known words of a question, the size of the vocabulary, and the language of the reader."""

    terms: tuple[QueryTerm, ...]
    size: int
    language: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interpretation:
    """The likeliest reading of a text.

    `explained` is the number of pieces that were replaced. `beside` maps known Latin words, which stay as they are, to
    Persian words that are searched for as well.
    """

    text: str
    explained: int = 0
    is_finglish: bool = False
    beside: Mapping[str, str] = field(default_factory=dict)


def interpret(
    backend: Backend,
    text: str,
    unknown: Sequence[Token],
    language: str,
    audiences: Collection[str],
    *,
    is_unfinished: bool = False,
    above: Mapping[str, float] = MappingProxyType({}),
    around: Surroundings | None = None,
) -> Interpretation:
    """The likeliest reading of a text with unknown words. Two queries; a third for two typing errors in a long word.

    `around` are the other words: the correction that fits them best is taken, and a word the language knows is left as
    it is unless an entry about them has the corrected word in its title; up to four queries for each of two words.

    With `is_unfinished` the last word may be the beginning of another one, for one more query if that may be Persian.
    `above` holds the log-likelihoods of some words as typed; a replacement must be likelier.
    """
    unknown = [token for token in unknown[:_MAX_WORDS] if not _is_abbreviation(text, token)]
    pieces = [piece for piece in _pieces(text) if piece.word]
    begun = _begun(backend, pieces, unknown, audiences) if is_unfinished else ()
    sounds = _sounding_alike(backend, pieces, unknown, audiences, begun)
    finglish = _finglish(pieces, unknown, sounds, language, begun)
    readable = {fold(text[guess.start : guess.end]) for guess in finglish}
    known = partial(backend.spellings, audiences=audiences)
    fit = _Fit(backend, around)
    slips = _slips(_Slips(text, pieces, unknown[:_MAX_REPAIRED], readable), sounds, known, fit)
    if language != "fa":
        finglish = [guess for guess in finglish if not is_said(fold(text[guess.start : guess.end]))]
    if language != "fa" and not any(_outweighs(guess, slips) for guess in finglish if not guess.is_stop_word):
        finglish = []  # outside a Persian page, stop words alone are no evidence
    chosen = _best([guess for guess in (*slips, *finglish) if _is_above(guess, unknown, above)])
    is_finglish = any(guess.is_finglish for guess in chosen)
    beside: dict[str, str] = {}
    if is_finglish:
        answered = [piece for piece in pieces if not _holds_any(piece, unknown)]
        chosen += _known_stop_words(answered)
        beside = {piece.word: reading.word for piece in answered if (reading := _beside(piece, sounds))}
    for guess in sorted(chosen, reverse=True):
        text = text[: guess.start] + guess.written + text[guess.end :]
    return Interpretation(text, explained=len(chosen), is_finglish=is_finglish, beside=beside)


def _is_abbreviation(text: str, token: Token) -> bool:
    """Whether it is written in capitals, in a text that is not: «MRI»."""
    written = text[token.start : token.end]
    is_shouted = text.isascii() and text.isupper()
    return written.isupper() and len(written) <= _LONGEST_ABBREVIATION and not is_shouted


def likelier(backend: Backend, question: Question, language: str, audiences: Collection[str]) -> str:
    """The text with its rarest words replaced, if that is much likelier; otherwise an empty string.

    Makes the queries of `interpret`, or none if no word can be replaced.
    """
    suspects = _suspects(question)
    if not suspects:
        return ""
    above = {word.word: math.log(1 + frequency) + _MUCH_LIKELIER for word, frequency in suspects}
    words = [word for word, _frequency in suspects]
    meaning = interpret(backend, question.text, words, language, audiences, above=above)
    return meaning.text if meaning.explained else ""


def _suspects(question: Question) -> list[tuple[Token, int]]:
    """The rarest words of a question that no synonym or compound answers, with their document frequencies."""
    terms = question.terms()
    alone = {
        word.position: [term for term in terms if word.position in term.words]
        for word in question.words
        if len(word.word) >= SHORTEST
        and word.word.isalpha()  # numbers are taken as typed
        and not is_said(word.word)
    }
    found = [
        (word, max(term.frequency for term in alone[word.position]))
        for word in question.words
        if alone.get(word.position)
        and all(term.words == (word.position,) and term.weight == FULL_WEIGHT for term in alone[word.position])
    ]
    return sorted(found, key=lambda suspect: suspect[1])[:_MAX_SUSPECTS]


def _is_above(guess: _Guess, words: Collection[Token], above: Mapping[str, float]) -> bool:
    return all(
        guess.likelihood > above.get(word.word, -math.inf)
        for word in words
        if guess.start < word.end and word.start < guess.end
    )


def _pieces(text: str) -> Iterator[_Piece]:
    for piece in _PIECE.finditer(text):
        core = _CORE.search(text, piece.start(), piece.end())
        if core:
            yield _Piece(core.start(), core.end(), _APOSTROPHES.sub("", fold(core[0])))


def _holds_any(piece: _Piece, words: Collection[Token]) -> bool:
    return any(piece.start <= word.start and word.end <= piece.end for word in words)


def _begun(
    backend: Backend, pieces: Sequence[_Piece], unknown: Sequence[Token], audiences: Collection[str]
) -> Sequence[str]:
    """The skeletons of the likeliest Persian words that the last piece may begin; at most one query."""
    last = pieces[-1] if pieces else None
    if last is None or len(last.word) < SHORTEST_BEGINNING or not is_latin(last.word) or not _holds_any(last, unknown):
        return ()
    known = backend.vocabulary((), audiences=audiences, beginnings=beginnings(last.word), completions=_COMPLETIONS)
    words = {word: count for some in known.completions.values() for word, count in some.items()}
    likely = read_beginnings(
        last.word, [Spelling(word=word, written=word, frequency=count) for word, count in words.items()]
    )
    return [skeleton(reading.word) for reading in likely[:_MOST_BEGUN]]


def _sounding_alike(
    backend: Backend,
    pieces: Sequence[_Piece],
    unknown: Sequence[Token],
    audiences: Collection[str],
    begun: Collection[str] = (),
) -> Mapping[str, Sequence[Spelling]]:
    """The known words that sound like the unknown ones, by skeleton; at most one query."""
    wanted = {
        skeleton(token.word) for token in unknown if len(token.word) >= _SHORTEST_SOUND and not is_latin(token.word)
    }
    if any(is_latin(piece.word) and _holds_any(piece, unknown) for piece in pieces):
        wanted.update(begun, *(skeletons(piece.word) for piece in pieces if is_latin(piece.word)))
    wanted.discard("")
    return backend.sounding_like(wanted, audiences=audiences) if wanted else {}


# Typing errors ------------------------------------------------------------------------------------------------------


class _Slips(NamedTuple):
    """Where typing errors are looked for; two errors are not tried in `readable` words, which have another reading."""

    text: str
    pieces: Sequence[_Piece]
    unknown: Sequence[Token]
    readable: Collection[str]


class _Fit:
    """Which correction fits the other words of a question, if these are known; one query for each that is tried."""

    def __init__(self, backend: Backend, around: Surroundings | None) -> None:
        self._backend = backend
        self._around = around
        self._left = _MAX_FITTED if around and around.terms else 0

    def choose(self, some: Sequence[Correction]) -> Correction:
        """The correction of a slip: of those about as likely as the best one, the one that fits best."""
        close = [one for one in some if one.likelihood >= some[0].likelihood - _CLOSE]
        if len(close) == 1 or not self._left:
            return some[0]
        self._left -= 1
        return max(close, key=lambda one: (*self._met_by(one), one.likelihood))

    def replaces(self, some: Sequence[Correction]) -> Correction | None:
        """The correction of a word the language knows; None unless an entry about the other words is called so."""
        slight = [
            one for one in some if math.log(1 + one.frequency) - one.likelihood <= _SLIGHT and " " not in one.word
        ]
        if self._around is None or not self._left:
            return None
        self._left -= 1
        others = len({word for term in self._around.terms for word in term.words})
        return next((one for one in slight if self._met_by(one) == (others + 1, True)), None)

    def _met_by(self, one: Correction) -> tuple[int, bool]:
        """The number of words in the best entry with the correction, and whether this stands in its title."""
        if self._around is None:
            return (0, False)
        language = self._around.language
        stems = {token.text for token in tokens(one.word, language=language)}
        number = 1 + max((max(term.words) for term in self._around.terms), default=0)
        terms = [
            QueryTerm(text=stem, words=(number + place,), frequency=one.frequency)
            for place, stem in enumerate(sorted(stems))
        ]
        plan = Plan(
            terms=(*self._around.terms, *terms),
            size=self._around.size,
            audiences=self._around.audiences,
            filters=Filters(language=(language,)),
            limit=1,
        )
        hits = self._backend.search(plan, with_places=False).hits
        if not hits:
            return (0, False)
        titled = stems <= set(stems_in(hits[0].title, hits[0].language))
        return (hits[0].matched + 1 - len(stems), titled)


def _slips(
    where: _Slips,
    sounds: Mapping[str, Sequence[Spelling]],
    known: Callable[[Collection[str]], Mapping[str, Spelling]],
    fit: _Fit,
) -> list[_Guess]:
    """The likeliest correction of each unknown word. Numbers and codes are what they are."""
    further: dict[str, dict[str, float]] = defaultdict(dict)
    places: dict[str, set[tuple[int, int]]] = defaultdict(set)
    words = [token for token in where.unknown if token.word.isalpha()]
    real = {token.word for token in words if is_said(token.word)}
    for token in words:
        places[token.word].add((token.start, token.end))
        if not is_latin(token.word) and token.word not in real:
            alike = {other.word: distance(token.word, other.word) for other in sounds.get(skeleton(token.word), ())}
            further[token.word] |= {word: far for word, far in alike.items() if far <= _WORST_SOUND}
    for start, end, spelling, cost in _rewritten(where):
        written = where.text[start:end]
        places[written].add((start, end))
        further[written][spelling] = cost
    corrections = correct({token.word for token in words}, known, further=further, readable={*where.readable, *real})
    guesses = []
    for written, some in corrections.items():
        correction = fit.replaces(some) if written in real and not further.get(written) else fit.choose(some)
        if correction:
            guesses += [_Guess(start, end, correction.written, correction.likelihood) for start, end in places[written]]
    return guesses


def _rewritten(where: _Slips) -> Iterator[tuple[int, int, str, float]]:
    """Pieces with an unknown word, as typed on the other keyboard and joined with a neighbour; with their costs."""
    text, pieces = where.text, where.pieces
    for place, piece in enumerate(pieces):
        if not _holds_any(piece, where.unknown):
            continue
        start, end = _with_signs(text, piece)
        swapped = fold(swap_keyboard(text[start:end]))
        if swapped != fold(text[start:end]) and _RUN.fullmatch(swapped) and not is_said(piece.word):
            yield start, end, swapped, _OTHER_KEYBOARD
        for left, right in pairwise(pieces[max(0, place - 1) : place + 2]):
            joined = left.word + right.word
            if text[left.end : right.start].isspace() and _RUN.fullmatch(joined):
                yield left.start, right.end, joined, _JOINED


def _with_signs(text: str, piece: _Piece) -> tuple[int, int]:
    """The piece with the punctuation around it, which may be letters on the other keyboard."""
    start = text.rfind(" ", 0, piece.start) + 1
    end = text.find(" ", piece.end)
    return start, end if end >= 0 else len(text)


# Finglish -----------------------------------------------------------------------------------------------------------


def _finglish(
    pieces: Sequence[_Piece],
    unknown: Sequence[Token],
    sounds: Mapping[str, Sequence[Spelling]],
    language: str,
    begun: Sequence[str] = (),
) -> list[_Guess]:
    """The Persian readings of unknown Latin words."""
    leaning = _leaning(pieces, language)
    guesses = []
    for piece in pieces:
        reading = _read(piece, sounds) if is_latin(piece.word) and _holds_any(piece, unknown) else None
        if begun and piece is pieces[-1]:
            spellings = [spelling for sound in begun for spelling in sounds.get(sound, ())]
            reading = likeliest([*filter(None, [reading]), *read_beginnings(piece.word, spellings)[:1]])
        if reading:
            is_stop_word = reading == read_stop_word(piece.word)
            likelihood = reading.likelihood + leaning
            guesses.append(
                _Guess(piece.start, piece.end, reading.written, likelihood, is_finglish=True, is_stop_word=is_stop_word)
            )
    return guesses


def _leaning(pieces: Sequence[_Piece], language: str) -> float:
    """The log-likelihood in favour of Finglish from the language of the page and from stop words."""
    leaning = _PERSIAN_PAGE if language == "fa" else _OTHER_PAGE
    for piece in pieces:
        if piece.word in ENGLISH_STOP_WORDS:
            leaning -= _STOP_WORD
        elif is_latin(piece.word) and read_stop_word(piece.word):
            leaning += _STOP_WORD
    return leaning


def _outweighs(guess: _Guess, others: Collection[_Guess]) -> bool:
    return all(guess.likelihood > other.likelihood for other in others if _overlap(guess, other))


def _read(piece: _Piece, sounds: Mapping[str, Sequence[Spelling]]) -> Reading | None:
    return read(piece.word, [spelling for sound in skeletons(piece.word) for spelling in sounds.get(sound, ())])


def _beside(piece: _Piece, sounds: Mapping[str, Sequence[Spelling]]) -> Reading | None:
    reading = _read(piece, sounds) if is_latin(piece.word) else None
    return reading if reading and reading.misfit <= _BESIDE and not read_stop_word(piece.word) else None


def _known_stop_words(known: Sequence[_Piece]) -> list[_Guess]:
    """Persian stop words among the known Latin words: «man» is an English word, too, but not in a Finglish question."""
    return [
        _Guess(piece.start, piece.end, reading.written, reading.likelihood, is_finglish=True)
        for piece in known
        if is_latin(piece.word)
        and len(piece.word) >= _SHORTEST_KNOWN_STOP_WORD
        and (reading := read_stop_word(piece.word))
    ]


# Choosing -----------------------------------------------------------------------------------------------------------


def _overlap(one: _Guess, other: _Guess) -> bool:
    return one.start < other.end and other.start < one.end


def _best(guesses: Sequence[_Guess]) -> list[_Guess]:
    """The likeliest guesses that do not overlap."""
    best: list[_Guess] = []
    for guess in sorted(guesses, key=lambda guess: (-guess.likelihood, guess.start, guess.written)):
        if not any(_overlap(guess, other) for other in best):
            best.append(guess)
    return best
