"""Near-duplicates: a fingerprint of 64 bits whose distance grows with the difference of two texts (simhash)."""

from __future__ import annotations

import hashlib
from typing import Final

from portal.core.text import fold

#: Texts with fewer letters and digits have no fingerprint: “thank you, it works” is no spam.
SHORTEST: Final = 60
#: Two texts whose fingerprints differ in at most so many bits are nearly the same.
NEAR: Final = 12
_SHINGLE: Final = 4
_BITS: Final = 64


def fingerprint(text: str) -> int | None:
    """Return the fingerprint as a signed number that fits a column, or None for a short text.

    Folded, without spaces and signs: another spelling or other digits hardly change it.
    """
    letters = "".join(character for character in fold(text) if character.isalpha())
    if len(letters) < SHORTEST:
        return None
    weights = [0] * _BITS
    shingles = {letters[start : start + _SHINGLE] for start in range(len(letters) - _SHINGLE + 1)}
    for shingle in sorted(shingles)[:4000]:
        bits = int.from_bytes(hashlib.blake2b(shingle.encode("utf-8", "replace"), digest_size=8).digest(), "big")
        for place in range(_BITS):
            weights[place] += 1 if bits >> place & 1 else -1
    value = sum(1 << place for place, weight in enumerate(weights) if weight > 0)
    return value - (1 << _BITS) if value >> (_BITS - 1) else value


def distance(one: int, other: int) -> int:
    """Return in how many bits two fingerprints differ."""
    return ((one ^ other) & ((1 << _BITS) - 1)).bit_count()
