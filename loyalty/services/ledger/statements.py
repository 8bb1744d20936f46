"""The SQL of the ledger, for each kind of database. Hand-written: the ORM takes ten times as long for a journal.

All functions run in the transaction of their caller. Wallets are locked in the order of their ids, then a budget, so
that no two transactions wait for each other.
"""
# ruff: noqa: S608 - statements are made of the constants of this module; values are parameters

from __future__ import annotations

import datetime as dt
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from django.db import connection

from loyalty.models.ledger import FIRST_OF_WALLET, NEVER, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Place(NamedTuple):
    """An account of the wallet at hand, or of its programme."""

    kind: int
    ref: str = ""
    bucket: dt.date = NEVER

    @property
    def is_of_wallet(self) -> bool:
        """Whether it is an account of the wallet, not of the programme."""
        return self.kind >= FIRST_OF_WALLET


class Lot(NamedTuple):
    """An account of the wallet with what is in it."""

    place: Place
    balance: int


class Balances(NamedTuple):
    """Balances of a wallet after its journal of this number; all zero before the first."""

    number: int = 0
    available: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0


class Owner(NamedTuple):
    """A locked wallet, or a programme without one, and what its switches say."""

    programme_id: int
    status: str
    is_earning_stopped: bool
    is_spending_stopped: bool


#: Columns of a journal, in the order of `JournalRow`.
JOURNAL: Final = (
    "programme_id, wallet_id, number, code, key, request_hash, amount, legs, available, pending, held, debt,"
    " reverses_id, source, reason, actor, approver, occurred_at, created_at"
)
_JOURNAL_TYPES: Final = (
    *("bigint", "bigint", "bigint", "text", "text", "text", "bigint", "smallint"),
    *("bigint", "bigint", "bigint", "bigint", "bigint"),
    *("text", "text", "text", "text", "timestamptz", "timestamptz"),
)


class JournalRow(NamedTuple):
    """A journal to be inserted; its id is the database's choice."""

    programme_id: int
    wallet_id: int | None
    number: int
    code: str
    key: str
    request_hash: str
    amount: int
    legs: int
    available: int
    pending: int
    held: int
    debt: int
    reverses_id: int | None
    source: str
    reason: str
    actor: str
    approver: str
    occurred_at: dt.datetime
    created_at: dt.datetime


#: Of one journal: ids of the debited and the credited account, and the amount.
PostingRow = tuple[int, int, int]


def is_postgresql() -> bool:
    """Return whether the ledger is on PostgreSQL; else it is on SQLite."""
    return connection.vendor == "postgresql"


