"""Small per-process caches for values that are costly to compute and the same for many readers.

A value expires after a short time, and as soon as one of its scopes changes (`portal.core.scopes`). Never store
anything that depends on one person.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from portal.core import scopes as scopes_

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from portal.core.scopes import Stamp

T = TypeVar("T")

DEFAULT_SECONDS: Final = 30.0
#: Lifetime of values that depend on nothing but their scopes, and are costly to compute.
LONG_SECONDS: Final = 300.0
_memos: list[Memo[object]] = []
#: Functions called together with the memos' `forget`.
_others: list[Callable[[], None]] = []


class Memo(Generic[T]):
    """Cache of at most `max_size` values, least used first out. Thread-safe; two threads may compute the same value."""

    def __init__(
        self, *, max_size: int, seconds: float = DEFAULT_SECONDS, scopes: Collection[str] = (scopes_.EVERYTHING,)
    ) -> None:
        """Set the limits; all values depend on `scopes`, and `portal.core.scopes.rests_on` adds more for one value.

        With no scopes at all (`()`) each value declares its own, and one that declares none depends on everything.
        """
        self._max_size = max_size
        self._seconds = seconds
        self._scopes = tuple(scopes)
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[float, Stamp, T]] = OrderedDict()
        self._forgotten = 0
        _memos.append(self)  # type: ignore[arg-type]  # a memo of anything is a memo

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the cached value, else that of `make()`. The value being made around it gets the same scopes."""
        with self._lock:
            known = self._values.get(key)
            if known is not None:
                self._values.move_to_end(key)
            forgotten = self._forgotten
        if known is not None and known[0] > time.monotonic() and known[1].is_current():
            known[1].pass_on()
            return known[2]
        with scopes_.making(*self._scopes) as recorder:
            value = make()
        with self._lock:
            if forgotten == self._forgotten:
                self._values[key] = (time.monotonic() + self._seconds, recorder.stamp, value)
                self._values.move_to_end(key)
                while len(self._values) > self._max_size:
                    self._values.popitem(last=False)
        return value

    def forget(self) -> None:
        """Drop the values of this memo only; other processes keep theirs until they expire."""
        with self._lock:
            self._forgotten += 1
            self._values.clear()

    def start_again(self) -> None:
        """Reset a forked process: the lock may be held by a thread that does not exist there."""
        self._lock = threading.Lock()


def forget_with_all(forget: Callable[[], None]) -> None:
    """Register `forget`, to be called whenever everything cached in this process may be outdated."""
    _others.append(forget)


def forget_all() -> None:
    """Drop everything cached in this process."""
    for memo in _memos:
        memo.forget()
    for forget in _others:
        forget()


def _start_again() -> None:
    for memo in _memos:
        memo.start_again()


os.register_at_fork(after_in_child=_start_again)
