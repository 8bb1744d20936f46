"""Reading of JSON that strangers send: everything odd is a clear error that names the row, and nothing is guessed.

Amounts are text, ``"12500.50"``, and are read as whole numbers of the smallest unit of their currency: no fraction is ever
a float.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from loyalty.models.ledger import MAX_AMOUNT
from loyalty.money import decimals_of
from loyalty.services.shop import Order, Refund

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES: Final = 512 * 1024
MAX_ROWS: Final = 500
MAX_LINES: Final = 200
_MAX_DEPTH: Final = 6
_MOST_DIGITS: Final = 15
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_HOLD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,37}\Z")
_AMOUNT: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,4}))?\Z")
_KEY: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_CURRENCY: Final = re.compile(r"[A-Z]{3}\Z")
#: Clocks of shops may be ahead by so much.
_AHEAD: Final = dt.timedelta(hours=1)
_LONG_AGO: Final = dt.timedelta(days=400)


class BodyError(Exception):
    """The body, or a row of it, is not as documented. `errors` say where and why, for programs and their makers."""

    def __init__(self, *errors: dict[str, Any]) -> None:
        super().__init__(errors)
        self.errors = list(errors)


class _Odd:
    """A number that is not a whole one, or is too large: an error of the row in which it is."""


def _whole(text: str) -> int | _Odd:
    return int(text) if len(text) <= _MOST_DIGITS else _Odd()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyError({"error": "a name is there twice"})
    return found


def read(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds. Raises `BodyError`."""
    try:
        found = json.loads(
            body.decode("utf-8"),
            parse_float=lambda _text: _Odd(),
            parse_constant=lambda _text: _Odd(),
            parse_int=_whole,
            object_pairs_hook=_once,
        )
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise BodyError({"error": "not JSON in UTF-8"}) from None
    if not isinstance(found, dict):
        raise BodyError({"error": "not an object"})
    if _depth(found) > _MAX_DEPTH:
        raise BodyError({"error": "nested too deeply"})
    return found


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level and deepest <= _MAX_DEPTH:
        deepest += 1
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return deepest


