"""What the ledger holds about a person, for “My data”."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from loyalty.services.boards import choice_of
from loyalty.services.cards import card_of
from loyalty.services.claims import export_claims
from loyalty.services.members import (
    export_badges,
    export_challenges,
    export_corrections,
    export_decisions,
    export_points,
    export_referrals,
    export_tiers,
    export_warnings,
    forget_member,
)
from loyalty.services.offers import export_offers
from loyalty.services.pace import export_pace
from loyalty.services.reviews import export_reviews
from loyalty.services.rewards import export_redemptions, goal_of
from portal.accounts import own_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.accounts.models import User


def connect() -> None:
    """Register it; called once when the apps are ready."""
    own_data.register(
        "points",
        export_of=_export,
        erase=forget_member,
        remains=_("The books of points, under a number that nobody can trace to you. Points you have left are lost."),
    )


def _export(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in export_points(person):
        yield "entry", line
    for decision in export_decisions(person):
        yield "decision", decision
    for redemption in export_redemptions(person):
        yield "reward", redemption
    goal = goal_of(person)
    if goal is not None:
        yield "reward saved for", {"reward": str(goal.reward), "since": goal.since.isoformat()}
    for correction in export_corrections(person):
        yield "correction", correction
    for claim in export_claims(person):
        yield "question about missing points", claim
    card = card_of(person)
    if card is not None:
        yield "card", {"number": card.number, "made_at": card.created_at.isoformat()}
    yield from _export_standing(person)
    for warning in export_warnings(person):
        yield "warning", warning
    yield from export_offers(person)


def _export_standing(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is not points: places, invitations, tiers, badges."""
    board = choice_of(person)
    if board is not None:
        yield "leaderboard", {"shown_since": board.since.isoformat()}
    for referral in export_referrals(person):
        yield "referral", referral
    for move in export_tiers(person):
        yield "tier", move
    for record in export_badges(person):
        yield "badge", record
    for record in export_challenges(person):
        yield "challenge", record
    for review in export_reviews(person):
        yield "voting review", review
    for found in export_pace(person):
        yield "review of fast earning", found
