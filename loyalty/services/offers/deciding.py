"""Which offers a person sees in a place, and why. Nothing here writes: `impressions` stores what was decided in batches.

The order is always the same: what runs → who may get personal offers → conditions → what was answered and can still be had →
groups of experiments → caps → the draw, at most one of each category → general offers for what is left of the place.
The number of queries does not depend on the number of offers.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Q
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.models.ledger import Member, Wallet
from loyalty.models.offers import (
    Arm,
    Offer,
    OfferAnswer,
    OfferDecision,
    OfferPolicy,
    OfferShown,
    Placement,
    SegmentMembership,
)
from loyalty.queries import summary
from loyalty.services import rewards
from loyalty.services.offers import audience, consents, impressions
from loyalty.services.offers.scoring import Candidate, Draw, Tally, draw
from portal.core.memo import Memo

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from loyalty.models.ledger import Programme
    from portal.accounts.models import User

#: “Less like this” holds for so long.
LESS_FOR: Final = dt.timedelta(days=90)
#: A reward that a member took is not offered to them for so long.
HAD_FOR: Final = dt.timedelta(days=90)
#: Why an offer is left out, besides the reasons for which its reward cannot be had (`rewards.Why`). They are stored.
USED_UP: Final = "used_up"
ALREADY_HAD: Final = "already_had"
#: Reasons for which nobody is led to an offer, but whoever has its address sees it: the reward's page says why.
_STILL_SHOWN: Final = frozenset({ALREADY_HAD, rewards.Why.INSUFFICIENT_BALANCE})
#: The most places of a page.
MOST: Final = {Placement.LIST: 12, Placement.HOME: 2, Placement.POINTS: 1}
#: Groups are parts of so many.
_GROUPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """An offer for one person, with the reason codes and whether it was chosen for them."""

    offer: Offer
    #: What matched; empty for a general offer.
    reasons: tuple[Mapping[str, Any], ...] = ()
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a person sees in a place; `looked` is to be recorded when they really see it."""

    offers: list[Chosen]
    looked: impressions.Looked | None = None


# Who may get personal offers -----------------------------------------------------------------------------------------

#: Functions that tell of whom other apps say that they get general offers only, such as suspended people.
_bars: list[Callable[[int], bool]] = []


def register_bar(is_barred: Callable[[int], bool]) -> None:
    """Have a function asked with a user's id whether the person gets general offers only; once when the apps are ready."""
    _bars.append(is_barred)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who looks, as far as offers are concerned."""

    key: UUID | None = None
    user_id: int = 0
    wallet: Wallet | None = None
    #: Whether it is known whose points these are; of visitors it is not.
    is_known: bool = False
    #: Whether offers are chosen for this person: they want it, and nothing is against it.
    is_personal: bool = False


def _reader_of(person: User | None, programme: Programme) -> _Reader:
    """Return who looks. At most three queries, and those of the bars."""
    member = Member.objects.filter(user=person).first() if person else None
    if person is None or member is None:
        return _Reader(is_known=person is not None)
    wallet = Wallet.objects.filter(programme=programme, member_key=member.key).select_related("programme").first()
    may = person.is_active and not person.is_staff and (wallet is None or wallet.status == Wallet.Status.OPEN)
    wants = may and consents.agrees(member.key, consents.Purpose.PROFILING)
    is_barred = wants and any(is_barred(person.pk) for is_barred in _bars)
    return _Reader(member.key, person.pk, wallet, is_known=True, is_personal=wants and not is_barred)


# Groups --------------------------------------------------------------------------------------------------------------


def group_of(salt: str, member_key: UUID) -> int:
    """Return a number below 10,000 that is always the same for a member, and independent between salts."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{member_key}".encode()).digest()[:8]) % _GROUPS


def arm_of(offer: Offer, policy: OfferPolicy, member_key: UUID) -> Arm:
    """Return in which group a member is for an offer. General offers are shown to everybody."""
    if offer.is_general:
        return Arm.TREATMENT
    if group_of(policy.salt, member_key) < policy.holdout_percent * _GROUPS // 100:
        return Arm.HOLDOUT
    return Arm.CONTROL if group_of(offer.salt, member_key) < offer.holdout_percent * _GROUPS // 100 else Arm.TREATMENT


