"""`post`: the only way by which points move.

A caller says what was asked for (`Request`) and how it is done (a plan: a function from the locked wallet to legs). In
one transaction `post` locks the wallet, looks the key up, asks the plan, and writes the journal with its postings.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from loyalty.exceptions import (
    EarningStoppedError,
    InsufficientPointsError,
    InvalidAmountError,
    KeyReusedError,
    SpendingStoppedError,
    WalletClosedError,
    WalletFrozenError,
)
from loyalty.models.ledger import MAX_AMOUNT, Code, Journal, Kind, Wallet
from loyalty.services.ledger import statements
from loyalty.services.ledger.statements import Balances, JournalRow, Lot, Opened, Owner, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

#: What switches and frozen or closed wallets refuse. Everything else is always possible: corrections, expiry, release.
_EARNING: Final = frozenset({Code.EARN})
_SPENDING: Final = frozenset({Code.HOLD, Code.CAPTURE})
_NOT_FROZEN: Final = frozenset({Code.HOLD, Code.CAPTURE, Code.ACTIVATE})
_NOT_CLOSED: Final = frozenset({Code.EARN, Code.HOLD, Code.CAPTURE, Code.ACTIVATE, Code.EXTEND, Code.REINSTATE})

_ENCODER: Final = json.JSONEncoder(sort_keys=True)  # `json.dumps` makes one each time
_POSITION: Final = {Kind.AVAILABLE: 1, Kind.PENDING: 2, Kind.HELD: 3, Kind.DEBT: 4}


class Leg(NamedTuple):
    """A posting to be: points that move from one account to another."""

    debit: Place
    credit: Place
    amount: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is asked for. `key` and all that decides the result identify it for ever."""

    code: Code
    #: Empty for a job that does what is due: its journal gets the wallet's next number as its key.
    key: str
    programme_id: int
    #: None for a journal of the programme alone.
    wallet_id: int | None
    #: Whatever else decides the result, as plain values.
    details: Mapping[str, str | int | None] = field(default_factory=dict)
    reverses_id: int | None = None
    source: str = ""
    reason: str = ""
    actor: str = ""
    approver: str = ""
    occurred_at: dt.datetime | None = None

    def hash(self) -> str:
        """Return the SHA-256 of what was asked for. The time is not part of it: it differs when a request is repeated."""
        parts = [self.code, self.wallet_id, self.reverses_id, self.source, self.reason, dict(self.details)]
        return hashlib.sha256(_ENCODER.encode(parts).encode()).hexdigest()


class Posted(NamedTuple):
    """A journal, and the balances of its wallet after it."""

    journal_id: int
    #: False if it had been posted before.
    is_new: bool
    amount: int
    balances: Balances


@dataclass(frozen=True, slots=True)
class Book:
    """A locked wallet as a plan sees it."""

    wallet_id: int | None
    owner: Owner
    balances: Balances

    def lots(self, kind: int | None = None, ref: str | None = None) -> list[Lot]:
        """Return its lots, of a kind and for a reference, that are not empty, first-expiring first."""
        return [] if self.wallet_id is None else statements.lots(self.wallet_id, kind, ref)


class Plan(NamedTuple):
    """How a request is done: the points it is about, and its legs. Without legs nothing is written."""

    amount: int
    legs: Sequence[Leg]


class NothingToDoError(Exception):
    """The plan had no legs. Jobs catch it; no request of a person leads to it."""


def check_amount(amount: int) -> int:
    """Return the amount. Raises `InvalidAmountError` unless it is an `int` from 1 to `MAX_AMOUNT`."""
    if type(amount) is not int or not 1 <= amount <= MAX_AMOUNT:
        raise InvalidAmountError
    return amount


def take(lots: Iterable[Lot], amount: int) -> list[tuple[Place, int]]:
    """Return how much to take from each lot, in their order, to reach the amount, or all there is."""
    taken = []
    for place, balance in lots:
        if amount <= 0:
            break
        part = min(balance, amount)
        taken.append((place, part))
        amount -= part
    return taken


