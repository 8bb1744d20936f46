"""How members take part in the community: worked out once a night, for those who want personal offers.

A segment is entered and left at different thresholds, and nobody leaves one within two weeks, so that nobody goes back and forth.
The numbers come from whoever knows the community (`register_participation`, in `portal.offer_facts`); the thresholds are those of
`OfferPolicy`. Nobody else is looked at, and the row of a member who does not want personal offers any more is deleted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from loyalty.models.earning import Earning
from loyalty.models.ledger import Member
from loyalty.models.offers import Activity, ActivityCell, MemberConsent, OfferPolicy, Segment, SegmentMembership
from loyalty.services.offers.activity import work_out_activity
from loyalty.services.offers.audience import Size
from loyalty.services.offers.consents import Purpose, who_agrees

if TYPE_CHECKING:
    from uuid import UUID

    from loyalty.models.ledger import Programme

#: What was done within this time counts.
PERIOD: Final = dt.timedelta(days=90)
_PORTION: Final = 500


class Participation(NamedTuple):
    """What a member did within `PERIOD`."""

    posts: int = 0
    #: Of these, in threads that they began.
    own_posts: int = 0
    #: Weeks in which they replied to others.
    help_weeks: int = 0
    #: Whether they were there at all.
    is_seen: bool = False


_loaders: list[Callable[[Sequence[int], dt.datetime], Mapping[int, Participation]]] = []


def register_participation(load: Callable[[Sequence[int], dt.datetime], Mapping[int, Participation]]) -> None:
    """Have a function tell what users did since a time, by their ids; once when the apps are ready."""
    _loaders.append(load)


def judge(done: Participation, *, now_in: str, days: int, policy: OfferPolicy) -> str:
    """Return the segment somebody belongs to who has been in one for so many days; empty for none of them."""
    if now_in and days < policy.stay_days:
        return now_in
    weeks = policy.regular_weeks_to_stay if now_in == Segment.REGULAR else policy.regular_weeks
    if done.help_weeks >= weeks:
        return Segment.REGULAR
    if done.posts:
        percent = policy.own_percent_to_stay if now_in == Segment.OWN_THREAD else policy.own_percent
        return Segment.OWN_THREAD if 100 * done.own_posts >= percent * done.posts else ""
    return Segment.SILENT if done.is_seen else ""


def sort_members() -> int:
    """Work out how members take part and how active they are: a daily job. Return how much changed."""
    return work_out_segments() + work_out_activity()


def work_out_segments() -> int:
    """Move members between segments; return how many moved. Twice on a day does no more than once."""
    shown = Earning.objects.filter(is_open=True).select_related("programme").order_by("pk").first()
    policy = OfferPolicy.of(shown.programme) if shown else None
    now = timezone.now()
    moved = last = 0
    while rows := list(
        Member.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "key", "user_id")[:_PORTION]
    ):
        last = rows[-1][0]
        users = {key: user for _pk, key, user in rows}
        with transaction.atomic():
            moved += _work_out(users, policy, now)
    return moved


def _work_out(users: Mapping[UUID, int], policy: OfferPolicy | None, now: dt.datetime) -> int:
    willing = who_agrees(list(users), Purpose.PROFILING) if policy else set()
    known = {row.member_key: row for row in SegmentMembership.objects.filter(member_key__in=users)}
    done: dict[int, Participation] = {}
    for load in _loaders:
        done.update(load([users[key] for key in willing], now - PERIOD))
    gone, moved = [key for key in known if key not in willing], 0
    for key in willing if policy else ():
        row = known.get(key)
        numbers = done.get(users[key], Participation())
        days = (now - row.since).days if row else 0
        segment = judge(numbers, now_in=row.segment if row else "", days=days, policy=policy or OfferPolicy())
        if segment == (row.segment if row else ""):
            continue
        moved += 1
        if not segment:
            gone.append(key)
            continue
        values = {"segment": segment, "since": now, "evidence": numbers._asdict()}
        SegmentMembership.objects.update_or_create(member_key=key, defaults=values)
    SegmentMembership.objects.filter(member_key__in=gone).delete()
    return moved


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many members there are in each segment, of those who want personal offers."""

    programme: Programme | None
    willing: Size
    of: Mapping[str, Size]


def sizes() -> Sizes:
    """Return how many members each segment has. A constant number of queries."""
    shown = Earning.objects.filter(is_open=True).select_related("programme").order_by("pk").first()
    later = MemberConsent.objects.filter(
        member_key=OuterRef("member_key"), purpose=OuterRef("purpose"), number__gt=OuterRef("number")
    )
    willing = MemberConsent.objects.filter(purpose=Purpose.PROFILING, is_given=True).exclude(Exists(later)).count()
    counted: dict[str, int] = dict.fromkeys([*Segment.values, *Activity.values], 0)
    for rows, name in ((SegmentMembership.objects, "segment"), (ActivityCell.objects, "cell")):
        counted.update(rows.order_by().values_list(name).annotate(members=Count("pk")))
    return Sizes(
        programme=shown.programme if shown else None,
        willing=Size(willing),
        of={name: Size(members) for name, members in counted.items()},
    )


def is_anybody_to_sort() -> bool:
    """Return whether somebody wants, or wanted, personal offers."""
    return MemberConsent.objects.filter(purpose=Purpose.PROFILING).exists()
