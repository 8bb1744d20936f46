"""The cluster that answers instead of the index in the database, if it is configured (``ELASTICSEARCH_URL``).

The index in the database is always kept up to date; the cluster is a mirror of it (`search.mirror`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django.conf import settings

from portal.core.models import OutboxMessage
from search.index.cluster.circuit import Breaker, Care
from search.index.errors import UnavailableError

if TYPE_CHECKING:
    from search.index.elastic import ElasticBackend

#: Maximum time for all requests to the cluster that one answer needs.
ANSWER_SECONDS: float = 0.9

#: The outbox handler that tells the cluster about withdrawn entries.
WITHDRAWALS: Final = "search.mirror.mirror_withdrawals"

_breakers: Final[list[Breaker]] = []


def is_configured() -> bool:
    """Whether a cluster is configured."""
    return bool(settings.ELASTICSEARCH_URL)


def may_answer() -> bool:
    """Whether the cluster may answer now: it is available and has processed all withdrawals. One query."""
    if not (is_configured() and breaker().is_closed()):
        return False
    return not OutboxMessage.objects.pending().filter(handler=WITHDRAWALS).exists()


def get_cluster() -> ElasticBackend:
    """The cluster's index, without sending a request. Raises `UnavailableError` if the client cannot be created."""
    if not is_configured():
        raise UnavailableError("no cluster is configured")
    return _connected(
        url=settings.ELASTICSEARCH_URL,
        user=settings.ELASTICSEARCH_USER,
        password=settings.ELASTICSEARCH_PASSWORD,
        api_key=settings.ELASTICSEARCH_API_KEY,
        ca=settings.ELASTICSEARCH_CA,
        prefix=settings.ELASTICSEARCH_PREFIX,
    )


@lru_cache(maxsize=2)
def _connected(*, url: str, user: str, password: str, api_key: str, ca: str, prefix: str) -> ElasticBackend:
    # Imported only if a cluster is configured: the client takes half a second to import and 30 MB.
    from search.index.elastic import ElasticBackend  # noqa: PLC0415
    from search.index.elastic.connection import connect  # noqa: PLC0415

    return ElasticBackend(connect(url, user, password, api_key, ca), prefix=prefix)


def look_after_with(care: Care) -> None:
    """Set what brings the cluster up to date after an outage. Called once at start."""
    _breakers[:] = [Breaker(care)]


def breaker() -> Breaker:
    """The circuit breaker of the cluster."""
    return _breakers[0]
