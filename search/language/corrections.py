"""Spelling correction: known words within one or two typing errors of an unknown word, and the likeliest of them."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from search.language.spelling import Spelling

_PERSIAN_LETTERS: Final = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"
_LATIN_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_PERSIAN: Final = re.compile("[\u0600-\u06ff]")

#: Letters that sound alike: a common error of people who know the word but not its spelling.
_SOUND_ALIKE: Final = tuple(map(frozenset, ("زذضظ", "سصث", "تط", "هح", "غق", "اع", "ck", "sz", "iy", "ae", "fv")))

#: Shorter words have too many neighbours; longer ones are pasted rather than typed.
SHORTEST: Final = 3
LONGEST: Final = 24
#: With two errors, shorter words become other words, and longer ones have too many candidates.
SHORTEST_OF_TWO_SLIPS: Final = 8
LONGEST_OF_TWO_SLIPS: Final = 16

#: Number of corrections of a word between which the other words of the question decide.
MOST_CHOSEN: Final = 4

# Costs of typing errors, as log-likelihoods: one unit makes up for a word that is e times as frequent.
_SWAPPED: Final = 0.3
_SOUNDS_ALIKE: Final = 0.3
_DOUBLED: Final = 0.5
_USUAL: Final = 0.5
_OTHER: Final = 1.0
_FIRST_LETTER: Final = 1.5
#: Cost of a colloquial ending, which is seldom written: possessives, object marker, plural. «گوشیمو» is گوشی.
_ENDING: Final = 0.3
_COLLOQUIAL_ENDINGS: Final = (
    *("م", "ت", "ش", "و", "ا", "ام", "ات", "اش", "مو", "تو", "شو", "مون", "تون", "شون", "امو", "اتو", "اشو", "ای"),
    *("هام", "هات", "هاش", "هامو", "هاتو", "هاشو", "ارو", "رو"),
)
_RUN_TOGETHER: Final = 2.5


def candidates_for(word: str) -> dict[str, float]:
    """Every spelling one edit from `word`, with its cost. A word split into two contains a space."""
    if not SHORTEST <= len(word) <= LONGEST:
        return {}
    candidates: dict[str, float] = {}
    for candidate, cost in _slips(word):
        if candidate != word and len(candidate) > 1:
            candidates[candidate] = min(cost, candidates.get(candidate, cost))
    for ending in _COLLOQUIAL_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            candidates[word.removesuffix(ending)] = _ENDING
    for place in range(2, len(word) - 1):
        candidates[f"{word[:place]} {word[place:]}"] = _RUN_TOGETHER
    return candidates


def _slips(word: str) -> Iterator[tuple[str, float]]:
    letters = _PERSIAN_LETTERS if _PERSIAN.search(word) else _LATIN_LETTERS
    for place in range(len(word) + 1):
        head, tail = word[:place], word[place:]
        first = 0.0 if place else _FIRST_LETTER
        for letter in letters:
            doubled = letter in (head[-1:], tail[:1])
            yield head + letter + tail, first + (_DOUBLED if doubled else _OTHER)
            if tail:
                yield head + letter + tail[1:], first + (_SOUNDS_ALIKE if _sound_alike(letter, tail[0]) else _OTHER)
        if tail:
            yield head + tail[1:], first + (_DOUBLED if tail[0] in (head[-1:], tail[1:2]) else _OTHER)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:], first + _SWAPPED


def _sound_alike(one: str, other: str) -> bool:
    return any(one in letters and other in letters for letters in _SOUND_ALIKE)


class Correction(NamedTuple):
    """A known word, folded and as written (two words if one was split), and its log-likelihood.

    `frequency` is its document frequency, that of the rarer one of two words.
    """

    word: str
    written: str
    likelihood: float
    frequency: int = 0


#: Words or pieces of a text → candidate spellings → costs.
Candidates = Mapping[str, Mapping[str, float]]
_Known = Callable[[Collection[str]], "Mapping[str, Spelling]"]


def correct(
    words: Collection[str],
    known: _Known,
    *,
    further: Candidates = MappingProxyType({}),
    readable: Collection[str] = (),
) -> dict[str, list[Correction]]:
    """The likeliest known words for each unknown folded word, best first; `known` is called once, rarely twice.

    Candidates are all spellings one error away, and those in `further`. Two errors are considered only for a single
    long word that has no other correction and is not in `readable` (words with another reading).
    """
    candidates = {word: {**further.get(word, {}), **candidates_for(word)} for word in words}
    candidates |= {piece: dict(some) for piece, some in further.items() if piece not in words}
    corrections = _choose_all(candidates, known)
    hopeless = [
        word
        for word in words
        if word not in corrections
        and word not in readable
        and SHORTEST_OF_TWO_SLIPS <= len(word) <= LONGEST_OF_TWO_SLIPS
    ]
    if len(hopeless) == 1:
        corrections |= _choose_all({hopeless[0]: two_slips_from(hopeless[0])}, known)
    return corrections


def _choose_all(candidates: Candidates, known: _Known) -> dict[str, list[Correction]]:
    spellings = {part for some in candidates.values() for candidate in some for part in candidate.split()}
    found = known(spellings) if spellings else {}
    frequencies = {word: spelling.frequency for word, spelling in found.items()}
    corrections: dict[str, list[Correction]] = {}
    for word, some in candidates.items():
        chosen = choose(some, frequencies)
        if chosen:
            corrections[word] = [
                Correction(
                    candidate,
                    " ".join(found[part].written for part in candidate.split()),
                    likelihood,
                    min(frequencies[part] for part in candidate.split()),
                )
                for likelihood, candidate in chosen
            ]
    return corrections


def choose(candidates: Mapping[str, float], frequencies: Mapping[str, int]) -> list[tuple[float, str]]:
    """The likeliest of the candidates that exist, with their log-likelihoods; `frequencies` are those of single words."""
    likelihoods = []
    for candidate, cost in candidates.items():
        frequency = min(frequencies.get(word, 0) for word in candidate.split())
        if frequency:
            likelihoods.append((math.log(1 + frequency) - cost, candidate))
    return heapq.nlargest(MOST_CHOSEN, likelihoods)


def two_slips_from(word: str) -> dict[str, float]:
    """The spellings one common and one arbitrary error away from `word`: some thousands, not all within two edits."""
    candidates: dict[str, float] = {}
    for halfway, cost in _slips(word):
        if cost <= _USUAL and len(halfway) <= len(word):
            for candidate, further_cost in _slips(halfway):
                both = cost + further_cost + _OTHER
                candidates[candidate] = min(both, candidates.get(candidate, both))
    return candidates


def distance(word: str, other: str) -> float:
    """The minimum cost of the typing errors that turn `other` into `word`."""
    row = [0.0, *accumulate(_OTHER for _letter in other)]
    for letter in word:
        above, row = row, [row[0] + _OTHER]
        for place, wanted in enumerate(other):
            same = 0.0 if letter == wanted else _SOUNDS_ALIKE if _sound_alike(letter, wanted) else _OTHER
            row.append(min(above[place] + same, above[place + 1] + _OTHER, row[place] + _OTHER))
    return row[-1]
