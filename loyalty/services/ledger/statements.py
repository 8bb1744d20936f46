"""The SQL of the ledger, for each kind of database. Hand-written: the ORM takes ten times as long for a journal.

All functions run in the transaction of their caller. Wallets are locked in the order of their ids, then a budget, so
that no two transactions wait for each other.
"""
# ruff: noqa: S608 - statements are made of the constants of this module; values are parameters

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from django.db import connection

from loyalty.models.ledger import FIRST_OF_WALLET, NEVER, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


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


#: Points that move from the debited to the credited account.
Move = tuple[Place, Place, int]


class Opened(NamedTuple):
    """A locked wallet, its balances, and the id and the hash of the request of the journal with the wanted key, if any."""

    owner: Owner
    balances: Balances
    known: tuple[int, str] | None


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


def open_book(wallet_id: int, programme_id: int, key: str) -> Opened | None:
    """Lock a wallet and return what has to be known of it to book something; None if it does not exist.

    The rest is read after the lock, by other statements: one that waited for a lock sees the locked row as it is now, but
    all others as they were before it waited.
    """
    if is_postgresql():
        [row] = fetch("SELECT * FROM loyalty_open_book(%s, %s, %s)", [wallet_id, programme_id, key])
        if row[0] is None:
            return None
        balances = Balances() if row[4] is None else Balances(*row[4:9])
        return Opened(Owner(*row[:4]), balances, None if row[9] is None else row[9:])
    owner = lock_wallets([wallet_id]).get(wallet_id)
    if owner is None:
        return None
    return Opened(owner, last_balances(wallet_id), find_keys(programme_id, [key]).get(key))


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


def write(rows: Sequence[JournalRow], moves: Sequence[Sequence[Move]]) -> list[int]:
    """Insert journals, each with its postings, and return their ids in the same order. Creates accounts that do not exist.

    The triggers of the tables count and check them. Raises `IntegrityError` if a key or a number is taken, a lot would
    become negative, or postings do not lead to the balances of their journal.
    """
    postings = [
        (place, seq, _address(row, debit), _address(row, credit), amount)
        for place, (row, some) in enumerate(zip(rows, moves, strict=True))
        for seq, (debit, credit, amount) in enumerate(some)
    ]
    # In the same order in every transaction: another may create an account of the programme at the same moment. It has
    # then waited for us, or we for it.
    addresses = sorted(
        {address for posting in postings for address in posting[2:4]},
        key=lambda address: (address[0], address[1] or 0, address[2]),
    )
    return (_write_on_postgresql if is_postgresql() else _write_on_sqlite)(rows, postings, addresses)


#: Place of its journal among those that are written, place in it, debited account, credited account, points.
_Posting = tuple[int, int, Address, Address, int]


def _address(row: JournalRow, place: Place) -> Address:
    return row.programme_id, row.wallet_id if place.is_of_wallet else None, place


def _write_on_postgresql(
    rows: Sequence[JournalRow], postings: Sequence[_Posting], addresses: Sequence[Address]
) -> list[int]:
    number = {address: place for place, address in enumerate(addresses, 1)}
    places = [{"programme": programme, "wallet": wallet, **place._asdict()} for programme, wallet, place in addresses]
    legs = [
        {"journal": journal + 1, "seq": seq, "debit": number[debit], "credit": number[credit], "amount": amount}
        for journal, seq, debit, credit, amount in postings
    ]
    journals = [{"place": place, **row._asdict()} for place, row in enumerate(rows, 1)]
    # Dates and times become what PostgreSQL reads in any of its date styles.
    [(ids,)] = fetch(
        "SELECT loyalty_write(%s, %s, %s)", [json.dumps(some, default=str) for some in (places, legs, journals)]
    )
    return cast("list[int]", ids)


def _write_on_sqlite(
    rows: Sequence[JournalRow], postings: Sequence[_Posting], addresses: Sequence[Address]
) -> list[int]:
    ids = _account_ids(addresses)
    adapt = cache(connection.ops.adapt_datetimefield_value)  # journals that are written together share their times
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM loyalty_journal")  # nobody else writes, nothing is deleted
        first = cursor.fetchone()[0] + 1
        cursor.executemany(
            "INSERT INTO loyalty_posting (journal_id, seq, debit_id, credit_id, amount) VALUES (%s, %s, %s, %s, %s)",
            [
                (first + journal, seq, ids[debit], ids[credit], amount)
                for journal, seq, debit, credit, amount in postings
            ],
        )
        cursor.executemany(
            f"INSERT INTO loyalty_journal (id, {', '.join(JournalRow._fields)})"
            f" VALUES ({marks(1 + len(JournalRow._fields))})",
            [
                (journal, *row[:-2], adapt(row.occurred_at), adapt(row.created_at))
                for journal, row in enumerate(rows, first)
            ],
        )
    return list(range(first, first + len(rows)))


def _account_ids(addresses: Sequence[Address]) -> dict[Address, int]:
    """Return the ids of these accounts, after creating those that do not exist. On SQLite: nobody else writes."""
    found = _find(addresses)
    missing = [address for address in addresses if address not in found]
    if missing:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO loyalty_account (programme_id, wallet_id, kind, ref, bucket, credits, debits, last_posting)"
                " VALUES (%s, %s, %s, %s, %s, 0, 0, 0)",
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
            part = _OF_PROGRAMME if wallet is None else _OF_WALLET
            parts.append(part.replace("%s", str(number), 1))
            owner = programme if wallet is None else wallet
            parameters += [owner, place.kind, place.ref, *([] if wallet is None else [_day(place.bucket)])]
        for number, account in fetch(" UNION ALL ".join(parts), parameters):
            found[addresses[number]] = account
    return found


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


def reviewed_lots(wallet_ids: Collection[int]) -> list[tuple[str, int]]:
    """Return the references of the lots in these wallets that wait for a review, with what is in them."""
    if not wallet_ids:
        return []
    places = ", ".join(["%s"] * len(wallet_ids))
    rows = fetch(
        "SELECT a.ref, a.credits - a.debits FROM loyalty_account a"
        f" WHERE a.wallet_id IN ({places}) AND a.kind = {Kind.PENDING.value} AND a.credits > a.debits"
        " AND a.ref LIKE 'review:%%'",
        list(wallet_ids),
    )
    return [(ref, left) for ref, left in rows]


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
