"""Transactional outbox: messages that are as durable as the change they announce.

`send` writes one row per subscriber in the caller's transaction. After the commit this process delivers what it just
wrote; the worker (`manage.py run_outbox`) delivers messages that failed, were interrupted or exceeded the time limit. A
message is claimed by one conditional UPDATE with a lease, so any number of processes may deliver at once, on any
database. The handler and the "delivered" mark share one transaction, which is rolled back when another process has
taken the lease over: effects in our own database happen exactly once, effects outside (another server) at least once.

A handler that is `is_remote` works with another server, which may hang. Only the worker calls it, never the process
that wrote the message, so no request is delayed. It runs outside any transaction and opens its own to write.
One that is `is_for_worker` uses our own database only, but its work grows with the number of people concerned: it is
left to the worker, too, so that a request costs the same however many they are.

Of events that merge, only one is written while an equal one is waiting that has never been tried. The waiting row is
locked until the commit of the transaction that relies on it, and claims skip locked rows: its handler starts after that
commit and sees the change. A message that was already claimed or tried is not relied on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
import traceback
from collections import deque
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.core.signals import request_finished, request_started
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.core.models import OutboxMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=1)
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)
NOT_NOW_PAUSE: Final = timedelta(minutes=1)
MAX_ATTEMPTS: Final = 12

#: Time that one request may spend on delivering its own messages, in seconds; the rest is left to `run_outbox`.
INLINE_SECONDS: Final = 1.0
INLINE_MESSAGES: Final = 100
_BATCH: Final = 100
_PURGE_BATCH: Final = 1_000


class OutsideTransactionError(RuntimeError):
    """Raised when an event is emitted without a transaction around the change it describes."""


class NotNowError(Exception):
    """Raised by a handler that cannot work yet because a server it needs is known to be away.

    The message waits for `pause`, one minute by default, or until `hurry`; it counts neither as a failure nor as a try.
    """

    def __init__(self, pause: timedelta | None = None) -> None:
        super().__init__()
        self.pause = pause if pause is not None else NOT_NOW_PAUSE


class _LeaseLostError(Exception):
    """Raised when another process took the message over while its handler ran; the handler's work is rolled back."""


class _UnknownHandlerError(LookupError):
    """Raised when this process has no such subscriber: an older or a newer release wrote the message."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One handler of one event."""

    event: str
    handler: str
    event_class: type
    function: Callable[..., None]
    deliver: Callable[[dict[str, Any]], None]
    #: Whether new messages are written for it; those already waiting are delivered anyway.
    is_wanted: Callable[[], bool] = lambda: True
    #: Whether it works with another server: only the worker calls it, with no transaction open.
    is_remote: bool = False
    #: Whether it is left to the worker, because nobody should wait for it.
    is_for_worker: bool = False


_subscriptions: list[Subscription] = []


def register(subscription: Subscription) -> None:
    """Add a subscription; repeating it for the same function, event and name has no effect."""
    if not any(
        known.event == subscription.event
        and known.handler == subscription.handler
        and known.function is subscription.function
        for known in _subscriptions
    ):
        _subscriptions.append(subscription)


def subscriptions() -> list[Subscription]:
    """Return all subscriptions of this process."""
    return list(_subscriptions)


@contextmanager
def temporary_subscriptions() -> Iterator[None]:
    """Remove on exit what was registered inside the block."""
    before = subscriptions()
    try:
        yield
    finally:
        _subscriptions[:] = before


def send(event: str, payload: dict[str, Any], *, merge: bool = False) -> None:
    """Write one message per subscriber and deliver them after the commit, but for what is left to the worker.

    With `merge` a message is skipped if an equal one is waiting that was never tried. Raises `OutsideTransactionError`.
    """
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransactionError(event)
    wanted = [
        subscription for subscription in _subscriptions if subscription.event == event and subscription.is_wanted()
    ]
    if not wanted:
        return
    merge_key = _merge_key(event, payload) if merge else ""
    pks = _lock_waiting([subscription.handler for subscription in wanted], merge_key) if merge else {}
    messages = OutboxMessage.objects.bulk_create(
        OutboxMessage(event=event, handler=subscription.handler, payload=payload, merge_key=merge_key)
        for subscription in wanted
        if subscription.handler not in pks
    )
    pks |= {message.handler: message.pk for message in messages}
    here = [
        pks[subscription.handler]
        for subscription in wanted
        if not (subscription.is_remote or subscription.is_for_worker)
    ]
    if here:
        transaction.on_commit(partial(_deliver_after_commit, here))


