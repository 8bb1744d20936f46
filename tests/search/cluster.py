"""Separate indices on a real Elasticsearch (TEST_ELASTICSEARCH_URL), and a portal that uses them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from portal.core import health
from portal.core.memo import forget_all
from search.index import cluster as configured
from search.index.answering import get_backend
from search.index.cluster import circuit
from tests.outbox import at_work, is_settled, until

if TYPE_CHECKING:
    from search.index.elastic import ElasticBackend


BACK_SECONDS = 90


def answers_from() -> str:
    """The index that answers: ``cluster`` or ``database``."""
    return health.reports()["search"].partition(",")[0]


def wait_until_back() -> None:
    """Wait until the cluster answers searches."""
    deadline = time.monotonic() + BACK_SECONDS
    while answers_from() != "cluster":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_until_mirrored() -> None:
    """Wait until the worker has written all changes to the cluster, if there is one."""
    assert until(is_settled)
    forget_all()


def agree() -> bool:
    """Whether cluster and database contain the same entries."""
    backends = (get_backend(), configured.get_cluster())
    one, other = (sorted(entry for kind in each.kinds() for entry in each.digests(kind)) for each in backends)
    return one == other and bool(one)


@pytest.fixture(scope="session")
def node_url() -> str:
    """The URL of the node that tests share; tests marked ``elasticsearch`` are skipped without one."""
    return os.environ["TEST_ELASTICSEARCH_URL"]


@pytest.fixture(scope="session")
def own_indices(node_url: str) -> Iterator[ElasticBackend]:
    """A backend with empty indices that no other process uses."""
    from search.index.elastic import ElasticBackend
    from search.index.elastic.connection import connect

    backend = ElasticBackend(connect(node_url), prefix=f"test-{uuid.uuid4().hex[:8]}")
    backend.indices.publish(backend.indices.create(backend.indices.languages))
    yield backend
    backend.indices.delete_all()


@pytest.fixture
def cluster(own_indices: ElasticBackend) -> Iterator[ElasticBackend]:
    """The same backend, emptied after each test."""
    yield own_indices
    empty(own_indices)


def empty(backend: ElasticBackend) -> None:
    backend._client.delete_by_query(
        index=backend.indices.aliases, query={"match_all": {}}, refresh=True, conflicts="proceed"
    )


@pytest.fixture
def portal_with_cluster(own_indices, node_url, settings, monkeypatch) -> Iterator[ElasticBackend]:
    """A portal that uses the cluster, even on a busy machine, with its worker. Needs real transactions."""
    monkeypatch.setattr(circuit, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(configured, "ANSWER_SECONDS", 30)
    settings.ELASTICSEARCH_URL = node_url
    settings.ELASTICSEARCH_PREFIX = own_indices.indices._prefix
    configured.breaker().stop()
    wait_until_back()
    forget_all()
    with at_work():
        yield configured.get_cluster()
    configured.breaker().stop()
    empty(own_indices)
