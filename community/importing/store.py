"""What an import must remember and cannot hold in memory: names of people, and in a dry run what would have been made.

A temporary database of its own, which disappears with the process: nothing of it is stored by the portal.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from community.importing.records import Person


class Store:
    """Use it as a context manager."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA cache_size = -8000")
        self._database.execute("CREATE TABLE person (id TEXT PRIMARY KEY, name TEXT, joined REAL) WITHOUT ROWID")
        self._database.execute(
            "CREATE TABLE seen (kind INTEGER, id TEXT, about TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._database.close()

    def add_people(self, people: Iterable[Person]) -> None:
        """Remember people; the first of several with one id counts."""
        rows = ((each.id, each.name, each.joined.timestamp() if each.joined else None) for each in people)
        self._write("INSERT OR IGNORE INTO person VALUES (?, ?, ?)", rows)

    def people(self, ids: Collection[str]) -> dict[str, tuple[str, float | None]]:
        """Return name and time of joining by id."""
        found = self._read("SELECT id, name, joined FROM person WHERE id IN", ids)
        return {row[0]: (row[1], row[2]) for row in found}

    def see(self, kind: int, about: Mapping[str, str] | Iterable[str]) -> None:
        """Note, in a dry run, what would have been made: ids, perhaps with something about each."""
        pairs = about.items() if isinstance(about, Mapping) else ((each, "") for each in about)
        self._write("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", ((kind, each, note) for each, note in pairs))

    def seen(self, kind: int, ids: Collection[str]) -> dict[str, str]:
        """Return what was noted about those of these that would have been made."""
        return dict(self._read(f"SELECT id, about FROM seen WHERE kind = {int(kind)} AND id IN", ids))  # noqa: S608

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def _read(self, statement: str, ids: Collection[str]) -> list[tuple[Any, ...]]:
        places = ",".join("?" * len(ids))
        return self._database.execute(f"{statement} ({places})", list(ids)).fetchall()


def moment_of(seconds: float | None) -> dt.datetime | None:
    """Return a stored time."""
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
