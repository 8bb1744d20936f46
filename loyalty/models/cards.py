"""Membership cards."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from loyalty.models.ledger import Member


class MemberCard(models.Model):
    """The number by which a member is known at a counter. Random: it says nothing about the account. Goes with the member."""

    member = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="card")
    #: See `loyalty.services.cards`.
    number = models.CharField(max_length=12)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["number"], name="loyalty_card_number_unique")]

    def __str__(self) -> str:
        return self.number
