"""Prepared queries: querysets that nearly every page asks, compiled to SQL once per process.

Building and compiling a queryset costs Django several times what the database needs to answer it by a key. A prepared
query is an ordinary queryset, written once with its parameters open; it is compiled when it is first used, and after
that only executed:

    _unread = Prepared(lambda person: Message.objects.filter(to=person, read_at=None).values_list("pk")[:10], int)
    rows = _unread.rows(person.pk)

Only for queries that are the same every time: no parameter may be a list or None, nothing else may depend on the
request, and related objects are not followed. Everything else stays with the ORM.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model, QuerySet

Row = TypeVar("Row")

#: Values that stand for the parameters while the SQL is made; no constant of a query equals one of them.
_NUMBERS: Final = itertools.count(1_700_000_003)


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    #: The values of the statement; where a parameter belongs, its position among the arguments.
    values: tuple[Any, ...]
    positions: Mapping[int, int]
    converters: tuple[tuple[int, list[Callable[..., Any]], Any], ...]
    #: The model and the names of its columns, if the queryset gives instances.
    model: type[Model] | None
    names: tuple[str, ...]
    columns: slice


class Prepared(Generic[Row]):
    """A queryset with open parameters. `kinds` are their types: ``int``, ``str`` or an aware ``datetime``."""

    def __init__(self, build: Callable[..., QuerySet[Any, Row]], *kinds: type) -> None:
        """`build` takes one value per parameter, and gives instances of a model or what ``values_list`` gives."""
        self._build = build
        self._kinds = kinds
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, *arguments: Any) -> list[Row]:
        """Execute the query: one query. Raises `TypeError` for a wrong number or type of arguments."""
        if len(arguments) != len(self._kinds) or not all(map(isinstance, arguments, self._kinds)):
            msg = f"This query takes {[kind.__name__ for kind in self._kinds]}, not {arguments!r}"
            raise TypeError(msg)
        connection = connections[DEFAULT_DB_ALIAS]
        compiled = self._compiled.get(connection.vendor)
        if compiled is None:
            compiled = self._compiled[connection.vendor] = self._compile(connection)
        values = list(compiled.values)
        for place, position in compiled.positions.items():
            values[place] = _stored(arguments[position], connection)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, values)
            found = cursor.fetchall()
        return [_row(compiled, row, connection) for row in found] if found else []

    def _compile(self, connection: BaseDatabaseWrapper) -> _Compiled:
        marks = [_mark(kind) for kind in self._kinds]
        queryset = self._build(*marks).using(DEFAULT_DB_ALIAS)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        stored = [_stored(mark, connection) for mark in marks]
        positions = {place: stored.index(value) for place, value in enumerate(values) if value in stored}
        if set(positions.values()) != set(range(len(marks))):
            msg = "A parameter does not appear in the statement as it is: this query cannot be prepared"
            raise ValueError(msg)
        selected = [column for column, _sql, _alias in compiler.select]
        converters = tuple(
            (place, functions, column) for place, (functions, column) in compiler.get_converters(selected).items()
        )
        info = compiler.klass_info
        if info is None or not queryset.query.default_cols:  # of values_list
            return _Compiled(sql, tuple(values), positions, converters, None, (), slice(0))
        places = info["select_fields"]
        names = tuple(selected[place].target.attname for place in places)
        columns = slice(places[0], places[-1] + 1)
        return _Compiled(sql, tuple(values), positions, converters, info["model"], names, columns)


def _mark(kind: type) -> Any:
    """Return a value of this type that no query has as a constant."""
    number = next(_NUMBERS)
    return dt.datetime.fromtimestamp(number, dt.UTC) if kind is dt.datetime else kind(number)


def _stored(value: Any, connection: BaseDatabaseWrapper) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, dt.datetime) else value


def _row(compiled: _Compiled, row: Sequence[Any], connection: BaseDatabaseWrapper) -> Any:
    if compiled.converters:
        values = list(row)
        for place, functions, column in compiled.converters:
            for function in functions:
                values[place] = function(values[place], column, connection)
        row = values
    if compiled.model is None:
        return tuple(row)
    return compiled.model.from_db(DEFAULT_DB_ALIAS, compiled.names, row[compiled.columns])
