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
SOLVED: Final = 60
OFFICIAL: Final = 40
CLICKED: Final = 50
#: In the order of the moment, not in the index: what a reader owns, and what was looked after lately.
OWN_PRODUCT: Final = 100
FRESH: Final = 30
FRESH_DAYS: Final = 180


def evidence_of(entry: SearchEntry) -> int:
    """Per mille that the entry's score grows by: helpful (Wilson bound), solved, official, chosen by readers."""
    helpful = HELPFUL * min(max(entry.popularity, 0), 100) // 100
    clicked = CLICKED * min(max(entry.clicked, 0), 100) // 100
    return helpful + clicked + SOLVED * ("solved" in entry.state) + OFFICIAL * ("official" in entry.state)