# What runs -----------------------------------------------------------------------------------------------------------


def running(programme: Programme, at: dt.datetime) -> QuerySet[Offer]:
    """Return the offers that can be had at a time, as far as they themselves say."""
    found = Offer.objects.filter(programme=programme, state=Offer.State.PUBLISHED, starts_at__lte=at, ends_at__gt=at)
    return found.select_related("reward__picture", "programme")


_is_any: Final[Memo[bool]] = Memo(max_size=16, scopes=("offers",))


def is_any_published(programme: Programme) -> bool:
    """Return whether there is any offer at all; kept until one is changed."""
    published = Offer.objects.filter(programme=programme, state=Offer.State.PUBLISHED)
    return _is_any.get(programme.pk, published.exists)


def _can_be_had(
    found: Sequence[Offer], reader: _Reader, programme: Programme, at: dt.datetime
) -> tuple[list[Offer], dict[int, str]]:
    """Return the offers that the reader can use, and why each other one is left out. Up to eleven queries.

    To visitors it is all the same how many points they have: they may sign in.
    """
    wanted = {offer.reward_id for offer in found if offer.reward_id is not None}
    today = today_of(programme, at=at)
    on_show = {one.pk: one for one in rewards.on_show(programme, today).filter(pk__in=wanted)} if wanted else {}
    rewards.set_prices(on_show.values(), programme, at=at)
    taken = rewards.taken_by(reader.wallet, on_show.values(), at=at) if reader.wallet and on_show else {}
    had = rewards.had_since(reader.wallet, on_show, since=at - HAD_FOR) if reader.wallet and on_show else frozenset()
    own = Wallet.objects.filter(member_key=reader.key) if reader.key else Wallet.objects.none()
    among_members = rewards.standing_of_member(on_show.values(), programme, own)
    spendable = summary(reader.wallet, today=today).spendable if reader.wallet and on_show else 0
    standing = rewards.Standing(
        today=today, is_stopped=programme.is_spending_stopped, spendable=spendable, **among_members
    )

    def against(offer: Offer) -> str:
        if not offer.is_left:
            return USED_UP
        if offer.reward_id is None:
            return ""
        reward = on_show.get(offer.reward_id)
        if reward is None:
            return rewards.Why.GONE
        if reward.pk in had:
            return ALREADY_HAD
        obstacles = rewards.obstacles(
            reward, standing, taken=taken.get(reward.pk, 0), has_code=bool(getattr(reward, "has_code", False))
        )
        reasons = [one.why for one in obstacles if reader.is_known or one.why is not rewards.Why.INSUFFICIENT_BALANCE]
        return reasons[0] if reasons else ""

    left_out = {offer.pk: why for offer in found if (why := against(offer))}
    return [offer for offer in found if offer.pk not in left_out], left_out


@dataclass(slots=True)
class _Answers:
    """What a member said about offers."""

    accepted: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)

    def allows(self, offer: Offer) -> bool:
        # Less of a kind is about what was chosen for them; general offers of the kind stay.
        if offer.pk in self.hidden or offer.pk in self.accepted:
            return False
        return offer.is_general or offer.category not in self.categories


def _answers_of(reader: _Reader, at: dt.datetime) -> _Answers:
    found = _Answers()
    if reader.key is None:
        return found
    rows = OfferAnswer.objects.filter(member_key=reader.key).values_list("kind", "offer", "offer__category", "at")
    for kind, offer, category, said_at in rows:
        if kind == OfferAnswer.Kind.ACCEPTED:
            found.accepted.add(offer)
        else:
            found.hidden.add(offer)
        if kind == OfferAnswer.Kind.LESS and said_at > at - LESS_FOR:
            found.categories.add(category)
    return found


# Caps ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """How often a member saw an offer in earlier visits."""

    day: int = 0
    week: int = 0
    total: int = 0


