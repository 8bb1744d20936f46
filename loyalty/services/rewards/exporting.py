"""What is stored about the rewards a person took, for “My data”."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loyalty.models.rewards import Redemption
from loyalty.services.rewards.redeeming import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.accounts.models import User


def export_redemptions(user: User) -> Iterator[dict[str, Any]]:
    """Yield everything the person took, as values for JSON, newest first. Codes are shown on their page only."""
    own = Redemption.objects.visible_to(user).select_related("reward", "parcel").prefetch_related("steps")
    for redemption in own.order_by("-pk").iterator(chunk_size=500):
        parcel = getattr(redemption, "parcel", None)
        address = address_of(parcel) if parcel else None
        yield {
            "reward": dict(redemption.reward.name),
            "price": redemption.price,
            "given_back": redemption.refunded,
            "state": redemption.state,
            "created_at": redemption.created_at.isoformat(),
            "steps": [
                {
                    "state": step.state,
                    "reason": step.reason,
                    "points": step.points,
                    "created_at": step.created_at.isoformat(),
                }
                for step in redemption.steps.all()
            ],
            "sent_to": asdict(address) if address else None,
            "carrier": parcel.carrier if parcel else "",
            "tracking": parcel.tracking if parcel else "",
        }
