"""Finding and removing what is damaged in the tables of the index.

Nothing is made up here: rows and postings that are not as they were written are deleted, and the entries that lack
something lose their digest, so that a comparison with the database (`search.services.check`) indexes them again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from django.db import connection, transaction

from search.index.embedded import blocks, pages, seals, sql
from search.index.embedded.blocks import BLOCK_BITS, BlockKey
from search.index.embedded.writing import EVERYTHING
from search.models import Term

#: Number of entries whose postings are compared at once; each pass reads the blocks of these entries only.
_PORTION_BITS: Final = 17
_ROWS_AT_ONCE: Final = 500
_BLOCKS_AT_ONCE: Final = 5_000
#: No entry has a primary key above it: postings have four bytes for it, and arrays are as long as the highest one.
_HIGHEST: Final = 1 << 31
_DIGEST: Final = re.compile("[0-9a-f]{40}")


@dataclass(slots=True)
class Damage:
    """What is not as it was written, and what should remain of it."""

    #: Entries to be deleted.
    rows: list[int] = field(default_factory=list)
    #: Entries to be indexed again.
    stale: set[int] = field(default_factory=set)
    #: Blocks, with the postings that are whole; without any they are deleted.
    blocks: dict[BlockKey, bytes] = field(default_factory=dict)
    #: Terms whose words are deleted.
    terms: set[int] = field(default_factory=set)
    #: Terms with a wrong document frequency.
    miscounted: int = 0

    def __len__(self) -> int:
        return len(self.rows) + len(self.stale) + len(self.blocks) + len(self.terms) + self.miscounted


def mend() -> int:
    """Remove what is damaged; return how many rows were. Other writers wait only if there is something to remove."""
    with sql.tolerant():
        if not look():
            return 0
        with transaction.atomic():
            sql.write_alone()
            damage = look()  # what was written meanwhile is not damage
            if damage:
                _remove(damage)
    return len(damage)


def empty() -> None:
    """Delete everything."""
    with transaction.atomic():
        sql.write_alone()
        with connection.cursor() as cursor:
            for table in (sql.BLOCK, sql.WORD, sql.ENTRY, sql.TERM, sql.SCOPE):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our names


def look() -> Damage:
    """Compare entries, postings, terms and words with each other and with their checksums."""
    return _Look().damage


class _Look:
    def __init__(self) -> None:
        self.damage = Damage()
        self._term_keys: dict[int, int] = {}
        self._counts: dict[int, int] = {}
        self._held: dict[int, int] = defaultdict(int)
        self._scopes: dict[int, tuple[str, str, str]] = {}
        self._read_vocabulary()
        covered: list[int] = []
        entry_count = 0
        for portion in self._portions():
            entry_count += len(portion.scope_of)
            self._compare(portion)
            covered.append(portion.number)
        self._find_strays(covered)
        self._count(entry_count)

    def _read_vocabulary(self) -> None:
        word_seals: dict[int, int] = {}
        for pk, text, count, seal in sql.fetch(f"SELECT id, text, entry_count, word_seal FROM {sql.TERM}"):  # noqa: S608 - our names
            self._term_keys[pk] = seals.key_of_term.__wrapped__(text)
            self._counts[pk] = -1 if text == EVERYTHING else count
            word_seals[pk] = seal
        for pk, *scope in sql.fetch(f"SELECT id, kind, language, audience FROM {sql.SCOPE}"):  # noqa: S608 - our names
            self._scopes[pk] = (scope[0], scope[1], scope[2])
        found: dict[int, int] = defaultdict(int)
        for term, text, spelling, skeleton in sql.fetch(f"SELECT term_id, text, spelling, skeleton FROM {sql.WORD}"):  # noqa: S608 - our names
            found[term] += seals.seal_of_word(text, spelling, skeleton)
        terms = word_seals.keys() | found.keys()
        self.damage.terms = {pk for pk in terms if word_seals.get(pk) != found.get(pk, 0)}

    def _portions(self) -> Iterator[_Portion]:
        """The entries that are whole, with their terms, in portions of neighbours."""
        portion: _Portion | None = None
        last: Any = None
        while True:
            where, parameters = ("WHERE e.id > %s", [last]) if last is not None else ("", [])
            rows = sql.fetch(
                f"SELECT e.digest, {pages.HIT}, {pages.PLACES} FROM {sql.ENTRY} e {where} ORDER BY e.id LIMIT {_ROWS_AT_ONCE}",  # noqa: S608 - our names
                parameters,
            )
            if not rows:
                break
            for digest, *row in rows:
                pk = row[0]
                if not (pages.is_whole(row) and 0 < pk < _HIGHEST and self._is_in_scope(row)):
                    self.damage.rows.append(pk)
                    continue
                if not _DIGEST.fullmatch(str(digest)):
                    self.damage.stale.add(pk)
                if portion is None or portion.number != pk >> _PORTION_BITS:
                    if portion is not None:
                        yield portion
                    portion = _Portion(pk >> _PORTION_BITS)
                portion.add(pk, row[12], row[-2])
            last = rows[-1][1]
        if portion is not None:
            yield portion

    def _is_in_scope(self, row: list[Any]) -> bool:
        _pk, kind, _object_id, language = row[:4]
        scope, audience = row[12:14]
        return self._scopes.get(scope) == (kind, language, audience)

    def _compare(self, portion: _Portion) -> None:
        """Compare the postings of a portion of entries with the lists of their terms."""
        claims = portion.claims()
        found: np.ndarray = np.zeros(len(claims), bool)
        first = portion.number << (_PORTION_BITS - BLOCK_BITS)
        last = first + (1 << (_PORTION_BITS - BLOCK_BITS)) - 1
        for rows in _blocks("number BETWEEN %s AND %s", [first, last]):
            self._compare_blocks(rows, portion, claims, found)
        missing = ~found
        if self.damage.terms:
            missing |= np.isin(claims >> _PORTION_BITS, list(self.damage.terms))
        owners = np.unique(claims[missing] & ((1 << _PORTION_BITS) - 1))
        self.damage.stale.update((owners + portion.start).tolist())

    def _compare_blocks(
        self, rows: list[tuple[Any, ...]], portion: _Portion, claims: np.ndarray, found: np.ndarray
    ) -> None:
        known = [term in self._term_keys and scope in self._scopes for term, scope, _number, _data in rows]
        terms = np.array([self._term_keys.get(row[0], 0) for row in rows], np.uint32)
        scopes = np.array([seals.key_of_scope(*self._scopes.get(row[1], ("", "", ""))) for row in rows], np.uint32)
        read = blocks.read_blocks([row[3] for row in rows], seals.keys_of(terms, scopes), [row[2] for row in rows])
        counts = np.diff(read.ends, prepend=0)
        term_of: np.ndarray = np.repeat(np.array([row[0] for row in rows], np.int64), counts)
        scope_of: np.ndarray = np.repeat(np.array([row[1] for row in rows], np.int64), counts)
        pks: np.ndarray = read.pks.astype(np.int64)
        good = read.whole & np.repeat(np.array(known, bool), counts)
        good &= portion.scopes_of(pks) == scope_of
        codes = (term_of << _PORTION_BITS) | (pks & ((1 << _PORTION_BITS) - 1))
        places = np.minimum(np.searchsorted(claims, codes), max(len(claims) - 1, 0))
        good &= (claims[places] == codes) if len(claims) else False
        at = np.flatnonzero(good)
        _codes, firsts = np.unique(codes[at], return_index=True)
        once: np.ndarray = np.zeros(len(pks), bool)
        once[at[firsts]] = True  # each posting once
        found[places[once]] = True
        start = 0
        for (term, scope, number, data), end in zip(rows, read.ends.tolist(), strict=True):
            kept = once[start:end]
            self._held[term] += int(kept.sum())
            if not kept.all() or len(data) != (end - start) * blocks.POSTING_SIZE or end == start:
                pairs = np.stack([read.pks[start:end][kept], read.stored[start:end][kept]], axis=1)
                self.damage.blocks[term, scope, number] = blocks.packed(pairs)
            start = end

    def _find_strays(self, covered: list[int]) -> None:
        """Blocks of entries that do not exist."""
        bits = _PORTION_BITS - BLOCK_BITS
        ranges = [number << bits for number in covered]
        where = " AND ".join(["number NOT BETWEEN %s AND %s"] * len(ranges)) or "0 = 0"
        parameters = [bound for start in ranges for bound in (start, start + (1 << bits) - 1)]
        for rows in _blocks(where, parameters):
            for term, scope, number, _data in rows:
                self.damage.blocks[term, scope, number] = b""

    def _count(self, entry_count: int) -> None:
        statement = f"SELECT entry_count FROM {sql.TERM} WHERE text = ''"  # noqa: S608 - our name
        sizes = [size for (size,) in sql.fetch(statement)]
        if sizes != [entry_count] and (sizes or entry_count):
            self.damage.miscounted += 1
        wrong = [pk for pk, count in self._counts.items() if count >= 0 and count != self._held.get(pk, 0)]
        self.damage.miscounted += len(wrong)


class _Portion:
    """Neighbouring entries: their scopes and terms."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.start = number << _PORTION_BITS
        self.scope_of: dict[int, int] = {}
        self._claims: list[np.ndarray] = []

    def add(self, pk: int, scope: int, terms: bytes | memoryview) -> None:
        self.scope_of[pk] = scope
        numbers = np.frombuffer(bytes(terms), dtype="<u4").astype(np.int64)
        self._claims.append((numbers << _PORTION_BITS) | (pk - self.start))

    def claims(self) -> np.ndarray:
        """Each term of each entry as one number, sorted: the term, and the entry in the low bits."""
        return np.unique(np.concatenate(self._claims))

    def scopes_of(self, pks: np.ndarray) -> np.ndarray:
        """The scope of each entry; 0 for unknown ones."""
        scopes: np.ndarray = np.zeros(1 << _PORTION_BITS, np.int64)
        scopes[np.array(list(self.scope_of), np.int64) - self.start] = list(self.scope_of.values())
        inside = (pks >> _PORTION_BITS) == self.number
        return np.where(inside, scopes[pks & ((1 << _PORTION_BITS) - 1)], 0)