def _seen_by(member_key: UUID, slot: str, at: dt.datetime) -> tuple[dict[int, _Seen], int]:
    """Return what the member saw by offer, and how much of it in this place within a day. One query.

    What they see in this visit is not counted: reloading a page does not take an offer away.
    """
    before, day = Q(at__lte=at - impressions.VISIT), Q(at__gt=at - dt.timedelta(days=1))
    rows = OfferShown.objects.filter(before, member_key=member_key).order_by().values("offer")
    counted = rows.annotate(
        day=Count("pk", filter=day),
        week=Count("pk", filter=Q(at__gt=at - dt.timedelta(days=7))),
        total=Count("pk"),
        here=Count("pk", filter=day & Q(slot=slot)),
    )
    seen, here = {}, 0
    for row in counted:
        seen[row["offer"]] = _Seen(row["day"], row["week"], row["total"])
        here += row["here"]
    return seen, here


def _is_within_caps(offer: Offer, seen: _Seen) -> bool:
    pairs = ((offer.cap_day, seen.day), (offer.cap_week, seen.week), (offer.cap_total, seen.total))
    return all(cap is None or times < cap for cap, times in pairs)


# Deciding ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Eligible:
    """An offer that a member could get."""

    offer: Offer
    reasons: tuple[Mapping[str, Any], ...]
    arm: Arm


def _eligible(
    found: Sequence[Offer], reader: _Reader, programme: Programme, policy: OfferPolicy
) -> tuple[list[_Eligible], str]:
    """Return the personal offers whose conditions the reader fulfils, with their groups, and the reader's segment."""
    personal = [offer for offer in found if not offer.is_general]
    if reader.key is None or not reader.is_personal or not personal:
        return [], ""
    names = {name for offer in personal for name in audience.facts_in(offer.audience)} | {"segment"}
    who = audience.Who(reader.key, reader.user_id)
    facts = audience.facts_of(programme, [who], only=names)[reader.key]
    fulfilled = []
    for offer in personal:
        reasons = audience.matched(offer.audience, facts)
        if reasons is not None:
            fulfilled.append(_Eligible(offer, tuple(reasons), arm_of(offer, policy, reader.key)))
    return fulfilled, str(facts.get("segment", ""))


def decide(
    *, person: User | None, programme: Programme, slot: str, at: dt.datetime | None = None, limit: int | None = None
) -> Page:
    """Return what a person sees in a place. Writes nothing; `Page.looked` is recorded by whoever shows it."""
    if not is_any_published(programme):
        return Page([])
    now = at or timezone.now()
    places = limit if limit is not None else MOST[Placement(slot)]
    reader = _reader_of(person, programme)
    answers = _answers_of(reader, now)
    placed = [offer for offer in running(programme, now) if slot in offer.placements and answers.allows(offer)]
    found, left_out = _can_be_had(placed, reader, programme, now)
    is_personal = reader.key is not None and reader.is_personal and any(not offer.is_general for offer in found)
    policy = OfferPolicy.of(programme) if is_personal else OfferPolicy(programme=programme)
    eligible, segment = _eligible(found, reader, programme, policy)
    chosen: list[Chosen] = []
    looked = None
    if reader.key is not None and eligible:
        visit = _Visit(
            key=reader.key, programme=programme, policy=policy, slot=slot, segment=segment, at=now, places=places,
            left_out=left_out,
        )  # fmt: skip
        chosen, looked = _draw_all(eligible, visit)
    general = [offer for offer in found if offer.is_general]
    for offer in general[: max(0, places - len(chosen))]:
        chosen.append(Chosen(offer))
    return Page(chosen, looked)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Visit:
    """A member who looks at a place."""

    key: UUID
    programme: Programme
    policy: OfferPolicy
    slot: str
    segment: str
    at: dt.datetime
    places: int
    #: Offers that cannot be used, and why.
    left_out: Mapping[int, str]


