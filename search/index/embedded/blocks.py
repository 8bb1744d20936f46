"""Packed postings: the entries that contain a term, with a block of neighbouring entries in each row.

One row per word and entry would be fifty rows for a short article, scattered over an index as large as all texts
together. With blocks, indexing an article extends existing rows, and a very frequent word is read from hundreds of rows
instead of a hundred thousand. Primary keys of entries increase, so that the database can append new postings to a block
without reading it.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from django.db import connection

from search.index.embedded import sql

#: Number of low bits of an entry's primary key that are not part of its block number.
BLOCK_BITS: Final = 11
#: Size in bytes of a packed number, and of one posting (primary key and impact).
NUMBER_SIZE: Final = 4
POSTING_SIZE: Final = 2 * NUMBER_SIZE

#: Primary key of an entry → impact.
Postings = dict[int, int]
#: Term, scope and block number.
BlockKey = tuple[int, int, int]


def pack(numbers: Iterable[int]) -> bytes:
    """Pack integers below 2³² as little-endian bytes."""
    packed = array("I", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def packed(numbers: np.ndarray) -> bytes:
    """Like `pack`, for an array of integers below 2³²."""
    return numbers.astype("<u4").tobytes()


def unpack(data: bytes | memoryview) -> array[int]:
    numbers = array("I")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


@dataclass(frozen=True, slots=True)
class Held:
    """The entries that contain a term, unordered, and its impact in each."""

    pks: np.ndarray
    impacts: np.ndarray

    def __len__(self) -> int:
        return len(self.pks)

    def only(self, kept: np.ndarray) -> Held:
        """The postings for which `kept` is true."""
        return Held(self.pks[kept], self.impacts[kept])

    @classmethod
    def joined(cls, some: Sequence[Held]) -> Held:
        """Concatenate the postings of several terms."""
        return cls(np.concatenate([held.pks for held in some]), np.concatenate([held.impacts for held in some]))


def held_of(data: bytes | memoryview) -> Held:
    """Packed postings as arrays, for computing."""
    pairs = np.frombuffer(data, dtype="<u4").reshape(-1, 2)
    return Held(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64))


def postings_of(data: bytes | memoryview) -> Postings:
    """Packed postings as a dictionary, for changing them."""
    numbers = unpack(data)
    return dict(zip(numbers[0::2], numbers[1::2], strict=True))


class Changes:
    """Collects postings to be added and removed, to write them together."""

    def __init__(self) -> None:
        self._added: list[np.ndarray] = []
        self._removed: dict[BlockKey, list[int]] = defaultdict(list)

    def add(self, postings: np.ndarray) -> None:
        """Add rows of term, scope, primary key and impact, ordered by primary key."""
        self._added.append(postings)

    def remove(self, entry_pk: int, scope: int, terms: Iterable[int]) -> None:
        number = entry_pk >> BLOCK_BITS
        for term in terms:
            self._removed[term, scope, number].append(entry_pk)

    def counts(self) -> dict[int, int]:
        """The change in the document frequency of each term."""
        counts: dict[int, int] = defaultdict(int)
        for postings in self._added:
            terms, added = np.unique(postings[:, 0], return_counts=True)
            for term, count in zip(terms.tolist(), added.tolist(), strict=True):
                counts[term] += count
        for (term, _scope, _number), pks in self._removed.items():
            counts[term] -= len(pks)
        return {term: count for term, count in counts.items() if count}

    def write(self) -> None:
        """Write all changes. The caller must hold the index's write lock."""
        added = _by_block(np.concatenate(self._added)) if self._added else {}
        known = _read(self._removed.keys())
        changed: dict[BlockKey, bytes] = {}
        empty: list[BlockKey] = []
        for key, pks in self._removed.items():
            before = known.get(key, b"")
            postings = postings_of(before)
            for pk in pks:
                postings.pop(pk, None)
            postings |= postings_of(added.pop(key, b""))
            if not postings:
                empty.append(key)
                continue
            data = pack(number for posting in sorted(postings.items()) for number in posting)
            if data != before:
                changed[key] = data
        _append(added)
        _replace(changed)
        _delete(empty)


def _by_block(postings: np.ndarray) -> dict[BlockKey, bytes]:
    """The packed postings of each block, from rows of term, scope, primary key and impact."""
    term, scope, pk, _impact = postings.T
    rows = postings[np.lexsort((pk, scope, term))]
    keys = rows[:, :3].copy()
    keys[:, 2] >>= BLOCK_BITS
    firsts = np.flatnonzero(np.any(np.diff(keys, axis=0, prepend=-1), axis=1))
    data = packed(rows[:, 2:])
    bounds: list[int] = [*(firsts * POSTING_SIZE).tolist(), len(data)]
    return {
        tuple(key): data[start:end] for key, (start, end) in zip(keys[firsts].tolist(), pairwise(bounds), strict=True)
    }


