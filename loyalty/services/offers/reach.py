"""Whom an offer would reach, as far as editors may know: how many, who else is after them, and what one member would get."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loyalty.models.ledger import Member
from loyalty.services.offers import audience, uplift
from loyalty.services.offers.audience import Size
from loyalty.services.offers.consents import Purpose, agrees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty.models import Offer, Programme
    from portal.accounts.models import User

#: For so long members are looked at while somebody waits.
SECONDS: Final = 2.0
#: The share that is assumed to reach a goal anyway, before anything is known.
ASSUMED: Final = 0.05


@dataclass(slots=True)
class Reach:
    """Whom conditions are about."""

    size: Size
    #: All members who want personal offers.
    of: Size
    #: Offers and how many members both are for.
    overlaps: list[tuple[Offer, Size]] = field(default_factory=list)
    #: Ids of some of the people; none of a small group.
    sample: list[int] = field(default_factory=list)
    #: From how many members, taken at random, the sizes are estimated; None if all were looked at.
    looked_at: int | None = None


def reach_of(tree: Mapping[str, Any], programme: Programme, *, others: Sequence[Offer] = (), sample: int = 0) -> Reach:
    """Return whom the conditions are about and whom of them other offers are for, too.

    Members are looked at once, whatever the number of offers, in portions of constant cost, for `SECONDS` at most: then the sizes
    are estimated from those that were looked at. They come in the order of their keys, which are random.
    """
    personal = [offer for offer in others if not offer.is_general]
    names = audience.facts_in(tree).union(*(audience.facts_in(offer.audience) for offer in personal))
    count = everybody = looked_at = 0
    shared = [0] * len(personal)
    people: list[int] = []
    is_sample = False
    until = time.monotonic() + SECONDS
    for portion in audience.portions(programme):
        looked_at += portion.looked_at
        everybody += len(portion.willing)
        known = audience.facts_of(programme, portion.willing, only=names) if names else {}
        for who in portion.willing:
            facts = known.get(who.key, {})
            if audience.matched(tree, facts) is None:
                continue
            count += 1
            if len(people) < sample:
                people.append(who.user_id)
            for number, offer in enumerate(personal):
                shared[number] += audience.matched(offer.audience, facts) is not None
        if is_sample := time.monotonic() >= until:
            break
    members = audience.people_of(programme).count() if is_sample else looked_at
    size, of, *both = (_size_of(found, looked_at, members) for found in (count, everybody, *shared))
    return Reach(
        size=size,
        of=of,
        overlaps=list(zip(personal, both, strict=True)),
        sample=[] if Size(count).is_small else people,  # of those that were found, whatever the estimate
        looked_at=looked_at if members > looked_at else None,
    )


def _size_of(found: int, looked_at: int, members: int) -> Size:
    return Size(found if looked_at >= members else round(found * members / looked_at))


def detectable(size: Size, control_percent: int) -> float | None:
    """Return the smallest difference that could be found with so many members; None if it cannot be measured at all."""
    if size.shown is None or not control_percent:
        return None
    control = size.shown * control_percent // 100
    arms = [uplift.Arm(members, round(members * ASSUMED)) for members in (size.shown - control, control)]
    return uplift.detectable_difference(*arms)


@dataclass(frozen=True, slots=True)
class Judged:
    """What conditions say of one member."""

    #: Whether they want personal offers at all.
    is_willing: bool
    #: Codes of what was fulfilled; None if the conditions are not, or if nobody may look.
    reasons: list[dict[str, Any]] | None


def judge(tree: Mapping[str, Any], programme: Programme, person: User) -> Judged | None:
    """Return whether one person would be offered it, and by what; None for somebody who is no member.

    Conditions are not judged of somebody who wants no personal offers: staff would learn what was not agreed to.
    """
    member = Member.objects.filter(user=person).first()
    if member is None:
        return None
    who = audience.Who(member.key, person.pk)
    is_willing = agrees(member.key, Purpose.PROFILING)
    if tree and not is_willing:
        return Judged(is_willing=False, reasons=None)
    facts = audience.facts_of(programme, [who], only=audience.facts_in(tree)) if tree else {}
    return Judged(is_willing=is_willing, reasons=audience.matched(tree, facts.get(member.key, {})))
