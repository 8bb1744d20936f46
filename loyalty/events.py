"""What happens in this app that its own later parts follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from portal.core.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class PointsDecided(DomainEvent):
    """It was decided what an event is worth in a wallet, for the first time or again. Read the decisions: there may be more."""

    name: ClassVar[str] = "loyalty.points_decided"
    merges: ClassVar[bool] = True

    event_id: int
    wallet_id: int


@dataclass(frozen=True, kw_only=True)
class SomethingMoved(DomainEvent):
    """A row was written about a member's tier, badge or reward: ``tier.changed``, ``badge.changed``, ``reward.changed``."""

    name: ClassVar[str] = "loyalty.something_moved"

    kind: str
    row: int


@dataclass(frozen=True, kw_only=True)
class ChallengeMoved(DomainEvent):
    """A member completed a challenge in a period, or what that rested on is gone. Read the records: the last one holds."""

    name: ClassVar[str] = "loyalty.challenge_moved"
    merges: ClassVar[bool] = True

    challenge: int
    wallet: int
    period: str


@dataclass(frozen=True, kw_only=True)
class WebhookDue(DomainEvent):
    """A message waits for another system."""

    name: ClassVar[str] = "loyalty.webhook_due"

    delivery: int
