"""Proves the books from the postings up, and reports whatever does not agree. It repairs nothing.

Reads one state of the database, in portions: memory does not grow with the ledger, and nobody waits for it.
"""
# ruff: noqa: S608 - statements are made of the constants of this module; values are parameters

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from loyalty.models.ledger import Checkpoint, Kind
from loyalty.services.ledger.checkpoints import cover
from loyalty.services.ledger.statements import fetch, is_postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

#: Rows compared at a time.
PORTION: Final = 20_000
#: Problems reported of each kind and portion.
_REPORTED: Final = 20

_APPEND_ONLY: Final = ("journal", "posting", "checkpoint", "switchrecord")
_KEPT: Final = (*_APPEND_ONLY, "account", "wallet")
#: The triggers without which the database accepts anything.
TRIGGERS: Final = {
    "sqlite": frozenset(
        {
            *(f"loyalty_{table}_update" for table in (*_APPEND_ONLY, "account")),
            *(f"loyalty_{table}_{event}" for table in _KEPT for event in ("delete", "replace")),
            *(
                "loyalty_wallet_identity",
                "loyalty_account_insert",
                "loyalty_posting_sealed",
                "loyalty_posting_one_wallet",
            ),
            *("loyalty_posting_count", "loyalty_journal_complete", "loyalty_journal_reversed_once"),
        }
    ),
    "postgresql": frozenset(
        {
            *(f"loyalty_{table}_update" for table in (*_APPEND_ONLY, "account")),
            *(f"loyalty_{table}_{event}" for table in _KEPT for event in ("delete", "truncate")),
            *("loyalty_wallet_identity", "loyalty_account_inserted"),
            *("loyalty_posting_inserted", "loyalty_journal_inserted"),
        }
    ),
}

_COUNTED: Final = f"(a.wallet_id IS NOT NULL OR a.kind = {Kind.BUDGET.value})"
_BALANCES: Final = {"available": 10, "pending": 11, "held": 12, "debt": 13}
_SUMS: Final = ", ".join(
    f"sum(CASE c.kind WHEN {kind} THEN p.amount ELSE 0 END) - sum(CASE d.kind WHEN {kind} THEN p.amount ELSE 0 END)"
    f" AS {name}"
    for name, kind in _BALANCES.items()
)
_SIDES: Final = "JOIN loyalty_account d ON d.id = p.debit_id JOIN loyalty_account c ON c.id = p.credit_id"

