"""How long a question may wait for servers in all, whatever it asks of them.

A reader who waits does not care how many requests one answer takes: all of them share one budget of time.
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
    """All requests to servers inside together take no longer than that; an outer limit stays in force."""
    outer = _budget.get()
    deadline = time.monotonic() + seconds
    token = _budget.set(_Budget(min(deadline, outer.deadline) if outer else deadline))
    try:
        yield
    finally:
        _budget.reset(token)


def seconds_left(usual: float) -> float:
    """How long the next request may take: `usual`, or what is left of the budget; nothing or less when it is spent."""
    budget = _budget.get()
    return min(usual, budget.deadline - time.monotonic()) if budget else usual


def once(key: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` says, asked once within a time limit: the parts of an answer go by the same facts."""
    budget = _budget.get()
    if budget is None:
        return ask()
    if key not in budget.known:
        budget.known[key] = ask()
    known: T = budget.known[key]
    return known
