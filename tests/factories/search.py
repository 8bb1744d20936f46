"""Entries of the index. Dull by default: a public Persian article nobody has read."""

from __future__ import annotations

from itertools import count
from typing import Any

from search.documents import SearchEntry
from search.models import Synonym

_numbers = count(1)


def entry(**fields: Any) -> SearchEntry:
    """A `SearchEntry`; say only what matters. `products`, `topics` and `tags` are short for their facets."""
    short = {"products": "product", "topics": "topic", "tags": "tag"}
    facets = {facet: fields.pop(name) for name, facet in short.items() if name in fields}
    fields["facets"] = facets | fields.get("facets", {})
    number = fields.setdefault("object_id", next(_numbers))
    defaults = {
        "kind": "test.note",
        "language": "fa",
        "title": f"یادداشت {number}",
        "url": f"/fa/notes/{number}/",
        "audience": "public",
    }
    return SearchEntry(**(defaults | fields))


def synonym(*words: str, **fields: Any) -> Synonym:
    """A synonym in use, both ways and in Persian unless said otherwise; ``also_finds`` makes it one way."""
    if "also_finds" in fields:
        fields.setdefault("direction", Synonym.Direction.ONE_WAY)
    made: Synonym = Synonym.objects.create(words="\n".join(words), **{"language": "fa", **fields})
    return made
