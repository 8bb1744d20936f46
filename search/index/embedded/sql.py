"""SQL statements of the embedded index, for both SQLite and PostgreSQL. Values are always passed as parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import OperationalError, connection

from search.index import damage
from search.models import IndexedEntry, PostingBlock, Scope, Term, Word

if TYPE_CHECKING:
    from django.db.models import Model

    from search.index.plan import Filters, Plan

T = TypeVar("T")


def _table(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django's documented name for it


SCOPE: Final = _table(Scope)
ENTRY: Final = _table(IndexedEntry)
TERM: Final = _table(Term)
WORD: Final = _table(Word)
BLOCK: Final = _table(PostingBlock)

#: Maximum number of values in one IN (…); SQLite allows 32,766 parameters.
AT_ONCE: Final = 20_000
#: Maximum number of parameters of one INSERT on PostgreSQL, which allows 65,535.
_PARAMETERS: Final = 30_000
#: Arbitrary key of the PostgreSQL advisory lock that the writer of the index holds.
_WRITING: Final = 7_241_993


def chunks(values: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk


def write_alone() -> None:
    """Take the write lock of the index; it is held until the transaction ends.

    Every write changes the rows of frequent words, so that writers would wait for each other anyway; with one lock they
    cannot deadlock. On SQLite the transaction, begun with IMMEDIATE, is the lock.
    """
    if connection.vendor == "postgresql":
        fetch("SELECT pg_advisory_xact_lock(%s)", [_WRITING])


def listed(plan: Plan) -> tuple[str, list[Any]]:
    """The WHERE clause on entry ``e`` for a plan without words; filters on declared facets are not included."""
    clauses = [f"e.audience IN ({placeholders(plan.audiences)})"]
    parameters: list[Any] = [*plan.audiences]
    narrowed, values = columns(plan.filters)
    return "WHERE " + " AND ".join([*clauses, *narrowed]), [*parameters, *values]


def columns(filters: Filters) -> tuple[list[str], list[Any]]:
    """Conditions on entry ``e`` for the filters on kind, language and time of the last change."""
    clauses: list[str] = []
    parameters: list[Any] = []
    for column, values in (("kind", filters.kinds), ("language", filters.languages)):
        if values:
            clauses.append(f"e.{column} IN ({placeholders(values)})")
            parameters += values
    if filters.updated_since is not None:
        clauses.append("e.updated >= %s")
        parameters.append(connection.ops.adapt_datetimefield_value(filters.updated_since))
    return clauses, parameters


def visible(audiences: Collection[str]) -> tuple[str, list[Any]]:
    """A condition on term ``t``: it occurs in an entry for one of these audiences."""
    sql = f"""EXISTS (
        SELECT 1 FROM {BLOCK} b JOIN {SCOPE} s ON s.id = b.scope_id
        WHERE b.term_id = t.id AND s.audience IN ({placeholders(audiences)})
    )"""  # noqa: S608 - table names and placeholders only
    return sql, list(audiences)


#: The bytes of the postings of term ``t``, as far as they can be read.
SIZE_OF_BLOCKS: Final = f"""(
    SELECT COALESCE(SUM(LENGTH(b.data)), 0) FROM {BLOCK} b JOIN {SCOPE} s ON s.id = b.scope_id WHERE b.term_id = t.id
)"""  # noqa: S608 - table names only
#: A condition on term ``t``: it should have postings, and has none.
HAS_LOST_ALL: Final = f"""(t.entry_count > 0 AND NOT EXISTS (
    SELECT 1 FROM {BLOCK} b JOIN {SCOPE} s ON s.id = b.scope_id WHERE b.term_id = t.id
))"""  # noqa: S608 - table names only


def begins(column: str) -> str:
    """A prefix condition that can use a database index; `bounds` returns its parameters."""
    if connection.vendor == "postgresql":
        return f"{column} LIKE %s"
    return f"{column} >= %s AND {column} < %s"


def bounds(beginning: str) -> list[str]:
    if connection.vendor == "postgresql":
        return ["".join(f"\\{c}" if c in "\\%_" else c for c in beginning) + "%"]
    return [beginning, beginning + chr(0x10FFFF)]


def byte_order() -> str:
    """A collation that sorts text by its bytes, on every database and in every locale."""
    return 'COLLATE "C"' if connection.vendor == "postgresql" else ""


def placeholders(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values)) or "NULL"


def fetch(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows. Texts that are not UTF-8, which only damage to a file of SQLite makes, are read as far as possible."""
    try:
        return _fetch(sql, parameters)
    except OperationalError as error:
        if "decode to UTF-8" not in str(error):
            raise
    damage.notice("a text")
    with tolerant():
        return _fetch(sql, parameters)


def _fetch(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


@contextmanager
def tolerant() -> Iterator[None]:
    """Read texts that are not UTF-8 without an error, on SQLite; PostgreSQL cannot store any."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    raw = connection.connection
    usual = raw.text_factory
    raw.text_factory = lambda data: data.decode(errors="replace")
    try:
        yield
    finally:
        raw.text_factory = usual


def delete(table: str, column: str, keys: Collection[int]) -> None:
    """Delete rows without reading them: Django fetches every row if any receiver listens to deletions."""
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({placeholders(keys)})", list(keys))  # noqa: S608 - our names


def insert(
    table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, conflict: str = "ON CONFLICT DO NOTHING"
) -> None:
    """Insert rows; `conflict` says what happens to existing ones. Much faster than creating model instances."""
    values = list(rows)
    if not values:
        return
    head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
    row = f"({placeholders(columns)})"
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.executemany(f"{head} {row} {conflict}", values)
            return
        for some in chunks(values, _PARAMETERS // len(columns)):  # one statement per row would cost a round trip each
            cursor.execute(
                f"{head} {', '.join([row] * len(some))} {conflict}", [value for each in some for value in each]
            )


def increase(column: str, changes: Mapping[int, int]) -> None:
    """Add to a number of terms, such as their document frequency; `changes` are by primary key of the term."""
    rows = sorted(changes.items())
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            statement = f"UPDATE {TERM} SET {column} = {column} + %s WHERE id = %s"  # noqa: S608 - our name
            cursor.executemany(statement, [(more, pk) for pk, more in rows])
            return
        for some in chunks(rows, _PARAMETERS // 2):
            statement = f"""
                UPDATE {TERM} t SET {column} = t.{column} + changed.more
                FROM (VALUES {", ".join(["(%s::bigint, %s::bigint)"] * len(some))}) AS changed (id, more) WHERE t.id = changed.id
            """  # noqa: S608 - our name and placeholders only
            cursor.execute(statement, [number for row in some for number in row])


def analyse() -> None:
    """Refresh the statistics of PostgreSQL's query planner. Not needed on SQLite."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join((ENTRY, TERM, WORD, BLOCK))}")