def post(request: Request, plan: Callable[[Book], Plan]) -> Posted:
    """Do what is requested, once: when the key is known already, return its journal.

    Raises `KeyReusedError` if the key came with another request, the error of whoever forbids it (frozen, closed,
    stopped), `InsufficientPointsError`, and what the plan raises; nothing is written then. `NothingToDoError` if the
    plan has no legs. Within a transaction of the caller it is durable when that is.
    """
    try:
        with durable():
            return _post(request, plan)
    except IntegrityError:
        # Somebody took the key while this request had another wallet locked, or none.
        known = statements.find_keys(request.programme_id, [request.key]).get(request.key)
        if known is None:
            raise
        return _repeated(request.hash(), *known)


def _post(request: Request, plan: Callable[[Book], Plan]) -> Posted:
    owner, before, known = _open(request)
    if known is not None:
        return _repeated(request.hash(), *known)
    refuse_stopped(owner, request.code)
    amount, legs = plan(Book(request.wallet_id, owner, before))
    if not legs:
        raise NothingToDoError
    after = balances_after(before, legs, has_wallet=request.wallet_id is not None)
    [journal_id] = statements.write([journal_row(request, amount, len(legs), after, timezone.now())], [legs])
    return Posted(journal_id, True, amount, after)


def _open(request: Request) -> Opened:
    """Lock what the request is about, and look its key up."""
    if request.wallet_id is None:
        owner = statements.lock_programme(request.programme_id)
        known = statements.find_keys(request.programme_id, [request.key]).get(request.key)
        return Opened(owner, Balances(), known)
    # No journal has the empty key of a job that does what is due.
    opened = statements.open_book(request.wallet_id, request.programme_id, request.key)
    if opened is None:
        raise Wallet.DoesNotExist
    return opened


def refuse_stopped(owner: Owner, code: Code) -> None:
    """Raise the error of whatever forbids journals of this code at the moment, if anything does."""
    if owner.status == Wallet.Status.CLOSED and code in _NOT_CLOSED:
        raise WalletClosedError
    if owner.status == Wallet.Status.FROZEN and code in _NOT_FROZEN:
        raise WalletFrozenError
    if owner.is_earning_stopped and code in _EARNING:
        raise EarningStoppedError
    if owner.is_spending_stopped and code in _SPENDING:
        raise SpendingStoppedError


def balances_after(before: Balances, legs: Iterable[Leg], *, has_wallet: bool = True) -> Balances:
    """Return the balances after these legs. Raises `InsufficientPointsError` if one would be negative."""
    after = list(before)
    for debit, credit, amount in legs:
        check_amount(amount)
        if debit.is_of_wallet:
            after[_POSITION[Kind(debit.kind)]] -= amount
        if credit.is_of_wallet:
            after[_POSITION[Kind(credit.kind)]] += amount
    if (lowest := min(after)) < 0:
        raise InsufficientPointsError(-lowest)
    after[0] = before.number + 1 if has_wallet else 0
    return Balances(*after)


def journal_row(request: Request, amount: int, legs: int, after: Balances, now: dt.datetime) -> JournalRow:
    """Return the row of a journal."""
    number, available, pending, held, debt = after
    return JournalRow(
        request.programme_id, request.wallet_id, number, request.code,
        request.key or f"{request.code}:{request.wallet_id}:{number}", request.hash(), amount, legs, available, pending, held, debt, request.reverses_id, request.source, request.reason, request.actor,
        request.approver, request.occurred_at or now, now,
    )  # fmt: skip


def _repeated(request_hash: str, journal_id: int, known_hash: str) -> Posted:
    if request_hash != known_hash:
        raise KeyReusedError
    return posted(journal_id)


def posted(journal_id: int) -> Posted:
    """Return an earlier journal with the balances after it."""
    row = Journal.objects.values_list("amount", "number", "available", "pending", "held", "debt").get(pk=journal_id)
    return Posted(journal_id, False, row[0], Balances(*row[1:]))


@contextmanager
def durable() -> Iterator[None]:
    """A transaction that survives a power failure once it is committed.

    On SQLite the portal's other transactions may be lost then, the last ones together and none halfway. Within another
    transaction this one is as durable as that: what it belongs to, an event or a redemption, is lost or kept with it.
    """
    with_full_sync = connection.vendor == "sqlite" and not connection.in_atomic_block
    if with_full_sync:
        _pragma("FULL")
    try:
        with transaction.atomic():
            yield
    finally:
        if with_full_sync:
            _pragma("NORMAL")


def _pragma(level: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA synchronous={level}")
