"""Where a member belongs: pure functions of points, tiers and what was decided before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from loyalty.models.tiers import TierMembership, TierSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loyalty.models.tiers import Tier

Reason = TierMembership.Reason


class Earned(NamedTuple):
    """Status points of the time that counts."""

    #: Those that still stand.
    points: int = 0
    #: With those that were taken back since.
    with_taken_back: int = 0
    #: The last journal among them.
    last_journal: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member is, by what was written down."""

    tier: Tier | None = None
    since: dt.date | None = None
    reason: str = ""
    #: The day on which the tier ends, if the member was told so and nothing has changed since.
    ends_on: dt.date | None = None
    #: What staff gave, and its last day.
    granted: Tier | None = None
    granted_until: dt.date | None = None
    #: Number of the last row.
    number: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be written down: positions in the ladder."""

    reason: str
    at: int
    to: int
    due_on: dt.date | None = None


def standing_of(rows: Iterable[TierMembership], zone: dt.tzinfo) -> Standing:
    """Return where a member is after these rows, in the order of their numbers; days are those of the time zone."""
    standing = Standing()
    for row in rows:
        granted, until = standing.granted, standing.granted_until
        if row.reason == Reason.GRANTED:
            granted, until = row.to_tier, row.due_on
        elif row.reason == Reason.GRANT_ENDED:
            granted, until = None, None
        has_moved = row.from_tier_id != row.to_tier_id or row.reason == Reason.GRANTED
        standing = Standing(
            tier=row.to_tier,
            since=row.created_at.astimezone(zone).date() if has_moved else standing.since,
            reason=row.reason,
            ends_on=row.due_on if row.reason == Reason.NOTICE else None,
            granted=granted,
            granted_until=until,
            number=row.number,
        )
    return standing


class Ladder:
    """The tiers of a set from the lowest up. A position is an index."""

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self.tiers = sorted(tiers, key=lambda tier: tier.threshold)
        self._by_code = {tier.code: place for place, tier in enumerate(self.tiers)}

    def for_points(self, points: int) -> int:
        """Return the highest tier for so many points."""
        return max((place for place, tier in enumerate(self.tiers) if tier.threshold <= points), default=0)

    def place_of(self, tier: Tier | None) -> int:
        """Return where somebody is who has this tier, perhaps of another set: by its code, else by what it took."""
        if tier is None:
            return 0
        return self._by_code.get(tier.code, self.for_points(tier.threshold))


def judge(ladder: Ladder, rules: TierSet, standing: Standing, earned: Earned, today: dt.date) -> Move | None:
    """Return the move of a member today; None if there is none.

    Up at once. Down after a notice and the days of grace; at once if the tier was reached lately, and by points that
    were taken back, and when what staff gave has ended.
    """
    at = ladder.place_of(standing.tier)
    is_granted = standing.granted_until is not None and today <= standing.granted_until
    target = max(ladder.for_points(earned.points), ladder.place_of(standing.granted) if is_granted else 0)
    if target > at:
        return Move(Reason.UPGRADE, at, target)
    if target == at:
        if standing.ends_on is not None:
            return Move(Reason.KEPT, at, at)
        is_gone = standing.tier is not None and standing.tier.code != ladder.tiers[at].code
        return Move(Reason.REPLACED, at, at) if is_gone else None
    reason, due_on = _fall(rules, standing, today, is_taken_back=ladder.for_points(earned.with_taken_back) >= at) or (
        "",
        None,
    )
    if not reason:
        return None
    if reason == Reason.NOTICE:
        return Move(reason, at, at, due_on=due_on)
    is_step = reason == Reason.DOWNGRADE and rules.downgrade == TierSet.Downgrade.STEP
    return Move(reason, at, at - 1 if is_step else target)


def _fall(
    rules: TierSet, standing: Standing, today: dt.date, *, is_taken_back: bool
) -> tuple[str, dt.date | None] | None:
    """Return what happens today to somebody with too few points, and when more does."""
    if standing.reason == Reason.GRANTED:  # it is over: nobody waits for what was known from the beginning
        return Reason.GRANT_ENDED, None
    grace = dt.timedelta(days=rules.grace_days)
    if is_taken_back and standing.since is not None and today <= standing.since + grace:
        return Reason.TAKEN_BACK, None
    if standing.ends_on is None and rules.grace_days:
        return Reason.NOTICE, today + grace
    return (Reason.DOWNGRADE, None) if standing.ends_on is None or today >= standing.ends_on else None
