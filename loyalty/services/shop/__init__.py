"""What shops report and ask through the API: orders, refunds, quotes, and the tokens they do it with."""

from loyalty.services.shop.holds import HOLD_DAYS, is_any_forgotten, release_forgotten
from loyalty.services.shop.orders import (
    ORDER,
    REFUNDED,
    Done,
    Order,
    Refund,
    RowRefusedError,
    points_of_refund,
    quote,
    report,
)
from loyalty.services.shop.tokens import make_token, may_make_tokens, revoke_token, token_of

__all__ = [
    "HOLD_DAYS",
    "ORDER",
    "REFUNDED",
    "Done",
    "Order",
    "Refund",
    "RowRefusedError",
    "is_any_forgotten",
    "make_token",
    "may_make_tokens",
    "points_of_refund",
    "quote",
    "release_forgotten",
    "report",
    "revoke_token",
    "token_of",
]
