"""What names look like: two that a reader may take for each other have the same skeleton.

Unicode's table of confusable characters says what looks alike; `portal.core.text.fold` what is one letter in Persian.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any, Final

from portal.core.text import fold

#: Scripts that one name may mix, because one language is written with all of them.
_TOGETHER: Final = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def skeleton(text: str) -> str:
    """The letters and digits as they look: lower case, no marks, one character for all that look like it.

    >>> skeleton("Аli_Rеza") == skeleton("ali.reza")
    True
    """
    for _upper_and_lower_case in range(2):  # letters of other scripts first, then what they became
        text = fold("".join(map(_shape, unicodedata.normalize("NFKC", text))))
    return "".join(character for character in text if character.isalnum()).replace("i", "l")  # as I and l look


def scripts_of(text: str) -> set[str]:
    """The scripts of its letters, by Unicode's names: ``{"LATIN", "ARABIC"}``."""
    names = (unicodedata.name(c, "?").split()[0] for c in unicodedata.normalize("NFKC", text) if c.isalpha())
    return {_TOGETHER.get(name, name) for name in names}


@lru_cache(maxsize=2048)
def _shape(character: str) -> str:
    """The character that stands for all that look like this one: the one with the most look-alikes."""
    # Its tables take ten megabytes, and only those who choose a public name need them.
    from confusable_homoglyphs.confusables import is_confusable  # noqa: PLC0415 - see above

    def like(shape: str) -> list[str]:
        found: Any = is_confusable(shape, greedy=True) if len(shape) == 1 else False
        return [each["c"] for each in found[0]["homoglyphs"]] if found else []

    shapes = like(character)
    if len(shapes) != 1:
        return character  # alone, or the one that stands for others
    other = like(shapes[0])
    return shapes[0] if len(shapes[0]) > 1 or len(other) > 1 else min(character, shapes[0])