def fetch(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a query. For rows whose number is known to be small."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cast("list[tuple[Any, ...]]", cursor.fetchall())


def marks(count: int) -> str:
    """Return so many placeholders, separated by commas."""
    return ", ".join(["%s"] * count)


def _day(day: dt.date) -> Any:
    return connection.ops.adapt_datefield_value(day)


def _as_day(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)


def lock_wallets(wallet_ids: Iterable[int]) -> dict[int, Owner]:
    """Lock these wallets, in order, and return those that exist.

    On SQLite the transaction holds the only lock there is.
    """
    ids = sorted(set(wallet_ids))
    rows = fetch(
        "SELECT w.id, w.programme_id, w.status, p.is_earning_stopped, p.is_spending_stopped"
        " FROM loyalty_wallet w JOIN loyalty_programme p ON p.id = w.programme_id"
        f" WHERE w.id IN ({marks(len(ids))}) ORDER BY w.id" + (" FOR NO KEY UPDATE OF w" if is_postgresql() else ""),
        ids,
    )
    return {
        wallet: Owner(programme, status, bool(no_earn), bool(no_spend))
        for wallet, programme, status, no_earn, no_spend in rows
    }


def lock_programme(programme_id: int) -> Owner:
    """Lock a programme, for journals without a wallet."""
    [(earning, spending)] = fetch(
        "SELECT is_earning_stopped, is_spending_stopped FROM loyalty_programme WHERE id = %s"
        + (" FOR NO KEY UPDATE" if is_postgresql() else ""),
        [programme_id],
    )
    return Owner(programme_id, "open", bool(earning), bool(spending))


def last_balances(wallet_id: int) -> Balances:
    """Return the balances after the wallet's last journal. Call this after `lock_wallets`, in another statement.

    A statement that waited for a lock sees the locked row as it is now, but all others as they were before it waited.
    """
    rows = fetch(
        "SELECT number, available, pending, held, debt FROM loyalty_journal WHERE wallet_id = %s"
        " ORDER BY number DESC LIMIT 1",
        [wallet_id],
    )
    return Balances(*rows[0]) if rows else Balances()


def last_balances_of(wallet_ids: Sequence[int]) -> dict[int, Balances]:
    """Return the same for many locked wallets; those without a journal are left out."""
    rows = fetch(
        "SELECT j.wallet_id, j.number, j.available, j.pending, j.held, j.debt FROM loyalty_wallet w"
        " JOIN loyalty_journal j ON j.wallet_id = w.id AND j.number ="
        " (SELECT max(number) FROM loyalty_journal l WHERE l.wallet_id = w.id)"
        f" WHERE w.id IN ({marks(len(wallet_ids))})",
        wallet_ids,
    )
    return {wallet: Balances(*balances) for wallet, *balances in rows}


def lots(wallet_id: int, kind: int | None = None, ref: str | None = None) -> list[Lot]:
    """Return the wallet's lots, of a kind and for a reference, that are not empty, first-expiring first."""
    conditions, parameters = ["wallet_id = %s"], [wallet_id]
    for name, value in (("kind", kind), ("ref", ref)):
        if value is not None:
            conditions.append(f"{name} = %s")
            parameters.append(value)  # type: ignore[arg-type]  # an SQL parameter is anything
    rows = fetch(
        "SELECT kind, ref, bucket, credits - debits FROM loyalty_account"
        f" WHERE {' AND '.join(conditions)} AND credits > debits ORDER BY bucket, kind, ref",
        parameters,
    )
    return [Lot(Place(kind, ref, _as_day(bucket)), balance) for kind, ref, bucket, balance in rows]


def lock_budget(programme_id: int, name: str) -> int:
    """Lock a budget and return how many points are left in it; 0 if there is none of this name."""
    rows = fetch(
        "SELECT credits - debits FROM loyalty_account"
        " WHERE programme_id = %s AND wallet_id IS NULL AND kind = %s AND ref = %s"
        + (" FOR NO KEY UPDATE" if is_postgresql() else ""),
        [programme_id, Kind.BUDGET, name],
    )
    return cast("int", rows[0][0]) if rows else 0


#: An account: its programme, its wallet if it has one, and which.
Address = tuple[int, int | None, Place]


def account_ids(addresses: Iterable[Address]) -> dict[Address, int]:
    """Return the ids of these accounts, after creating those that do not exist."""
    wanted = sorted(set(addresses), key=lambda address: (address[0], address[1] or 0, address[2]))
    found = _find(wanted)
    missing = [address for address in wanted if address not in found]
    if missing:
        # Another transaction may create an account of the programme at the same moment; it has then waited for us, or
        # we for it. On SQLite nobody else writes.
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO loyalty_account (programme_id, wallet_id, kind, ref, bucket, credits, debits, last_posting)"
                " VALUES (%s, %s, %s, %s, %s, 0, 0, 0)" + (" ON CONFLICT DO NOTHING" if is_postgresql() else ""),
                [(programme, wallet, kind, ref, _day(bucket)) for programme, wallet, (kind, ref, bucket) in missing],
            )
        found |= _find(missing)
    return found


_OF_WALLET: Final = "SELECT %s, id FROM loyalty_account WHERE wallet_id = %s AND kind = %s AND ref = %s AND bucket = %s"
_OF_PROGRAMME: Final = (
    "SELECT %s, id FROM loyalty_account WHERE programme_id = %s AND wallet_id IS NULL AND kind = %s AND ref = %s"
)


def _find(addresses: Sequence[Address]) -> dict[Address, int]:
    """One probe of a unique index for each. SQLite allows 500 in one statement."""
    found: dict[Address, int] = {}
    for start in range(0, len(addresses), 200):
        parts, parameters = [], []
        for number, (programme, wallet, place) in enumerate(addresses[start : start + 200], start):
            # Numbers are written into the statement: a parameter in a list of columns has no type on PostgreSQL.
            part = _OF_PROGRAMME if wallet is None else _OF_WALLET
            parts.append(part.replace("%s", str(number), 1))
            owner = programme if wallet is None else wallet
            parameters += [owner, place.kind, place.ref, *([] if wallet is None else [_day(place.bucket)])]
        for number, account in fetch(" UNION ALL ".join(parts), parameters):
            found[addresses[number]] = account
    return found


def insert_journal(row: JournalRow, postings: Sequence[PostingRow]) -> int:
    """Insert a journal with its postings and return its id. The triggers of the tables count and check them.

    Raises `IntegrityError` if its key or number is taken, a lot would become negative, or the postings do not lead to
    its balances.
    """
    return insert_journals([row], [postings])[0]


def insert_journals(rows: Sequence[JournalRow], postings: Sequence[Sequence[PostingRow]]) -> list[int]:
    """Insert journals, each with its postings, and return their ids in the same order. Raises like `insert_journal`."""
    return (_insert_on_postgresql if is_postgresql() else _insert_on_sqlite)(rows, postings)


