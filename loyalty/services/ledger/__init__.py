"""The ledger: all that moves points, and what proves that none was lost or invented. See loyalty/README.md.

It knows wallets and keys, not members, rules, rewards or offers (the contract "The ledger knows no offers").
"""

from loyalty.services.ledger.batches import activate_due, do_what_is_due, earn_many, expire_due, is_anything_due
from loyalty.services.ledger.checking import Problem, check, check_also, missing_triggers
from loyalty.services.ledger.checkpoints import is_checkpoint_due, make_checkpoint
from loyalty.services.ledger.commands import (
    Award,
    Shortfall,
    activate,
    adjust,
    capture,
    close,
    earn,
    end_review,
    expire,
    extend,
    freeze,
    fund,
    hold,
    open_wallet,
    refund,
    reinstate,
    release,
    reverse,
    set_switches,
    transfer,
    unfreeze,
)
from loyalty.services.ledger.posting import Posted
from loyalty.services.ledger.statements import Balances

__all__ = [
    "Award",
    "Balances",
    "Posted",
    "Problem",
    "Shortfall",
    "activate",
    "activate_due",
    "adjust",
    "capture",
    "check",
    "check_also",
    "close",
    "do_what_is_due",
    "earn",
    "earn_many",
    "end_review",
    "expire",
    "expire_due",
    "extend",
    "freeze",
    "fund",
    "hold",
    "is_anything_due",
    "is_checkpoint_due",
    "make_checkpoint",
    "missing_triggers",
    "open_wallet",
    "refund",
    "reinstate",
    "release",
    "reverse",
    "set_switches",
    "transfer",
    "unfreeze",
]
