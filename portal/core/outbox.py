"""Messages that are as safe as the change they announce.

`send` writes one row per subscriber in the caller's transaction. After the commit this process delivers what it just
wrote; `manage.py run_outbox` delivers what failed, was cut short, or did not fit. A message is claimed by one
conditional UPDATE with a lease, so any number of processes may deliver at once, on any database. The handler and the
"delivered" mark share one transaction that is refused when the lease went to somebody else: effects in our own
database happen exactly once, effects outside (mail, another server) at least once. A handler that is `is_remote` works with
another server, which may hang: it has no transaction around it, and opens its own for what it writes to the database.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import deque
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.core.signals import request_finished, request_started
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.core.models import OutboxMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=1)
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)
NOT_NOW_PAUSE: Final = timedelta(minutes=1)
MAX_ATTEMPTS: Final = 12

#: What one request may spend on delivering its own messages; the rest waits for `run_outbox`.
INLINE_SECONDS: Final = 1.0
INLINE_MESSAGES: Final = 100
_BATCH: Final = 100


class OutsideTransactionError(RuntimeError):
    """An event was emitted with no transaction around the change it tells of."""


class NotNowError(Exception):
    """Raised by a handler that knows it cannot work yet, because a server it needs is away and somebody has said so.

    The message waits for a minute, or until `hurry`; that is no failure, and no attempt.
    """


class _LeaseLostError(Exception):
    """Somebody else took the message over while its handler ran; what the handler did is rolled back."""


class _UnknownHandlerError(LookupError):
    """No such subscriber in this process: an older or a newer release wrote the message."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One handler of one event."""

    event: str
    handler: str
    event_class: type
    function: Callable[..., None]
    deliver: Callable[[dict[str, Any]], None]
    #: Whether new messages are written for it; those that wait are delivered anyway.
    is_wanted: Callable[[], bool] = lambda: True
    #: Whether it works with another server: no transaction is open meanwhile.
    is_remote: bool = False


_subscriptions: list[Subscription] = []


def register(subscription: Subscription) -> None:
    """Add a subscription; the same function for the same event and name counts once."""
    if not any(
        known.event == subscription.event
        and known.handler == subscription.handler
        and known.function is subscription.function
        for known in _subscriptions
    ):
        _subscriptions.append(subscription)


def subscriptions() -> list[Subscription]:
    """All subscriptions of this process."""
    return list(_subscriptions)


@contextmanager
def temporary_subscriptions() -> Iterator[None]:
    """Forget at the end what was registered inside."""
    before = subscriptions()
    try:
        yield
    finally:
        _subscriptions[:] = before


def send(event: str, payload: dict[str, Any]) -> None:
    """Write one message per subscriber, and deliver them after the commit."""
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransactionError(event)
    handlers = [
        subscription.handler
        for subscription in _subscriptions
        if subscription.event == event and subscription.is_wanted()
    ]
    if not handlers:
        return
    messages = OutboxMessage.objects.bulk_create(
        OutboxMessage(event=event, handler=handler, payload=payload) for handler in handlers
    )
    transaction.on_commit(partial(_deliver_after_commit, [message.pk for message in messages]))


# Delivering what this process just wrote ----------------------------------------------------------------------------


class _Inline(threading.local):
    """What this thread may still deliver by itself."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.is_delivering = False
        self.seconds_left: float | None = None  # no limit outside a request: nobody waits for the answer


_inline = _Inline()


def _limit_inline_delivery(**_kwargs: Any) -> None:
    _inline.seconds_left = INLINE_SECONDS


def _unlimit_inline_delivery(**_kwargs: Any) -> None:
    _inline.seconds_left = None


request_started.connect(_limit_inline_delivery, dispatch_uid="outbox")
request_finished.connect(_unlimit_inline_delivery, dispatch_uid="outbox")


def _deliver_after_commit(pks: Iterable[int]) -> None:
    """Deliver the messages, and those their handlers write. Never raises: the change itself is committed."""
    _inline.waiting.extend(pks)
    if _inline.is_delivering:
        return  # a handler emitted: the loop below us goes on with it
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


@dataclass(slots=True)
class DrainResult:
    """What one pass did."""

    delivered: int = 0
    failed: int = 0


def drain(
    *,
    limit: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    handlers: Collection[str] | None = None,
) -> DrainResult:
    """Deliver what is due, to all or some `handlers`, oldest first, until nothing is, or `limit` were tried. One pass.

    Failing messages are put off, so a pass ends. Raises database errors; those of handlers are recorded and logged.
    """
    result = DrainResult()
    while True:
        due = OutboxMessage.objects.due()
        if handlers is not None:
            due = due.filter(handler__in=handlers)
        pks = due.order_by("available_at", "pk").values_list("pk", flat=True)[:_BATCH]
        if not pks:
            return result
        for pk in pks:
            if should_stop() or (limit is not None and result.delivered + result.failed >= limit):
                return result
            outcome = _attempt(pk)
            if outcome is not None:
                result.delivered += outcome
                result.failed += not outcome


def purge(*, older_than: timedelta) -> int:
    """Delete messages delivered longer ago than that; those given up stay for the operator. Returns how many."""
    deleted, _by_model = OutboxMessage.objects.filter(delivered_at__lt=timezone.now() - older_than).delete()
    return deleted


def retry_failed() -> int:
    """Put messages that were given up on their way again, with all attempts ahead of them. Returns how many."""
    return OutboxMessage.objects.exclude(failed_at=None).update(failed_at=None, attempts=0, available_at=timezone.now())


def hurry(handlers: Collection[str]) -> int:
    """Have what waits for these handlers delivered now, also what was given up. Returns how many messages."""
    waiting = OutboxMessage.objects.filter(delivered_at=None, handler__in=handlers).exclude(last_error="")
    return waiting.update(failed_at=None, attempts=0, available_at=timezone.now())


def seconds_left() -> float | None:
    """How long handlers of this thread may take, because somebody waits for a page; none where nobody does."""
    return _inline.seconds_left


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 10 s, doubling, at most an hour."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 16))


def _claim(pk: int) -> OutboxMessage | None:
    """Win the message with one conditional UPDATE; no locks, any database."""
    lease = timezone.now() + LEASE
    won = OutboxMessage.objects.due().filter(pk=pk).update(available_at=lease, attempts=F("attempts") + 1)
    return OutboxMessage.objects.get(pk=pk) if won else None


def _attempt(pk: int) -> bool | None:
    """Claim and deliver one message: whether that went well; none when it was not ours to deliver."""
    message = _claim(pk)
    if message is None:
        return None
    if message.attempts > MAX_ATTEMPTS:  # every attempt ended with the death of its process
        _record_failure(message, "given up: no attempt came to an end")
        return False
    try:
        _deliver(message)
    except _LeaseLostError:
        logger.warning("Outbox: message %s took longer than its lease and went to another process", message.pk)
        return None
    except NotNowError:
        later = timezone.now() + NOT_NOW_PAUSE
        _ours(message).update(available_at=later, attempts=message.attempts - 1, last_error="put off")
        return None
    except Exception as error:  # noqa: BLE001 - whatever a handler raises means: try again later
        _record_failure(message, describe(error))
        return False
    return True


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
    """The row, if nobody claimed it after us."""
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
    """Class and place of an error, without its message: that may quote personal data."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(
        f"{frame.name} {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames)
    )
    return f"{type(error).__module__}.{type(error).__qualname__} in {places}" if places else type(error).__qualname__
