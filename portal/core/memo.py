"""Small memories inside one process, for what is costly to work out and the same for many readers.

A value lives for a short time, and no longer than what it was made of is true (`portal.core.scopes`). Never put anything
in that depends on one person.
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
#: For what depends on nothing but its scopes, and is costly to make.
LONG_SECONDS: Final = 300.0
_memos: list[Memo[object]] = []
#: What forgets together with the memos.
_others: list[Callable[[], None]] = []


class Memo(Generic[T]):
    """At most `max_size` values, the least used leave first. Safe between threads; two may make the same value once."""

    def __init__(
        self, *, max_size: int, seconds: float = DEFAULT_SECONDS, scopes: Collection[str] = (scopes_.EVERYTHING,)
    ) -> None:
        """`scopes`: what all values depend on; `portal.core.scopes.rests_on` adds to them for one value.

        With no scopes at all (`()`) each value says it all itself, and one that says nothing depends on everything.
        """
        self._max_size = max_size
        self._seconds = seconds
        self._scopes = tuple(scopes)
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[float, Stamp, T]] = OrderedDict()
        self._forgotten = 0
        _memos.append(self)  # type: ignore[arg-type]  # a memo of anything is a memo

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The remembered value, else `make()`. What is being made of it depends on the same."""
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
        """As `forget_all`, these values alone; other processes keep theirs for their time."""
        with self._lock:
            self._forgotten += 1
            self._values.clear()

    def start_again(self) -> None:
        """In a forked process: the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()


def forget_with_all(forget: Callable[[], None]) -> None:
    """Have `forget` called whenever everything remembered in this process may be out of date."""
    _others.append(forget)


def forget_all() -> None:
    """Everything remembered in this process may be out of date."""
    for memo in _memos:
        memo.forget()
    for forget in _others:
        forget()


def _start_again() -> None:
    for memo in _memos:
        memo.start_again()


os.register_at_fork(after_in_child=_start_again)
