"""What a person may have meant by a word nobody wrote: the spellings one slip away, and which of them is likely."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from search.backends import Spelling

_PERSIAN_LETTERS: Final = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"
_LATIN_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_PERSIAN: Final = re.compile("[\u0600-\u06ff]")

#: Letters that sound alike: the slip of somebody who knows the word and not its spelling.
_SOUND_ALIKE: Final = tuple(map(frozenset, ("زذضظ", "سصث", "تط", "هح", "غق", "اع", "ck", "sz", "iy", "ae", "fv")))

#: Shorter words have too many neighbours, longer ones are pasted, not typed.
SHORTEST: Final = 3
LONGEST: Final = 24

# How unlikely each slip is; a unit outweighs a word that is e times as frequent.
_SWAPPED: Final = 0.3
_SOUNDS_ALIKE: Final = 0.3
_DOUBLED: Final = 0.5
_OTHER: Final = 1.0
_FIRST_LETTER: Final = 1.5
_RUN_TOGETHER: Final = 2.5


def candidates_for(word: str) -> dict[str, float]:
    """Every spelling one edit from `word`, and how unlikely the slip. Two words written as one hold a space."""
    if not SHORTEST <= len(word) <= LONGEST:
        return {}
    candidates: dict[str, float] = {}
    for candidate, cost in _slips(word):
        if candidate != word and len(candidate) > 1:
            candidates[candidate] = min(cost, candidates.get(candidate, cost))
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


def correct(words: Collection[str], known: Callable[[Collection[str]], Mapping[str, Spelling]]) -> dict[str, str]:
    """For folded words nobody wrote, the likeliest that somebody did, as it was written; `known` is asked once."""
    candidates = {word: candidates_for(word) for word in words}
    spellings = {part for some in candidates.values() for candidate in some for part in candidate.split()}
    found = known(spellings) if spellings else {}
    frequencies = {word: spelling.frequency for word, spelling in found.items()}
    chosen = {word: choose(some, frequencies) for word, some in candidates.items()}
    return {
        word: " ".join(found[part].written for part in correction.split())
        for word, correction in chosen.items()
        if correction
    }


def choose(candidates: Mapping[str, float], frequencies: Mapping[str, int]) -> str | None:
    """The likeliest of the candidates that exist; `frequencies` are those of single words."""
    best: tuple[float, str] | None = None
    for candidate, cost in candidates.items():
        frequency = min(frequencies.get(word, 0) for word in candidate.split())
        if frequency:
            likelihood = (math.log(1 + frequency) - cost, candidate)
            best = likelihood if best is None or likelihood > best else best
    return best[1] if best else None
