"""Words and phrases as editors write them in lists, identified by their stems.

Variants of letters and digits, half-spaces and inflection do not matter: «كتاب خانه‌ها», «کتاب‌خانه» and «کتابخانه» are
one phrase.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.core.memo import bounded_cache
from search.language.analysis import ENGLISH_STOP_WORDS, PERSIAN_STOP_WORDS, tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from search.language.analysis import Token

#: A comma between digits belongs to the number.
_SEPARATORS: Final = re.compile(r"[\n\r،؛;]|(?<!\d),|,(?!\d)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One or more words, as written. `stems` are the stems of the words, `joined` the stem if written as one word."""

    text: str
    stems: tuple[str, ...]
    joined: str = ""

    @property
    def key(self) -> str:
        """A key that is equal for all spellings of the same phrase."""
        return "".join(self.stems)

    @property
    def forms(self) -> tuple[tuple[str, ...], ...]:
        """The stems by which it occurs in texts: word by word, or written as one."""
        return tuple(dict.fromkeys([self.stems, *([(self.joined,)] if self.joined else [])]))


def read_phrases(text: str, language: str) -> list[Phrase]:
    """The phrases of a list, one per line or separated by commas; those without letters and digits are left out."""
    written = (" ".join(part.split()) for part in _SEPARATORS.split(text))
    phrases = (_known_phrase(part, language) for part in written if part)
    return [phrase for phrase in phrases if phrase.stems]


def read_phrase(text: str, language: str) -> Phrase:
    """Parse one phrase. A stop word that is part of a compound is kept: «بی‌سیم» is not «سیم»."""
    found = tokens(text, language=language, query=True)
    words = stems_of_words(found)
    whole = next((token for token in found if token.width > 1 and _covers(token, words)), None)
    if whole is None or words == {whole.position: whole.text}:
        return Phrase(text, tuple(words.values()))
    if whole.width > len(words):
        return Phrase(text, (whole.text,))
    return Phrase(text, tuple(words.values()), whole.text)


#: Lists are read again after every change of the content, but their words rarely change.
_known_phrase: Final = bounded_cache(max_bytes=2 * 2**20, usual_bytes=600)(read_phrase)


def _covers(token: Token, numbers: Collection[int]) -> bool:
    """Whether the token covers all these words."""
    return all(token.position <= number < token.position + token.width for number in numbers)


def stems_of_words(found: Iterable[Token]) -> dict[int, str]:
    """The stem of each single word by its number, in order; for a verb with a prefix, the stem without it."""
    words: dict[int, str] = {}
    for token in sorted(found, key=lambda token: token.position):
        if token.width == 1:
            words.setdefault(token.position, token.text)
    return words


def says_nothing(phrase: Phrase, language: str) -> bool:
    """Whether it consists of stop words."""
    found = tokens(phrase.text, language=language)
    return all(token.word in PERSIAN_STOP_WORDS or token.word in ENGLISH_STOP_WORDS for token in found)
