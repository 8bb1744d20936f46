"""The interface of all measured searches, and the sizes of their databases and Elasticsearch indices."""

from __future__ import annotations

import json
import os
import urllib.request
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.search_data import Text

#: Number of entries on a page of results.
PAGE: Final = 20
#: Batch size, as in a rebuild.
_AT_ONCE: Final = 1_000


class Engine:
    """A search, in a separate process with its own database."""

    def index(self, texts: Iterable[Text]) -> None:
        """Index the texts, which are all there are."""
        raise NotImplementedError

    def search(self, text: str, language: str) -> list[int]:
        """The numbers of the entries on the first page, best first."""
        raise NotImplementedError

    def suggest(self, text: str, language: str) -> list[int]:
        """The same for suggestions, while the last word is being typed."""
        raise NotImplementedError

    def size(self) -> int:
        """Size on disk in bytes, without that of an empty database."""
        raise NotImplementedError

    def forget(self) -> None:
        """Empty the index."""
        raise NotImplementedError

    def learn(self, texts: Sequence[Text]) -> None:
        """Compute the vectors of the indexed texts, if this is a semantic search."""

    def imagine(self, texts: Sequence[Text], questions: Sequence[str]) -> None:
        """Like `learn`, with made-up vectors: each text is close to one of the questions, so that all find many."""

    def check(self) -> None:
        """Raise `RuntimeError` if something other than the measured search answered."""

    def close(self) -> None:
        """Delete everything from servers."""


def chunks(values: Iterable[Any], size: int = _AT_ONCE) -> Iterator[list[Any]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk


def database_size() -> int:
    """The size of Django's database in bytes."""
    from django.db import connection  # noqa: PLC0415 - settings must be there first

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()
        return os.path.getsize(connection.settings_dict["NAME"])  # noqa: PTH202 - a plain path


def numbers(sql: str, parameters: Sequence[Any]) -> list[int]:
    """The first column of what Django's database answers."""
    from django.db import connection  # noqa: PLC0415 - settings must be there first

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def ask_node(method: str, path: str, body: str = "") -> dict[str, Any]:
    """The response of the Elasticsearch node at ELASTICSEARCH_URL."""
    kind = "application/x-ndjson" if path.endswith("_bulk") else "application/json"
    request = urllib.request.Request(  # noqa: S310 - the operator's URL
        os.environ["ELASTICSEARCH_URL"].rstrip("/") + path, body.encode() or None, {"Content-Type": kind}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        found: dict[str, Any] = json.load(answer)
    return found


def node_size(indices: str) -> int:
    """The size in bytes of the indices whose names match."""
    return int(ask_node("GET", f"/{indices}/_stats/store")["_all"]["total"]["store"]["size_in_bytes"])
