"""What people are honoured for: for the feature that gives honours, and those that show a person.

    register(badges_of)        portal/wiring.py
    honours_of(person_id)      whoever shows the person

Neither app knows the other. A page that shows them depends on `scope_of(person_id)`, and whoever gives or takes one
announces it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Honour:
    """One of a person's honours that everybody may see, in the reader's language."""

    name: str
    text: str
    icon: str
    since: dt.datetime


_sources: Final[list[Callable[[int], Sequence[Honour]]]] = []


def register(source: Callable[[int], Sequence[Honour]]) -> None:
    """Have the honours that a function returns for the id of a person be shown; called once when the apps are ready."""
    if source not in _sources:
        _sources.append(source)


def honours_of(person_id: int) -> list[Honour]:
    """Return what everybody may see, newest first."""
    found = [honour for source in _sources for honour in source(person_id)]
    return sorted(found, key=lambda honour: honour.since, reverse=True)


def scope_of(person_id: int) -> str:
    """Return the scope of what shows a person's honours."""
    return f"honours:{person_id}"
