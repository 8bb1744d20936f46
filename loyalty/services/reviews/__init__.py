"""Voting reviews: votes between members that look agreed, and what staff decide about them. See loyalty/README.md."""

from loyalty.services.reviews.deciding import (
    PeoplesVote,
    confirm,
    dismiss,
    export_reviews,
    forget_reviews,
    is_review_due,
    may_decide,
    may_see,
    open_reviews,
    register_source,
)
from loyalty.services.reviews.finding import Found, GivenVote, find

__all__ = [
    "Found",
    "GivenVote",
    "PeoplesVote",
    "confirm",
    "dismiss",
    "export_reviews",
    "find",
    "forget_reviews",
    "is_review_due",
    "may_decide",
    "may_see",
    "open_reviews",
    "register_source",
]
