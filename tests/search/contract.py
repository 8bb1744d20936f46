"""The indexes that pass the same tests, `test_contract_….py`. A new one joins `BACKENDS` and passes as it is.

The index in the database runs on SQLite and, with DATABASE_URL, on PostgreSQL; the real Elasticsearch is asked where
TEST_ELASTICSEARCH_URL names one (`tests.search.cluster`).
"""

from __future__ import annotations

import pytest

from search.index.embedded import EmbeddedBackend
from search.index.protocol import Backend
from tests.factories.search import entry

#: For what needs a real Elasticsearch.
ON_CLUSTER = pytest.mark.elasticsearch
BACKENDS = [EmbeddedBackend, pytest.param("cluster", marks=ON_CLUSTER)]


@pytest.fixture(params=BACKENDS, ids=lambda backend: getattr(backend, "__name__", backend))
def backend(request) -> Backend:
    """An empty index; one that is a fixture lives on a server."""
    return request.getfixturevalue(request.param) if isinstance(request.param, str) else request.param()


@pytest.fixture(params=["database", pytest.param("cluster", marks=ON_CLUSTER)])
def answering(request) -> str:
    """The whole portal, answering from the database or from the cluster. Needs real transactions."""
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
