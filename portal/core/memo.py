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
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Generic, ParamSpec, TypeVar

from portal.core import health
from portal.core import scopes as scopes_
from portal.core.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from portal.core.scopes import Stamp

T = TypeVar("T")

DEFAULT_SECONDS: Final = 30.0
#: Lifetime of values that depend on nothing but their scopes, and are costly to compute.
LONG_SECONDS: Final = 300.0
#: Limit of a memo, unless it sets its own.
MAX_BYTES: Final = 2 * 1024 * 1024
_memos: list[Memo[object]] = []
#: Functions called together with the memos' `forget`.
_others: list[Callable[[], None]] = []


class Memo(Generic[T]):
    """Cache of at most `max_size` values and `max_bytes`, least used first out; one value is always kept.

    Thread-safe; two threads may compute the same value.
    """

    def __init__(
        self,
        *,
        max_size: int,
        seconds: float = DEFAULT_SECONDS,
        scopes: Collection[str] = (scopes_.EVERYTHING,),
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Set the limits; all values depend on `scopes`, and `portal.core.scopes.rests_on` adds more for one value.

        With no scopes at all (`()`) each value declares its own, and one that declares none depends on everything.
        """
        self._max_size = max_size
        self.max_bytes = max_bytes
        self._bytes = 0
        self._seconds = seconds
        self._scopes = tuple(scopes)
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[float, Stamp, T, int]] = OrderedDict()
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
        size = size_of(key) + size_of(value)
        with self._lock:
            if forgotten == self._forgotten:
                self._drop(key)
                self._values[key] = (time.monotonic() + self._seconds, recorder.stamp, value, size)
                self._bytes += size
                while len(self._values) > 1 and (len(self._values) > self._max_size or self._bytes > self.max_bytes):
                    self._drop(next(iter(self._values)))
        return value

    def _drop(self, key: Hashable) -> None:
        known = self._values.pop(key, None)
        if known is not None:
            self._bytes -= known[3]

    def __len__(self) -> int:
        return len(self._values)

    @property
    def size(self) -> int:
        """Return the approximate size of the values in bytes."""
        return self._bytes

    def forget(self) -> None:
        """Drop the values of this memo only; other processes keep theirs until they expire."""
        with self._lock:
            self._forgotten += 1
            self._values.clear()
            self._bytes = 0

    def start_again(self) -> None:
        """Reset a forked process: the lock may be held by a thread that does not exist there."""
        self._lock = threading.Lock()


P = ParamSpec("P")
#: Functions with `bounded_cache`, and the usual size of one of their results with its arguments.
_caches: list[tuple[Callable[[], int], int]] = []


def bounded_cache(*, max_bytes: int, usual_bytes: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Cache the results of a function of texts, which depend on nothing else, within about `max_bytes` a process.

    `usual_bytes` is the usual size of a result with its arguments; an `lru_cache` of as many is used, because looking
    one up costs a tenth of a microsecond.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        cached = lru_cache(maxsize=max_bytes // usual_bytes)(function)
        _caches.append((lambda: cached.cache_info().currsize, usual_bytes))
        return cached  # type: ignore[return-value]  # it takes the same arguments, if they are hashable

    return decorate


def figures() -> dict[str, int]:
    """Return how much the memos and the caches of functions hold in this process."""
    sizes = [(count(), usual_bytes) for count, usual_bytes in _caches]
    return {
        "values": sum(len(memo) for memo in _memos),
        "bytes": sum(memo.size for memo in _memos),
        "max_bytes": sum(memo.max_bytes for memo in _memos),
        "function_results": sum(count for count, _bytes in sizes),
        "function_bytes": sum(count * usual_bytes for count, usual_bytes in sizes),
    }


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
health.report_to_staff("memos", figures)
