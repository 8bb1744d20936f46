"""How much a word of a question tells: the inverse document frequency of BM25."""

from __future__ import annotations

import math
from typing import Final

#: Rarities are integers, as impacts are: thousandths.
RARITY_UNIT: Final = 1000


def rarity(frequency: int, size: int) -> int:
    """BM25's inverse document frequency, in thousandths, of a term in `frequency` of `size` entries; at least 1."""
    size = max(size, 0)
    frequency = min(max(frequency, 0), size)
    return max(1, round(RARITY_UNIT * math.log(1 + (size - frequency + 0.5) / (frequency + 0.5))))