def _read(keys: Collection[BlockKey]) -> dict[BlockKey, bytes]:
    found: dict[BlockKey, bytes] = {}
    for some in sql.chunks(keys, 5_000):
        statement = f"""
            WITH wanted (term_id, scope_id, number) AS (VALUES {", ".join(["(%s, %s, %s)"] * len(some))})
            SELECT b.term_id, b.scope_id, b.number, b.data
            FROM wanted CROSS JOIN {sql.BLOCK} b
            WHERE b.term_id = wanted.term_id AND b.scope_id = wanted.scope_id AND b.number = wanted.number
        """  # noqa: S608 - table names and placeholders only
        for term, scope, number, data in sql.fetch(statement, [part for key in some for part in key]):
            found[term, scope, number] = bytes(data)
    return found


def _append(blocks: Mapping[BlockKey, bytes]) -> None:
    """Append to blocks; missing ones are created."""
    joined = f"{sql.BLOCK}.data || excluded.data"
    if connection.vendor == "sqlite":
        joined = f"CAST({joined} AS BLOB)"
    _put(blocks, joined)


def _replace(blocks: Mapping[BlockKey, bytes]) -> None:
    _put(blocks, "excluded.data")


def _put(blocks: Mapping[BlockKey, bytes], data: str) -> None:
    rows = [(*key, data) for key, data in sorted(blocks.items())]
    conflict = f"ON CONFLICT (term_id, scope_id, number) DO UPDATE SET data = {data}"
    sql.insert(sql.BLOCK, ("term_id", "scope_id", "number", "data"), rows, conflict=conflict)


def _delete(keys: Collection[BlockKey]) -> None:
    if keys:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"DELETE FROM {sql.BLOCK} WHERE term_id = %s AND scope_id = %s AND number = %s",  # noqa: S608 - our name
                sorted(keys),
            )


def correct_counts() -> None:
    """Recompute the document frequencies of all terms from their postings; only wrong rows are updated."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            UPDATE {sql.TERM} SET entry_count = counted.entries
            FROM (SELECT term_id, SUM(LENGTH(data)) / {POSTING_SIZE} AS entries FROM {sql.BLOCK} GROUP BY term_id) AS counted
            WHERE counted.term_id = {sql.TERM}.id AND {sql.TERM}.entry_count <> counted.entries
        """)  # noqa: S608 - our names
        cursor.execute(f"""
            UPDATE {sql.TERM} SET entry_count = 0
            WHERE entry_count <> 0 AND text <> '' AND NOT EXISTS (SELECT 1 FROM {sql.BLOCK} b WHERE b.term_id = {sql.TERM}.id)
        """)  # noqa: S608 - our names


def read(
    texts: Collection[str],
    *,
    audiences: Collection[str],
    kinds: Collection[str] = (),
    languages: Collection[str] = (),
    but_languages: Collection[str] = (),
    numbers: Collection[int] | None = None,
    beginning: str = "",
) -> dict[Heading, dict[str, Held]]:
    """The postings of terms, by kind and language and then by term; one query.

    `numbers` restricts them to some blocks. With a `beginning`, all terms with that prefix are read instead of `texts`.
    """
    clauses = [f"t.text IN ({sql.placeholders(texts)})"] if not beginning else [sql.begins("t.text")]
    parameters: list[Any] = [*texts] if not beginning else sql.bounds(beginning)
    for clause, values in (
        ("s.audience IN ({})", audiences),
        ("s.kind IN ({})", kinds),
        ("s.language IN ({})", languages),
        ("s.language NOT IN ({})", but_languages),
    ):
        if values or clause.startswith("s.audience"):
            clauses.append(clause.format(sql.placeholders(values)))
            parameters += values
    if numbers is not None:
        clauses.append(f"b.number IN ({sql.placeholders(numbers)})")
        parameters += numbers
    statement = f"""
        SELECT t.text, s.kind, s.language, b.data
        FROM {sql.TERM} t CROSS JOIN {sql.SCOPE} s CROSS JOIN {sql.BLOCK} b
        WHERE b.term_id = t.id AND b.scope_id = s.id AND {" AND ".join(clauses)}
    """  # noqa: S608 - table names and placeholders only
    found: dict[Heading, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for text, kind, language, data in sql.fetch(statement, parameters):
        found[kind, language][text].append(data)
    return {
        heading: {text: held_of(b"".join(data)) for text, data in terms.items()} for heading, terms in found.items()
    }


#: Kind and language.
Heading = tuple[str, str]
