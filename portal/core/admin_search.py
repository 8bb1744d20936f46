"""Search in the admin: lists and choosers find what is spelt alike, as readers' search does.

Keyboards write one word in several ways: with Arabic or Persian letters and digits, with a half-space, a space or neither.
What Wagtail indexes (pages, pictures, files, shared texts) is folded when it is indexed and when it is looked for, in a
search backend around Wagtail's own. Other lists compare columns: there the words become a pattern (`spelt_like`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.db.models import Q
from modelsearch.query import And, Or, Phrase, PlainText
from wagtail.admin.views.generic.base import BaseListingView
from wagtail.search.backends import database as wagtails
from wagtail.search.index import class_is_indexed

from portal.core.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from modelsearch.backends.base import BaseSearchBackend
    from modelsearch.query import SearchQuery

_HALF_SPACE: Final = "\u200c"
#: Characters of a search that become a pattern; a longer one is not typed.
_MOST_CHARACTERS: Final = 200
#: What may stand between two letters without making another word of it: half-spaces, vowel marks, tatweel, accents.
_BETWEEN: Final = "[\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u200b-\u200f]*"
#: Where letters are that fold to others: Latin with accents, Arabic and Persian.
_SPELLINGS_IN: Final = ((0xA0, 0x24F), (0x0620, 0x06FF))


def SearchBackend(params: dict[str, Any]) -> BaseSearchBackend:  # noqa: N802 - the name that Wagtail looks for
    """Return Wagtail's search in the database with words folded; what ``WAGTAILSEARCH_BACKENDS`` names."""
    backend = wagtails.SearchBackend(params)
    folding = type("FoldingSearchBackend", (_Folding, type(backend)), {})
    return folding(params)


class _Folding:
    def search(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        return super().search(_folded_query(query), *args, **kwargs)  # type: ignore[misc]  # of the other base

    def autocomplete(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        return super().autocomplete(_folded_query(query), *args, **kwargs)  # type: ignore[misc]  # of the other base


def _folded_query(query: str | SearchQuery) -> str | SearchQuery:
    """Return what is looked for as it was indexed: with a half-space both as two words and as one."""
    if isinstance(query, str):
        apart, joined = _ways_to_write(query)
        return PlainText(apart) | PlainText(joined) if apart != joined else apart
    if isinstance(query, PlainText):
        apart, joined = _ways_to_write(query.query_string)
        ways = [PlainText(way, operator=query.operator, boost=query.boost) for way in dict.fromkeys((apart, joined))]
        return Or(ways) if len(ways) > 1 else ways[0]
    if isinstance(query, Phrase):
        return Phrase(_ways_to_write(query.query_string)[0])
    if isinstance(query, And | Or):
        return type(query)([_folded_query(part) for part in query.subqueries])
    return query


def _ways_to_write(words: str) -> tuple[str, str]:
    folded = fold(words)
    return folded.replace(_HALF_SPACE, " ").strip(), folded.replace(_HALF_SPACE, "").strip()


def indexed_text(text: str) -> str:
    """Return a text as the index of the admin holds it; words with half-spaces are there in parts and as one."""
    folded = fold(text)
    joined = [word.replace(_HALF_SPACE, "") for word in folded.split() if _HALF_SPACE in word.strip(_HALF_SPACE)]
    return " ".join([folded.replace(_HALF_SPACE, " "), *joined])


@cache
def _spellings() -> dict[str, str]:
    found: dict[str, set[str]] = defaultdict(set)
    for first, last in _SPELLINGS_IN:
        for code in range(first, last + 1):
            folded = fold(chr(code))
            if len(folded) == 1 and chr(code).isalnum():
                found[folded].update(folded, chr(code))
    return {folded: "[" + "".join(sorted(letters)) + "]" for folded, letters in found.items()}


def spelt_like(words: str, fields: Iterable[str]) -> Q:
    """Return the condition that one of the fields contains the words, however their letters are written."""
    folded = fold(words[:_MOST_CHARACTERS]).replace(_HALF_SPACE, " ").strip()
    spellings = _spellings()
    letters = (
        f"[\\s{_HALF_SPACE}]*" if letter.isspace() else spellings.get(letter, re.escape(letter))
        for letter in re.sub(r"\s+", " ", folded)
    )
    pattern = _BETWEEN.join(letters)
    conditions = (
        Q(**{f"{field}__icontains": words}) | (Q(**{f"{field}__iregex": pattern}) if pattern else Q())
        for field in fields
    )
    return reduce(or_, conditions, Q())


def connect() -> None:
    """Fold what Wagtail indexes, and have its lists of models that it does not index compare folded words."""
    if connection.vendor == "postgresql":
        from modelsearch.backends.database.postgres import postgres as database  # noqa: PLC0415 - of this database
    else:
        from modelsearch.backends.database.sqlite import sqlite as database  # noqa: PLC0415 - of this database

    class FoldingIndexer(database.ObjectIndexer):  # type: ignore[misc]  # untyped
        def prepare_value(self, value: Any) -> str:
            return indexed_text(super().prepare_value(value))

    database.ObjectIndexer = FoldingIndexer
    BaseListingView.search_queryset = _search_list


_wagtails_search_list: Final = BaseListingView.search_queryset


def _search_list(view: BaseListingView, queryset: QuerySet[Any]) -> QuerySet[Any]:
    if not view.is_searching or (class_is_indexed(queryset.model) and view.search_backend_name):
        return _wagtails_search_list(view, queryset)
    return queryset.filter(spelt_like(view.search_query, view.search_fields or ()))
