"""The cluster that answers instead of the index in the database, where one is configured (``ELASTICSEARCH_URL``).

The index in the database is always there and always true; the cluster is a mirror of it (`search.mirror`).
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

#: What a reader waits for the cluster at most, whatever it is asked for one answer.
ANSWER_SECONDS: Final = 0.9

#: Whose messages tell the cluster what was withdrawn.
WITHDRAWALS: Final = "search.mirror.mirror_withdrawals"

_breakers: Final[list[Breaker]] = []


def is_configured() -> bool:
    """Whether this installation has a cluster."""
    return bool(settings.ELASTICSEARCH_URL)


def may_answer() -> bool:
    """Whether the cluster is asked now: it is there, and has heard of everything that was withdrawn. One query."""
    if not (is_configured() and breaker().is_closed()):
        return False
    return not OutboxMessage.objects.pending().filter(handler=WITHDRAWALS).exists()


def get_cluster() -> ElasticBackend:
    """The cluster's index. Nothing is asked of it yet. Raises `UnavailableError` where no connection can be made."""
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
    # Loaded only where there is a cluster: the client costs half a second and 30 MB.
    from search.index.elastic import ElasticBackend  # noqa: PLC0415
    from search.index.elastic.connection import connect  # noqa: PLC0415

    return ElasticBackend(connect(url, user, password, api_key, ca), prefix=prefix)


def look_after_with(care: Care) -> None:
    """Called once at the start: who brings the cluster back when it was away."""
    _breakers[:] = [Breaker(care)]


def breaker() -> Breaker:
    """Whether the cluster is asked."""
    return _breakers[0]
