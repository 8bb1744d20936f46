"""Factories of search entries and synonyms. Default: a public Persian article without votes."""

from __future__ import annotations

from itertools import count
from typing import Any

from search.documents import SearchEntry
from search.models import Synonym

_numbers = count(1)


def entry(**fields: Any) -> SearchEntry:
    """A `SearchEntry` with defaults. `products`, `topics` and `tags` set the facets of these names."""
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
    """An active synonym, by default two-way and Persian; ``also_finds`` makes it one-way."""
    if "also_finds" in fields:
        fields.setdefault("direction", Synonym.Direction.ONE_WAY)
    made: Synonym = Synonym.objects.create(words="\n".join(words), **{"language": "fa", **fields})
    return made
