"""A clock that stands at a moment of the past, so that what is said to have happened then is dated as if it were then.

The services take the time from `django.utils.timezone` and write it down: into a ledger whose rows nobody can move
afterwards. Only for loading the demo, which one process does alone.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Iterator


class _AnyDateTime(type):
    """Have `isinstance` call every date with a time one, as before."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, dt.datetime)


class _Stopped(dt.datetime, metaclass=_AnyDateTime):
    """`datetime.datetime` whose clock stands still."""

    moment: dt.datetime

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return cls.moment.astimezone(tz)


@contextmanager
def standing_at(moment: dt.datetime) -> Iterator[None]:
    """Have `timezone.now`, also where it is the default of a field, return this moment."""
    # Not `timezone.now`: fields hold that function itself, and it looks this name up.
    modules: Any = timezone
    before = modules.datetime
    modules.datetime = type("Stopped", (_Stopped,), {"moment": moment})
    try:
        yield
    finally:
        modules.datetime = before
