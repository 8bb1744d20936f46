"""What happened, told to whoever listens: the public door of the outbox.

    class SolutionAccepted(DomainEvent): ...             events.py of the app that knows
    emit(SolutionAccepted(thread_id=1, …))               services.py, inside its transaction
    subscribe(SolutionAccepted, award_points)            portal/wiring.py, once at the start

An event is a fact in the past tense with ids and plain values. It is stored with the change it tells of and delivered
after the commit, at least once and in any order: handlers must be repeatable. See `portal.core.outbox`.
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
    """Base of all events. `name` is stored with undelivered messages: it never changes."""

    name: ClassVar[str]
    #: Whether an event that equals one still waiting adds nothing: then it is not written a second time.
    merges: ClassVar[bool] = False

    def to_payload(self) -> dict[str, Any]:
        """The fields as JSON values; raises `TypeError` for anything but ids and plain values."""
        return {field.name: _encode(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """The event as it was. Fields that are new since then take their default, ones that are gone are left out."""
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
    """The name under which messages for `handler` wait: its module and its name there."""
    return f"{handler.__module__}.{handler.__qualname__}"


def subscribe(
    event_class: type[E],
    handler: Callable[[E], None],
    *,
    name: str = "",
    when: Callable[[], bool] = lambda: True,
    is_remote: bool = False,
) -> None:
    """Have `handler` called for each event of the class. The same handler twice counts once.

    Messages wait in the database under the handler's name: give the old `name` when you move or rename it. Events that
    happen while `when` says no are not sent to it; those that waited before are still delivered. A handler that works
    with another server `is_remote`: only the outbox worker calls it, with no transaction open.
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
        )
    )


@contextmanager
def subscribed(event_class: type[E], handler: Callable[[E], None], *, name: str = "") -> Iterator[None]:
    """`subscribe` for the time of the block; for tests and one-off commands."""
    with outbox.temporary_subscriptions():
        subscribe(event_class, handler, name=name)
        yield


def emit(event: DomainEvent) -> None:
    """Tell all subscribers of `event`, if and when the current transaction commits.

    Raises `outbox.OutsideTransactionError` outside a transaction: the fact and its announcement stand or fall together.
    """
    outbox.send(event.name, event.to_payload(), merge=event.merges)
