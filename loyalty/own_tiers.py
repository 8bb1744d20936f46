"""What a member's page shows of tiers: where they are, how far the next one is, what each brings, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loyalty import queries
from loyalty.buckets import today_of
from loyalty.models.tiers import TierSet
from loyalty.services import tiers
from loyalty.services.tiers import Earned

if TYPE_CHECKING:
    import datetime as dt

    from loyalty.models import Earning, Tier
    from portal.accounts.models import User

#: Words beside the marks of a path get too narrow if there are more tiers.
_MOST_STEPS: Final = 6


@dataclass(frozen=True, slots=True)
class Step:
    """A tier on the path."""

    tier: Tier
    is_reached: bool
    is_now: bool


@dataclass(frozen=True, slots=True)
class TierPath:
    """The path of one member through the tiers of a programme."""

    steps: list[Step]
    now: Tier
    next: Tier | None
    points: int
    #: Of the next tier; 0 on the last one.
    missing: int
    #: The day on which the tier ends unless the points are enough by then.
    ends_on: dt.date | None
    #: The last day of what staff gave.
    granted_until: dt.date | None
    is_calendar: bool

    @property
    def benefits(self) -> list[str]:
        """What the tier brings."""
        return lines_of(self.now)

    @property
    def next_benefits(self) -> list[str]:
        """What the next tier brings that this one does not."""
        return [line for line in lines_of(self.next) if line not in self.benefits] if self.next else []


def lines_of(tier: Tier) -> list[str]:
    """Return the benefits of a tier, in the reader's language."""
    return [line.strip() for line in str(tier.benefits).splitlines() if line.strip()]


def path_of(person: User, shown: Earning) -> TierPath | None:
    """Return the person's path in the programme; None if it has no tiers. Up to six queries; writes nothing."""
    position = tiers.position_of(shown.programme, queries.wallets_of(person))
    if position is None:
        return None
    rules, ladder, standing, at = position.rules, position.ladder, position.standing, position.at
    earned = Earned()
    if position.wallet_id is not None:
        periods = tiers.periods_that_count(rules.tiers.status, rules.window, today_of(rules.tiers.status))
        earned = tiers.earned_by([position.wallet_id], periods).get(position.wallet_id, earned)
    following = ladder.tiers[at + 1] if at + 1 < len(ladder.tiers) else None
    is_given = (
        standing.granted is not None
        and ladder.place_of(standing.granted) == at
        and ladder.for_points(earned.points) < at
    )
    first = max(0, min(at - 1, len(ladder.tiers) - _MOST_STEPS))
    return TierPath(
        steps=[
            Step(tier, place <= at, place == at)
            for place, tier in enumerate(ladder.tiers)
            if first <= place < first + _MOST_STEPS
        ],
        now=ladder.tiers[at],
        next=following,
        points=earned.points,
        missing=max(0, following.threshold - earned.points) if following else 0,
        ends_on=standing.ends_on,
        granted_until=standing.granted_until if is_given else None,
        is_calendar=rules.window == TierSet.Window.CALENDAR,
    )
