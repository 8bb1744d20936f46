"""What results can be narrowed by, and what its values are called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Product, Topic
from portal.core.memo import Memo
from search import registry

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from search.index.plan import FacetCounts, Filters

Labels = Mapping[str, str]

_products: Final[Memo[list[Product]]] = Memo(max_size=1, scopes=("catalogue",))
_topics: Final[Memo[list[Topic]]] = Memo(max_size=1, scopes=("catalogue",))

#: Values shown of a facet; those that were chosen always are.
MAX_VALUES: Final = 10


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value with the number of results it leads to."""

    code: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A group of check boxes. `name` is also the name of the parameter in the address."""

    name: str
    label: str | _StrPromise
    values: list[FacetValue]


def _kind_labels() -> Labels:
    return {document.name: str(document.label_plural) for document in registry.all_documents()}


def _language_labels() -> Labels:
    return dict(settings.LANGUAGES)


def product_labels() -> Labels:
    """Names of all products in the active language by code; a query now and then."""
    return {product.code: str(product) for product in _products.get("", lambda: list(Product.objects.all()))}


def topic_labels() -> Labels:
    """Names of all topics in the active language by code; a query now and then."""
    return {topic.code: str(topic) for topic in _topics.get("", lambda: list(Topic.objects.all()))}


@dataclass(frozen=True, slots=True)
class _FacetType:
    name: str
    label: str | _StrPromise
    labels: Callable[[], Labels]
    chosen: Callable[[Filters], Collection[str]]


_TYPES: Final = (
    _FacetType("kind", _("Section"), _kind_labels, lambda filters: filters.kinds),
    _FacetType("product", _("Device or service"), product_labels, lambda filters: filters.products),
    _FacetType("topic", _("Topic"), topic_labels, lambda filters: filters.topics),
    _FacetType("language", _("Language"), _language_labels, lambda filters: filters.languages),
)


def chosen_in_vain(counts: FacetCounts, filters: Filters) -> bool:
    """Whether something was chosen that no result has."""
    return any(set(facet.chosen(filters)) - counts[facet.name].keys() for facet in _TYPES)


def describe(counts: FacetCounts, filters: Filters, *, visible: FacetCounts | None = None) -> dict[str, Facet]:
    """The facets by name, the most frequent values first.

    What was chosen is listed even if no result has it, as long as it is among the `visible` values: a made-up address
    must not tell the name of a topic whose entries are hidden. Values without a name (deleted since) are left out.
    """
    return {
        facet.name: _describe(facet, counts[facet.name], facet.chosen(filters), (visible or counts)[facet.name])
        for facet in _TYPES
    }


def _describe(facet: _FacetType, counts: Mapping[str, int], chosen: Collection[str], visible: Collection[str]) -> Facet:
    codes = {*counts, *(code for code in chosen if code in visible)}
    labels = facet.labels()
    values = [FacetValue(code, labels[code], counts.get(code, 0), code in chosen) for code in codes if code in labels]
    values.sort(key=lambda value: (-value.count, value.label))
    shown = values[:MAX_VALUES] + [value for value in values[MAX_VALUES:] if value.is_chosen]
    return Facet(facet.name, facet.label, shown)
