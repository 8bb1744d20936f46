"""Finglish: Persian written in Latin letters, as on a keyboard without Persian: «modem vasl nemishe».

There is no standard spelling: vowels may be omitted, and each sound stands for several Persian letters. What stays the
same is the *skeleton* of consonants. Words of the index are stored with their skeletons (`skeleton`); a word in Latin
letters may have several (`skeletons`); of the Persian words found by them, the one whose letters and vowels fit best
(`misfit`) and which is frequent is taken (`read`).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from portal.core.memo import bounded_cache
from search.language.analysis import PERSIAN_STOP_WORDS

if TYPE_CHECKING:
    from search.language.spelling import Spelling

#: The sound of each Persian consonant; capitals are sounds written with two Latin letters. Vowels and silent letters
#: are omitted.
_SOUNDS: Final = str.maketrans(
    {
        **dict.fromkeys("طت", "t"),
        **dict.fromkeys("ثسص", "s"),
        **dict.fromkeys("حه", "h"),
        **dict.fromkeys("ذزضظ", "z"),
        **dict.fromkeys("غق", "q"),
        **dict.fromkeys("عاوی", ""),
        **dict(zip("بپجچخدرژشفکگلمن", "bpjCXdrJSfkglmn", strict=True)),
    }
)
_PAIRS: Final = (("ch", "C"), ("sh", "S"), ("kh", "X"), ("zh", "J"), ("gh", "q"), ("ph", "f"), ("ck", "k"))
_VOWELS: Final = re.compile("[aeiouywv]")
_REPEATED: Final = re.compile(r"(.)\1+")
_PERSIAN_WORD: Final = re.compile("[\u0600-\u06ff]{2,}")
_LATIN_WORD: Final = re.compile("[a-z]{2,}")

#: The sounds that Latin letters may stand for in a skeleton, most common first. Longer spellings are tried in addition
#: to shorter ones.
_READINGS: Final[Mapping[str, tuple[str, ...]]] = {
    **{letter: (letter,) for letter in "bdfglmnprstz"},
    **dict.fromkeys("aeiouywv", ("",)),
    "c": ("k", "s"),
    "ch": ("C", "S", "k"),
    "ck": ("k",),
    "g": ("g", "j", "J"),
    "gh": ("q",),
    "h": ("h", ""),
    "j": ("j", "J"),
    "k": ("k", "q"),
    "kh": ("X",),
    "ph": ("f",),
    "q": ("q", "k"),
    "s": ("s", "z"),
    "sh": ("S",),
    "th": ("t", "s"),
    "x": ("ks", "X"),
    "zh": ("J", "z"),
}
_MOST_SKELETONS: Final = 12

#: Latin spellings of a Persian letter, with costs: the more unusual, the higher.
_SPELLED: Final[Mapping[str, Mapping[str, float]]] = {
    "ا": {"a": 0.05, "aa": 0, "o": 0.5, "oo": 0.5, "u": 0.5, "ow": 0.4, "e": 0.6, "i": 0.8, "": 0.8},
    "ب": {"b": 0},
    "پ": {"p": 0},
    "ت": {"t": 0, "th": 0.3, "d": 0.5},
    "ط": {"t": 0},
    "ث": {"s": 0, "th": 0.2},
    "ج": {"j": 0, "g": 0.4, "dj": 0.2, "dg": 0.4},
    "چ": {"ch": 0, "tch": 0.2},
    "ح": {"h": 0, "": 0.8},
    "خ": {"kh": 0, "x": 0.1},
    "د": {"d": 0},
    "ذ": {"z": 0},
    "ر": {"r": 0},
    "ز": {"z": 0, "s": 0.5},
    "ژ": {"zh": 0, "j": 0.1, "g": 0.3},
    "س": {"s": 0, "c": 0.2},
    "ش": {"sh": 0, "ch": 0.3},
    "ص": {"s": 0},
    "ض": {"z": 0},
    "ظ": {"z": 0},
    "ع": {"": 0.05, "a": 0.1, "e": 0.1, "aa": 0.1, "o": 0.2, "i": 0.4},
    "غ": {"gh": 0, "q": 0.1, "g": 0.5},
    "ف": {"f": 0, "ph": 0.1},
    "ق": {"gh": 0, "q": 0.1, "g": 0.5, "k": 0.6},
    "ک": {"k": 0, "c": 0.1, "ck": 0.1, "ch": 0.4, "q": 0.4},
    "گ": {"g": 0},
    "ل": {"l": 0},
    "م": {"m": 0},
    "ن": {"n": 0},
    "و": {"o": 0.1, "u": 0, "oo": 0, "ou": 0, "v": 0, "w": 0.1, "ow": 0.1, "ov": 0.1, "oa": 0.2, "": 0.8},
    "ه": {"h": 0, "": 0.7},
    "ی": {
        "i": 0,
        "y": 0.05,
        "ee": 0,
        "ey": 0.15,
        "ei": 0.15,
        "iy": 0.1,
        "yi": 0.1,
        "ie": 0.2,
        "ea": 0.3,
        "a": 0.4,
        "e": 0.5,
        "": 0.8,
    },
}
_FIRST_SPELLED: Final[Mapping[str, Mapping[str, float]]] = {
    "ا": {"a": 0, "aa": 0, "e": 0.05, "o": 0.1, "i": 0.3, "u": 0.3, "": 0.6},
    "ع": {"a": 0, "e": 0, "o": 0.1, "aa": 0.1, "i": 0.2, "": 0.3},
}
_LAST_SPELLED: Final[Mapping[str, Mapping[str, float]]] = {
    "ه": {"e": 0, "eh": 0, "h": 0, "ah": 0.2, "a": 0.3, "": 0.9},
}
_SILENT_WAW: Final[Mapping[str, float]] = {"": 0, "o": 0.1, "w": 0.2, "v": 0.3}
_ALEF_OF_LONG_I: Final[Mapping[str, float]] = {**_SPELLED["ا"], "": 0.3}
_FIRST_OF_LONG_VOWEL: Final[Mapping[str, float]] = {**_FIRST_SPELLED["ا"], "": 0.05}
#: Cost of a final n for tanwin: «lotfan» is written لطفا.
_TANWIN: Final = 0.1
_DOUBLED: Final = 0.05
#: Costs of an unwritten vowel before another one (two are usually one written vowel), and of a final e (often ه).
_TWO_VOWELS: Final = 0.4
_FINAL_E: Final = 0.1
_VOWEL_LETTERS: Final = frozenset("aeiou")
#: Costs of vowels that are not written in Persian: short ones, and in foreign words also long ones.
_UNWRITTEN: Final[Mapping[str, float]] = {
    "a": 0.1,
    "e": 0.05,
    "o": 0.15,
    "i": 0.6,
    "u": 0.5,
    "y": 0.4,
    "w": 0.6,
    "h": 0.9,
}

#: Endings that may follow a word of the index, and the cost of removing one.
_ENDINGS: Final = (
    "ha",
    "hay",
    "haye",
    "ham",
    "hat",
    "hash",
    "am",
    "em",
    "im",
    "m",
    "at",
    "et",
    "t",
    "ash",
    "esh",
    "sh",
)
_ENDINGS_OF_MANY: Final = tuple(
    v + e for v in ("", "e", "a") for e in ("mun", "moon", "man", "tun", "toon", "shun", "shoon")
)
_ENDED: Final = 0.7
_SHORTEST_FORM: Final = 3

#: Stop words without consonants.
_WITHOUT_CONSONANTS: Final[Mapping[str, str]] = {"o": "و", "va": "و", "ya": "یا", "ey": "ای", "ye": "یه"}

#: Maximum misfit of a reading, which grows with the length of the word.
_WORST: Final = 0.5
_WORST_PER_LETTER: Final = 0.08
#: Maximum misfit of a word that is still being typed.
_WORST_BEGINNING: Final = 0.45
#: A misfit of 1 makes up for a word that is e⁴ times as frequent.
_WEIGHT: Final = 4.0
#: Assumed document frequency of stop words, which are not indexed, and their maximum misfit.
_STOP_WORD_FREQUENCY: Final = 400
_WORST_STOP_WORD: Final = 0.35


class Reading(NamedTuple):
    """A Persian reading of a word: folded, as written, its misfit, and its log-likelihood."""

    word: str
    written: str
    misfit: float
    likelihood: float


def skeleton(word: str) -> str:
    """The consonants of a folded word in Latin letters: equal for a Persian word and its Finglish spellings.

    A final ``h`` is often silent and is omitted. Empty for words in other alphabets and for words without consonants.
    """
    if _PERSIAN_WORD.fullmatch(word):
        sounds = word.translate(_SOUNDS)
    elif _LATIN_WORD.fullmatch(word):
        sounds = word
        for pair, sound in _PAIRS:
            sounds = sounds.replace(pair, sound)
        sounds = _VOWELS.sub("", sounds)
    else:
        return ""
    return _tidy(sounds)


def _tidy(sounds: str) -> str:
    return _REPEATED.sub(r"\1", sounds).removesuffix("h")


def is_latin(word: str) -> bool:
    return _LATIN_WORD.fullmatch(word) is not None


@bounded_cache(max_bytes=2**20, usual_bytes=1_000)
def skeletons(word: str) -> tuple[str, ...]:
    """All possible skeletons of a folded Latin word, its own first; including those of the word without an ending."""
    found = dict.fromkeys((skeleton(word), *_skeletons(word), *(skeleton(form) for form, _cost in _forms(word))))
    return tuple(filter(None, found))


def _skeletons(word: str) -> list[str]:
    """The skeletons of the most common readings of the letters; the cost of a reading is its index in the table."""
    ways: list[dict[str, int]] = [{"": 0}, *({} for _letter in word)]
    for place in range(len(word)):
        so_good = sorted(ways[place].items(), key=lambda way: way[1])[:_MOST_SKELETONS]
        for length in range(1, min(2, len(word) - place) + 1):
            for cost, sound in enumerate(_READINGS.get(word[place : place + length], ())):
                for before, so_far in so_good:
                    ways_on = ways[place + length]
                    ways_on[before + sound] = min(so_far + cost + (length == 1), ways_on.get(before + sound, 99))
    # Words with a c are English, and their final d is often written ت in Persian: card, کارت.
    ended = {sounds[:-1] + "t": cost + 1 for sounds, cost in ways[-1].items() if "c" in word and sounds[-1:] == "d"}
    complete = sorted((ways[-1] | ended).items(), key=lambda way: way[1])
    return [_tidy(sounds) for sounds, _cost in complete[:_MOST_SKELETONS]]


def _forms(word: str) -> Iterator[tuple[str, float]]:
    """The word, its variants, and the word without an ending; each with its cost."""
    yield word, 0.0
    if "x" in word:
        yield word.replace("x", "ks"), 0.0
    if word.endswith("an"):
        yield word[:-1], _TANWIN
    for ending in (*_ENDINGS, *_ENDINGS_OF_MANY):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_FORM:
            yield word.removesuffix(ending), _ENDED


@bounded_cache(max_bytes=2 * 2**20, usual_bytes=280)
def misfit(latin: str, persian: str) -> float:
    """How badly a Latin spelling fits a folded Persian word: 0 is what most people type, infinity means not at all."""
    return min(_aligned(form, persian) + cost for form, cost in _forms(latin))


def _aligned(latin: str, persian: str) -> float:
    """The minimum cost of spelling the Persian letters one after another as the Latin word."""
    reached = {0: 0.0}
    for reached in _reached(latin, persian):  # noqa: B007 - the last is wanted
        pass
    return reached.get(len(latin), math.inf)


def _reached(latin: str, persian: str) -> Iterator[dict[int, float]]:
    """After each Persian letter: the prefixes of the Latin word that can be spelled so far, with minimum costs."""
    reached = {0: 0.0}
    for place, letter in enumerate(persian):
        following: dict[int, float] = {}
        for start, so_far in reached.items():
            _spell(following, latin, start, so_far, _spelled(letter, place, persian))
        reached = following
        yield reached


def _spell(reached: dict[int, float], latin: str, start: int, so_far: float, spelled: Mapping[str, float]) -> None:
    """Record the ends that the spellings of one letter reach from `start`."""
    for letters, cost in spelled.items():
        if latin.startswith(letters, start):
            _reach(reached, latin, start + len(letters), so_far + cost)


@bounded_cache(max_bytes=2 * 2**20, usual_bytes=280)
def misfit_of_beginning(latin: str, persian: str) -> float:
    """How badly a Latin spelling fits the best prefix of a folded Persian word."""
    return min((reached.get(len(latin), math.inf) for reached in _reached(latin, persian)), default=math.inf)


def _spelled(letter: str, place: int, persian: str) -> Mapping[str, float]:
    if place == 0:
        if letter == "ا" and persian[1:2] in ("ی", "و"):
            return _FIRST_OF_LONG_VOWEL
        return _FIRST_SPELLED.get(letter) or _SPELLED.get(letter, {})
    if place == len(persian) - 1 and letter in _LAST_SPELLED:
        return _LAST_SPELLED[letter]
    if letter == "ا" and persian[place + 1 : place + 2] == "ی":
        return _ALEF_OF_LONG_I
    if letter == "و" and persian[place - 1] == "خ" and persian[place + 1 : place + 2] in ("ا", "ی"):
        return _SILENT_WAW
    return _SPELLED.get(letter, {})


def _reach(reached: dict[int, float], latin: str, end: int, cost: float) -> None:
    """Record that the word can be spelled up to `end`, and further over doubled consonants and unwritten vowels."""
    if cost >= reached.get(end, math.inf):
        return
    reached[end] = cost
    if end and end < len(latin):
        letter = latin[end]
        if letter == latin[end - 1] and letter not in "aeiou":
            _reach(reached, latin, end + 1, cost + _DOUBLED)
        elif letter in _UNWRITTEN:
            two = latin[end + 1 : end + 2] in _VOWEL_LETTERS
            final = letter == "e" and end + 1 == len(latin)
            _reach(reached, latin, end + 1, cost + _UNWRITTEN[letter] + _TWO_VOWELS * two + _FINAL_E * final)


def read(latin: str, known: Iterable[Spelling]) -> Reading | None:
    """The likeliest Persian word for a Latin spelling, among known words and stop words."""
    stop_word = read_stop_word(latin)
    worst = _WORST + _WORST_PER_LETTER * len(latin)
    found = _fitting(((spelling, misfit(latin, spelling.word)) for spelling in known), worst)
    return likeliest((*found, stop_word) if stop_word else found)


def read_beginnings(latin: str, known: Iterable[Spelling]) -> list[Reading]:
    """The known Persian words that a Latin word may be the beginning of, likeliest first."""
    found = _fitting(((spelling, misfit_of_beginning(latin, spelling.word)) for spelling in known), _WORST_BEGINNING)
    return sorted(found, key=_order, reverse=True)


def _fitting(known: Iterable[tuple[Spelling, float]], worst: float) -> Iterator[Reading]:
    for spelling, unfit in known:
        if unfit <= worst:
            likelihood = math.log(1 + spelling.frequency) - _WEIGHT * unfit
            yield Reading(spelling.word, spelling.written, unfit, likelihood)


def likeliest(readings: Iterable[Reading]) -> Reading | None:
    return max(readings, key=_order, default=None)


def _order(reading: Reading) -> tuple[float, str]:
    return reading.likelihood, reading.word


@lru_cache(maxsize=2048)
def read_stop_word(latin: str) -> Reading | None:
    """The Persian stop word for a Latin spelling («chetori», «mikham», «ro»), or None."""
    if latin in _WITHOUT_CONSONANTS:
        word = _WITHOUT_CONSONANTS[latin]
        return Reading(word, word, 0.0, math.log(_STOP_WORD_FREQUENCY))
    if "c" in latin.replace("ch", ""):
        return None  # an English word: card is not کرد
    words = (word for sounds in skeletons(latin) for word in _stop_words().get(sounds, ()))
    return likeliest(
        Reading(word, word, unfit, math.log(_STOP_WORD_FREQUENCY) - _WEIGHT * unfit)
        for word in words
        if (unfit := misfit(latin, word)) <= _WORST_STOP_WORD
    )


@lru_cache(maxsize=1)
def _stop_words() -> Mapping[str, list[str]]:
    by_skeleton: dict[str, list[str]] = defaultdict(list)
    for word in sorted(PERSIAN_STOP_WORDS):
        by_skeleton[skeleton(word)].append(word)
    return by_skeleton
