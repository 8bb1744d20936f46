"""Letters, digits and direction: processing of Persian and English text before it is stored, compared or shown.

Three different functions, not to be confused:

`normalise_input`  user input → stored text. Keeps meaning, half-spaces and digits as written.
`fold`             stored or typed text → text that search compares. Removes everything in which spellings vary.
`isolate`          text → text that keeps its own direction inside a plain-text sentence.

Nothing here raises on unusual text: lone surrogates, NUL and unassigned characters are accepted.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from typing import Final

import idna

ZWNJ: Final = "\u200c"

_PERSIAN_DIGITS: Final = "۰۱۲۳۴۵۶۷۸۹"
_ARABIC_DIGITS: Final = "٠١٢٣٤٥٦٧٨٩"
_LATIN_DIGITS: Final = "0123456789"

_TO_LATIN_DIGITS: Final = str.maketrans(_PERSIAN_DIGITS + _ARABIC_DIGITS, _LATIN_DIGITS * 2)
_TO_PERSIAN_DIGITS: Final = str.maketrans(_LATIN_DIGITS + _ARABIC_DIGITS, _PERSIAN_DIGITS * 2)

#: Marks, embeddings, overrides and isolates: they control direction and carry no text.
_BIDI_CONTROLS: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_WITHOUT_BIDI: Final = str.maketrans("", "", _BIDI_CONTROLS)

#: Different letters that keyboards produce for the same Persian letter.
SAME_LETTERS: Final = {
    "ی": "يىېۍێئےۓ",
    "ک": "كڪ",
    "گ": "ګ",
    "ه": "ةۀەھہۂۃ",
    "ا": "أإٱآ",
    "و": "ؤۇۆ",
}
#: Characters used as a half-space: the real one, the zero-width space, and U+00AC, left behind by old converters.
HALF_SPACES: Final = ZWNJ + "\u200b\u00ac"
#: Characters that search ignores: tatweel, hamza on the line, joiners, soft hyphen, byte order mark.
UNSEEN: Final = "\u0640\u0621\u200d\u2060\u00ad\ufeff" + _BIDI_CONTROLS
_SIGNS: Final = {"٬": ",", "٫": ".", "٪": "%", "،": ",", "؛": ";", "؟": "?"}

_FOLDED: Final[dict[str, str]] = {
    **{variant: letter for letter, variants in SAME_LETTERS.items() for variant in variants},
    **dict.fromkeys(HALF_SPACES, ZWNJ),
    **dict.fromkeys(UNSEEN, ""),
    **_SIGNS,
}


#: Most digits of a number that fits into a column.
_MOST_DIGITS: Final = 18


def row_number(text: object) -> int | None:
    """Return the number of a row that an address or a form states; None for anything else.

    Python refuses to read numbers of more than 4,300 digits, and databases to compare those of more than 18.
    """
    stated = str(text)
    is_number = len(stated) <= _MOST_DIGITS and stated.isascii() and stated.isdecimal()
    return int(stated) if is_number else None


def _is_dropped_mark(character: str) -> bool:
    """Return whether it is an accent (Latin, Greek, Cyrillic), Arabic vowel mark or hamza, or variation selector."""
    code = ord(character)
    if 0x0300 <= code <= 0x036F or 0xFE00 <= code <= 0xFE0F:
        return True
    return 0x0600 <= code <= 0x08FF and unicodedata.category(character) == "Mn"


def _fold_character(character: str) -> str:
    """Return the folded form of one character; folding the result again does not change it."""
    if character in _FOLDED:
        return _FOLDED[character]
    if character not in "\t\n\r" and unicodedata.category(character) in {"Cc", "Cs"}:
        return " "  # a database may refuse it, and it separates words
    decimal = unicodedata.decimal(character, None)
    if decimal is not None:
        return _LATIN_DIGITS[decimal]
    decomposed = unicodedata.normalize("NFKD", character)
    folded = unicodedata.normalize("NFKC", "".join(c for c in decomposed if not _is_dropped_mark(c))).casefold()
    return folded if folded == character else "".join(map(_fold_character, folded))


class _Folding(dict[int, str]):
    """Code point → folded text, computed on first use. Limited in size, since there are a million code points."""

    def __init__(self) -> None:
        super().__init__()
        #: Characters seen so far that fold to none or to several characters.
        self.uneven: set[str] = set()

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = _fold_character(character)
        if len(folded) != 1:
            self.uneven.add(character)
        if len(self) < 8192:
            self[code] = folded
        return folded


_FOLDING: Final = _Folding()


def fold(text: str) -> str:
    """Return the text as search compares it: one letter per sound, Latin digits, lower case, no marks or bidi controls.

    Works character by character (NFKC of each, without its marks), so that composed and decomposed spellings become
    equal and every folded character has one origin. Half-spaces become U+200C. Folding is idempotent.
    """
    return text.translate(_FOLDING)


def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """Return the folded text, and for each of its characters the index in `text` from which it came.

    A character that folds to several (``ﷲ``, ``ß``) repeats its index; one that disappears leaves a gap.
    """
    folded = text.translate(_FOLDING)
    if _FOLDING.uneven.isdisjoint(text):
        return folded, list(range(len(text)))
    parts: list[str] = []
    offsets: list[int] = []
    for index, character in enumerate(text):
        part = _FOLDING[ord(character)]
        parts.append(part)
        if len(part) == 1:
            offsets.append(index)
        else:
            offsets.extend([index] * len(part))
    return "".join(parts), offsets


_INPUT_LETTERS: Final = str.maketrans("يىك", "ییک")
#: What no XML and no database takes. Line ends and tabs stay.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_UNWANTED: Final = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff{_BIDI_CONTROLS}]")
_LINE_ENDS: Final = re.compile("\r\n?|[\x85\u2028\u2029]")


def normalise_input(text: str, *, digits: bool = False) -> str:
    """Return user input as it is stored: Persian ی and ک, NFC, no bidi or control characters, ``\\n`` line ends.

    Half-spaces stay. With `digits`, Persian and Arabic digits become Latin ones (codes, numbers, phones).
    """
    text = _LINE_ENDS.sub("\n", _UNWANTED.sub("", text))
    text = unicodedata.normalize("NFC", text).translate(_INPUT_LETTERS)
    return to_latin_digits(text) if digits else text


#: Characters that mail servers and readers ignore in an address. Joiners are part of some words in domain names.
_PASSED_OVER: Final = re.compile(
    "[\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    f"\ufff0-\ufffb\U000e0000-\U000e0fff{_BIDI_CONTROLS}]"
)
_JOINERS: Final = str.maketrans("", "", "\u200c\u200d")


def normalise_address(text: str) -> str | None:
    """Return the canonical form of a mail address: lower case, nothing invisible, the domain as mail servers know it.

    Two spellings that reach the same mailbox have the same form: ``Ali@Exa\\u00admple.com``, ``ali@example.com``.
    Returns None when no mail server could be found for it.
    """
    text = unicodedata.normalize("NFKC", _PASSED_OVER.sub("", text))
    name, at, domain = text.rpartition("@")
    if not (name and at and domain):
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except UnicodeError:
            try:  # joiners that no word needs are ignored as well
                domain = idna.encode(domain.translate(_JOINERS), uts46=True).decode()
            except UnicodeError:
                return None
    return f"{name.translate(_JOINERS)}@{domain}".lower()


def to_latin_digits(text: str) -> str:
    """Return the text with Persian and Arabic digits as ``0``-``9``; everything else is unchanged."""
    return text.translate(_TO_LATIN_DIGITS)


def to_persian_digits(text: str) -> str:
    """Return the text with Latin and Arabic digits as ``۰``-``۹``; everything else is unchanged."""
    return text.translate(_TO_PERSIAN_DIGITS)


def without_bidi_controls(text: str) -> str:
    """Return the text without the invisible characters that control direction."""
    return text.translate(_WITHOUT_BIDI)


def without_controls(text: str) -> str:
    """Return the text without control characters, which a feed cannot contain, and without those of direction."""
    return _CONTROLS.sub("", without_bidi_controls(text))


def isolate(text: str) -> str:
    """Return the text inside U+2068 … U+2069, for plain-text places such as mail subjects and page titles.

    Controls inside are removed: an unmatched one would end the isolation early.
    """
    return f"\u2068{without_bidi_controls(text)}\u2069"


def _is_arabic_script(character: str) -> bool:
    return (
        "\u0600" <= character <= "\u06ff"
        or "\u0750" <= character <= "\u077f"
        or "\ufb50" <= character <= "\ufdff"
        or "\ufe70" <= character <= "\ufefc"
    )


def is_persian(text: str) -> bool:
    """Return whether at least half of the letters are Arabic script. Text without letters is not Persian."""
    counts = Counter(text)  # a long text has few different letters
    persian = sum(count for letter, count in counts.items() if letter.isalpha() and _is_arabic_script(letter))
    return persian > 0 and persian * 2 >= sum(count for letter, count in counts.items() if letter.isalpha())


_KEYS_EN: Final = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
_KEYS_FA: Final = "ضصثقفغعهخحجچشسیبلاتنمکگظطزرذدپو."
_EN_TO_FA: Final = str.maketrans(_KEYS_EN, _KEYS_FA)
#: In addition to the plain keys: letters that share a key on one of the usual layouts, and the Arabic twins.
_FA_TO_EN: Final = str.maketrans(_KEYS_FA + "ئآژيك", _KEYS_EN + "mhcd;")


def swap_keyboard(text: str) -> str:
    """Return the text that the same keys produce on the other layout: ``]vhy rvlc`` ↔ ``چراغ قرمز``.

    Text that mixes scripts or has no letters was not typed on the wrong layout and is returned unchanged.
    """
    persian = any(_is_arabic_script(c) and c.isalpha() for c in text)
    latin = any(c.isascii() and c.isalpha() for c in text)
    if persian == latin:
        return text
    if persian:
        return text.translate(_FA_TO_EN)
    return text.lower().translate(_EN_TO_FA)


#: Words per minute. There is no established figure for Persian; its words carry more than English ones.
_READING_SPEED: Final = {"fa": 200, "en": 220}


def reading_minutes(text: str, language: str) -> int:
    """Return the reading time in minutes, at least one. Joined words («می‌شود») count once."""
    speed = _READING_SPEED.get(language.split("-", maxsplit=1)[0], 200)
    return max(1, math.ceil(len(text.split()) / speed))


_NOT_IN_SLUG: Final = re.compile(r"[\W_]+")


def slugify_unicode(text: str, *, max_length: int = 100) -> str:
    """Return a readable URL slug in the text's own script: letters and Latin digits joined by hyphens.

    Cut between words to `max_length` characters. Empty when the text has no letter or digit.
    """
    text = "".join(c for c in normalise_input(text, digits=True).lower() if not _is_dropped_mark(c) and c != "\u0640")
    slug = _NOT_IN_SLUG.sub("-", text).strip("-")
    if len(slug) <= max_length:
        return slug
    head, hyphen, _tail = slug[: max_length + 1].rpartition("-")
    return head if hyphen else slug[:max_length]
