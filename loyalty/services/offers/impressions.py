"""What was decided and shown, stored in batches: a page that shows offers writes nothing (`portal.insight.recorder`)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from loyalty.models.ledger import Member
from loyalty.models.offers import DECISIONS, Arm, Offer, OfferAnswer, OfferAssignment, OfferDecision, OfferShown
from loyalty.services.offers.scoring import POLICY_VERSION, Tally
from portal.core.memo import Memo
from portal.insight.recorder import recorder

if TYPE_CHECKING:
    from uuid import UUID

#: Views within this time are one visit: reloading a page shows nothing again.
VISIT: Final = dt.timedelta(minutes=30)
#: Rows about what was shown are kept for so long.
KEEP_SHOWN: Final = dt.timedelta(days=396)
#: Decisions are needed as long as somebody may ask “why?”; learning and reports use the other rows.
KEEP_DECISIONS: Final = dt.timedelta(days=90)
_PORTION: Final = 5000


class Place(NamedTuple):
    """One place of a page: what was chosen for it, and what became of it."""

    offer_id: int
    arm: Arm
    #: As they are stored: offer, score, propensity, reason codes.
    candidates: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """A member looked at a page with offers."""

    at: dt.datetime
    programme_id: int
    member_key: UUID
    slot: str
    segment: str
    places: tuple[Place, ...]
    #: The groups in which the member is, of each offer that they could get.
    groups: tuple[tuple[int, Arm], ...]


def _uid(looked: Looked, number: int, place: Place) -> uuid.UUID:
    """The same decision on the same day is the same row."""
    day = timezone.localdate(looked.at)
    name = f"{looked.programme_id}:{looked.member_key}:{looked.slot}:{day}:{number}:{place.offer_id}:{place.arm}"
    return uuid.uuid5(DECISIONS, name)


def _store(batch: Sequence[Looked]) -> None:
    """Store what members saw, except those who left meanwhile, and what they saw in the same visit already."""
    with transaction.atomic():
        here = set(Member.objects.filter(key__in={one.member_key for one in batch}).values_list("key", flat=True))
        stayed = [one for one in batch if one.member_key in here]
        if not stayed:
            return
        OfferDecision.objects.bulk_create(_decisions(stayed), ignore_conflicts=True)
        OfferAssignment.objects.bulk_create(
            [
                OfferAssignment(offer_id=offer, member_key=one.member_key, arm=arm, first_at=one.at)
                for one in stayed
                for offer, arm in one.groups
            ],
            ignore_conflicts=True,
        )
        OfferShown.objects.bulk_create(_shown(stayed))


def _decisions(batch: Sequence[Looked]) -> list[OfferDecision]:
    return [
        OfferDecision(
            uid=_uid(one, number, place),
            programme_id=one.programme_id,
            member_key=one.member_key,
            slot=one.slot,
            chosen_id=place.offer_id,
            candidates=place.candidates,
            arm=place.arm,
            policy_version=POLICY_VERSION,
            at=one.at,
        )
        for one in batch
        for number, place in enumerate(one.places)
        if place.candidates
    ]


def _shown(batch: Sequence[Looked]) -> list[OfferShown]:
    since = min(one.at for one in batch) - VISIT
    recent = OfferShown.objects.filter(member_key__in={one.member_key for one in batch}, at__gt=since)
    last: dict[tuple[UUID, int, str], dt.datetime] = {}
    for key, offer, slot, at in recent.order_by("at").values_list("member_key", "offer_id", "slot", "at"):
        last[key, offer, slot] = at
    rows = []
    for one in batch:
        for place in one.places:
            name = (one.member_key, place.offer_id, one.slot)
            if name in last and one.at - last[name] < VISIT:
                continue
            last[name] = one.at
            rows.append(
                OfferShown(
                    offer_id=place.offer_id,
                    member_key=one.member_key,
                    slot=one.slot,
                    arm=place.arm,
                    segment=one.segment,
                    at=one.at,
                )
            )
    return rows


looks: Final = recorder.kind("offers", store=_store)

# What was learnt ------------------------------------------------------------------------------------------------------

#: By programme: how often each offer was shown and accepted, of everybody (segment "*") and of each segment.
_tallies: Final[Memo[dict[tuple[int, str], Tally]]] = Memo(max_size=16, seconds=60.0, scopes=("offers",))
EVERYBODY: Final = "*"


def tallies_of(programme_id: int) -> dict[tuple[int, str], Tally]:
    """Return how often each running offer was shown and accepted; a minute old at most. Two queries, sometimes."""
    return _tallies.get(programme_id, lambda: _count(programme_id))


def _count(programme_id: int) -> dict[tuple[int, str], Tally]:
    running = Offer.objects.filter(programme=programme_id, state=Offer.State.PUBLISHED).values("pk")
    shown = OfferShown.objects.filter(offer__in=running, arm=Arm.TREATMENT).order_by().values_list("offer", "segment")
    accepted = OfferAnswer.objects.filter(offer__in=running, kind=OfferAnswer.Kind.ACCEPTED).order_by()
    counted: dict[tuple[int, str], Tally] = {}
    for offer, segment, times in shown.annotate(times=Count("pk")):
        _add(counted, offer, segment, Tally(times, 0))
    for offer, segment, times in accepted.values_list("offer", "segment").annotate(times=Count("pk")):
        _add(counted, offer, segment, Tally(0, times))
    return counted


def _add(counted: dict[tuple[int, str], Tally], offer: int, segment: str, more: Tally) -> None:
    for name in (segment, EVERYBODY):
        known = counted.get((offer, name), Tally())
        counted[offer, name] = Tally(known.shown + more.shown, known.accepted + more.accepted)


# Forgetting -----------------------------------------------------------------------------------------------------------


def forget_old() -> int:
    """Delete what was shown and decided too long ago, in portions; return how many rows."""
    now = timezone.now()
    gone = 0
    for model, keep in ((OfferShown, KEEP_SHOWN), (OfferDecision, KEEP_DECISIONS)):
        while ids := list(model.objects.filter(at__lt=now - keep).values_list("pk", flat=True)[:_PORTION]):
            gone += model.objects.filter(pk__in=ids).delete()[0]
    return gone


def is_anything_old() -> bool:
    """Return whether `forget_old` has something to do."""
    now = timezone.now()
    return (
        OfferShown.objects.filter(at__lt=now - KEEP_SHOWN).exists()
        or OfferDecision.objects.filter(at__lt=now - KEEP_DECISIONS).exists()
    )
