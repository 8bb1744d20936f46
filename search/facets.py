"""Facets of the catalogue that documents of any app may declare: product and topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Product, Topic
from portal.core.memo import Memo
from search.documents import Facet

if TYPE_CHECKING:
    from collections.abc import Mapping

_products: Final[Memo[list[Product]]] = Memo(max_size=1, scopes=("catalogue",))
_topics: Final[Memo[list[Topic]]] = Memo(max_size=1, scopes=("catalogue",))


def product_labels() -> Mapping[str, str]:
    """Names of all products in the active language, by code; cached until the catalogue changes."""
    return {product.code: str(product) for product in _products.get("", lambda: list(Product.objects.all()))}


def topic_labels() -> Mapping[str, str]:
    """Names of all topics in the active language, by code; cached until the catalogue changes."""
    return {topic.code: str(topic) for topic in _topics.get("", lambda: list(Topic.objects.all()))}


PRODUCT: Final = Facet(name="product", label=_("Device or service"), labels=product_labels, order=10)
TOPIC: Final = Facet(name="topic", label=_("Topic"), labels=topic_labels, order=20, is_in_trail=True)
