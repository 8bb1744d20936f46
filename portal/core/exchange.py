"""What apps put into an export of the whole knowledge, and take from one, besides articles.

    exchange.register(Part("troubleshooters", rows=…, take=…))      `ready()` of the app that stores it

An export is JSON lines and files (docs/export-format.md); `faq.exporting` writes and reads it and asks each part for its lines.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from portal.core.storage import name_for_readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

    from django.db.models.fields.files import FieldFile

    Row = dict[str, Any]

_LONGEST_ENDING: Final = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted besides what readers see: `drafts`, and the addresses of `people` who answer for a text."""

    drafts: bool = False
    people: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How lines are taken: whether what was edited here may be replaced, and whether what they publish becomes public here."""

    overwrite: bool = False
    publish: bool = True


class Result(enum.StrEnum):
    """What became of a line that was taken."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Taken:
    """What became of a line, and what somebody should know about it, in their language."""

    result: Result
    notes: list[str] = field(default_factory=list)


class Sink(Protocol):
    """Where the files of an export go."""

    def keep(self, file: FieldFile) -> Row | None:
        """Put a stored file into the export; returns what its line says of it, None if it is not there any more."""
        ...


class Supply(Protocol):
    """Where the files of an export come from."""

    def open(self, described: Mapping[str, Any]) -> BinaryIO:
        """Return a file that a line describes. Raises `ExchangeError` if it is missing or was changed."""
        ...


class ExchangeError(Exception):
    """Raised for a line or a file that cannot be taken; the message is for people."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of one kind. `rows` yields them in an order that depends on nothing but them; `take` stores one.

    `take` runs in a transaction, and raises `ExchangeError`.
    """

    name: str
    rows: Callable[[Wish, Sink], Iterator[Row]]
    take: Callable[[Row, Supply, Terms], Taken]


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    """Declare lines of an export."""
    _parts[part.name] = part


def parts() -> list[Part]:
    """Return what apps declared, by name."""
    return [_parts[name] for name in sorted(_parts)]


def line(row: Mapping[str, Any]) -> str:
    """Return a line of an export: the same values are always the same text."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def described_file(path: str, digest: str, size: int) -> Row:
    """Return what a line says of a stored file with this SHA-256."""
    name = name_for_readers(path)
    ending = name.rpartition(".")[2].lower()
    is_ending = "." in name and ending.isascii() and ending.isalnum() and len(ending) <= _LONGEST_ENDING
    return {
        "file": f"files/{digest}.{ending}" if is_ending else f"files/{digest}",
        "name": name,
        "sha256": digest,
        "bytes": size,
    }


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two rows are the same line."""
    return line(one) == line(other)
