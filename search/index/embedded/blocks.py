"""Packed postings: the entries that contain a term, with a block of neighbouring entries in each row.

One row per word and entry would be fifty rows for a short article, scattered over an index as large as all texts
together. With blocks, indexing an article extends existing rows, and a very frequent word is read from hundreds of rows
instead of a hundred thousand. Primary keys of entries increase, so that the database can append new postings to a block
without reading it.

Every posting carries a checksum (`search.index.embedded.seals`). What is damaged is left out when it is read.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Final

import numpy as np
from django.db import connection

from search.index import damage
from search.index.embedded import seals, sql

#: Number of low bits of an entry's primary key that are not part of its block number.
BLOCK_BITS: Final = 11
#: Size in bytes of a packed number, and of one posting (primary key and impact).
NUMBER_SIZE: Final = 4
POSTING_SIZE: Final = 2 * NUMBER_SIZE

#: Primary key of an entry → impact with its checksum.
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
    """Unpack what `pack` packed; a torn number at the end is left out."""
    numbers = array("I")
    numbers.frombytes(data[: len(data) // NUMBER_SIZE * NUMBER_SIZE])
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


@dataclass(frozen=True, slots=True)
class Read:
    """The postings of some blocks: primary keys, impacts with checksums, and which of them are whole.

    `ends` says where the postings of each block end.
    """

    pks: np.ndarray
    stored: np.ndarray
    whole: np.ndarray
    ends: np.ndarray
    is_torn: bool

    @property
    def is_damaged(self) -> bool:
        return self.is_torn or not bool(self.whole.all())


def read_blocks(data: Sequence[bytes | memoryview], keys: np.ndarray, numbers: Sequence[int]) -> Read:
    """The postings of blocks, with the keys of term and scope (`seals.keys_of`) and the number of each."""
    lengths = np.array([len(some) for some in data], np.int64)
    counts = lengths // POSTING_SIZE
    is_torn = bool((lengths % POSTING_SIZE).any())
    if is_torn:
        data = [some[: int(count) * POSTING_SIZE] for some, count in zip(data, counts, strict=True)]
    pairs = np.frombuffer(b"".join(data), dtype="<u4").astype(np.uint32, copy=False).reshape(-1, 2)
    pks, stored = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    whole = seals.are_whole(pks, stored, np.repeat(keys, counts))
    whole &= (pks >> BLOCK_BITS) == np.repeat(np.array(numbers, np.int64), counts)
    return Read(pks, stored, whole, np.cumsum(counts), is_torn)


def postings_of(data: bytes | memoryview) -> Postings:
    """Packed postings as a dictionary, for changing them."""
    numbers = unpack(data)
    return dict(zip(numbers[0::2], numbers[1::2], strict=False))


class Changes:
    """Collects postings to be added and removed, to write them together."""

    def __init__(self) -> None:
        self._added: list[np.ndarray] = []
        self._removed: dict[BlockKey, list[int]] = defaultdict(list)

    def add(self, postings: np.ndarray) -> None:
        """Add rows of term, scope, primary key and impact with its checksum, ordered by primary key."""
        self._added.append(postings)

    def remove(self, entry_pk: int, scope: int, terms: Iterable[int]) -> None:
        number = entry_pk >> BLOCK_BITS
        for term in terms:
            self._removed[term, scope, number].append(entry_pk)

    def write(self) -> dict[int, int]:
        """Write all changes, and return by how much the document frequency of each term changed.

        The caller must hold the index's write lock.
        """
        counts: dict[int, int] = defaultdict(int)
        for some in self._added:
            terms, numbers = np.unique(some[:, 0], return_counts=True)
            for term, count in zip(terms.tolist(), numbers.tolist(), strict=True):
                counts[term] += count
        added = _by_block(np.concatenate(self._added)) if self._added else {}
        known = _read(self._removed.keys())
        changed: dict[BlockKey, bytes] = {}
        empty: list[BlockKey] = []
        for key, pks in self._removed.items():
            before = known.get(key, b"")
            postings = postings_of(before)
            for pk in pks:
                counts[key[0]] -= postings.pop(pk, None) is not None  # what was damaged may be missing
            postings |= postings_of(added.pop(key, b""))
            if not postings:
                empty.append(key)
                continue
            data = pack(number for posting in sorted(postings.items()) for number in posting)
            if data != before:
                changed[key] = data
        _append(added)
        replace(changed)
        delete(empty)
        return {term: count for term, count in counts.items() if count}


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
            if len(data) % POSTING_SIZE:
                damage.notice("a block")
    return found


def _append(blocks: Mapping[BlockKey, bytes]) -> None:
    """Append to blocks; missing ones are created."""
    joined = f"{sql.BLOCK}.data || excluded.data"
    if connection.vendor == "sqlite":
        joined = f"CAST({joined} AS BLOB)"
    _put(blocks, joined)


def replace(blocks: Mapping[BlockKey, bytes]) -> None:
    _put(blocks, "excluded.data")


def _put(blocks: Mapping[BlockKey, bytes], data: str) -> None:
    rows = [(*key, data) for key, data in sorted(blocks.items())]
    conflict = f"ON CONFLICT (term_id, scope_id, number) DO UPDATE SET data = {data}"
    sql.insert(sql.BLOCK, ("term_id", "scope_id", "number", "data"), rows, conflict=conflict)


def delete(keys: Collection[BlockKey]) -> None:
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
        SELECT t.text, s.kind, s.language, s.audience, b.number, b.data
        FROM {sql.TERM} t CROSS JOIN {sql.SCOPE} s CROSS JOIN {sql.BLOCK} b
        WHERE b.term_id = t.id AND b.scope_id = s.id AND {" AND ".join(clauses)}
    """  # noqa: S608 - table names and placeholders only
    rows = sorted(sql.fetch(statement, parameters), key=_part)
    if not rows:
        return {}
    terms = np.array([seals.key_of_term(row[0]) for row in rows], np.uint32)
    scopes = np.array([seals.key_of_scope(*row[1:4]) for row in rows], np.uint32)
    found = read_blocks([row[5] for row in rows], seals.keys_of(terms, scopes), [row[4] for row in rows])
    if found.is_damaged:
        damage.notice("postings")
    pks: np.ndarray = found.pks.astype(np.int64)
    impacts: np.ndarray = (found.stored & seals.IMPACT_MASK).astype(np.int64)
    held: dict[Heading, dict[str, Held]] = defaultdict(dict)
    start = 0
    for part, some in groupby(zip(rows, found.ends.tolist(), strict=True), key=lambda row: _part(row[0])):
        *_others, (_row, end) = some
        here = Held(pks[start:end], impacts[start:end])
        kept = found.whole[start:end]
        kind, language, text = part
        held[kind, language][text] = here if kept.all() else here.only(kept)
        start = end
    return held


def _part(row: tuple[Any, ...]) -> tuple[str, str, str]:
    """Kind, language and term."""
    return row[1], row[2], row[0]


#: Kind and language.
Heading = tuple[str, str]
