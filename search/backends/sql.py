"""The statements of the embedded index: one text for SQLite and PostgreSQL. Values are always parameters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

from search import evidence
from search.backends import FULL_WEIGHT, Sort
from search.models import EntryFacet, IndexedEntry, Posting, Term, Word
from search.scoring import rarity

if TYPE_CHECKING:
    from django.db.models import Model

    from search.backends import Filters, Plan


def _table(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django's documented name for it


ENTRY: Final = _table(IndexedEntry)
FACET: Final = _table(EntryFacet)
TERM: Final = _table(Term)
WORD: Final = _table(Word)
POSTING: Final = _table(Posting)


def matching(plan: Plan) -> tuple[str, list[Any]]:
    """The WITH clause that ends in ``matching (entry_id, score, matched)``: visible entries with enough of the words.

    How many words are enough is decided in each language by itself, so that the number of results in another
    language is the number its reader would see.
    """
    audiences = placeholders(plan.audiences)
    if not plan.terms:
        sql = f"""
            WITH matching AS (
                SELECT id AS entry_id, 0 AS score, 0 AS matched FROM {ENTRY} WHERE audience IN ({audiences})
            )
        """  # noqa: S608 - table name and placeholders only
        return sql, list(plan.audiences)
    rows = list(_weighted_words(plan))
    company, in_company, company_rows = _company(plan)
    found = f"FROM query JOIN {TERM} t ON t.text = query.term JOIN {POSTING} p ON p.term_id = t.id {in_company}"
    sql = f"""
        WITH query (number, term, word, weight, is_full) AS (
            VALUES {", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))}
        ),
        {company}
        scored AS ({_scored(plan, len(rows), found)}),
        allowed AS (
            SELECT entry_id, score, matched, MAX(matched) OVER (PARTITION BY e.language) AS most
            FROM scored JOIN {ENTRY} e ON e.id = entry_id
            WHERE e.audience IN ({audiences})
        ),
        matching AS (
            SELECT entry_id, score, matched FROM allowed
            WHERE matched >= CASE WHEN most >= %s THEN %s ELSE (most + 1) / 2 END
        )
    """  # noqa: S608 - table names and placeholders only
    parameters = [
        *(value for row in rows for value in row),
        *company_rows,
        *plan.audiences,
        plan.required,
        plan.required,
    ]
    return sql, parameters


def _scored(plan: Plan, row_count: int, found: str) -> str:
    """The query for ``(entry_id, score, matched)`` over the rows that were found."""
    if all(term.weight == FULL_WEIGHT for term in plan.terms):
        matched = "COUNT(*)" if row_count == plan.word_count else "COUNT(DISTINCT query.word)"
        return f"""
            SELECT p.entry_id, SUM(query.weight * p.impact) AS score, {matched} AS matched
            {found} GROUP BY p.entry_id
        """
    return f"""
        SELECT entry_id, CAST(SUM(CASE WHEN own > other THEN own ELSE other END) AS BIGINT) AS score, COUNT(*) AS matched
        FROM (
            SELECT p.entry_id, query.word,
                   SUM(CASE WHEN query.is_full = 1 THEN query.weight * p.impact ELSE 0 END) AS own,
                   MAX(CASE WHEN query.is_full = 1 THEN 0 ELSE query.weight * p.impact END) AS other
            {found} GROUP BY p.entry_id, query.word
        ) answered
        GROUP BY entry_id
    """  # noqa: S608 - names and clauses of ours


def _weighted_words(plan: Plan) -> Iterator[tuple[int, str, int, int, int]]:
    """(number of the term, term, word, weight, 1 if that is the whole weight) for each word a term answers.

    The term's weight is shared out among its words.
    """
    for number, term in enumerate(plan.terms):
        weight = max(1, rarity(term.frequency, plan.size) * term.weight // FULL_WEIGHT)
        shares = len(term.words)
        for place, word in enumerate(term.words):
            share = weight * (place + 1) // shares - weight * place // shares
            yield number, term.text, word, share, int(term.weight == FULL_WEIGHT)


def _company(plan: Plan) -> tuple[str, str, list[Any]]:
    """What `QueryTerm.beside` demands: a table for the WITH clause, a WHERE clause, and the parameters of the table.

    Empty where no term needs another.
    """
    rows = [(number, text) for number, term in enumerate(plan.terms) for text in term.beside]
    if not rows:
        return "", "", []
    table = f"company (number, term) AS (VALUES {', '.join(['(%s, %s)'] * len(rows))}),"
    where = f"""
        WHERE NOT EXISTS (
            SELECT 1 FROM company WHERE company.number = query.number AND NOT EXISTS (
                SELECT 1 FROM {TERM} ct JOIN {POSTING} cp ON cp.term_id = ct.id
                WHERE ct.text = company.term AND cp.entry_id = p.entry_id
            )
        )
    """  # noqa: S608 - table names only
    return table, where, [value for row in rows for value in row]


def chosen(filters: Filters, *, but: str = "") -> tuple[str, list[Any]]:
    """The WHERE clause for what the reader chose in all facets `but` one, on the entry ``e``."""
    clauses: list[str] = []
    parameters: list[Any] = []
    for column, values in (("kind", filters.kinds), ("language", filters.languages)):
        if values and column != but:
            clauses.append(f"e.{column} IN ({placeholders(values)})")
            parameters += values
    for name, values in (("product", filters.products), ("topic", filters.topics)):
        if values and name != but:
            clauses.append(f"""EXISTS (
                SELECT 1 FROM {FACET} c WHERE c.entry_id = e.id AND c.name = '{name}'
                AND c.value IN ({placeholders(values)})
            )""")  # noqa: S608 - names are ours; every value is a parameter
            parameters += values
    if filters.updated_since is not None:
        clauses.append("e.updated >= %s")
        parameters.append(connection.ops.adapt_datetimefield_value(filters.updated_since))
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), parameters


def weighed(plan: Plan) -> tuple[str, list[Any]]:
    """The score of the text, grown by what else speaks for the entry ``e`` (`search.evidence`); whole numbers."""
    parts = [f"{evidence.FULL} + e.evidence"]
    parameters: list[Any] = [timezone.now() - dt.timedelta(days=evidence.FRESH_DAYS)]
    parts.append(f"CASE WHEN e.updated > %s THEN {evidence.FRESH} ELSE 0 END")
    if plan.own_products:
        parts.append(f"""CASE WHEN EXISTS (
            SELECT 1 FROM {FACET} o WHERE o.entry_id = e.id AND o.name = 'product'
            AND o.value IN ({placeholders(plan.own_products)})
        ) THEN {evidence.OWN_PRODUCT} ELSE 0 END""")  # noqa: S608 - our names; every value is a parameter
        parameters += plan.own_products
    return f"score * ({' + '.join(parts)}) / {evidence.FULL}", parameters


def order(sort: Sort) -> str:
    """The order of a page of ``final`` scores and entries ``e``; never in doubt."""
    ties = f"e.popularity DESC, e.object_id, e.language, e.kind {byte_order()}"
    if sort == Sort.NEWEST:
        return f"e.updated DESC NULLS LAST, {ties}"
    return f"final DESC, {ties}"


def visible(audiences: Collection[str]) -> tuple[str, list[Any]]:
    """A condition on the term ``t``: it stands in an entry of one of these audiences."""
    sql = f"""EXISTS (
        SELECT 1 FROM {POSTING} p JOIN {ENTRY} e ON e.id = p.entry_id
        WHERE p.term_id = t.id AND e.audience IN ({placeholders(audiences)})
    )"""  # noqa: S608 - table names and placeholders only
    return sql, list(audiences)


def begins(column: str) -> str:
    """A condition an index serves; see `bounds` for its parameters."""
    if connection.vendor == "postgresql":
        return f"{column} LIKE %s"
    return f"{column} >= %s AND {column} < %s"


def bounds(beginning: str) -> list[str]:
    if connection.vendor == "postgresql":
        return ["".join(f"\\{c}" if c in "\\%_" else c for c in beginning) + "%"]
    return [beginning, beginning + chr(0x10FFFF)]


def byte_order() -> str:
    """Text in the order of its bytes, on every database and in every locale."""
    return 'COLLATE "C"' if connection.vendor == "postgresql" else ""


def placeholders(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values)) or "NULL"


def fetch(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def delete(table: str, column: str, keys: Collection[int]) -> None:
    """Delete rows without reading them: while anyone listens to deletions, Django's own way fetches every row."""
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({placeholders(keys)})", list(keys))  # noqa: S608 - our names


def insert(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows, except those that are there already. Several times as fast as making an object of each."""
    values = list(rows)
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({placeholders(columns)}) ON CONFLICT DO NOTHING",  # noqa: S608 - our names
                values,
            )


def analyse() -> None:
    """Tell PostgreSQL's planner how full the index is. SQLite needs no telling."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join((ENTRY, TERM, WORD, POSTING, FACET))}")
