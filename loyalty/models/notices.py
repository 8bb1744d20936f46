"""What members were told about their points."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from loyalty.models.ledger import AppendOnlyModel, Wallet


class ExpiryWarning(AppendOnlyModel):
    """That a member was told some days ahead that points expire: once for each day of expiry and each step."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="+")
    #: The last day on which the points can be spent: the bucket of the lot.
    last_day = models.DateField()
    #: So many days ahead, or fewer if the job could not run: one of `loyalty.services.expiry.STEPS`.
    step = models.PositiveSmallIntegerField()
    #: How many points that was then.
    points = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "last_day", "step"], name="loyalty_expiry_warned_once")
        ]

    def __str__(self) -> str:
        return f"{self.last_day}: {self.points} ({self.step})"