def rows_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a batch. Raises `BodyError`."""
    rows = body.get("events")
    if set(body) != {"events"} or not isinstance(rows, list) or not rows:
        raise BodyError({"error": "“events” must be a list that is not empty, and nothing else"})
    if len(rows) > MAX_ROWS:
        raise BodyError({"error": f"more than {MAX_ROWS} events"})
    return rows


# Fields --------------------------------------------------------------------------------------------------------------


def _text(pattern: re.Pattern[str], what: str) -> Callable[[Any], str]:
    def read_text(value: Any) -> str:
        if not isinstance(value, str) or not pattern.match(value):
            raise ValueError(what)
        return value

    return read_text


as_id = _text(_ID, "1 to 64 Latin letters, digits and . _ : -")


def is_hold(text: str) -> bool:
    """Return whether it can be the id of a hold."""
    return bool(_HOLD.match(text))


as_hold = _text(_HOLD, "1 to 38 Latin letters, digits and . _ -")
_as_currency = _text(_CURRENCY, "three capital letters")


def as_key(value: Any) -> UUID:
    """Return the key of a member. Raises `ValueError`."""
    if not isinstance(value, str) or not _KEY.match(value):
        raise ValueError("the key of a member, as 8-4-4-4-12 hexadecimal digits")
    return UUID(value)


def as_points(value: Any) -> int:
    """Return a number of points. Raises `ValueError`."""
    if type(value) is not int or not 1 <= value <= MAX_AMOUNT:
        raise ValueError("a whole number from 1 to 1000000000000")
    return value


def _as_amount(value: Any, currency: str) -> int:
    found = _AMOUNT.match(value) if isinstance(value, str) and value.isascii() else None
    decimals = decimals_of(currency)
    if found is None:
        raise ValueError("a decimal number as text, such as “12500.50”; not a JSON number")
    fraction = found[2] or ""
    if len(fraction.rstrip("0")) > decimals:
        raise ValueError(f"more decimals than {currency} has")
    amount = int(found[1] + fraction.rstrip("0").ljust(decimals, "0"))
    if amount > MAX_AMOUNT:
        raise ValueError("too large")
    return amount


def _as_moment(value: Any) -> dt.datetime:
    try:
        moment = parse_datetime(value) if isinstance(value, str) and value.isascii() else None
    except ValueError:
        moment = None
    now = timezone.now()
    if moment is None or moment.tzinfo is None:
        raise ValueError("a time with its offset, such as 2026-11-29T10:00:00+03:30")
    if not now - _LONG_AGO < moment < now + _AHEAD:
        raise ValueError("not within the last 400 days")
    return moment


def _as_lines(value: Any, currency: str) -> dict[str, int]:
    if not isinstance(value, list) or len(value) > MAX_LINES:
        raise ValueError(f"a list of at most {MAX_LINES} lines")
    lines: dict[str, int] = {}
    for line in value:
        if not isinstance(line, dict) or set(line) != {"id", "amount"}:
            raise ValueError("each line has “id” and “amount”")
        name = as_id(line["id"])
        if name in lines:
            raise ValueError("a line is there twice")
        lines[name] = _as_amount(line["amount"], currency)
    return lines


_ORDER: Final = frozenset({"id", "type", "member", "order", "amount", "currency", "lines", "occurred_at"})
_REFUND: Final = frozenset({"id", "type", "member", "order", "amount", "currency", "line", "occurred_at"})
_OPTIONAL: Final = frozenset({"lines", "line"})


def event_of(row: Any, number: int, *, currency: str) -> Order | Refund:
    """Return what a row reports, in the currency of the programme. Raises `BodyError` with its number and the field."""
    try:
        return _event_of(row, currency)
    except _FieldError as error:
        raise BodyError({"row": number, **({"field": error.name} if error.name else {}), "error": error.why}) from None


class _FieldError(Exception):
    def __init__(self, why: str, name: str = "") -> None:
        super().__init__(why)
        self.why, self.name = why, name


def _event_of(row: Any, currency: str) -> Order | Refund:
    if not isinstance(row, dict):
        raise _FieldError("not an object")
    fields = {"order.paid": _ORDER, "order.refunded": _REFUND}.get(str(row.get("type")))
    if fields is None:
        raise _FieldError("“order.paid” or “order.refunded”", "type")
    values = _values(row, fields, currency)
    if values["currency"] != currency:
        raise _FieldError(f"the programme counts in {currency}", "currency")
    if fields is _ORDER:
        order = Order(**values)
        if sum(order.lines.values()) > order.amount:
            raise _FieldError("the lines are more than the order", "lines")
        return order
    if not values["amount"]:
        raise _FieldError("nothing is refunded", "amount")
    return Refund(**values)


def _values(row: dict[str, Any], fields: frozenset[str], currency: str) -> dict[str, Any]:
    missing, unknown = sorted(fields - row.keys() - _OPTIONAL), sorted(row.keys() - fields)
    if missing or unknown:
        raise _FieldError("missing" if missing else "unknown", (missing or [name[:64] for name in unknown])[0])
    readers: list[tuple[str, str, Callable[[Any], Any]]] = [
        ("id", "id", as_id), ("member", "member", as_key), ("order", "number", as_id),
        ("currency", "currency", _as_currency), ("amount", "amount", lambda value: _as_amount(value, currency)),
        ("occurred_at", "occurred_at", _as_moment),
        ("lines", "lines", lambda value: _as_lines(value, currency)), ("line", "line", as_id),
    ]  # fmt: skip
    values: dict[str, Any] = {}
    for name, attribute, reader in readers:
        if name in row:
            try:
                values[attribute] = reader(row[name])
            except ValueError as error:
                raise _FieldError(str(error), name) from None
    return values


def events_of(rows: list[dict[str, Any]], *, currency: str) -> list[Order | Refund]:
    """Return what all rows report. Raises `BodyError` with every row that is wrong."""
    found: list[Order | Refund] = []
    errors: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        try:
            found.append(event_of(row, number, currency=currency))
        except BodyError as error:
            errors.extend(error.errors)
    if errors:
        raise BodyError(*errors[:50])
    return found
