"""Facets as they are shown: values with their labels and numbers of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from search import registry

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.utils.functional import _StrPromise

    from search.documents import Facet
    from search.index.plan import FacetCounts, Filters

#: Maximum number of values shown of a facet; chosen ones are always shown.
MAX_VALUES: Final = 10


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value with its number of results."""

    code: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ShownFacet:
    """A group of check boxes. `name` is also the name of the parameter in the URL."""

    name: str
    label: str | _StrPromise
    values: list[FacetValue]


def chosen_in_vain(counts: FacetCounts, filters: Filters) -> bool:
    """Whether a value was chosen that no result has."""
    return any(set(codes) - counts.get(name, {}).keys() for name, codes in filters.items())


def describe(counts: FacetCounts, filters: Filters, *, visible: FacetCounts | None = None) -> dict[str, ShownFacet]:
    """The facets by name, most frequent values first.

    A chosen value is listed even if no result has it, but only if it is among the `visible` values: a made-up URL must
    not reveal the name of a topic whose entries are hidden. Values without a label (deleted since) are left out.
    """
    return {
        facet.name: _describe(
            facet,
            counts.get(facet.name, {}),
            filters.get(facet.name, ()),
            (visible or counts).get(facet.name, {}),
        )
        for facet in registry.offered_facets()
    }


def _describe(facet: Facet, counts: Mapping[str, int], chosen: Collection[str], visible: Collection[str]) -> ShownFacet:
    codes = {*counts, *(code for code in chosen if code in visible)}
    labels = facet.labels()
    values = [FacetValue(code, labels[code], counts.get(code, 0), code in chosen) for code in codes if code in labels]
    values.sort(key=lambda value: (-value.count, value.label))
    shown = values[:MAX_VALUES] + [value for value in values[MAX_VALUES:] if value.is_chosen]
    return ShownFacet(facet.name, facet.label, shown)
