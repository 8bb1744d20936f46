"""Semantic search: an optional extra, off if its package is not installed (docs/decisions/0011-semantic-extra.md).

`model`    a text → its vector; the only module that uses the package
`vectors`  keeps the vectors of all entries up to date; the outbox worker computes missing ones
`matrix`   all vectors in memory, and nearest-neighbour search
`nearest`  a question → the keys of the most similar entries, in this process
`fusion`   combines the results of keyword and semantic search
"""
