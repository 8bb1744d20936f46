"""The index in the portal's own database, with the same ranking on SQLite and PostgreSQL.

`backend`   the interface            `writing`   entries → rows, terms, postings       `blocks`   packed postings
`matching`  plan → entries           `pages`     entries → hits of a page              `counting` facet counts
`sql`       statements for both databases       `seals`    checksums                      `repair`   of damaged rows
"""

from search.index.embedded.backend import EmbeddedBackend

__all__ = ["EmbeddedBackend"]
