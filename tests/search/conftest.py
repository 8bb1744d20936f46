"""A searchable kind for tests: topics of the catalogue, with an entry per language."""

from __future__ import annotations

import pytest

from portal.catalog.models import Topic
from portal.core.memo import forget_all
from search import receivers, registry
from search.asking import starters
from search.documents import SearchDocument, SearchEntry
from search.facets import PRODUCT, TOPIC
from tests.search.cluster import cluster, node_url, own_indices, portal_with_cluster  # noqa: F401 - pytest finds fixtures by name
from tests.search.contract import answering, backend, with_a_secret  # noqa: F401 - as above


class TopicDocument(SearchDocument[Topic]):
    """Topics; those in red are private."""

    name = "test.topic"
    model = Topic
    label = "Topic"
    label_plural = "Topics"
    facets = (PRODUCT, TOPIC)

    def get_queryset(self):
        return Topic.objects.exclude(icon="draft")

    def to_entries(self, instance):
        for language, title in instance.name.items():
            yield self.entry(
                instance,
                language=language,
                title=title,
                url=f"/{language}/topics/{instance.code}/",
                audience="staff" if instance.tone == Topic.Tone.POM else "public",
                facets={TOPIC: [instance.code]},
            )

    def to_entry(self, instance) -> SearchEntry:
        return next(iter(self.to_entries(instance)))

    def visible_to(self, user, ids):
        visible = self.get_queryset().filter(pk__in=ids)
        if not getattr(user, "is_staff", False):
            visible = visible.exclude(tone=Topic.Tone.POM)
        return set(visible.values_list("pk", flat=True))


@pytest.fixture
def only_topics():
    """Unregister the portal's documents, so that only those of the test are indexed."""
    known = dict(registry._documents)
    for name in set(known) - {TopicDocument.name}:
        del registry._documents[name]
    yield
    registry._documents.update(known)


@pytest.fixture
def own_synonyms(monkeypatch):
    """Without the starter list, so that only the synonyms of the test are in use."""
    monkeypatch.setattr(starters, "groups", lambda language: {})


@pytest.fixture
def topic_document(only_topics, own_synonyms):
    """Make topics, and nothing else, searchable during the test."""
    forget_all()
    registry.register(TopicDocument)
    document = registry.get_document(TopicDocument.name)
    receivers.watch(document)
    yield document
    receivers.unwatch(document)
    registry.unregister(TopicDocument)
    forget_all()
