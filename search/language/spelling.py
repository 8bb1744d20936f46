"""Words of the index with their spellings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelling:
    """A word of the index: folded, as written, and the document frequency of its stem."""

    word: str
    written: str
    frequency: int