def _draw_all(eligible: Sequence[_Eligible], visit: _Visit) -> tuple[list[Chosen], impressions.Looked]:
    """Draw offers for the places of a page, one after the other. What a control group does not see leaves its place free."""
    seen, here = _seen_by(visit.key, visit.slot, visit.at)
    policy = visit.policy
    left = {one.offer.pk: one for one in eligible if _is_within_caps(one.offer, seen.get(one.offer.pk, _Seen()))}
    if here >= policy.per_day:
        left = {}
    tallies = impressions.tallies_of(visit.programme.pk) if left else {}
    day = today_of(visit.programme, at=visit.at)
    chosen: list[Chosen] = []
    stored: list[impressions.Place] = []
    while left and len(chosen) < visit.places:
        number = len(stored)
        drawn = draw(
            [_candidate(one.offer, tallies, visit.segment, seen.get(one.offer.pk, _Seen())) for one in left.values()],
            seed=f"{policy.salt}:{visit.key}:{visit.slot}:{day}:{number}",
        )
        best = left[drawn.chosen.offer_id]
        stored.append(impressions.Place(best.offer.pk, best.arm, _stored(drawn, left, visit.left_out)))
        if best.arm is Arm.TREATMENT:
            chosen.append(Chosen(best.offer, best.reasons, is_personal=True))
            # At most one of each category; what is not shown takes no place of its category, either.
            left = {pk: one for pk, one in left.items() if one.offer.category != best.offer.category}
        left.pop(best.offer.pk, None)
    looked = impressions.Looked(
        at=visit.at,
        programme_id=visit.programme.pk,
        member_key=visit.key,
        slot=visit.slot,
        segment=visit.segment,
        places=tuple(stored),
        groups=tuple((one.offer.pk, one.arm) for one in eligible),
    )
    return chosen, looked


def _candidate(offer: Offer, tallies: Mapping[tuple[int, str], Tally], segment: str, seen: _Seen) -> Candidate:
    return Candidate(
        offer_id=offer.pk,
        value=offer.value,
        cost=offer.cost,
        boost=float(offer.boost),
        everybody=tallies.get((offer.pk, impressions.EVERYBODY), Tally()),
        segment=tallies.get((offer.pk, segment), Tally()) if segment else Tally(),
        seen=seen.week,
    )


def _stored(drawn: Draw, left: Mapping[int, _Eligible], left_out: Mapping[int, str]) -> list[dict[str, Any]]:
    """What is stored of a draw: the candidates with their chances, and what was none, with the reason."""
    candidates: list[dict[str, Any]] = [
        {
            "offer": one.candidate.offer_id,
            "score": round(one.score, 4),
            "propensity": round(one.propensity, 6),
            "reasons": list(left[one.candidate.offer_id].reasons),
        }
        for one in drawn.scored
    ]
    return candidates + [{"offer": offer, "reasons": [], "left_out": why} for offer, why in left_out.items()]


def offer_for(
    person: User | None, programme: Programme, number: int, *, at: dt.datetime | None = None
) -> Chosen | None:
    """Return one offer as the person may see it; None if there is none for them: a control group sees nothing anywhere.

    Reasons are those of the stored decision, as long as there is one.
    """
    now = at or timezone.now()
    offer = running(programme, now).filter(pk=number).first()
    if offer is None:
        return None
    reader = _reader_of(person, programme)
    _found, left_out = _can_be_had([offer], reader, programme, now)
    if left_out and left_out[offer.pk] not in _STILL_SHOWN:
        return None
    if offer.is_general:
        return Chosen(offer)
    eligible, _segment = _eligible([offer], reader, programme, OfferPolicy.of(programme))
    if not eligible or eligible[0].arm is not Arm.TREATMENT or reader.key is None:
        return None
    return Chosen(offer, stored_reasons(offer, reader.key) or eligible[0].reasons, is_personal=True)


def stored_reasons(offer: Offer, member_key: UUID) -> tuple[Mapping[str, Any], ...]:
    """Return the reason codes of the last decision by which the member got the offer. One query."""
    decision = (
        OfferDecision.objects.filter(member_key=member_key, chosen=offer, arm=Arm.TREATMENT).order_by("-at").first()
    )
    rows = decision.candidates if decision else []
    return next((tuple(row["reasons"]) for row in rows if row["offer"] == offer.pk), ())


def segment_of(member_key: UUID) -> str:
    """Return the member's segment; empty without one. One query."""
    return SegmentMembership.objects.filter(member_key=member_key).values_list("segment", flat=True).first() or ""
