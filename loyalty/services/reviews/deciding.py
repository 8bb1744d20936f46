"""Voting reviews: opened by a nightly job, decided about by staff, about nobody by themselves.

Votes are read from whoever has them (`register_source`; `portal.points` does). Confirming takes back the points that were given
for these votes, for good; dismissing says that all is well, and the same members are looked at again only for newer votes.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from loyalty.exceptions import DecidedError
from loyalty.models.earning import Earning
from loyalty.models.ledger import Member
from loyalty.models.reviews import ReviewedMember, VotingReview
from loyalty.services import earning
from loyalty.services.adjusting.rights import actor_of, refuse_own, require
from loyalty.services.reviews.finding import Found, GivenVote, find
from loyalty.services.telling import tell_of_review

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from portal.accounts.models import User

#: For so long votes are looked at together.
LOOKED_BACK: Final = dt.timedelta(days=30)
State = VotingReview.State


class PeoplesVote(NamedTuple):
    """A vote as the app knows it that has the votes."""

    source: str
    giver_id: int
    receiver_id: int
    at: dt.datetime


class _Source(NamedTuple):
    trigger: str
    votes_since: Callable[[dt.datetime], Iterable[PeoplesVote]]


_sources: list[_Source] = []


def register_source(trigger: str, votes_since: Callable[[dt.datetime], Iterable[PeoplesVote]]) -> None:
    """Declare where votes come from, and for which trigger points are given for them; once when the apps are ready."""
    source = _Source(trigger, votes_since)
    if source not in _sources:
        _sources.append(source)


def may_see(user: User) -> bool:
    """Return whether the person may read reviews."""
    return user.is_active and (user.has_perm("loyalty.view_votingreview") or may_decide(user))


def may_decide(user: User) -> bool:
    """Return whether the person may decide about them."""
    return user.is_active and user.has_perm("loyalty.decide_votingreview")


def open_reviews() -> int:
    """Open a review for each group whose votes look agreed; return how many: a daily job, which may be repeated."""
    since = timezone.now() - LOOKED_BACK
    return sum(_open(found) for source in _sources for found in find(_of_members(source.votes_since(since))))


def is_review_due(_last_end: dt.datetime | None) -> bool:
    """Return whether points are given for anything at all. One query."""
    return Earning.objects.exists()


def _of_members(votes: Iterable[PeoplesVote]) -> list[GivenVote]:
    """Return the votes between members who are no staff, by their keys. One query, and one for the votes."""
    keys = dict(Member.objects.filter(user__is_staff=False).values_list("user", "key"))
    return [
        GivenVote(vote.source, keys[vote.giver_id], keys[vote.receiver_id], vote.at)
        for vote in votes
        if vote.giver_id in keys and vote.receiver_id in keys
    ]


def _open(found: Found) -> bool:
    last = found.votes[-1].at
    same = VotingReview.objects.filter(fingerprint=found.fingerprint)
    if same.filter(state=State.OPEN).exists():
        return False
    looked_at = same.aggregate(last=Max("last_vote_at"))["last"]
    if looked_at is not None and last <= looked_at:
        return False
    try:
        with transaction.atomic():
            review = VotingReview.objects.create(
                kind=found.kind,
                fingerprint=found.fingerprint,
                evidence=found.evidence,
                sources=[vote.source for vote in found.votes],
                last_vote_at=last,
            )
            ReviewedMember.objects.bulk_create(
                ReviewedMember(review=review, member_key=key) for key in sorted(found.members)
            )
    except IntegrityError:  # another process opens it at the same moment
        return False
    return True


def confirm(review: VotingReview, *, by: User) -> VotingReview:
    """Take back what was given for the votes, for good. Raises `NoRightError`, `OwnPointsError`, `DecidedError`."""
    return _decide(review, State.CONFIRMED, by=by)


def dismiss(review: VotingReview, *, by: User) -> VotingReview:
    """Say that all is well. Raises `NoRightError`, `OwnPointsError`, `DecidedError`."""
    return _decide(review, State.DISMISSED, by=by)


@transaction.atomic
def _decide(review: VotingReview, state: VotingReview.State, *, by: User) -> VotingReview:
    require(may_decide(by))
    review = VotingReview.objects.select_for_update(no_key=True).get(pk=review.pk)
    for key in review.members.values_list("member_key", flat=True):
        refuse_own(by, key)
    if review.state != State.OPEN:
        raise DecidedError
    if state == State.CONFIRMED:
        taken: Counter[int] = Counter()
        for decision in _take_back(review):
            taken[decision.wallet_id] += decision.points
        review.points = sum(taken.values())
        tell_of_review(review.pk, taken)
    review.state, review.decided_at, review.decided_by = state, timezone.now(), actor_of(by)
    review.save(update_fields=["state", "decided_at", "decided_by", "points"])
    return review


def _take_back(review: VotingReview) -> list[Any]:
    taken = []
    for source in _sources:
        events = earning.events_from(source.trigger, review.sources)
        taken += earning.settle(events, stands=lambda _event: False, because=earning.VOTING_REVIEW)
    return taken


# What members may have, and what goes with them ----------------------------------------------------------------------


def export_reviews(user: User) -> Iterator[dict[str, Any]]:
    """Yield the decided reviews the person was part of, as values for JSON, newest first. Nothing of the others in them."""
    own = ReviewedMember.objects.filter(member_key__in=Member.objects.filter(user=user).values("key"))
    for review in VotingReview.objects.filter(pk__in=own.values("review")).exclude(state=State.OPEN):
        yield {
            "kind": review.kind,
            "state": review.state,
            "opened_at": review.opened_at.isoformat(),
            "decided_at": review.decided_at.isoformat() if review.decided_at else None,
        }


def forget_reviews(*, member_key: UUID) -> None:
    """Take a member who leaves out of all reviews; those of a group of which nobody is left go."""
    rows = ReviewedMember.objects.filter(member_key=member_key)
    # Whoever decides about one of them waits, and does not bring the member back.
    for review in (
        VotingReview.objects.select_for_update(no_key=True).filter(pk__in=rows.values("review")).order_by("pk")
    ):
        review.evidence = [one for one in review.evidence if str(member_key) not in {one["giver"], one["receiver"]}]
        review.save(update_fields=["evidence"])
        review.members.filter(member_key=member_key).delete()
        if not review.members.exists():
            review.delete()
