"""Reviews of fast earning: what is usual, who signed in where, and what staff decide.

`loyalty.services.earning.pace` has points wait that came faster than people earn. Releasing lets them go, reversing takes the awards
back for good. Nobody decides about themselves.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Avg, Count, FloatField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.crypto import salted_hmac

from loyalty.buckets import today_of
from loyalty.exceptions import DecidedError
from loyalty.models.earning import Earning, LoyaltyEvent, RuleCounter
from loyalty.models.ledger import REVIEWED, Wallet
from loyalty.models.pace import ADDRESS_LENGTH, MemberAddress, PaceBaseline, PaceReview
from loyalty.queries import wallets_of
from loyalty.services import earning, ledger
from loyalty.services.adjusting.rights import actor_of, refuse_own, require
from loyalty.services.earning.pace import ADDRESS_DAYS
from loyalty.services.ledger import statements
from loyalty.services.reviews import may_decide
from portal.core.limits import client_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.http import HttpRequest

    from loyalty.models.ledger import Programme
    from portal.accounts.models import User

#: Days whose awards say what is usual.
LOOKED_BACK: Final = 28
_SALT: Final = "loyalty.pace"
_TRIES: Final = 5
State = PaceReview.State


# What is usual -------------------------------------------------------------------------------------------------------


def measure() -> int:
    """Work out what is usual in every programme, and forget old addresses: a daily job. Return the number of rules."""
    forget = timezone.now() - dt.timedelta(days=ADDRESS_DAYS)
    MemberAddress.objects.filter(noted_at__lt=forget).delete()
    programmes = [one.programme for one in Earning.objects.select_related("programme").order_by("pk")]
    return sum(_measure(programme) for programme in programmes)


def is_measuring_due(_last_end: dt.datetime | None) -> bool:
    """Return whether something was earned that today's figures do not know of. Two queries for each programme."""
    return any(
        RuleCounter.objects.filter(wallet__programme=one.programme).exists()
        and not PaceBaseline.objects.filter(
            programme=one.programme, worked_out_on__gte=today_of(one.programme)
        ).exists()
        for one in Earning.objects.select_related("programme")
    )


@transaction.atomic
def _measure(programme: Programme) -> int:
    today = today_of(programme)
    days = [f"day:{today - dt.timedelta(days=back)}" for back in range(1, LOOKED_BACK + 1)]
    # Whose earning is in question, or was found wanting, does not say what is usual.
    odd = PaceReview.objects.exclude(state=State.RELEASED).values("wallet")
    times = Cast("times", FloatField())
    usual = (
        RuleCounter.objects.filter(wallet__programme=programme, period__in=days)
        .exclude(wallet__in=odd)
        .order_by()
        .values("rule")
        .annotate(mean=Avg(times), of_squares=Avg(times * times), days=Count("pk"))
    )
    rows = [
        PaceBaseline(
            programme=programme,
            rule=row["rule"],
            mean=row["mean"],
            deviation=math.sqrt(max(0.0, row["of_squares"] - row["mean"] ** 2)),
            days=row["days"],
            worked_out_on=today,
        )
        for row in usual
    ]
    if not any(row.rule == "" for row in rows):  # nobody earned anything: which is noted, too
        rows.append(PaceBaseline(programme=programme, mean=0, deviation=0, days=0, worked_out_on=today))
    PaceBaseline.objects.filter(programme=programme).exclude(rule__in=[row.rule for row in rows]).delete()
    PaceBaseline.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["programme", "rule"],
        update_fields=["mean", "deviation", "days", "worked_out_on"],
    )
    return len(rows)


def note_address(request: HttpRequest, user: User) -> None:
    """Remember from where a member signs in, if points are given for anything."""
    if user.is_staff or not earning.is_anything_recorded():
        return
    digest = salted_hmac(_SALT, client_address(request), algorithm="sha256").hexdigest()[:ADDRESS_LENGTH]
    MemberAddress.objects.update_or_create(user=user, defaults={"address": digest, "noted_at": timezone.now()})


