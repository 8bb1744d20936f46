"""Sets of names, written as they are read."""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    """Return the set of the names in a text, which spaces separate."""
    return frozenset(text.split())
