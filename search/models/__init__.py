"""The tables of search."""

from search.models.index import EntryFacet, IndexedEntry, Posting, Term, Word

__all__ = ["EntryFacet", "IndexedEntry", "Posting", "Term", "Word"]
