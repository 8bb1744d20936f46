"""Everything that must stay as it is when something is refused: the books, and what was decided, redeemed and reported."""

from __future__ import annotations

import hashlib

from loyalty.models import (
    Account,
    Decision,
    Journal,
    LoyaltyEvent,
    Member,
    Parcel,
    Posting,
    Redemption,
    RedemptionStep,
    Reward,
    RewardPrice,
    RuleCounter,
    VoucherCode,
    Wallet,
)
from loyalty.models.shop import ShopEvent, ShopOrder

MODELS = (
    *(Account, Decision, Journal, LoyaltyEvent, Member, Posting, RuleCounter, Wallet),
    *(Parcel, Redemption, RedemptionStep, Reward, RewardPrice, VoucherCode, ShopEvent, ShopOrder),
)


def everything():
    """The number of rows of each table, and a checksum of all of them."""
    rows = [list(model.objects.order_by("pk").values_list()) for model in MODELS]
    return [len(some) for some in rows], hashlib.sha256(repr(rows).encode()).hexdigest()
