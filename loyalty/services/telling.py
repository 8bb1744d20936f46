"""Telling members what staff did about their points: corrections, answers to their questions, reviews of votes.

Names of what they did and of nobody who did it. In the caller's transaction, once for each fact, and only in programmes that
members see. The words are made when they are read (`loyalty.notifications`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils import timezone

from loyalty.models.adjustments import Reason
from loyalty.models.claims import PointsClaim
from loyalty.models.ledger import Member, Wallet
from portal.notifications.services import notify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Names of the kinds of notification; stored.
CLAIM: Final = "loyalty.claim"
CORRECTION: Final = "loyalty.correction"
REVIEW: Final = "loyalty.review"


def owners_of(wallet_ids: Iterable[int]) -> dict[int, int]:
    """Return the people who own these wallets and see them, by wallet. Two queries."""
    shown = Wallet.objects.filter(pk__in=set(wallet_ids), programme__earning__is_open=True)
    keys = dict(shown.values_list("pk", "member_key"))
    people = dict(Member.objects.filter(key__in=keys.values()).values_list("key", "user"))
    return {wallet: people[key] for wallet, key in keys.items() if key in people}


def tell_of_answer(claim: PointsClaim) -> None:
    """Tell a member that their question about missing points is answered."""
    notify(
        kind=CLAIM,
        key=f"{CLAIM}:{claim.pk}",
        subject=f"{CLAIM}:{claim.pk}",
        occurred_at=timezone.now(),
        recipients=[claim.member.user_id],
        payload={"claim": claim.pk},
    )


def tell_of_correction(wallet: Wallet, *, journal_id: int, reason: str) -> None:
    """Tell a member that staff changed their points; not if it answers a question of theirs: the answer says so."""
    person = owners_of([wallet.pk]).get(wallet.pk)
    if person is None:
        return
    asked = PointsClaim.objects.filter(member__user=person, programme=wallet.programme_id, state=PointsClaim.State.OPEN)
    if reason == Reason.MISSING and asked.exists():
        return
    notify(
        kind=CORRECTION,
        key=f"{CORRECTION}:{journal_id}",
        subject=f"{CORRECTION}:{wallet.pk}",
        occurred_at=timezone.now(),
        recipients=[person],
        payload={"journal": journal_id},
    )


def tell_of_review(review_id: int, taken: Mapping[int, int]) -> None:
    """Tell members how many points a review of votes took back: wallet → points."""
    for wallet, person in owners_of(wallet for wallet, points in taken.items() if points).items():
        notify(
            kind=REVIEW,
            key=f"{REVIEW}:{review_id}:{wallet}",
            subject=f"{REVIEW}:{wallet}",
            occurred_at=timezone.now(),
            recipients=[person],
            payload={"wallet": wallet, "points": taken[wallet]},
        )
