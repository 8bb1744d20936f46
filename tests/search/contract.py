"""The indexes that must pass the same tests, `test_contract_….py`. A new one is added to `BACKENDS`.

The index in the database is tested on SQLite and, with DATABASE_URL, on PostgreSQL; the real Elasticsearch if
TEST_ELASTICSEARCH_URL is set (`tests.search.cluster`).
"""

from __future__ import annotations

import pytest

from search.index.embedded import EmbeddedBackend
from search.index.protocol import Backend
from tests.factories.search import entry

#: Mark for tests that need a real Elasticsearch.
ON_CLUSTER = pytest.mark.elasticsearch
BACKENDS = [EmbeddedBackend, pytest.param("cluster", marks=ON_CLUSTER)]


@pytest.fixture(params=BACKENDS, ids=lambda backend: getattr(backend, "__name__", backend))
def backend(request) -> Backend:
    """An empty index; that of a server is a fixture."""
    return request.getfixturevalue(request.param) if isinstance(request.param, str) else request.param()


@pytest.fixture(params=["database", pytest.param("cluster", marks=ON_CLUSTER)])
def answering(request) -> str:
    """A complete portal that uses the index in the database or in the cluster. Needs real transactions."""
    if request.param == "cluster":
        request.getfixturevalue("portal_with_cluster")
    return request.param


@pytest.fixture
def with_a_secret(backend):
    backend.put(
        [
            entry(object_id=1, title="مودم", products=["x1"]),
            entry(object_id=2, title="مودم محرمانه", products=["secret"], audience="staff"),
        ]
    )
    return backend
