"""How strongly an entry is about a term: BM25F, worked out once when the entry is indexed.

For each field the frequency of a term is evened out by the field's length (three words of ten say more than three of
a thousand), weighted, and summed; the sum saturates. What is left for the moment of the search is the term's rarity.
The usual lengths are constants, not averages over the index: a score then depends on the entry alone, entries can be
indexed one by one, and every database ranks alike.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from search.index.plan import BODY, SHORT_ANSWER, TITLE

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from search.index.plan import Place


@dataclass(frozen=True, slots=True)
class FieldScoring:
    """`weight` of a field, its `usual_length` in words, and how far length counts (`length_share`, 0 to 1)."""

    weight: float
    usual_length: float
    length_share: float


KEYWORDS: Final = "keywords"
FIELDS: Final[dict[str, FieldScoring]] = {
    TITLE: FieldScoring(weight=3.0, usual_length=6, length_share=0.4),
    SHORT_ANSWER: FieldScoring(weight=1.4, usual_length=30, length_share=0.5),
    BODY: FieldScoring(weight=1.0, usual_length=150, length_share=0.6),
    KEYWORDS: FieldScoring(weight=1.5, usual_length=6, length_share=0.3),
}
#: How soon more occurrences stop to count.
SATURATION: Final = 1.2
#: A field much shorter than usual counts as this share of the usual length: a text of two words is no better title.
SHORTEST: Final = 0.5
#: The impact of a term that could not be stronger.
FULL_IMPACT: Final = 10_000
#: Rarities are integers, too, in thousandths.
RARITY_UNIT: Final = 1000

FIELD_NAMES: Final = list(FIELDS)
FIELD_COUNT: Final = len(FIELD_NAMES)


def read_places(places: Sequence[int], numbers: Container[int]) -> dict[str, list[Place]]:
    """Where the terms of these numbers stand, by field; see `entry_terms.AnalysedEntries.places`. In order."""
    found: dict[str, list[Place]] = defaultdict(list)
    for number, start, end in zip(places[0::3], places[1::3], places[2::3], strict=True):
        if number in numbers:
            found[FIELD_NAMES[start % FIELD_COUNT]].append((start // FIELD_COUNT, end))
    return {name: sorted(some) for name, some in found.items()}


def rarity(frequency: int, size: int) -> int:
    """The weight of a term that `frequency` of `size` entries hold: BM25's inverse document frequency, at least 1."""
    frequency = min(frequency, size)
    return max(1, round(RARITY_UNIT * math.log(1 + (size - frequency + 0.5) / (frequency + 0.5))))


def facet_term(name: str, value: str) -> str:
    """The term that stands for a value entries can be filtered by; no word holds the sign between."""
    return f"{name}={value}"
