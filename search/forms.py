"""The parameters of a results page. Lenient: a truncated or made-up URL still leads to a page."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from search import registry
from search.index.plan import MAX_PAGES, Filters, Sort

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import QueryDict

    from search.documents import Facet

_CODE: Final = re.compile(r"[\w-]{1,80}\Z")
_MAX_CHOICES: Final = 20
#: Number of days for each choice of ``updated``.
_FRESHNESS_DAYS: Final = {"month": 30, "year": 365}


class SearchForm:
    """The parameters of a results page: ``q``, ``page``, ``exact``, ``sort`` and the filters. Unknown values are dropped."""

    def __init__(self, data: QueryDict) -> None:
        self._data = data
        self.text = data.get("q", "")
        self.is_exact = data.get("exact") == "1"
        self.sort = Sort.NEWEST if data.get("sort") == Sort.NEWEST else Sort.RELEVANCE
        #: ``month``, ``year`` or, for any time, an empty string.
        self.updated = data.get("updated", "") if data.get("updated") in _FRESHNESS_DAYS else ""
        self.filters = Filters(
            updated_since=_midnight(_FRESHNESS_DAYS[self.updated]) if self.updated else None,
            **{facet.name: self._chosen(facet) for facet in registry.offered_facets()},
        )

    @property
    def page(self) -> int:
        """The requested page number, from 1; 1 if it is invalid."""
        number = self._data.get("page", "1")
        return min(max(int(number), 1), MAX_PAGES) if number.isascii() and number.isdigit() and len(number) < 5 else 1

    @property
    def is_new_question(self) -> bool:
        """Whether this is a new search rather than another page, filter or order of the same one."""
        return self.page == 1 and not self.filters and not self.is_exact and not self.is_newest_first

    @property
    def is_newest_first(self) -> bool:
        return self.sort == Sort.NEWEST

    def address(
        self,
        *,
        text: str | None = None,
        filters: Filters | None = None,
        exact: bool | None = None,
        sort: Sort | None = None,
        updated: str | None = None,
    ) -> str:
        """The URL of the results page with these parameters changed; without the page number."""
        filters = self.filters if filters is None else filters
        parameters = [
            ("q", self.text if text is None else text),
            *((facet.name, code) for facet in registry.offered_facets() for code in filters.get(facet.name, ())),
            ("updated", self.updated if updated is None else updated),
            ("sort", Sort.NEWEST if (self.sort if sort is None else sort) == Sort.NEWEST else ""),
            ("exact", "1" if (self.is_exact if exact is None else exact) else ""),
        ]
        return results_address([(name, value) for name, value in parameters if value])

    def _chosen(self, facet: Facet) -> tuple[str, ...]:
        values = self._data.getlist(facet.name)
        if facet.has_fixed_values:
            known = facet.labels()
            return tuple(dict.fromkeys(value for value in values if value in known))
        return tuple(dict.fromkeys(value for value in values if _CODE.match(value)))[:_MAX_CHOICES]


def results_address(parameters: Collection[tuple[str, str]]) -> str:
    """The URL of the results page in the active language."""
    address = reverse("search:results")
    return f"{address}?{urlencode(parameters)}" if parameters else address


def _midnight(days_ago: int) -> dt.datetime:
    """Midnight UTC so many days ago: the same all day, so that equal searches share a cache entry."""
    today = timezone.now().astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - dt.timedelta(days=days_ago)
