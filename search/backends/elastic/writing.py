"""Writing into the cluster: in bulk, into every index of a language, and never an older text over a newer one.

Each write carries a version, higher than the one it read while nobody else worked on the object (`search.locks`). A
write that was given up and arrives late has a lower one, and is refused.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from elasticsearch.helpers import streaming_bulk
from elasticsearch_dsl import Q, Search

from search.backends import EntryKey, RejectedError, UnavailableError
from search.backends.elastic.connection import asking, in_time
from search.backends.elastic.schema import document_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from search.backends.elastic.indices import Indices, Place
    from search.documents import SearchEntry

_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 5_000_000
_OBJECTS_AT_ONCE: Final = 5_000
_ATTEMPTS: Final = 3
_CURRENT_VERSION: Final = re.compile(r"current version \[(\d+)\]")
_GONE: Final = frozenset({"index_not_found_exception", "index_closed_exception"})
_REFUSED: Final = 400
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True)
class Stored:
    """What an index holds of an entry."""

    version: int
    digest: str


class _IndexGoneError(Exception):
    """An index was replaced while it was written to."""


def id_of(key: EntryKey) -> str:
    kind, object_id, language = key
    return f"{kind}:{object_id}:{language}"


class Writer:
    """Puts and removes entries. `refresh` has them found at once."""

    def __init__(self, client: Elasticsearch, indices: Indices) -> None:
        self._client = client
        self._indices = indices

    def put(self, entries: Mapping[EntryKey, SearchEntry], *, force: bool, into_filling_only: bool) -> bool:
        """Store the entries and remove what else there is of their objects; whether anything changed."""
        objects: dict[str, set[int]] = defaultdict(set)
        for kind, object_id, _language in entries:
            objects[kind].add(object_id)
        documents: dict[EntryKey, dict[str, Any]] = {}

        def changes(places: Mapping[str, Place]) -> Iterable[dict[str, Any]]:
            stored = self._stored(objects, places)
            for key, entry in entries.items():
                place = places[self._indices.language_of(entry.language)]
                for index in place.filling if into_filling_only and place.filling else place.written:
                    known = stored.get((index, key))
                    if force or known is None or known.digest != entry.digest:
                        if key not in documents:
                            documents[key] = document_of(entry)
                        yield {**self._change("index", index, key, known), "_source": documents[key]}
            yield from self._removals(objects, places, stored, kept=entries.keys())

        return self._write(changes, refresh=not into_filling_only)

    def remove(self, objects: Mapping[str, set[int]]) -> bool:
        """Remove all entries of the objects; whether there were any."""

        def changes(places: Mapping[str, Place]) -> Iterable[dict[str, Any]]:
            return self._removals(objects, places, self._stored(objects, places), kept=())

        return self._write(changes, refresh=True)

    def _removals(
        self,
        objects: Mapping[str, set[int]],
        places: Mapping[str, Place],
        stored: Mapping[tuple[str, EntryKey], Stored],
        *,
        kept: Collection[EntryKey],
    ) -> Iterable[dict[str, Any]]:
        wanted = set(kept)
        gone = {place for place in stored if place[1] not in wanted}
        # What was written into an index that is being filled may not be found yet, and is removed unseen.
        gone |= {
            (index, (kind, object_id, language))
            for language, place in places.items()
            for index in place.filling
            for kind, ids in objects.items()
            for object_id in ids
            if (kind, object_id, language) not in wanted
        }
        for index, key in sorted(gone):
            yield self._change("delete", index, key, stored.get((index, key)))

    def _change(self, what: str, index: str, key: EntryKey, known: Stored | None) -> dict[str, Any]:
        version = max(time.time_ns() // 1000, known.version + 1 if known else 0)
        return {
            "_op_type": what,
            "_index": self._indices.writing_name(index),
            "_id": id_of(key),
            "version": version,
            "version_type": "external",
        }

    def _stored(
        self, objects: Mapping[str, set[int]], places: Mapping[str, Place]
    ) -> dict[tuple[str, EntryKey], Stored]:
        """What there is of the objects in each index."""
        indices = [index for place in places.values() for index in place.written]
        missing = [language for language, place in places.items() if not place.written]
        if missing:
            raise UnavailableError(f"no index for {', '.join(missing)}")
        found: dict[tuple[str, EntryKey], Stored] = {}
        for kind, ids in objects.items():
            some = sorted(ids)
            for start in range(0, len(some), _OBJECTS_AT_ONCE):
                wanted = Q("terms", object_id=some[start : start + _OBJECTS_AT_ONCE])
                asked = Search(index=indices).query("bool", filter=[Q("term", kind=kind), wanted])
                asked = asked.source(["kind", "object_id", "language", "digest"]).extra(version=True)
                with asking():
                    for hit in (
                        asked.extra(size=10_000).using(in_time(self._client)).execute().to_dict()["hits"]["hits"]
                    ):
                        source = hit["_source"]
                        key = (source["kind"], source["object_id"], source["language"])
                        found[hit["_index"], key] = Stored(hit["_version"], source["digest"])
        return found

    def _write(self, changes: Any, *, refresh: bool) -> bool:
        for _attempt in range(_ATTEMPTS):
            places = self._indices.places()
            try:
                return self._send(list(changes(places)), refresh=refresh)
            except _IndexGoneError:
                continue
        raise UnavailableError("the indices change all the time")

    def _send(self, changes: list[dict[str, Any]], *, refresh: bool) -> bool:
        waiting = {(change["_index"], change["_id"]): change for change in changes}
        refused: dict[str, str] = {}
        for _attempt in range(_ATTEMPTS):
            again: dict[tuple[str, str], dict[str, Any]] = {}
            with asking():
                outcomes = streaming_bulk(
                    in_time(self._client),
                    (dict(change) for change in waiting.values()),
                    chunk_size=_AT_ONCE,
                    max_chunk_bytes=_BYTES_AT_ONCE,
                    raise_on_error=False,
                    refresh=refresh,
                    require_alias=True,
                )
                results = [
                    (change, next(iter(outcome.values())))
                    for change, (_ok, outcome) in zip(waiting.values(), outcomes, strict=True)
                ]
            for change, result in results:
                error = result.get("error")
                if not error:
                    continue  # also a removal of what was not there
                if result["status"] == _CONFLICT:
                    current = _CURRENT_VERSION.search(str(error.get("reason")))
                    version = max(change["version"], int(current[1]) if current else 0) + 1
                    again[change["_index"], change["_id"]] = {**change, "version": version}
                elif error.get("type") in _GONE:
                    raise _IndexGoneError
                elif result["status"] == _REFUSED:
                    refused[change["_id"]] = str(error.get("type"))
                else:
                    raise UnavailableError(f"HTTP {result['status']} for a change: {error.get('type')}")
            waiting = again
            if not waiting:
                break
        else:
            raise UnavailableError(f"{len(waiting)} changes were overtaken again and again")
        if refused:
            raise RejectedError(refused)
        return bool(changes)
