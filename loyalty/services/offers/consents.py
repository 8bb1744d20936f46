"""What members agree to: taking part, news of offers, personal offers. Three switches, none of which depends on another.

Taking part is the contract by which points are given; whoever has earned or asked for anything takes part, and ends that by
erasing their points under “My data”. The other two are off until somebody switches them on. The last row of a purpose holds;
rows are never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction

from loyalty.models.ledger import Member
from loyalty.models.offers import ActivityCell, MemberConsent, SegmentMembership
from loyalty.services.members import wallet_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from loyalty.models.ledger import Programme
    from portal.accounts.models import User

Purpose = MemberConsent.Purpose
#: What members switch themselves.
SWITCHES: Final = (Purpose.MARKETING, Purpose.PROFILING)


def consents_of(member_key: UUID) -> dict[str, MemberConsent]:
    """Return the row that holds for each purpose about which the member said anything. One query."""
    rows = MemberConsent.objects.filter(member_key=member_key).order_by("number")
    return {row.purpose: row for row in rows}


def agrees(member_key: UUID, purpose: Purpose) -> bool:
    """Return whether the member agrees. One query."""
    return member_key in who_agrees([member_key], purpose)


def who_agrees(keys: Sequence[UUID], purpose: Purpose) -> set[UUID]:
    """Return those of the members who agree. One query."""
    rows = MemberConsent.objects.filter(member_key__in=keys, purpose=purpose).order_by("number")
    latest = dict(rows.values_list("member_key", "is_given"))
    return {key for key, is_given in latest.items() if is_given}


def set_consent(*, user: User, programme: Programme, purpose: Purpose, is_given: bool, source: str) -> bool:
    """Note that a member agrees to something or no longer does; return whether that is new. Saying it twice notes it once.

    Agreeing makes somebody a member who is none yet.
    """
    if purpose not in SWITCHES:
        raise ValueError(purpose)
    if is_given:
        wallet_for(user=user, programme=programme)
    member = Member.objects.filter(user=user).first()
    if member is None:
        return False
    is_new = _note(member.key, purpose, is_given, source)
    if purpose == Purpose.PROFILING and not is_given:
        for model in (SegmentMembership, ActivityCell):
            model.objects.filter(member_key=member.key).delete()
    return is_new


def _note(member_key: UUID, purpose: Purpose, is_given: bool, source: str) -> bool:
    while True:
        last = MemberConsent.objects.filter(member_key=member_key, purpose=purpose).order_by("-number").first()
        if (last is not None and last.is_given) == is_given:
            return False
        number = last.number + 1 if last else 1
        row = MemberConsent(member_key=member_key, purpose=purpose, number=number, is_given=is_given, source=source)
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            continue  # the same was said in another window at the same moment: look again
        return True


def export_consents(member_key: UUID) -> Iterator[dict[str, Any]]:
    """Yield what the member agreed to and when, as values for JSON, oldest first."""
    for row in MemberConsent.objects.filter(member_key=member_key).order_by("pk"):
        yield {"purpose": row.purpose, "agreed": row.is_given, "where": row.source, "at": row.at.isoformat()}
