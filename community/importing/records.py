"""What all sources are read into, one record at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True, kw_only=True)
class Person:
    """An author over there. Only those who wrote something get an account."""

    id: str
    name: str
    joined: dt.datetime | None = None


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


@dataclass(slots=True, kw_only=True)
class Beginning(Text):
    """The first post of a thread."""

    title: str
    #: As the source calls it; empty for the default.
    area: str = ""
    tags: list[str] = field(default_factory=list)
    views: int = 0
    is_closed: bool = False


@dataclass(slots=True, kw_only=True)
class Reply(Text):
    """Any other post. `parent` is the id of the post it answers, which must come before it."""

    parent: str


@dataclass(slots=True, kw_only=True)
class Acceptance:
    """A reply that solved the question."""

    post: str
    place: str
    at: dt.datetime | None = None


@dataclass(slots=True, kw_only=True)
class Voice:
    """A vote for a post as helpful."""

    id: str
    place: str
    post: str
    created: dt.datetime | None
    #: Id of a `Person`, if the source says who it was.
    voter: str = ""


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
