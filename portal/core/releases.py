"""Newest releases of what can be downloaded: for pages of one feature that show what another one has.

    use(shelf)                 ready() of the app with the downloads
    choices()                  what an editor chooses from
    newest(user, slugs)        what a page shows of them
    audiences(slugs)           who may see them

Downloads are named by their slug, so that an article keeps naming the same one in another database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from portal.core.pages import AnyUser


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """A file of a release. `url` leads to it, or to the page that says what is missing."""

    name: str
    platform: str
    architecture: str
    size: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """A download with its newest release, in the language of the page."""

    title: str
    summary: str
    url: str
    icon: str
    version: str
    released_on: dt.date
    is_beta: bool
    is_security: bool
    known_issue: str
    files: Sequence[ReleasedFile]


class Shelf(Protocol):
    """What an app with downloads tells."""

    def choices(self) -> Sequence[tuple[str, str]]:
        """Return slugs and names of all downloads. One query."""

    def newest(self, user: AnyUser, slugs: Collection[str]) -> Mapping[str, Newest]:
        """Return those that the person may see, by slug. A constant number of queries, none without slugs."""

    def audiences(self, slugs: Collection[str]) -> Mapping[str, str]:
        """Return who may see those with something published. One query."""


_shelves: list[Shelf] = []


def use(shelf: Shelf) -> None:
    """Declare who has downloads."""
    _shelves.append(shelf)


def choices() -> list[tuple[str, str]]:
    """Return slugs and names of all downloads, in the editors' order."""
    return [choice for shelf in _shelves for choice in shelf.choices()]


def newest(user: AnyUser, slugs: Collection[str]) -> dict[str, Newest]:
    """Return those of the downloads that the person may see, by slug; others are left out."""
    return {slug: found for shelf in _shelves for slug, found in shelf.newest(user, slugs).items()} if slugs else {}


def audiences(slugs: Collection[str]) -> dict[str, str]:
    """Return who may see each of the downloads; those with nothing published are left out."""
    return {slug: said for shelf in _shelves for slug, said in shelf.audiences(slugs).items()} if slugs else {}
