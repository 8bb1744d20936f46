"""What can be found and how it is looked up: in the portal's own database, and in a cluster where there is one.

`plan`       what is asked of an index and what it says   `answering`  which index answers
`protocol`   what an index must be able to do             `errors`, `limits`  what may go wrong, and how long it may take
`entry_terms`, `scoring`, `evidence`  what is stored of an entry, the same in every index
"""
