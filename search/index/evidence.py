"""What is known of an entry beside its words: proof that it is a good answer.

Evidence only decides among entries that answer a question about equally well: it adds at most a quarter to the score
of the text. Each part is capped, so that being popular can never stand in for being about the question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from search.documents import SearchEntry

#: Per mille of the text's score.
FULL: Final = 1000
HELPFUL: Final = 100
#: What all evidence in the index adds at most.
MOST: Final = 250
#: In the order of the moment, not in the index: what a reader prefers, and what was looked after lately.
PREFERRED: Final = 100
FRESH: Final = 30
FRESH_DAYS: Final = 180


def evidence_of(entry: SearchEntry) -> int:
    """Per mille that the entry's score grows by: how helpful it is (Wilson bound), and what else is known of it."""
    helpful = HELPFUL * min(max(entry.popularity, 0), 100) // 100
    return min(helpful + sum(entry.evidence.values()), MOST)
