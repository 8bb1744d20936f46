"""Whether somebody earns faster than people do: then the points wait until staff have looked, and none is lost.

Awards of a day are counted for the rule, for the member, and for all members who signed in last from the same address.
They are too many when there are more than

    max(floor, n·mean + z·√n·deviation)

where the mean and the deviation are those of all members who got any on a day of the last four weeks, and n is the number of
people counted together: 1, or those at the address. The floors and z are settings, and told to no member. Without enough days to
compare with, the floor alone counts. Each time staff have let the points of a member go within a day, twice as many are usual
for that member: they have looked.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone

from loyalty.models.earning import RuleCounter
from loyalty.models.ledger import Member
from loyalty.models.pace import MemberAddress, PaceBaseline, PaceEvent, PaceReview
from loyalty.services.earning.evaluation import ALL_RULES
from loyalty.services.earning.periods import DAY, periods_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from loyalty.models.earning import LoyaltyEvent
    from loyalty.models.ledger import Programme, Wallet

#: Days of members below which a mean says nothing.
ENOUGH_DAYS: Final = 30
#: An address is where somebody is for so long after signing in there.
ADDRESS_DAYS: Final = 30
#: Members counted together at an address, those who signed in last.
_MOST_PEOPLE: Final = 200
#: Entries of evidence that a review keeps, the first ones.
_MOST_EVIDENCE: Final = 100


def most_awards(floor: int, baseline: PaceBaseline | None, people: int = 1) -> float:
    """Return how many awards a day are usual, by the formula above; a floor of 0 allows any number."""
    if not floor:
        return math.inf
    if baseline is None or baseline.days < ENOUGH_DAYS:
        return floor
    spread = settings.POINTS_PACE_DEVIATIONS * math.sqrt(people) * baseline.deviation
    return max(float(floor), people * baseline.mean + spread)


def hold_if_fast(
    programme: Programme, wallet: Wallet, event: LoyaltyEvent, rules: Collection[str]
) -> PaceReview | None:
    """Return the review for which the points of an event have to wait; None if nothing is unusual. The wallet is locked.

    `rules` are those that are about to give points. Three queries if nothing is, however many are at the same address: every
    award waits for them.
    """
    day = periods_of(programme, event.occurred_at)[DAY]
    counters = RuleCounter.objects.filter(wallet=wallet, period=day, rule__in=[*rules, ALL_RULES])
    times = dict(counters.values_list("rule", "times"))
    baselines = {
        row.rule: row for row in PaceBaseline.objects.filter(programme=programme, rule__in=[*rules, ALL_RULES])
    }
    everybody = baselines.get(ALL_RULES)
    # How many there are, how many are usual, and what is said of it.
    counted = [
        (
            times.get(rule, 0) + 1,
            most_awards(_floor(rule), baselines.get(rule)),
            _entry("rule" if rule else "member", times.get(rule, 0) + 1, baselines.get(rule), rule=rule),
        )
        for rule in (*sorted(rules), ALL_RULES)
    ]
    at_address, people = _at_address(wallet, day)
    if people > 1:
        together = at_address + times.get(ALL_RULES, 0) + 1
        usual = most_awards(settings.POINTS_PACE_ADDRESS, everybody, people)
        counted.append((together, usual, _entry("address", together, everybody, people=people)))
    if all(count <= usual for count, usual, _said in counted):
        return None
    seen = 2 ** _times_looked_at(wallet)  # asked seldom
    evidence = [entry for count, usual, entry in counted if count > seen * usual]
    if not evidence:
        return None
    review, _is_new = PaceReview.objects.get_or_create(wallet=wallet, state=PaceReview.State.OPEN)
    if len(review.evidence) < _MOST_EVIDENCE:
        review.evidence = [*review.evidence, *({**one, "day": day.partition(":")[2]} for one in evidence)]
        review.save(update_fields=["evidence"])
    PaceEvent.objects.get_or_create(review=review, event=event)
    return review


def _times_looked_at(wallet: Wallet) -> int:
    """Return how often staff let the points of the wallet go in the last day."""
    since = timezone.now() - dt.timedelta(days=1)
    return PaceReview.objects.filter(wallet=wallet, state=PaceReview.State.RELEASED, decided_at__gte=since).count()


def _floor(rule: str) -> int:
    floor: int = settings.POINTS_PACE_RULE if rule else settings.POINTS_PACE_MEMBER
    return floor


def _entry(what: str, count: int, baseline: PaceBaseline | None, **more: Any) -> dict[str, Any]:
    usual = round(baseline.mean, 1) if baseline and baseline.days >= ENOUGH_DAYS else None
    return {"what": what, "count": count, "usual": usual, **more}


def _at_address(wallet: Wallet, day: str) -> tuple[int, int]:
    """Return the awards of the day of others who signed in last where this member did, and how many people that makes: one query."""
    since = timezone.now() - dt.timedelta(days=ADDRESS_DAYS)
    fresh = MemberAddress.objects.filter(noted_at__gte=since)
    member = Member.objects.filter(key=wallet.member_key).values("user")
    near = fresh.filter(address__in=fresh.filter(user__in=member).values("address")).exclude(user__in=member)
    users = near.order_by("-noted_at").values("user")[:_MOST_PEOPLE]
    found: Mapping[str, int | None] = RuleCounter.objects.filter(
        wallet__programme_id=wallet.programme_id,
        wallet__member_key__in=Member.objects.filter(user__in=users).values("key"),
        rule=ALL_RULES,
        period=day,
    ).aggregate(times=Sum("times"), people=Count("pk"))
    return found["times"] or 0, (found["people"] or 0) + 1


def is_open_review(pk: int) -> bool:
    """Return whether points may still wait for this review. The wallet is locked."""
    return bool(pk) and PaceReview.objects.filter(pk=pk, state=PaceReview.State.OPEN).exists()
