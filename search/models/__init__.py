"""The models of search."""

from search.models.activity import ClickEvidence, SearchClick, SearchDay, SearchGap, SearchLog
from search.models.index import IndexedEntry, PostingBlock, Scope, Term, Word
from search.models.popular import PopularQuestion
from search.models.starter import UnusedStarter
from search.models.synonym import Synonym
from search.models.vector import EntryVector

__all__ = [
    "ClickEvidence",
    "EntryVector",
    "IndexedEntry",
    "PopularQuestion",
    "PostingBlock",
    "Scope",
    "SearchClick",
    "SearchDay",
    "SearchGap",
    "SearchLog",
    "Synonym",
    "Term",
    "UnusedStarter",
    "Word",
]
