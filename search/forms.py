"""What a reader may ask. Lenient: an address that was cut or made up still leads to a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.conf import settings

from search import registry
from search.backends import Filters
from search.results import MAX_PAGES

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import QueryDict

_CODE: Final = re.compile(r"[\w-]{1,80}\Z")
_MAX_CHOICES: Final = 20


class SearchForm:
    """The parameters of a results page: ``q``, ``page``, ``exact`` and the facets. Unknown values are dropped."""

    def __init__(self, data: QueryDict) -> None:
        self._data = data
        self.text = data.get("q", "")
        self.is_exact = data.get("exact") == "1"
        self.filters = Filters(
            kinds=self._chosen("kind", {document.name for document in registry.all_documents()}),
            products=self._codes("product"),
            topics=self._codes("topic"),
            languages=self._chosen("language", dict(settings.LANGUAGES)),
        )

    @property
    def page(self) -> int:
        """The page asked for, from 1."""
        number = self._data.get("page", "1")
        return min(max(int(number), 1), MAX_PAGES) if number.isascii() and number.isdigit() and len(number) < 5 else 1

    def _chosen(self, name: str, allowed: Collection[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for value in self._data.getlist(name) if value in allowed))

    def _codes(self, name: str) -> tuple[str, ...]:
        values = (value for value in self._data.getlist(name) if _CODE.match(value))
        return tuple(dict.fromkeys(values))[:_MAX_CHOICES]
