"""What programs are given as text, and whether they are: a switch in the admin (Settings → Articles for programs).

`/llms.txt` lists articles; apps add what else everybody may see:

    machine_reading.register(public_lines, scope="downloads")          apps.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.core.memo import LONG_SECONDS, Memo
from portal.core.models import MachineReading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_switch: Memo[bool] = Memo(max_size=1, seconds=LONG_SECONDS, scopes=("site",))


@dataclass(frozen=True, slots=True)
class Line:
    """Something everybody may see: its name, its address within the portal, and a line about it."""

    title: str
    url: str
    about: str


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading."""

    heading: str
    lines: Sequence[Line]


_finders: Final[list[tuple[str, Callable[[str, int], Section]]]] = []


def register(find: Callable[[str, int], Section], *, scope: str) -> None:
    """Declare what an app adds: `find` takes a language, which is active, and how many lines at most; `scope` says when they change."""
    _finders.append((scope, find))


def sections(language: str, limit: int) -> list[Section]:
    """Return what apps add in a language; none without lines. Each costs a constant number of queries."""
    found = [find(language, limit) for _scope, find in _finders]
    return [section for section in found if section.lines]


def scopes() -> tuple[str, ...]:
    """Return the scopes of what apps add."""
    return tuple(dict.fromkeys(scope for scope, _find in _finders))


def is_open_to_programs() -> bool:
    """Return whether programs are given public texts: yes, unless somebody switched it off on the default site."""
    closed = MachineReading.objects.filter(site__is_default_site=True, is_open=False)
    return _switch.get("open", lambda: not closed.exists())
