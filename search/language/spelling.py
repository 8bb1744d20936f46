"""A word of the index as it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelling:
    """A word somebody wrote: folded, as it was written, and how many entries hold its stem."""

    word: str
    written: str
    frequency: int
