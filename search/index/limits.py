"""Time limits for all requests to other servers that one answer needs.

A waiting reader does not care how many requests that takes: all of them share one time budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Budget:
    #: On the clock of `time.monotonic`.
    deadline: float
    known: dict[Hashable, Any] = field(default_factory=dict)


_budget: Final[ContextVar[_Budget | None]] = ContextVar("search_budget", default=None)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit the total time of all requests made in this context; an outer limit remains in force."""
    outer = _budget.get()
    deadline = time.monotonic() + seconds
    token = _budget.set(_Budget(min(deadline, outer.deadline) if outer else deadline))
    try:
        yield
    finally:
        _budget.reset(token)


def seconds_left(usual: float) -> float:
    """The timeout for the next request: at most `usual`, at most the rest of the budget, which may be negative."""
    budget = _budget.get()
    return min(usual, budget.deadline - time.monotonic()) if budget else usual


def once(key: Hashable, ask: Callable[[], T]) -> T:
    """The result of `ask`, called once per key within a time limit, so that all parts of an answer are consistent."""
    budget = _budget.get()
    if budget is None:
        return ask()
    if key not in budget.known:
        budget.known[key] = ask()
    known: T = budget.known[key]
    return known