#: Table → what may be wrong with a portion of its rows, and a query for their ids and wallets. Its parameters are the
#: first and the last id of the portion, as often as `{range}` occurs.
_CHECKS: Final[dict[str, dict[str, str]]] = {
    "posting": {
        "posting without a journal, an account or an amount": """
            SELECT p.id, NULL FROM loyalty_posting p LEFT JOIN loyalty_journal j ON j.id = p.journal_id
            LEFT JOIN loyalty_account d ON d.id = p.debit_id LEFT JOIN loyalty_account c ON c.id = p.credit_id
            WHERE p.id {range} AND (j.id IS NULL OR d.id IS NULL OR c.id IS NULL OR p.amount <= 0
            OR p.debit_id = p.credit_id)""",
        "posting between accounts that are not of its journal": f"""
            SELECT p.id, j.wallet_id FROM loyalty_posting p JOIN loyalty_journal j ON j.id = p.journal_id {_SIDES}
            WHERE p.id {{range}} AND (d.programme_id <> j.programme_id OR c.programme_id <> j.programme_id
            OR (d.wallet_id IS NOT NULL AND (j.wallet_id IS NULL OR d.wallet_id <> j.wallet_id))
            OR (c.wallet_id IS NOT NULL AND (j.wallet_id IS NULL OR c.wallet_id <> j.wallet_id)))""",
    },
    "journal": {
        "journal whose postings do not lead from the balances before to those after": f"""
            SELECT n.id, n.wallet_id FROM loyalty_journal n
            LEFT JOIN (SELECT p.journal_id, count(*) AS legs, {_SUMS} FROM loyalty_posting p {_SIDES}
                WHERE p.journal_id {{range}} GROUP BY p.journal_id) s ON s.journal_id = n.id
            LEFT JOIN loyalty_journal b ON b.wallet_id = n.wallet_id AND b.number = n.number - 1
            WHERE n.id {{range}} AND (s.legs IS NULL OR s.legs <> n.legs OR n.amount <= 0
            OR (n.wallet_id IS NOT NULL AND (n.number < 1 OR (n.number > 1 AND b.id IS NULL)))
            OR {" OR ".join(f"n.{name} <> coalesce(b.{name}, 0) + s.{name} OR n.{name} < 0" for name in _BALANCES)})""",
        "journal of which more was reversed than it booked": """
            SELECT o.id, o.wallet_id FROM loyalty_journal o JOIN loyalty_journal r ON r.reverses_id = o.id
            WHERE o.id {range} GROUP BY o.id, o.wallet_id, o.amount
            HAVING sum(r.amount) > o.amount OR min(coalesce(r.wallet_id, 0)) <> coalesce(o.wallet_id, 0)
            OR max(coalesce(r.wallet_id, 0)) <> coalesce(o.wallet_id, 0)""",
    },
    "account": {
        "account whose counters are not its postings": f"""
            SELECT a.id, a.wallet_id FROM loyalty_account a WHERE a.id {{range}} AND (
            ({_COUNTED} AND (
                a.credits <> coalesce((SELECT sum(p.amount) FROM loyalty_posting p WHERE p.credit_id = a.id), 0)
                OR a.debits <> coalesce((SELECT sum(p.amount) FROM loyalty_posting p WHERE p.debit_id = a.id), 0)))
            OR (NOT {_COUNTED} AND (a.credits <> 0 OR a.debits <> 0)))""",
        "account below zero": f"""
            SELECT a.id, a.wallet_id FROM loyalty_account a WHERE a.id {{range}} AND {_COUNTED} AND a.credits < a.debits""",
        "clearing account that is not cleared": f"""
            SELECT a.id, NULL FROM loyalty_account a WHERE a.id {{range}} AND a.kind = {Kind.CLEARING.value} AND
            coalesce((SELECT sum(p.amount) FROM loyalty_posting p WHERE p.credit_id = a.id), 0)
            <> coalesce((SELECT sum(p.amount) FROM loyalty_posting p WHERE p.debit_id = a.id), 0)""",
    },
    "wallet": {
        "wallet whose lots are not the balances of its last journal": f"""
            SELECT w.id, w.id FROM loyalty_wallet w
            LEFT JOIN (SELECT a.wallet_id, {
            ", ".join(
                f"sum(CASE a.kind WHEN {kind} THEN a.credits - a.debits ELSE 0 END) AS {name}"
                for name, kind in _BALANCES.items()
            )
        }
                FROM loyalty_account a WHERE a.wallet_id {{range}} GROUP BY a.wallet_id) s ON s.wallet_id = w.id
            LEFT JOIN loyalty_journal l ON l.wallet_id = w.id
                AND l.number = (SELECT max(j.number) FROM loyalty_journal j WHERE j.wallet_id = w.id)
            WHERE w.id {{range}} AND ({
            " OR ".join(f"coalesce(s.{name}, 0) <> coalesce(l.{name}, 0)" for name in _BALANCES)
        })""",
    },
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not agree: what, in words for an operator, the id of the row, and the wallet if it has one."""

    what: str
    row_id: int | None = None
    wallet_id: int | None = None

    def __str__(self) -> str:
        row = "" if self.row_id is None else f" {self.row_id}"
        return f"{self.what}{row}" + ("" if self.wallet_id is None else f" (wallet {self.wallet_id})")


_more: dict[str, Callable[[], Iterator[Problem]]] = {}


def check_also(name: str, more: Callable[[], Iterator[Problem]]) -> None:
    """Have `check` compare the books with what others keep beside them; called in `ready()`. It sees the same state."""
    _more[name] = more


def check(*, head: str = "", most: int = _REPORTED) -> Iterator[Problem]:
    """Yield all that is wrong with the ledger, and with what was registered (`check_also`). `head` is a hash written down earlier, which must still be in the chain.

    At most `most` problems of one kind in 20,000 rows, which are all if it is no less. Leaves the transaction open until it is exhausted or closed.
    """
    with _one_state():
        yield from missing_triggers(TRIGGERS["postgresql" if is_postgresql() else "sqlite"])
        for table, checks in _CHECKS.items():
            for first, last in _portions(table):
                for what, query in checks.items():
                    sql = query.replace("{range}", "BETWEEN %s AND %s")
                    rows = fetch(f"{sql} LIMIT {most}", [first, last] * query.count("{range}"))
                    yield from (Problem(what, row, wallet) for row, wallet in rows)
        yield from _broken_chain(head)
        for name in sorted(_more):
            yield from _more[name]()


def missing_triggers(names: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each of these triggers that is not there, or disabled."""
    found = fetch(
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgname LIKE 'loyalty_%%'"
        if is_postgresql()
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    there = {name for (name,) in found}
    for name in sorted(set(names) - there):
        yield Problem(f"trigger {name} is missing or disabled")


def _portions(table: str) -> Iterator[tuple[int, int]]:
    after = 0
    while True:
        [(last,)] = fetch(
            f"SELECT max(id) FROM (SELECT id FROM loyalty_{table} WHERE id > %s ORDER BY id LIMIT {PORTION}) portion",
            [after],
        )
        if last is None:
            return
        yield after + 1, last
        after = last


def _broken_chain(head: str) -> Iterator[Problem]:
    previous_hash, first, hashes_match = "", 1, not head
    for number, checkpoint in enumerate(Checkpoint.objects.order_by("number").iterator(), 1):
        covered = cover(first, checkpoint.last_journal, previous_hash)
        now = (number, covered.journals, covered.postings, covered.points, covered.hash)
        stored = (checkpoint.number, checkpoint.journals, checkpoint.postings, checkpoint.points, checkpoint.hash)
        if now != stored:
            yield Problem(
                f"checkpoint {checkpoint.number} does not match: journals {first} to {checkpoint.last_journal}"
            )
        hashes_match |= checkpoint.hash == head
        previous_hash, first = checkpoint.hash, checkpoint.last_journal + 1
    if not hashes_match:
        yield Problem("the chain does not contain the hash that was written down")


@contextmanager
def _one_state() -> Iterator[None]:
    """A transaction that sees one state of the database and holds up nobody."""
    if connection.in_atomic_block:
        yield
    elif is_postgresql():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # `atomic` would keep everybody else from writing
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
