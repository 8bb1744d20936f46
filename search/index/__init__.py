"""The indexes: one in the portal's own database, and one in a cluster if that is configured.

`plan`       the query passed to an index, and its answer    `answering`  selects the index that answers
`protocol`   the interface of an index                       `errors`, `limits`  exceptions and time limits
`entry_terms`, `scoring`, `evidence`  what is stored of an entry, the same in every index
"""
