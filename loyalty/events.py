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