def _insert_on_sqlite(rows: Sequence[JournalRow], postings: Sequence[Sequence[PostingRow]]) -> list[int]:
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM loyalty_journal")  # nobody else writes, nothing is deleted
        first = cursor.fetchone()[0] + 1
        cursor.executemany(
            "INSERT INTO loyalty_posting (journal_id, seq, debit_id, credit_id, amount) VALUES (%s, %s, %s, %s, %s)",
            [
                (journal, seq, *posting)
                for journal, legs in enumerate(postings, first)
                for seq, posting in enumerate(legs)
            ],
        )
        cursor.executemany(
            f"INSERT INTO loyalty_journal (id, {JOURNAL}) VALUES ({marks(1 + len(JournalRow._fields))})",
            [
                (journal, *row[:-2], adapt(row.occurred_at), adapt(row.created_at))
                for journal, row in enumerate(rows, first)
            ],
        )
    return list(range(first, first + len(rows)))


#: The ids are taken in the statement that inserts: whoever holds a lock against inserts (`settled_journal`) then knows
#: that no lower id will appear later.
_ON_POSTGRESQL: Final = f"""
    WITH j AS (
        SELECT nextval('loyalty_journal_id_seq') AS id, t.*
        FROM ROWS FROM (unnest({", unnest(".join(f"%s::{type_}[])" for type_ in _JOURNAL_TYPES)}) WITH ORDINALITY
        AS t({JOURNAL}, place)
    ), p AS (
        INSERT INTO loyalty_posting (journal_id, seq, debit_id, credit_id, amount)
        SELECT j.id, t.seq, t.debit, t.credit, t.amount
        FROM ROWS FROM (unnest(%s::int[]), unnest(%s::smallint[]), unnest(%s::bigint[]), unnest(%s::bigint[]),
                        unnest(%s::bigint[])) AS t(place, seq, debit, credit, amount)
        JOIN j ON j.place = t.place ORDER BY j.id, t.seq
    ), i AS (
        INSERT INTO loyalty_journal (id, {JOURNAL}) SELECT id, {JOURNAL} FROM j ORDER BY id
    )
    SELECT id FROM j ORDER BY place
"""


def _insert_on_postgresql(rows: Sequence[JournalRow], postings: Sequence[Sequence[PostingRow]]) -> list[int]:
    legs = [(journal, seq, *posting) for journal, some in enumerate(postings, 1) for seq, posting in enumerate(some)]
    columns = chain(zip(*rows, strict=True), zip(*legs, strict=True))
    return [journal for (journal,) in fetch(_ON_POSTGRESQL, [list(column) for column in columns])]


def find_keys(programme_id: int, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return the journals with these keys: key → id and hash of the request."""
    rows = fetch(
        f"SELECT key, id, request_hash FROM loyalty_journal WHERE programme_id = %s AND key IN ({marks(len(keys))})",
        [programme_id, *keys],
    )
    return {key: (journal, request_hash) for key, journal, request_hash in rows}


def legs_of(journal_id: int) -> list[tuple[Place, Place, int]]:
    """Return the postings of a journal, in order: debited, credited, amount."""
    rows = fetch(
        "SELECT d.kind, d.ref, d.bucket, c.kind, c.ref, c.bucket, p.amount FROM loyalty_posting p"
        " JOIN loyalty_account d ON d.id = p.debit_id JOIN loyalty_account c ON c.id = p.credit_id"
        " WHERE p.journal_id = %s ORDER BY p.seq",
        [journal_id],
    )
    return [
        (Place(d_kind, d_ref, _as_day(d_bucket)), Place(c_kind, c_ref, _as_day(c_bucket)), amount)
        for d_kind, d_ref, d_bucket, c_kind, c_ref, c_bucket, amount in rows
    ]


def wallets_with_lots(programme_id: int, kind: int, *, before: dt.date, after: int, limit: int) -> list[int]:
    """Return ids of wallets above `after` with lots that have expired (available) or become available (pending)."""
    condition, value = ("a.ref <= %s", before.isoformat()) if kind == Kind.PENDING else ("a.bucket < %s", _day(before))
    rows = fetch(
        "SELECT DISTINCT a.wallet_id FROM loyalty_account a JOIN loyalty_wallet w ON w.id = a.wallet_id"
        f" WHERE a.kind = {int(kind)} AND a.credits > a.debits AND {condition} AND a.wallet_id > %s"
        " AND w.programme_id = %s ORDER BY a.wallet_id LIMIT %s",
        [value, after, programme_id, limit],
    )
    return [wallet for (wallet,) in rows]


def settled_journal() -> int:
    """Return the id of the last journal below which none will appear, or 0. Waits for journals being inserted.

    On PostgreSQL a lower id can be committed after a higher one.
    """
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")  # others wait behind us
            cursor.execute("LOCK TABLE loyalty_posting IN SHARE MODE")
    [(last,)] = fetch("SELECT coalesce(max(id), 0) FROM loyalty_journal")
    return cast("int", last)
