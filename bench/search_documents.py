"""The kinds of the measured entries: they have no objects, but checking visibility still costs the usual query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.catalog.models import Topic
from search import registry
from search.documents import SearchDocument, SearchEntry
from search.facets import PRODUCT, TOPIC

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet


class _Generated(SearchDocument[Topic]):
    model = Topic
    label = label_plural = "Entries"
    facets = (PRODUCT, TOPIC)

    def get_queryset(self) -> QuerySet[Topic]:
        return Topic.objects.none()

    def to_entry(self, instance: Topic) -> SearchEntry:
        raise NotImplementedError  # there are no objects

    def visible_to(self, user: object, ids: Collection[int]) -> set[int]:
        """All of them, after the query that is made for every list of hits."""
        list(Topic.objects.filter(pk__in=ids).values_list("pk", flat=True))
        return set(ids)


class Article(_Generated):
    name = "bench.article"


class Thread(_Generated):
    name = "bench.thread"


def register_documents() -> None:
    """Replace all registered documents by these."""
    for document in registry.all_documents():
        registry.unregister(type(document))
    registry.register(Article)
    registry.register(Thread)
