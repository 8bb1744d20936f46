"""The words a language knows, with how frequent they are: what is written correctly is no slip, even if no entry has it.

The lists (`words/`, made by `bench/word_lists.py`) are sorted files that are searched where they lie: the operating
system shares their pages between processes, and nothing is read into memory.
"""

from __future__ import annotations

import mmap
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from portal.core.memo import bounded_cache

FOLDER: Final = Path(__file__).parent / "words"
#: Marks words that a dictionary lists, as opposed to those that only occur in texts: «مشکل», but not «مشکلی».
HEADWORD: Final = "+"


class Known(NamedTuple):
    """A word of a language: the order of magnitude of its occurrences in 10⁹ words, and whether it is a headword."""

    zipf: int
    is_headword: bool


@bounded_cache(max_bytes=2**20, usual_bytes=200)
def known(word: str) -> Known | None:
    """The folded word, if its language knows it: Persian or English, by its letters."""
    if not word.isalpha():
        return None
    wanted = word.encode() + b" "
    rows = _rows("fa" if wanted[0] >= 0x80 else "en")
    low, high = 0, len(rows)
    while low < high:  # the first row that is not before the wanted one begins in [low, high)
        start = rows.rfind(b"\n", 0, (low + high) // 2) + 1
        end = rows.find(b"\n", start)
        row = rows[start:end]
        if row.startswith(wanted):
            return Known(int(row[len(wanted) : len(wanted) + 1]), row.endswith(HEADWORD.encode()))
        if row < wanted:
            low = end + 1
        else:
            high = start
    return None


@cache
def _rows(language: str) -> mmap.mmap:
    with (FOLDER / f"{language}.txt").open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