# Deciding ------------------------------------------------------------------------------------------------------------


def release(review: PaceReview, *, by: User) -> PaceReview:
    """Say that all is well: the points go where they would have gone.

    Raises `NoRightError`, `OwnPointsError`, `DecidedError`, and `WalletFrozenError` while the wallet is frozen.
    """
    require(may_decide(by))
    with transaction.atomic():
        review = _locked(review, by)
        return _close(review, State.RELEASED, by=by, points=_let_go(review, by))


def reverse(review: PaceReview, *, by: User) -> PaceReview:
    """Take back, for good, what was given for the events that wait. Raises `NoRightError`, `OwnPointsError`, `DecidedError`."""
    require(may_decide(by))
    for _try in range(_TRIES):
        with transaction.atomic():
            # Events are locked before wallets: one that comes meanwhile has us begin again.
            waiting = _events_of(review)
            decisions = earning.settle(
                waiting, stands=lambda _event: False, because=earning.PACE_REVIEW, wallet_id=review.wallet_id
            )
            review = _locked(review, by)
            if len(_events_of(review)) == len(waiting):
                if waiting_in([review])[review.pk]:  # of a programme in which nothing was taken back
                    _let_go(review, by)
                taken = sum(decision.points for decision in decisions)
                return _close(review, State.REVERSED, by=by, points=taken)
            transaction.set_rollback(True)
    raise DecidedError


def _events_of(review: PaceReview) -> list[LoyaltyEvent]:
    return list(LoyaltyEvent.objects.filter(pk__in=review.events.values("event")))


def _locked(review: PaceReview, by: User) -> PaceReview:
    """Lock the wallet, so that nothing joins the review, and read it again."""
    statements.lock_wallets([review.wallet_id])
    review = PaceReview.objects.select_related("wallet__programme").get(pk=review.pk)
    refuse_own(by, review.wallet.member_key)
    if review.state != State.OPEN:
        raise DecidedError
    return review


def _let_go(review: PaceReview, by: User) -> int:
    posted = ledger.end_review(
        wallet=review.wallet, review=str(review.pk), reason=earning.PACE_REVIEW, actor=actor_of(by)
    )
    return posted.amount if posted else 0


def _close(review: PaceReview, state: PaceReview.State, *, by: User, points: int) -> PaceReview:
    review.state, review.points = state, points
    review.decided_at, review.decided_by = timezone.now(), actor_of(by)
    review.save(update_fields=["state", "points", "decided_at", "decided_by"])
    return review


def waiting_in(reviews: list[PaceReview]) -> dict[int, int]:
    """Return the points that wait for each of these open reviews. One query."""
    waiting = dict.fromkeys((review.pk for review in reviews), 0)
    for ref, left in statements.reviewed_lots({review.wallet_id for review in reviews}):
        number = int(ref.removeprefix(REVIEWED).partition(":")[0])
        if number in waiting:
            waiting[number] += left
    return waiting


# What members may have, and what goes with them ----------------------------------------------------------------------


def export_pace(user: User) -> Iterator[dict[str, Any]]:
    """Yield the reviews of the person's earning, as values for JSON, newest first; and when an address was noted."""
    for review in PaceReview.objects.filter(wallet__in=wallets_of(user)):
        yield {
            "state": review.state,
            "points": review.points,
            "opened_at": review.opened_at.isoformat(),
            "decided_at": review.decided_at.isoformat() if review.decided_at else None,
        }
    for noted in MemberAddress.objects.filter(user=user):
        yield {"keyed_hash_of_the_address_of_a_sign_in": noted.address, "noted_at": noted.noted_at.isoformat()}


def forget_pace(*, member_key: UUID, user_id: int) -> None:
    """Remove the reviews and the address of a member who leaves; the points go with the wallet."""
    PaceReview.objects.filter(wallet__in=Wallet.objects.filter(member_key=member_key)).delete()
    MemberAddress.objects.filter(user_id=user_id).delete()
