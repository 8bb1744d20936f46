"""Small memories inside one process, for what is costly to work out and the same for many readers.

An entry lives for a short time, and no longer than the generation of pages it was made in (`portal.core.page_cache`), which
all processes share. Never put anything in that depends on one person.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from portal.core import page_cache

if TYPE_CHECKING:
    from collections.abc import Hashable

T = TypeVar("T")

DEFAULT_SECONDS: Final = 30.0
#: For what depends on nothing but what the generations tell of, and is costly to make.
LONG_SECONDS: Final = 300.0
_memos: list[Memo[object]] = []
#: What forgets together with the memos.
_others: list[Callable[[], None]] = []


class Memo(Generic[T]):
    """At most `max_size` values, the least used leave first. Safe between threads; two may make the same value once."""

    def __init__(self, *, max_size: int, seconds: float = DEFAULT_SECONDS, of_index: bool = False) -> None:
        """`of_index`: the values also depend on the search index."""
        self._max_size = max_size
        self._seconds = seconds
        self._of_index = of_index
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._forgotten = 0
        self._pages_generation: Hashable = None
        _memos.append(self)  # type: ignore[arg-type]  # a memo of anything is a memo

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The remembered value, else `make()`."""
        pages_generation = page_cache.generation().read()
        if self._of_index:
            pages_generation = (pages_generation, page_cache.generation(page_cache.INDEX).read())
        with self._lock:
            if pages_generation != self._pages_generation:
                self._pages_generation = pages_generation
                self._empty()
            known = self._values.get(key)
            if known is not None and known[0] > time.monotonic():
                self._values.move_to_end(key)
                return known[1]
            forgotten = self._forgotten
        value = make()
        with self._lock:
            if forgotten == self._forgotten:  # else it was made from what has changed meanwhile
                self._values[key] = (time.monotonic() + self._seconds, value)
                self._values.move_to_end(key)
                while len(self._values) > self._max_size:
                    self._values.popitem(last=False)
        return value

    @property
    def is_of_index(self) -> bool:
        return self._of_index

    def forget(self) -> None:
        with self._lock:
            self._empty()

    def _empty(self) -> None:
        self._forgotten += 1
        self._values.clear()


def content_changed() -> None:
    """What readers see has changed: this process forgets at once, all of them when the transaction commits."""
    forget_all()
    page_cache.invalidate_pages()


def index_changed() -> None:
    """What is found has changed: this process forgets at once, all of them when the transaction commits."""
    for memo in _memos:
        if memo.is_of_index:
            memo.forget()
    page_cache.invalidate_questions()


def forget_with_all(forget: Callable[[], None]) -> None:
    """Have `forget` called whenever everything remembered in this process may be out of date."""
    _others.append(forget)


def forget_all() -> None:
    """Everything remembered in this process may be out of date."""
    for memo in _memos:
        memo.forget()
    for forget in _others:
        forget()
