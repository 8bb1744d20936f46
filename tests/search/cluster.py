"""Fixtures: indices of our own on a real Elasticsearch, which TEST_ELASTICSEARCH_URL names."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from search.backends.elastic import ElasticBackend


@pytest.fixture(scope="session")
def node_url() -> str:
    """Where the node is that tests share; those marked ``elasticsearch`` are skipped where there is none."""
    return os.environ["TEST_ELASTICSEARCH_URL"]


@pytest.fixture(scope="session")
def own_indices(node_url: str) -> Iterator[ElasticBackend]:
    """A backend with empty indices that nobody else uses."""
    from search.backends.elastic import ElasticBackend
    from search.backends.elastic.connection import connect

    backend = ElasticBackend(connect(node_url), prefix=f"test-{uuid.uuid4().hex[:8]}")
    backend.indices.publish(backend.indices.create(backend.indices.languages))
    yield backend
    backend.indices.delete_all()


@pytest.fixture
def cluster(own_indices: ElasticBackend) -> Iterator[ElasticBackend]:
    """The same, empty again after each test."""
    yield own_indices
    own_indices._client.delete_by_query(
        index=own_indices.indices.aliases, query={"match_all": {}}, refresh=True, conflicts="proceed"
    )
