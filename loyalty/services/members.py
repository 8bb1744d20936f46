"""Who a wallet belongs to, and what becomes of it when the person leaves.

The ledger knows pseudonymous keys only. `Member` is the one row that says whose key it is; without it, nobody can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from loyalty.models.adjustments import Adjustment
from loyalty.models.badges import BadgeRecord
from loyalty.models.challenges import ChallengeRecord
from loyalty.models.ledger import Member, Programme, Wallet
from loyalty.models.notices import ExpiryWarning
from loyalty.models.referrals import Referral, ReferralCode
from loyalty.models.tiers import TierMembership
from loyalty.queries import decisions_about, wallets_of, whole_statement
from loyalty.services.ledger import close, open_wallet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from portal.accounts.models import User


def wallet_for(*, user: User, programme: Programme) -> Wallet:
    """Return the person's wallet in the programme; open it the first time."""
    member = Member.objects.get_or_create(user=user)[0]
    return open_wallet(programme=programme, member_key=member.key)


def export_points(user: User) -> Iterator[dict[str, Any]]:
    """Yield everything the ledger holds about the person, as values for JSON: a line of a statement each, newest first.

    Keys and hashes of requests are left out: they are made of what is here.
    """
    for wallet in wallets_of(user):
        for line in whole_statement(wallet):
            yield {
                "programme": wallet.programme.code,
                "number": line.number,
                "what": line.code,
                "amount": line.amount,
                "change": line.change._asdict(),
                "balance": line.balance._asdict(),
                "source": line.source,
                "reason": line.reason,
                "occurred_at": line.occurred_at.isoformat(),
                "created_at": line.created_at.isoformat(),
            }


def export_decisions(user: User) -> Iterator[dict[str, Any]]:
    """Yield all that was decided about what the person did, as values for JSON, newest first."""
    for decision in decisions_about(user).iterator(chunk_size=500):
        yield {
            "programme": decision.wallet.programme.code,
            "what": decision.event.trigger,
            "which": decision.event.source_id,
            "facts": decision.event.facts,
            "outcome": decision.outcome,
            "points": decision.points,
            "reason": decision.reason,
            "signs": decision.flags,
            "rules": decision.considered,
            "occurred_at": decision.event.occurred_at.isoformat(),
            "decided_at": decision.decided_at.isoformat(),
        }


def export_corrections(user: User) -> Iterator[dict[str, Any]]:
    """Yield what staff corrected, or asked for, as values for JSON, newest first. Not who they are."""
    for asked in Adjustment.objects.filter(wallet__in=wallets_of(user)).select_related("wallet__programme"):
        yield {
            "programme": asked.wallet.programme.code,
            "points": asked.points,
            "last_day_before": asked.bucket,
            "gives_expired_again": asked.expired_by is not None,
            "last_day": asked.expires_on,
            "reason": asked.reason,
            "note": asked.note,
            "state": asked.state,
            "asked_at": asked.asked_at.isoformat(),
        }


def export_tiers(user: User) -> Iterator[dict[str, Any]]:
    """Yield the person's moves between tiers, as values for JSON, newest first."""
    moves = TierMembership.objects.filter(wallet__in=wallets_of(user)).select_related("from_tier", "to_tier")
    for move in moves.order_by("-pk").iterator(chunk_size=500):
        yield {
            "from": move.from_tier.code if move.from_tier else "",
            "to": move.to_tier.code,
            "why": move.reason,
            "given_because": move.grant_reason,
            "day": move.due_on.isoformat() if move.due_on else None,
            "evidence": move.evidence,
            "at": move.created_at.isoformat(),
        }


def export_badges(user: User) -> Iterator[dict[str, Any]]:
    """Yield which badges the person got and lost, as values for JSON, newest first."""
    records = BadgeRecord.objects.filter(wallet__in=wallets_of(user)).select_related("badge")
    for record in records.order_by("-pk").iterator(chunk_size=500):
        yield {
            "badge": record.badge.code,
            "what": record.what,
            "evidence": record.evidence,
            "at": record.created_at.isoformat(),
        }


def export_challenges(user: User) -> Iterator[dict[str, Any]]:
    """Yield which challenges the person completed, and which were taken back, as values for JSON, newest first."""
    records = ChallengeRecord.objects.filter(wallet__in=wallets_of(user)).select_related("challenge")
    for record in records.order_by("-pk").iterator(chunk_size=500):
        yield {
            "challenge": record.challenge.code,
            "period": record.period,
            "what": record.what,
            "evidence": record.evidence,
            "at": record.created_at.isoformat(),
        }


def export_referrals(user: User) -> Iterator[dict[str, Any]]:
    """Yield the person's code, and by whose they came or who came by theirs without saying who, as values for JSON."""
    for own in ReferralCode.objects.filter(member__user=user):
        yield {"code": own.code, "accepted": own.accepted, "made_at": own.created_at.isoformat()}
    for side, mine in (("invited", "advocate"), ("came", "friend")):
        for referral in Referral.objects.filter(**{f"{mine}__user": user}).order_by("-pk"):
            yield {
                "side": side,
                "state": referral.state,
                "reason": referral.reason,
                "signs": referral.flags,
                "month": referral.joined_at.strftime("%Y-%m"),
            }


def export_warnings(user: User) -> Iterator[dict[str, Any]]:
    """Yield what the person was told of points that expire, as values for JSON, newest first."""
    warnings = ExpiryWarning.objects.filter(wallet__in=wallets_of(user))
    for warning in warnings.order_by("-pk").iterator(chunk_size=500):
        yield {
            "last_day": warning.last_day.isoformat(),
            "points": warning.points,
            "days_ahead": warning.step,
            "at": warning.created_at.isoformat(),
        }


@transaction.atomic
def forget_member(user: User) -> None:
    """Remove the person from the ledger: the points are forfeited, the journals stay, nobody knows whose they were.

    Deleting the user does the same. Harmless for somebody who never had points.
    """
    for member in Member.objects.filter(user=user):
        member.delete()


def close_wallets(*, member_key: UUID) -> None:
    """Close all wallets of a key whose owner is being removed, and forget what staff noted about them."""
    Adjustment.objects.filter(wallet__member_key=member_key).update(note="")
    for wallet in Wallet.objects.filter(member_key=member_key).order_by("pk"):
        close(wallet=wallet, reason="erasure", actor="member")
