"""What offers know about a member: for “My data”, and for the day they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty.models.ledger import Member
from loyalty.models.offers import (
    ActivityCell,
    MemberConsent,
    OfferAnswer,
    OfferAssignment,
    OfferDecision,
    OfferShown,
    SegmentMembership,
)
from loyalty.services.offers.consents import export_consents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from portal.accounts.models import User

#: Everything that names a member, whose rows go with them.
_OF_MEMBERS = (OfferDecision, OfferShown, OfferAnswer, OfferAssignment, SegmentMembership, ActivityCell, MemberConsent)


def export_offers(user: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all that is known about the person: kind, and values for JSON."""
    member = Member.objects.filter(user=user).first()
    if member is None:
        return
    key = member.key
    for consent in export_consents(key):
        yield "consent", consent
    for segment in SegmentMembership.objects.filter(member_key=key):
        yield (
            "segment",
            {"segment": segment.segment, "since": segment.since.isoformat(), "by": segment.evidence},
        )
    for cell in ActivityCell.objects.filter(member_key=key):
        yield (
            "activity",
            {"segment": cell.cell, "since": cell.since.isoformat(), "by": cell.evidence, "fifths": cell.fifths},
        )
    for answer in OfferAnswer.objects.filter(member_key=key).select_related("offer").order_by("pk"):
        yield "offer-answer", {"offer": answer.offer.code, "answer": answer.kind, "at": answer.at.isoformat()}
    for group in OfferAssignment.objects.filter(member_key=key).select_related("offer").order_by("pk"):
        yield "offer-group", {"offer": group.offer.code, "group": group.arm, "at": group.first_at.isoformat()}
    shown = OfferShown.objects.filter(member_key=key).select_related("offer").order_by("pk")
    for one in shown.iterator(chunk_size=500):
        yield "offer-shown", {"offer": one.offer.code, "where": one.slot, "group": one.arm, "at": one.at.isoformat()}
    decisions = OfferDecision.objects.filter(member_key=key).select_related("chosen").order_by("pk")
    for decision in decisions.iterator(chunk_size=500):
        yield (
            "offer-decision",
            {
                "chosen": decision.chosen.code if decision.chosen else "",
                "group": decision.arm,
                "where": decision.slot,
                "out_of": decision.candidates,
                "at": decision.at.isoformat(),
            },
        )


def forget_offers(*, member_key: UUID) -> None:
    """Delete everything about a key whose owner is being removed. How often an offer was accepted stays counted."""
    for model in _OF_MEMBERS:
        model.objects.filter(member_key=member_key).delete()
