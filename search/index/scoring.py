"""The impact of a term in an entry: BM25F, computed when the entry is indexed.

The frequency of a term in each field is normalised by the field's length (three of ten words say more than three of a
thousand), weighted and summed; the sum saturates. Only the term's inverse document frequency is left for query time.
The usual lengths are constants, not averages over the index: an impact then depends on the entry alone, entries can be
indexed one by one, and the ranking is the same on every database.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from search.index.plan import BODY, SHORT_ANSWER, TITLE

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from search.index.plan import Place


@dataclass(frozen=True, slots=True)
class FieldScoring:
    """The parameters of a field: weight, usual length in words, and BM25's b (`length_share`, 0 to 1)."""

    weight: float
    usual_length: float
    length_share: float


KEYWORDS: Final = "keywords"
FIELDS: Final[dict[str, FieldScoring]] = {
    TITLE: FieldScoring(weight=3.0, usual_length=6, length_share=0.4),
    SHORT_ANSWER: FieldScoring(weight=1.4, usual_length=30, length_share=0.5),
    BODY: FieldScoring(weight=1.0, usual_length=150, length_share=0.6),
    KEYWORDS: FieldScoring(weight=2.5, usual_length=40, length_share=0.3),
}
#: BM25's k1: the lower, the sooner further occurrences stop counting.
SATURATION: Final = 1.6
#: Minimum length in the normalisation, as a share of the usual length.
SHORTEST: Final = 0.1
#: The maximum impact of a term, before evidence is added.
FULL_IMPACT: Final = 10_000

FIELD_NAMES: Final = list(FIELDS)
FIELD_COUNT: Final = len(FIELD_NAMES)


def read_places(places: Sequence[int], numbers: Container[int]) -> dict[str, list[Place]]:
    """The places of the terms with these numbers, by field, in order; see `entry_terms.AnalysedEntries.places`."""
    found: dict[str, list[Place]] = defaultdict(list)
    for number, start, end in zip(places[0::3], places[1::3], places[2::3], strict=True):
        if number in numbers:
            found[FIELD_NAMES[start % FIELD_COUNT]].append((start // FIELD_COUNT, end))
    return {name: sorted(some) for name, some in found.items()}


def facet_term(name: str, value: str) -> str:
    """The term for a facet value; no word contains the separator."""
    return f"{name}={value}"
