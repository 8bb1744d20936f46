"""Many at once: awards of a queue of events, and what is due at midnight.

Every function commits in portions and may be killed at any moment: called again, it does what is left.
"""

from __future__ import annotations

import datetime as dt
import logging
from itertools import islice
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.exceptions import LedgerError
from loyalty.models.ledger import Kind, Programme, Wallet
from loyalty.services.ledger import statements
from loyalty.services.ledger.commands import Award, activate, book_award, expire, prepare_award
from loyalty.services.ledger.posting import (
    Leg,
    Posted,
    balances_after,
    durable,
    journal_row,
    refuse_stopped,
)
from loyalty.services.ledger.statements import Balances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from loyalty.services.ledger.posting import Request
    from loyalty.services.ledger.statements import Owner, Place

logger = logging.getLogger(__name__)

#: Awards per transaction.
PORTION: Final = 500
#: Wallets per transaction of a nightly job: short enough for others to write in between.
WALLETS: Final = 50


def earn_many(*, programme: Programme, awards: Iterable[Award]) -> Iterator[Posted | LedgerError]:
    """Award points to many wallets of a programme; yield for each what `earn` returns or raises, in the same order.

    Lazy: portions are booked as the results are read. What was yielded is committed.
    """
    remaining = iter(awards)
    while portion := list(islice(remaining, PORTION)):
        try:
            with durable():
                results = _portion(programme, portion)
        except IntegrityError:  # at the same moment another wallet got a journal under one of the keys
            with durable():
                statements.lock_wallets({one.wallet.pk for one in portion})
                results = [_alone(one) for one in portion]
        yield from results


def _portion(programme: Programme, portion: Sequence[Award]) -> list[Posted | LedgerError]:
    """Book a portion in the current transaction: simple awards together, all others one by one."""
    for one in portion:
        if one.wallet.programme_id != programme.pk:
            raise ValueError("An award is for a wallet of another programme.")
    ids = sorted({one.wallet.pk for one in portion})
    owners = statements.lock_wallets(ids)
    balances = statements.last_balances_of(ids)
    simple = {
        wallet
        for wallet in ids
        if wallet in owners
        and owners[wallet].status == Wallet.Status.OPEN
        and not balances.get(wallet, Balances()).debt
    }
    known = statements.find_keys(programme.pk, [one.key for one in portion])
    prepared: dict[int, tuple[Request, Place, Place]] = {}
    keys: set[str] = set()
    for place, one in enumerate(portion):
        if one.wallet.pk in simple and not one.budget and one.key and one.key not in known and one.key not in keys:
            try:
                prepared[place] = _prepare(one, owners[one.wallet.pk])
            except LedgerError:
                continue  # `_alone` raises it again
            keys.add(one.key)
    together = dict(zip(prepared, _book(list(prepared.values()), balances), strict=True))
    return [together.get(place) or _alone(one) for place, one in enumerate(portion)]


def _prepare(one: Award, owner: Owner) -> tuple[Request, Place, Place]:
    prepared = prepare_award(one)
    refuse_stopped(owner, prepared[0].code)
    return prepared


def _alone(one: Award) -> Posted | LedgerError:
    try:
        return book_award(one)
    except LedgerError as error:
        return error


def _book(awards: Sequence[tuple[Request, Place, Place]], balances: dict[int, Balances]) -> list[Posted]:
    now = timezone.now()
    rows, legs, results = [], [], []
    for request, origin, target in awards:
        amount = int(request.details["amount"] or 0)
        wallet = request.wallet_id or 0
        legs.append([Leg(origin, target, amount)])
        after = balances_after(balances.get(wallet, Balances()), legs[-1])
        balances[wallet] = after
        rows.append(journal_row(request, amount, 1, after, now))
        results.append((amount, after))
    journals = statements.write(rows, legs) if rows else []
    return [Posted(journal, True, amount, after) for journal, (amount, after) in zip(journals, results, strict=True)]


# What is due ---------------------------------------------------------------------------------------------------------


def expire_due(*, programme: Programme, today: dt.date | None = None) -> int:
    """Expire the points of all wallets whose last day is over; return the number of wallets."""
    return _each_due(programme, Kind.AVAILABLE, today, expire)


def activate_due(*, programme: Programme, today: dt.date | None = None) -> int:
    """Make all pending points available whose day has come; return the number of wallets. Frozen wallets wait."""
    return _each_due(programme, Kind.PENDING, today, activate)


def _each_due(programme: Programme, kind: Kind, today: dt.date | None, run: Callable[..., Posted | None]) -> int:
    day = today or today_of(programme)
    done, after = 0, 0
    while ids := statements.wallets_with_lots(programme.pk, kind, before=day, after=after, limit=WALLETS):
        after = ids[-1]
        wallets = Wallet.objects.select_related("programme").in_bulk(ids)
        with durable():
            statements.lock_wallets(ids)
            for wallet_id in ids:
                try:
                    done += run(wallet=wallets[wallet_id], today=day) is not None
                except LedgerError as error:
                    logger.info("Wallet %s: nothing done: %s", wallet_id, type(error).__name__)
    return done


def do_what_is_due() -> None:
    """Activate and expire points in all programmes: a periodic job."""
    for programme in Programme.objects.order_by("pk"):
        activate_due(programme=programme)
        expire_due(programme=programme)


def is_anything_due() -> bool:
    """Return whether there are points to activate or to expire in any programme."""
    return any(
        statements.wallets_with_lots(programme.pk, kind, before=today_of(programme), after=0, limit=1)
        for programme in Programme.objects.all()
        for kind in (Kind.PENDING, Kind.AVAILABLE)
    )
