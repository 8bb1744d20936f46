"""Keeps the cluster's index a mirror of the database's, through the outbox, with messages of its own.

While the cluster is unavailable, its messages wait. When it answers again they become due, and everything is compared
with the index in the database, a portion at a time: a lost index, a message that was given up and a change that never
arrived are all repaired before the cluster answers readers. No transaction is open during requests to the cluster, so
that writers to the database never wait for it.

The worker writes to the cluster a moment after a change. Withdrawn entries must disappear at once: until the cluster
has processed all withdrawals, the index in the database answers.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from portal.core import outbox
from portal.core.events import emit, handler_name
from portal.core.models import OutboxMessage
from search import registry
from search.events import EntriesChanged, EntriesWithdrawn, MirrorCheckWanted
from search.index import cluster
from search.index.errors import RejectedError, UnavailableError
from search.index.limits import time_limit
from search.models import IndexedEntry
from search.services import index_objects, is_damaged

if TYPE_CHECKING:
    from search.index.elastic import ElasticBackend

logger = logging.getLogger("search.cluster")

#: Time limit for a change, which no reader waits for.
_CHANGE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 2.0
#: Numbers of objects that are compared and written at a time.
_PORTION: Final = 1_000
_BATCH: Final = 100
#: A message younger than this is considered to be in delivery.
_ON_ITS_WAY: Final = timedelta(seconds=2)


def mirror_entries(event: EntriesChanged) -> None:
    """Update the entries of the objects in the cluster to the current state of the database."""
    mirror = _reachable()
    if mirror is not None:
        _write(mirror, event.kind, event.object_ids)


def mirror_withdrawals(event: EntriesWithdrawn) -> None:
    """Like `mirror_entries`, for withdrawn entries, which must not wait behind other changes."""
    mirror = _reachable()
    if mirror is not None:
        _write(mirror, event.kind, event.object_ids)


def check_portion(event: MirrorCheckWanted) -> None:
    """Compare a portion of the objects, repair what differs, and queue the next portion."""
    mirror = _reachable()
    if mirror is None:
        return
    known = _known_objects(event.kind, above=event.above)
    up_to = max(known) if len(known) == _PORTION else None
    mirrored: dict[int, set[tuple[str, str]]] = defaultdict(set)
    try:
        with time_limit(_CHANGE_SECONDS):
            for object_id, language, digest in mirror.digests(event.kind, above=event.above, up_to=up_to):
                mirrored[object_id].add((language, digest))
    except UnavailableError as error:
        raise _away(error) from error
    wrong = sorted(pk for pk in mirrored.keys() | known.keys() if mirrored.get(pk) != known.get(pk))
    for start in range(0, len(wrong), _BATCH):
        _write(mirror, event.kind, wrong[start : start + _BATCH])
    if wrong:
        logger.info("Search cluster: %s entries of %s did not agree with the database and were repaired", len(wrong), event.kind)  # fmt: skip
    if up_to is not None:
        with transaction.atomic():
            emit(MirrorCheckWanted(kind=event.kind, above=up_to))


def _known_objects(kind: str, *, above: int) -> dict[int, set[tuple[str, str]]]:
    """Language and digest of the next objects' entries in the database's index; one query.

    That index is kept up to date by its own messages, and reading it is a hundred times as fast as reading all texts.
    """
    entries = IndexedEntry.objects.filter(kind=kind, object_id__gt=above)
    following = entries.order_by("object_id").values_list("object_id", flat=True).distinct()[:_PORTION]
    known: dict[int, set[tuple[str, str]]] = defaultdict(set)
    found = entries.filter(object_id__in=following).values_list("object_id", "language", "digest")
    for object_id, language, digest in found:
        known[object_id].add((language, digest))
    return known


def _reachable() -> ElasticBackend | None:
    """The cluster; None if it is no longer configured. Raises `NotNowError` while it is unavailable."""
    if not cluster.is_configured():
        return None
    if not cluster.breaker().takes_changes():
        raise outbox.NotNowError
    try:
        return cluster.get_cluster()
    except UnavailableError as error:
        raise _away(error) from error


def _write(mirror: ElasticBackend, kind: str, object_ids: list[int]) -> None:
    try:
        with time_limit(_CHANGE_SECONDS):
            index_objects(kind=kind, object_ids=object_ids, backend=mirror)
    except RejectedError as error:  # retrying would not help
        logger.error("The search cluster refuses entries: %s", error)  # noqa: TRY400 - the message says it all
    except UnavailableError as error:
        raise _away(error) from error


def _away(error: UnavailableError) -> outbox.NotNowError:
    cluster.breaker().trip(str(error))
    return outbox.NotNowError()


CHECK: Final = handler_name(check_portion)
HANDLERS: Final = (handler_name(mirror_entries), cluster.WITHDRAWALS, CHECK)


class MirrorCare:
    """Implements `search.index.cluster.circuit.Care`."""

    def begin(self) -> None:
        """Create missing indices, and queue a check of all entries."""
        mirror = cluster.get_cluster()
        with time_limit(_LOOK_SECONDS):
            trouble = mirror.indices.trouble()
        if trouble:
            logger.info("Search cluster: %s", trouble)
            mirror.indices.ensure()
        kinds = {document.name for document in registry.all_documents()} | mirror.kinds()
        with transaction.atomic():
            OutboxMessage.objects.filter(handler=CHECK, delivered_at=None).delete()
            for kind in sorted(kinds):
                emit(MirrorCheckWanted(kind=kind, above=0))

    def resume(self) -> None:
        """Make all waiting messages due, including those that were given up."""
        outbox.hurry(HANDLERS)

    def is_caught_up(self) -> bool:
        """Deliver messages that are due; once none is left, publish the indices and return True."""
        outbox.drain(handlers=HANDLERS)
        waiting = OutboxMessage.objects.pending().filter(handler__in=HANDLERS, last_error__in=("", "put off"))
        if (
            waiting.filter(created_at__lt=timezone.now() - _ON_ITS_WAY).exists()
            or waiting.filter(handler=CHECK).exists()
        ):
            return False
        cluster.get_cluster().indices.publish_filled()
        return True


def health() -> str:
    """Which index answers searches, in a few words, for `/health/`."""
    if cluster.is_configured() and cluster.breaker().is_closed():
        return "cluster"
    state = "database, the cluster is away" if cluster.is_configured() else "database"
    return f"{state}, damaged and being repaired" if is_damaged() else state
