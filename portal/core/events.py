"""Domain events: the public interface of the outbox.

    class SolutionAccepted(DomainEvent): ...             events.py of the app where it happens
    emit(SolutionAccepted(thread_id=1, …))               services.py, inside its transaction
    subscribe(SolutionAccepted, award_points)            portal/wiring.py, once at startup

An event is a fact in the past tense with ids and plain values. It is stored in the transaction of the change it
describes and delivered after the commit, at least once and in any order: handlers must be idempotent. See
`portal.core.outbox`.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from portal.core import outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DATE = "$date"
_MOMENT = "$datetime"


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Base class of all events. `name` is stored with undelivered messages: never change it."""

    name: ClassVar[str]
    #: Whether an event equal to one that is still waiting is dropped instead of being written a second time.
    merges: ClassVar[bool] = False

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON values. Raises `TypeError` for anything but ids and plain values."""
        return {field.name: _encode(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """Rebuild the event. Fields added since then get their default; removed fields are ignored.

        Raises `ValueError` when a new field has no default.
        """
        known = {field.name: field for field in fields(cls)}
        values = {name: _decode(value) for name, value in payload.items() if name in known}
        missing = [
            name
            for name, field in known.items()
            if name not in values and field.default is MISSING and field.default_factory is MISSING
        ]
        if missing:
            raise ValueError(f"{cls.name}: stored without {', '.join(missing)}; new fields need a default")
        return cls(**values)


E = TypeVar("E", bound=DomainEvent)


def _encode(value: object) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dt.datetime):
        return {_MOMENT: value.isoformat()}
    if isinstance(value, dt.date):
        return {_DATE: value.isoformat()}
    if isinstance(value, list):
        return [_encode(item) for item in value]
    raise TypeError(f"An event carries ids and plain values, not {type(value).__name__}")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, dict):
        if _MOMENT in value:
            return dt.datetime.fromisoformat(value[_MOMENT])
        return dt.date.fromisoformat(value[_DATE])
    return value


def handler_name(handler: Callable[..., Any]) -> str:
    """Return the name under which messages for `handler` are stored: its module and qualified name."""
    return f"{handler.__module__}.{handler.__qualname__}"


def subscribe(
    event_class: type[E],
    handler: Callable[[E], None],
    *,
    name: str = "",
    when: Callable[[], bool] = lambda: True,
    is_remote: bool = False,
    is_for_worker: bool = False,
) -> None:
    """Have `handler` called for each event of the class. Subscribing the same handler twice has no effect.

    Messages wait in the database under the handler's name: pass the old `name` when you move or rename it. No message
    is written for events that happen while `when` returns False; earlier messages are still delivered. Set `is_remote`
    for a handler that works with another server: only the outbox worker calls it, with no transaction open. Set
    `is_for_worker` for one with much to do in our own database: the worker calls it, not the process that emits.
    """
    outbox.register(
        outbox.Subscription(
            event=event_class.name,
            handler=name or handler_name(handler),
            event_class=event_class,
            function=handler,
            deliver=lambda payload: handler(event_class.from_payload(payload)),
            is_wanted=when,
            is_remote=is_remote,
            is_for_worker=is_for_worker,
        )
    )


@contextmanager
def subscribed(event_class: type[E], handler: Callable[[E], None], *, name: str = "") -> Iterator[None]:
    """Subscribe for the duration of the block; for tests and one-off commands."""
    with outbox.temporary_subscriptions():
        subscribe(event_class, handler, name=name)
        yield


def emit(event: DomainEvent) -> None:
    """Send `event` to all its subscribers, if and when the current transaction commits.

    Raises `outbox.OutsideTransactionError` outside a transaction: the change and its event are committed together.
    """
    outbox.send(event.name, event.to_payload(), merge=event.merges)
