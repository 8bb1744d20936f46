"""Points that a shop reserved and then forgot: after some days they are given back."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Final

from django.db.models import F
from django.utils import timezone

from loyalty.exceptions import LedgerError
from loyalty.models import Account, Journal, Wallet
from loyalty.models.ledger import Kind
from loyalty.services import ledger

#: Ids of holds of shops begin with it (`loyalty.api`); redemptions have another one and wait for staff.
PREFIX: Final = "shop:"
#: Days that a shop has to spend or release what it reserved.
HOLD_DAYS: Final = 7
_PORTION: Final = 500


def release_forgotten() -> int:
    """Release what shops reserved more than `HOLD_DAYS` ago; return how many holds. A periodic job, harmless when it runs twice.

    Points of frozen members stay where they are until somebody has looked.
    """
    released, after = 0, 0
    held = Account.objects.filter(kind=Kind.HELD, ref__startswith=PREFIX, credits__gt=F("debits")).order_by("pk")
    while lots := list(held.filter(pk__gt=after).values_list("pk", "wallet", "ref")[:_PORTION]):
        after = lots[-1][0]
        released += _release({(wallet, ref) for _pk, wallet, ref in lots if wallet is not None})
    return released


def _release(holds: set[tuple[int, str]]) -> int:
    before = timezone.now() - dt.timedelta(days=HOLD_DAYS)
    keys = [f"hold:{ref}" for _wallet, ref in holds]
    old = Journal.objects.filter(key__in=keys, created_at__lt=before).values_list("wallet", "key")
    due = sorted(holds & {(wallet, key.removeprefix("hold:")) for wallet, key in old})
    wallets = Wallet.objects.select_related("programme").in_bulk({wallet for wallet, _ref in due})
    released = 0
    for wallet, ref in due:
        with suppress(LedgerError):  # the shop did it meanwhile, or the wallet is frozen
            released += ledger.release(wallet=wallets[wallet], hold=ref, reason="forgotten", actor="job").is_new
    return released


def is_any_forgotten() -> bool:
    """Return whether shops have reserved anything at all."""
    return Account.objects.filter(kind=Kind.HELD, ref__startswith=PREFIX, credits__gt=F("debits")).exists()
