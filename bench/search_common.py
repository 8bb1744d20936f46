"""What all measured searches share: their interface, and looks at the databases and the node they live in."""

from __future__ import annotations

import json
import os
import urllib.request
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.search_data import Text

#: Entries of a page of results.
PAGE: Final = 20
#: As many as a rebuild takes at once.
_AT_ONCE: Final = 1_000


class Engine:
    """A search, in a process and with a database of its own."""

    def index(self, texts: Iterable[Text]) -> None:
        """Make the texts, all there are, findable."""
        raise NotImplementedError

    def search(self, text: str, language: str) -> list[int]:
        """Numbers of the first page of entries, the best first."""
        raise NotImplementedError

    def suggest(self, text: str, language: str) -> list[int]:
        """The same while the last word is still typed."""
        raise NotImplementedError

    def size(self) -> int:
        """Bytes on disk, without what the database needs when it is empty."""
        raise NotImplementedError

    def forget(self) -> None:
        """Have nothing indexed any more."""
        raise NotImplementedError

    def learn(self, texts: Sequence[Text]) -> None:
        """Know what the indexed texts mean, where this search finds by meaning."""

    def imagine(self, texts: Sequence[Text], questions: Sequence[str]) -> None:
        """As `learn`, with made-up meanings: each text is next to one of the questions, so that all find many."""

    def check(self) -> None:
        """Raises `RuntimeError` where something else answered than what was to be measured."""

    def close(self) -> None:
        """Leave nothing behind on a server."""


def chunks(values: Iterable[Any], size: int = _AT_ONCE) -> Iterator[list[Any]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk


def database_size() -> int:
    """Bytes of Django's database."""
    from django.db import connection  # noqa: PLC0415 - settings must be there first

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()
        return os.path.getsize(connection.settings_dict["NAME"])  # noqa: PTH202 - a plain path


def ask_node(method: str, path: str, body: str = "") -> dict[str, Any]:
    """What the Elasticsearch node that ELASTICSEARCH_URL names says."""
    kind = "application/x-ndjson" if path.endswith("_bulk") else "application/json"
    request = urllib.request.Request(  # noqa: S310 - the address the operator gave
        os.environ["ELASTICSEARCH_URL"].rstrip("/") + path, body.encode() or None, {"Content-Type": kind}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        found: dict[str, Any] = json.load(answer)
    return found


def node_size(indices: str) -> int:
    """Bytes of the indices whose names fit."""
    return int(ask_node("GET", f"/{indices}/_stats/store")["_all"]["total"]["store"]["size_in_bytes"])
