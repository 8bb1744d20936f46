"""Which member of staff may do what with rewards. Asked in the services, for every way that leads there."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from loyalty.exceptions import RewardRightMissingError

if TYPE_CHECKING:
    from portal.accounts.models import User


class Right(StrEnum):
    """Rights on rewards; no role has them until an administrator gives them."""

    OFFER = "loyalty.change_reward"
    TERMS = "loyalty.change_rewardterms"
    CODES = "loyalty.add_vouchercode"
    SEE = "loyalty.view_redemption"
    FULFIL = "loyalty.fulfil_redemption"
    REFUND = "loyalty.refund_redemption"


def may(user: User, right: Right) -> bool:
    """Return whether the person has the right."""
    return user.is_active and user.has_perm(right.value)


def require(user: User, right: Right) -> str:
    """Return the name of the person as journals and steps have it. Raises `RewardRightMissingError`."""
    if not may(user, right):
        raise RewardRightMissingError
    return f"user:{user.pk}"
