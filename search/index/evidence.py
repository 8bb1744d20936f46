"""Evidence, other than its text, that an entry is a good answer.

Evidence only decides between entries that match a question about equally well: it adds at most a quarter to the score
of the text. Each part is capped, so that popularity can never make up for relevance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from search.documents import SearchEntry

#: Per mille of the text's score.
FULL: Final = 1000
HELPFUL: Final = 100
#: Maximum of all evidence stored in the index.
MOST: Final = 250
#: Evidence applied at query time, not stored in the index: the reader's preferences, and recent updates.
PREFERRED: Final = 100
FRESH: Final = 30
FRESH_DAYS: Final = 180


def evidence_of(entry: SearchEntry) -> int:
    """Per mille added to the entry's score: its helpfulness (Wilson lower bound) and its other evidence."""
    helpful = HELPFUL * min(max(entry.popularity, 0), 100) // 100
    return min(helpful + sum(entry.evidence.values()), MOST)
