"""The tables of search."""

from search.models.activity import ClickEvidence, SearchClick, SearchDay, SearchGap, SearchLog
from search.models.index import EntryFacet, IndexedEntry, Posting, Term, Word
from search.models.synonym import Synonym
from search.models.vector import EntryVector

__all__ = [
    "ClickEvidence",
    "EntryFacet",
    "EntryVector",
    "IndexedEntry",
    "Posting",
    "SearchClick",
    "SearchDay",
    "SearchGap",
    "SearchLog",
    "Synonym",
    "Term",
    "Word",
]
