"""The tables of search."""

from search.models.index import EntryFacet, IndexedEntry, Posting, Term, Word
from search.models.synonym import Synonym

__all__ = ["EntryFacet", "IndexedEntry", "Posting", "Synonym", "Term", "Word"]
