"""What all sources are read into, one record at a time.

Whatever a file says, a record can be stored: without characters that no database takes, numbers within their columns,
texts no longer than what is worth working on.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from django.utils.translation import gettext as _

from community import rendering
from community.importing.errors import RowError

#: Longer texts are cut before anything is done with them: marks of HTML and of other forums take their place, too.
RAW_LENGTH: Final = 3 * rendering.MAX_LENGTH
#: So many votes of one post are kept, each of which is a row.
MAX_VOTES: Final = 100_000
#: The largest number of a column.
MAX_NUMBER: Final = (1 << 31) - 1
#: Longer names, titles and tags are cut again where they are stored.
_NAME_LENGTH: Final = 1_000
_MAX_TAGS: Final = 100
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
#: What reading a value of another kind than it should be raises.
_ODD: Final = (TypeError, ValueError, AttributeError, KeyError, OverflowError)


def storable(text: str) -> str:
    """Return a text without NUL and lone surrogates, which PostgreSQL and SQLite refuse."""
    return _UNSTORABLE.sub("", text)


def guarded(kind: str, place: str, make: Callable[[], Any]) -> Iterator[Any]:
    """Yield what `make` returns; for a record that cannot be read why not, and where it is."""
    try:
        made = make()
    except RowError as error:
        made = Skipped(kind, error.reason, place)
    except KeyError as error:
        made = Skipped(kind, _("A needed value is missing."), f"{place}: {error.args[0]}")
    except _ODD:
        made = Skipped(kind, _("A value in it is not of the kind it should be."), place)
    if made is not None:
        yield made


@dataclass(slots=True, kw_only=True)
class Person:
    """An author over there. Only those who wrote something get an account."""

    id: str
    name: str
    joined: dt.datetime | None = None

    def __post_init__(self) -> None:
        self.id = storable(self.id)
        self.name = storable(self.name[:_NAME_LENGTH])


@dataclass(slots=True, kw_only=True)
class Text:
    """A post. `place` says where it is in the source, for the report: ``Posts.xml, Id 12``."""

    id: str
    place: str
    body: str
    created: dt.datetime | None
    #: Id of a `Person`; empty for somebody unknown.
    author: str = ""
    is_html: bool = False
    edited: dt.datetime | None = None
    #: Votes of people nobody knows.
    votes: int = 0
    #: Whether its text was longer than `RAW_LENGTH`.
    is_cut: bool = False

    def __post_init__(self) -> None:
        self.id, self.author = storable(self.id), storable(self.author)
        self.is_cut = self.is_cut or len(self.body) > RAW_LENGTH
        self.body = self.body[:RAW_LENGTH]
        self.votes = min(max(0, self.votes), MAX_VOTES)


@dataclass(slots=True, kw_only=True)
class Beginning(Text):
    """The first post of a thread."""

    title: str
    #: As the source calls it; empty for the default.
    area: str = ""
    tags: list[str] = field(default_factory=list)
    views: int = 0
    is_closed: bool = False

    def __post_init__(self) -> None:
        Text.__post_init__(self)
        self.title, self.area = storable(self.title[:_NAME_LENGTH]), storable(self.area)
        self.tags = [storable(tag[:_NAME_LENGTH]) for tag in self.tags[:_MAX_TAGS]]
        self.views = min(max(0, self.views), MAX_NUMBER)


@dataclass(slots=True, kw_only=True)
class Reply(Text):
    """Any other post. `parent` is the id of the post it answers, which must come before it."""

    parent: str

    def __post_init__(self) -> None:
        Text.__post_init__(self)
        self.parent = storable(self.parent)


@dataclass(slots=True, kw_only=True)
class Acceptance:
    """A reply that solved the question."""

    post: str
    place: str
    at: dt.datetime | None = None

    def __post_init__(self) -> None:
        self.post = storable(self.post)


@dataclass(slots=True, kw_only=True)
class Voice:
    """A vote for a post as helpful."""

    id: str
    place: str
    post: str
    created: dt.datetime | None
    #: Id of a `Person`, if the source says who it was.
    voter: str = ""

    def __post_init__(self) -> None:
        self.id, self.post, self.voter = storable(self.id), storable(self.post), storable(self.voter)


@dataclass(slots=True)
class Skipped:
    """A row that is no record: why, and where it is."""

    kind: str
    reason: str
    place: str
    #: Whether somebody should look at it; else it is only counted.
    is_problem: bool = True


class Source(Protocol):
    """A forum to be imported. Each method reads the files anew, from the beginning, a row at a time."""

    def people(self) -> Iterator[Person | Skipped]: ...

    def beginnings(self) -> Iterator[Beginning | Skipped]: ...

    def replies(self) -> Iterator[Reply | Skipped]: ...

    def acceptances(self) -> Iterator[Acceptance | Skipped]: ...

    def voices(self) -> Iterator[Voice | Skipped]: ...
