"""Finding by meaning: an extra, off where its package is not installed (docs/decisions/0011-semantic-extra.md).

`model`    a text → its vector; the only module that knows the package
`vectors`  keeping the vectors of all entries true; waiting ones are worked out by the outbox worker
`matrix`   all vectors in memory, and the nearest of them
`nearest`  a question → the keys of entries of like meaning, in this process
"""
