"""What people take along when they ask others: a text of one feature that fills the form of another.

    register("guide", read)                       ready() of the app whose pages lead there
    taken_along(user, "guide:no-internet:3-1.2")  the view with the form

A link carries a reference, never the text: nobody can fill somebody else's form with words of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.core.pages import AnyUser

#: Longest reference.
MAX_LENGTH: Final = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """A title and a text for a form, in the reader's language. The text is Markdown."""

    title: str
    text: str


_readers: dict[str, Callable[[AnyUser, str], Taken | None]] = {}


def register(name: str, read: Callable[[AnyUser, str], Taken | None]) -> None:
    """Declare who reads references that begin with `name`; `read` returns None for what the person may not see."""
    _readers[name] = read


def reference_to(name: str, rest: str) -> str:
    """Return a reference."""
    return f"{name}:{rest}"


def taken_along(user: AnyUser, reference: str) -> Taken | None:
    """Return what a reference leads to, for `user`; None for one that leads nowhere."""
    name, _colon, rest = reference.partition(":")
    read = _readers.get(name)
    return read(user, rest) if read is not None and len(reference) <= MAX_LENGTH else None
