"""The first Persian letters that a Latin word may stand for while it is typed: «sefar» is the beginning of «سفا…»."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

#: Shorter beginnings match too many words.
SHORTEST: Final = 3
_LETTERS: Final = 3
_MOST: Final = 16
_UNIT: Final = re.compile(r"([sckgz]h|ph|oo|ou|ee|e[iy]|aa|[a-z])\1*")


def _table(lines: str) -> Mapping[str, tuple[str, ...]]:
    """Parse a table: Latin letters, then the Persian letters they may stand for; a dash stands for none."""
    return {
        latin: tuple(letters.replace("-", "") for letters in persian)
        for latin, *persian in (line.split() for line in lines.split("|"))
    }


#: What each may stand for, most common first; vowels are often not written.
_STANDS_FOR: Final = _table(
    "a ا - ع|aa ا|b ب|c ک س|ch چ|d د|e - ی|ee ی|ei ی|ey ی|f ف|g گ|gh ق غ|h ه ح|i ی -|j ج|k ک|kh خ|l ل|m م|n ن|o - و ا"
    "|oo و|ou و|p پ|ph ف|q ق غ|r ر|s س ص ث|sh ش|t ت ط|u و|v و|w و|x خ|y ی|z ز ذ ض ظ|zh ژ"
)
_STANDS_FIRST_FOR: Final = {
    **_STANDS_FOR,
    **_table("a ا ع|aa ا ع|e ا ای ع|ee ا ای ع|i ا ای ع|o ا ع|oo ا او|ou ا او|u ا او"),
}


@lru_cache(maxsize=2048)
def beginnings(latin: str) -> tuple[str, ...]:
    """At most sixteen Persian beginnings of two or three letters, most common first."""
    ways: dict[str, int] = {"": 0}
    found: dict[str, int] = {}
    for unit in _UNIT.finditer(latin):
        stands_for = _STANDS_FOR if unit.start() else _STANDS_FIRST_FOR
        following: dict[str, int] = {}
        for begun, so_far in ways.items():
            for cost, letters in enumerate(stands_for[unit[1]]):
                ways_on = found if len(begun + letters) >= _LETTERS else following
                ways_on.setdefault(begun + letters, so_far + cost)
        ways = following
    found |= {begun: cost for begun, cost in ways.items() if len(begun) > 1}
    return tuple(sorted(found, key=lambda begun: (found[begun], begun))[:_MOST])
