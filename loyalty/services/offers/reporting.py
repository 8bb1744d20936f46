"""Counts the members of experiments and what they did, for `uplift`. Nothing is written, and no member is named."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db.models import Count, DateTimeField, Exists, ExpressionWrapper, OuterRef, Q
from django.utils import timezone

from loyalty.models.earning import LoyaltyEvent
from loyalty.models.offers import Arm, Goal, Offer, OfferAnswer, OfferAssignment
from loyalty.models.rewards import BACK_STATES, Redemption
from loyalty.services.offers import uplift
from loyalty.services.shop import orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

#: What members did so long before they could have the offer is subtracted from what they did afterwards.
BEFORE: Final = dt.timedelta(days=28)
#: Goal → the events by which it is reached.
EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    Goal.BUY: (orders.ORDER,),
    Goal.HELP: ("community.solution", "community.vote", "community.solved_it"),
    Goal.FEEDBACK: ("faq.feedback",),
}


class Report(NamedTuple):
    """What is known of an offer. `result` is None if there is nobody to compare with."""

    result: uplift.Result | None
    #: Members who could have it, and those of them whose time to reach the goal is over.
    members: int
    matured: int


def reports_of(offers: Iterable[Offer], *, at: dt.datetime | None = None) -> dict[int, Report]:
    """Return what each offer achieved. Queries: one, and one for each goal and window among the offers."""
    now = at or timezone.now()
    groups: dict[tuple[str, int], list[Offer]] = defaultdict(list)
    every = list(offers)
    for offer in every:
        groups[offer.goal, offer.window_days].append(offer)
    found = OfferAssignment.objects.filter(offer__in=every, arm__in=[Arm.TREATMENT, Arm.CONTROL])
    everybody = dict(found.order_by().values_list("offer").annotate(Count("pk")))
    counted: dict[tuple[int, str], dict[str, Any]] = {}
    for (goal, window), group in groups.items():
        for row in _counts(group, goal, dt.timedelta(days=window), now):
            counted[row["offer"], row["arm"]] = row
    return {
        offer.pk: _report(offer, everybody.get(offer.pk, 0), counted.get((offer.pk, Arm.TREATMENT)),
                          counted.get((offer.pk, Arm.CONTROL)), now)
        for offer in every
    }  # fmt: skip


def _counts(group: list[Offer], goal: str, window: dt.timedelta, now: dt.datetime) -> QuerySet[Any, Any]:
    """Count by offer and arm the members whose time is over: all, who reached the goal, who did so before, who accepted."""
    first = OuterRef("first_at")
    until, since = (ExpressionWrapper(one, output_field=DateTimeField()) for one in (first + window, first - BEFORE))
    when = "created_at" if goal == Goal.REDEEM else "occurred_at" if goal in EVENTS else "at"
    accepted = OfferAnswer.objects.filter(
        offer=OuterRef("offer"), member_key=OuterRef("member_key"), kind=OfferAnswer.Kind.ACCEPTED
    ).filter(at__gte=first, at__lt=until)
    done = _done(goal)
    matured = OfferAssignment.objects.filter(
        offer__in=group, arm__in=[Arm.TREATMENT, Arm.CONTROL], first_at__lte=now - window
    ).annotate(
        did=Exists(done.filter(**{f"{when}__gte": first, f"{when}__lt": until})),
        had=Exists(done.filter(**{f"{when}__gte": since, f"{when}__lt": first})),
        accepted=Exists(accepted),
    )
    return matured.order_by().values("offer", "arm").annotate(
        members=Count("pk"),
        converted=Count("pk", filter=Q(did=True)),
        before=Count("pk", filter=Q(had=True)),
        both=Count("pk", filter=Q(had=True, did=True)),
        answers=Count("pk", filter=Q(accepted=True)),
    )  # fmt: skip


def _done(goal: str) -> QuerySet[Any]:
    """Return the rows by which a member of an assignment reaches the goal."""
    key = OuterRef("member_key")
    if goal == Goal.REDEEM:
        taken = Redemption.objects.filter(wallet__member_key=key, reward=OuterRef("offer__reward"))
        return taken.exclude(state__in=BACK_STATES)
    if goal in EVENTS:
        return LoyaltyEvent.objects.filter(member_key=key, trigger__in=EVENTS[goal])
    return OfferAnswer.objects.filter(offer=OuterRef("offer"), member_key=key, kind=OfferAnswer.Kind.ACCEPTED)


def _report(
    offer: Offer, members: int, shown: dict[str, Any] | None, kept: dict[str, Any] | None, now: dt.datetime
) -> Report:
    treatment, control = (_arm(shown), _arm(kept))
    matured = treatment.members + control.members
    # Whoever does not see an offer cannot accept it: of that goal nothing can be compared.
    if offer.goal == Goal.ACCEPT or not offer.holdout_percent or not matured:
        return Report(None, members, matured)
    answers = shown["answers"] if shown else 0
    is_over = offer.ends_at + dt.timedelta(days=offer.window_days) <= now
    result = uplift.result_of(
        treatment,
        control,
        control_share=offer.holdout_percent / 100,
        is_final=is_over and offer.state != Offer.State.STOPPED,
        attributed=answers,
        points=answers * offer.cost,
    )
    return Report(result, members, matured)


def _arm(row: dict[str, Any] | None) -> uplift.Arm:
    if row is None:
        return uplift.Arm(0, 0)
    past = uplift.Before(total=row["before"], squares=row["before"], product=row["both"])
    return uplift.Arm(row["members"], row["converted"], past)