def _merge_key(event: str, payload: dict[str, Any]) -> str:
    text = json.dumps([event, payload], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def _lock_waiting(handlers: Iterable[str], merge_key: str) -> dict[str, int]:
    """Return for each handler a waiting message with this key that was never tried, locked until our commit.

    Rows locked by another transaction are skipped, so that no transaction waits for another; at worst there are as many
    equal messages as concurrent transactions. SQLite has no row locks and needs none: it allows one writer at a time.
    """
    waiting = OutboxMessage.objects.pending().filter(merge_key=merge_key, attempts=0)
    free = waiting.select_for_update(skip_locked=True, no_key=True).order_by("pk").values_list("pk", flat=True)
    found = {handler: free.filter(handler=handler).first() for handler in handlers}
    return {handler: pk for handler, pk in found.items() if pk is not None}


# Delivering what this process just wrote ----------------------------------------------------------------------------


class _Inline(threading.local):
    """Messages this thread has yet to deliver inline, and the time left for it."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.is_delivering = False
        self.seconds_left: float | None = None  # no limit outside a request, where no reader is waiting


_inline = _Inline()


def _limit_inline_delivery(**_kwargs: Any) -> None:
    _inline.seconds_left = INLINE_SECONDS


def _unlimit_inline_delivery(**_kwargs: Any) -> None:
    _inline.seconds_left = None


request_started.connect(_limit_inline_delivery, dispatch_uid="outbox")
request_finished.connect(_unlimit_inline_delivery, dispatch_uid="outbox")


def _deliver_after_commit(pks: Iterable[int]) -> None:
    """Deliver the messages, and those written by their handlers. Never raises: the change itself is committed."""
    _inline.waiting.extend(pks)
    if _inline.is_delivering:
        return  # a handler emitted: the loop further up the stack delivers it
    _inline.is_delivering = True
    started = time.monotonic()
    try:
        for _count in range(INLINE_MESSAGES):
            too_late = _inline.seconds_left is not None and time.monotonic() - started >= _inline.seconds_left
            if too_late or not _inline.waiting:
                break
            _attempt(_inline.waiting.popleft())
    except Exception as error:  # noqa: BLE001 - the database went away: run_outbox will find the messages
        logger.error("Outbox: delivery after commit stopped: %s", describe(error))  # noqa: TRY400 - no values in the log
    finally:
        _inline.waiting.clear()
        _inline.is_delivering = False
        if _inline.seconds_left is not None:
            _inline.seconds_left = max(0.0, _inline.seconds_left - (time.monotonic() - started))


# Delivering everything that is due ----------------------------------------------------------------------------------


class _Outcome(Enum):
    """Result of one attempt to deliver a message."""

    DELIVERED = auto()
    FAILED = auto()
    #: Its handler cannot work yet.
    PUT_OFF = auto()
    #: Another process delivers it, or will.
    NOT_OURS = auto()


@dataclass(slots=True)
class DrainResult:
    """Result of one pass."""

    delivered: int = 0
    failed: int = 0


def drain(
    *,
    limit: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    handlers: Collection[str] | None = None,
    but_not: Collection[str] = (),
) -> DrainResult:
    """Deliver due messages, oldest first, until none is left or `limit` were tried; to all or only some `handlers`.

    Failing messages are postponed, so a pass ends. Raises database errors; errors of handlers are recorded and logged.
    """
    result = DrainResult()
    while True:
        due = OutboxMessage.objects.due().exclude(handler__in=but_not)
        if handlers is not None:
            due = due.filter(handler__in=handlers)
        outcomes = set()
        for pk in due.order_by("available_at", "pk").values_list("pk", flat=True)[:_BATCH]:
            if should_stop() or (limit is not None and result.delivered + result.failed >= limit):
                return result
            outcome = _attempt(pk)
            outcomes.add(outcome)
            result.delivered += outcome is _Outcome.DELIVERED
            result.failed += outcome is _Outcome.FAILED
        if outcomes <= {_Outcome.NOT_OURS}:  # nothing is due, or other processes are delivering all of it
            return result


def due_handlers() -> set[str]:
    """Return the handlers for which a message is due; one query that writes nothing."""
    return set(OutboxMessage.objects.due().order_by().values_list("handler", flat=True).distinct())


def remote_handlers() -> set[str]:
    """Return the names of the handlers that work with another server."""
    return {subscription.handler for subscription in _subscriptions if subscription.is_remote}


def purge(*, older_than: timedelta) -> int:
    """Delete messages delivered longer ago than `older_than`; failed ones are kept for the operator. Returns how many.

    Deletes in batches, so that other writers do not have to wait.
    """
    old = _delivered_before(timezone.now() - older_than)
    deleted = 0
    while pks := list(old.values_list("pk", flat=True)[:_PURGE_BATCH]):
        deleted += OutboxMessage.objects.filter(pk__in=pks).delete()[0]
    return deleted


def has_old(*, older_than: timedelta) -> bool:
    """Return whether `purge` would delete anything."""
    return _delivered_before(timezone.now() - older_than).exists()


def _delivered_before(moment: datetime) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(delivered_at__isnull=False, delivered_at__lt=moment)


def retry_failed() -> int:
    """Queue failed messages again, with all attempts available. Returns how many."""
    return OutboxMessage.objects.exclude(failed_at=None).update(failed_at=None, attempts=0, available_at=timezone.now())


def hurry(handlers: Collection[str]) -> int:
    """Make the messages of these handlers due now, including failed ones. Returns how many."""
    waiting = OutboxMessage.objects.filter(delivered_at=None, handler__in=handlers).exclude(last_error="")
    return waiting.update(failed_at=None, attempts=0, available_at=timezone.now())


def pause_after(attempts: int) -> timedelta:
    """Return the delay after `attempts` failed attempts: 10 s, doubled each time, at most an hour."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 16))


def _claim(pk: int) -> OutboxMessage | None:
    """Claim the message with one conditional UPDATE. One that an event is being merged into is skipped for now."""
    lease = timezone.now() + LEASE
    with transaction.atomic():
        free = OutboxMessage.objects.due().filter(pk=pk).select_for_update(skip_locked=True).values("pk")
        won = OutboxMessage.objects.filter(pk__in=free).update(available_at=lease, attempts=F("attempts") + 1)
    return OutboxMessage.objects.get(pk=pk) if won else None


def _attempt(pk: int) -> _Outcome:
    """Claim and deliver one message."""
    message = _claim(pk)
    if message is None:
        return _Outcome.NOT_OURS
    if message.attempts > MAX_ATTEMPTS:  # each attempt ended with the death of its process
        _record_failure(message, "given up: no attempt came to an end")
        return _Outcome.FAILED
    try:
        _deliver(message)
    except _LeaseLostError:
        logger.warning("Outbox: message %s took longer than its lease and went to another process", message.pk)
        return _Outcome.NOT_OURS
    except NotNowError as error:
        later = timezone.now() + error.pause
        _ours(message).update(available_at=later, attempts=message.attempts - 1, last_error="put off")
        return _Outcome.PUT_OFF
    except Exception as error:  # noqa: BLE001 - whatever a handler raises means: try again later
        _record_failure(message, describe(error))
        return _Outcome.FAILED
    return _Outcome.DELIVERED


def _deliver(message: OutboxMessage) -> None:
    subscription = _subscription_of(message)
    with nullcontext() if subscription.is_remote else transaction.atomic():
        subscription.deliver(message.payload)
        _mark_delivered(message)


def _subscription_of(message: OutboxMessage) -> Subscription:
    for subscription in _subscriptions:
        if subscription.event == message.event and subscription.handler == message.handler:
            return subscription
    raise _UnknownHandlerError


def _ours(message: OutboxMessage) -> Any:
    """Return the row, unless another process has claimed it since."""
    return OutboxMessage.objects.pending().filter(pk=message.pk, attempts=message.attempts)


def _mark_delivered(message: OutboxMessage) -> None:
    if not _ours(message).update(delivered_at=timezone.now(), last_error=""):
        raise _LeaseLostError


def _record_failure(message: OutboxMessage, reason: str) -> None:
    now = timezone.now()
    given_up = message.attempts >= MAX_ATTEMPTS
    _ours(message).update(
        available_at=now + pause_after(message.attempts),
        failed_at=now if given_up else None,
        last_error=reason,
    )
    logger.log(
        logging.ERROR if given_up else logging.WARNING,
        "Outbox: message %s (%s → %s) failed, attempt %s of %s%s: %s",
        message.pk,
        message.event,
        message.handler,
        message.attempts,
        MAX_ATTEMPTS,
        ", given up" if given_up else "",
        reason,
    )


def describe(error: BaseException) -> str:
    """Return class and location of an error, without its message, which may quote personal data."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(
        f"{frame.name} {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames)
    )
    return f"{type(error).__module__}.{type(error).__qualname__} in {places}" if places else type(error).__qualname__