def _blocks(where: str, parameters: list[Any]) -> Iterator[list[tuple[Any, ...]]]:
    after: tuple[Any, ...] | None = None
    while True:
        beyond = "AND (term_id, scope_id, number) > (%s, %s, %s)" if after else ""
        rows = sql.fetch(
            f"""
                SELECT term_id, scope_id, number, data FROM {sql.BLOCK} WHERE {where} {beyond}
                ORDER BY term_id, scope_id, number LIMIT {_BLOCKS_AT_ONCE}
            """,  # noqa: S608 - our names
            [*parameters, *(after or ())],
        )
        if not rows:
            return
        yield rows
        after = rows[-1][:3]


def _remove(damage: Damage) -> None:
    for some in sql.chunks(damage.rows):
        sql.delete(sql.ENTRY, "id", some)
    blocks.delete([key for key, kept in damage.blocks.items() if not kept])
    blocks.replace({key: kept for key, kept in damage.blocks.items() if kept})
    for some in sql.chunks(damage.terms):
        sql.delete(sql.WORD, "term_id", some)
        Term.objects.filter(pk__in=some).update(word_seal=0)
    for some in sql.chunks(damage.stale):
        statement = f"UPDATE {sql.ENTRY} SET digest = '' WHERE id IN ({sql.placeholders(some)})"  # noqa: S608 - our name
        with connection.cursor() as cursor:
            cursor.execute(statement, some)
    _tidy()


def _tidy() -> None:
    """Correct the counts, and delete terms and scopes without entries."""
    blocks.correct_counts()
    with connection.cursor() as cursor:
        ((size,),) = sql.fetch(f"SELECT COUNT(*) FROM {sql.ENTRY}")  # noqa: S608 - our name
        unused = f"SELECT id FROM {sql.TERM} WHERE entry_count = 0 AND text <> ''"  # noqa: S608 - our name
        cursor.execute(f"DELETE FROM {sql.WORD} WHERE term_id IN ({unused})")  # noqa: S608 - our names
        cursor.execute(f"DELETE FROM {sql.TERM} WHERE entry_count = 0 AND text <> ''")  # noqa: S608 - our name
        cursor.execute(f"""
            DELETE FROM {sql.SCOPE} WHERE NOT EXISTS (SELECT 1 FROM {sql.ENTRY} e WHERE e.scope_id = {sql.SCOPE}.id)
                AND NOT EXISTS (SELECT 1 FROM {sql.BLOCK} b WHERE b.scope_id = {sql.SCOPE}.id)
        """)  # noqa: S608 - our names
    Term.objects.update_or_create(text=EVERYTHING, defaults={"entry_count": size})
