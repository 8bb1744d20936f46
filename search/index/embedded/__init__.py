"""The index in the portal's own database: the same rows and sums, and so the same ranking, on SQLite and PostgreSQL.

`backend`   what it can do       `writing`   entries → rows, terms, postings       `blocks`   postings, packed
`matching`  plan → entries       `pages`     entries → hits of a page              `counting` facets
`sql`       statements both databases understand
"""

from search.index.embedded.backend import EmbeddedBackend

__all__ = ["EmbeddedBackend"]
