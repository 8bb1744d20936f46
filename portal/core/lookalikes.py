"""Comparison of names by appearance: two names that a reader could confuse have the same skeleton.

Uses Unicode's table of confusable characters, and `portal.core.text.fold` for letters that are the same in Persian.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any, Final

from portal.core.text import fold

#: Scripts that a name may mix, because one language uses all of them.
_TOGETHER: Final = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def skeleton(text: str) -> str:
    """Return letters and digits by appearance: lower case, no marks, one character for all that look like it.

    >>> skeleton("Аli_Rеza") == skeleton("ali.reza")
    True
    """
    for _upper_and_lower_case in range(2):  # other scripts first, then the letters they became
        text = fold("".join(map(_shape, unicodedata.normalize("NFKC", text))))
    return "".join(character for character in text if character.isalnum()).replace("i", "l")  # since I and l look alike


def scripts_of(text: str) -> set[str]:
    """Return the scripts of the letters, by their Unicode names: ``{"LATIN", "ARABIC"}``."""
    names = (unicodedata.name(c, "?").split()[0] for c in unicodedata.normalize("NFKC", text) if c.isalpha())
    return {_TOGETHER.get(name, name) for name in names}


@lru_cache(maxsize=2048)
def _shape(character: str) -> str:
    """Return the representative of all characters that look like this one: the one with the most look-alikes."""
    # The package's tables take ten megabytes, and only processes in which a public name is chosen need them.
    from confusable_homoglyphs.confusables import is_confusable  # noqa: PLC0415 - see above

    def like(shape: str) -> list[str]:
        found: Any = is_confusable(shape, greedy=True) if len(shape) == 1 else False
        return [each["c"] for each in found[0]["homoglyphs"]] if found else []

    shapes = like(character)
    if len(shapes) != 1:
        return character  # has no look-alikes, or represents them
    other = like(shapes[0])
    return shapes[0] if len(shapes[0]) > 1 or len(other) > 1 else min(character, shapes[0])
