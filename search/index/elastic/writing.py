"""Writing to the cluster: in bulk, to every index of a language, and never an older text over a newer one.

There are no locks. The version of each write is the time just before its texts were read: of two concurrent writes the
one that read later wins, and one that was abandoned and arrives late is refused. If the stored version is higher, the
texts are read again, because the other write may come from a machine whose clock is ahead.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from elasticsearch.helpers import streaming_bulk
from elasticsearch_dsl import Q, Search

from search.index.elastic.connection import asking, in_time
from search.index.elastic.schema import document_of
from search.index.errors import RejectedError, UnavailableError
from search.index.plan import EntryKey

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from search.documents import SearchEntry
    from search.index.elastic.indices import Indices, Place

_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 5_000_000
_OBJECTS_AT_ONCE: Final = 5_000
_MOST_FOUND: Final = 10_000
_ATTEMPTS: Final = 10
_CURRENT_VERSION: Final = re.compile(r"current version \[(\d+)\]")
_GONE: Final = frozenset({"index_not_found_exception", "index_closed_exception"})
_REFUSED: Final = 400
_CONFLICT: Final = 409
#: Results of operations that changed something.
_CHANGED: Final = frozenset({"created", "updated", "deleted"})


class _IndexGoneError(Exception):
    """Raised if an index was replaced during a write."""


class _OvertakenError(Exception):
    """Raised if an entry is stored with this version, which is higher than ours."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


def id_of(key: EntryKey) -> str:
    kind, object_id, language = key
    return f"{kind}:{object_id}:{language}"


class Writer:
    """Writes and removes entries. Changes can be searched at once, except in indices that are being filled."""

    def __init__(self, client: Elasticsearch, indices: Indices) -> None:
        self._client = client
        self._indices = indices

    def keep(
        self,
        objects: Mapping[str, Collection[int]],
        read: Callable[[], Mapping[EntryKey, SearchEntry]],
        *,
        force: bool,
        into_filling_only: bool,
    ) -> bool:
        """Replace all entries of the objects (by kind) with what `read` returns; return whether anything changed.

        Raises `RejectedError` for entries the cluster refused; the others are stored. Without `force`, entries with an
        equal digest are not written.
        """
        newest = 0
        for attempt in range(_ATTEMPTS):
            # Taken before reading: see above. Whoever was overtaken often goes ahead of the others, who follow.
            version = max(time.time_ns() // 1000, newest + 4**attempt)
            entries = read()
            places = self._indices.places()
            changes = self._changes(objects, entries, places, force=force, into_filling_only=into_filling_only)
            try:
                return self._send([{**change, "version": version} for change in changes], refresh=not into_filling_only)
            except _OvertakenError as error:
                newest = error.version
            except _IndexGoneError:
                continue
        raise UnavailableError("what is written is overtaken again and again")

    def _changes(
        self,
        objects: Mapping[str, Collection[int]],
        entries: Mapping[EntryKey, SearchEntry],
        places: Mapping[str, Place],
        *,
        force: bool,
        into_filling_only: bool,
    ) -> Iterator[dict[str, Any]]:
        stored = self._stored(objects, places)
        for key, entry in entries.items():
            place = places[self._indices.language_of(entry.language)]
            targets = place.filling if into_filling_only and place.filling else place.written
            wrong = [index for index in targets if force or stored.get((index, key)) != entry.digest]
            document = document_of(entry) if wrong else {}
            for index in wrong:
                yield {**self._change("index", index, key), "_source": document}
        for index, key in sorted(self._possible(objects, places) | stored.keys()):
            if key not in entries:
                yield self._change("delete", index, key)

    @staticmethod
    def _possible(objects: Mapping[str, Collection[int]], places: Mapping[str, Place]) -> set[tuple[str, EntryKey]]:
        """All places where the objects may have entries; a search would not find what was written a moment ago."""
        return {
            (index, (kind, object_id, language))
            for language, place in places.items()
            for index in place.written
            for kind, ids in objects.items()
            for object_id in ids
        }

    def _change(self, what: str, index: str, key: EntryKey) -> dict[str, Any]:
        return {
            "_op_type": what,
            "_index": self._indices.writing_name(index),
            "_id": id_of(key),
            "version_type": "external",
        }

    def _stored(
        self, objects: Mapping[str, Collection[int]], places: Mapping[str, Place]
    ) -> dict[tuple[str, EntryKey], str]:
        """The digests of the objects' entries that a search finds in each index."""
        indices = [index for place in places.values() for index in place.written]
        missing = [language for language, place in places.items() if not place.written]
        if missing:
            raise UnavailableError(f"no index for {', '.join(missing)}")
        found: dict[tuple[str, EntryKey], str] = {}
        for kind, ids in objects.items():
            some = sorted(ids)
            for start in range(0, len(some), _OBJECTS_AT_ONCE):
                wanted = Q("terms", object_id=some[start : start + _OBJECTS_AT_ONCE])
                asked = Search(index=indices).query("bool", filter=[Q("term", kind=kind), wanted])
                asked = asked.params(ignore_unavailable=True).extra(size=_MOST_FOUND)
                asked = asked.source(["kind", "object_id", "language", "digest"])
                with asking():
                    for hit in asked.using(in_time(self._client)).execute().to_dict()["hits"]["hits"]:
                        source = hit["_source"]
                        key = (source["kind"], source["object_id"], source["language"])
                        found[hit["_index"], key] = source["digest"]
        return found

    def _send(self, changes: list[dict[str, Any]], *, refresh: bool) -> bool:
        """Send the changes; return whether anything changed."""
        with asking():
            results = [
                (change["_id"], next(iter(outcome.values())))
                for change, (_ok, outcome) in zip(
                    changes,
                    streaming_bulk(
                        in_time(self._client),
                        (dict(change) for change in changes),
                        chunk_size=_AT_ONCE,
                        max_chunk_bytes=_BYTES_AT_ONCE,
                        raise_on_error=False,
                        refresh=refresh,
                        require_alias=True,
                    ),
                    strict=True,
                )
            ]
        refused: dict[str, str] = {}
        overtaken = 0
        for entry_id, result in results:
            error = result.get("error")
            if not error:
                continue
            if result["status"] == _CONFLICT:
                overtaken = max(overtaken, _current_version(error))
            elif error.get("type") in _GONE:
                raise _IndexGoneError
            elif result["status"] == _REFUSED:
                refused[entry_id] = str(error.get("type"))
            else:
                raise UnavailableError(f"HTTP {result['status']} for a change: {error.get('type')}")
        if overtaken:
            raise _OvertakenError(overtaken)
        if refused:
            raise RejectedError(refused)
        return any(result.get("result") in _CHANGED for _entry_id, result in results)


def _current_version(error: Mapping[str, Any]) -> int:
    found = _CURRENT_VERSION.search(str(error.get("reason")))
    return int(found[1]) if found else 1
