"""Leaderboards: who wants to be shown on them, and the places, which a job computes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from loyalty.models.ledger import Member, Programme


class BoardChoice(models.Model):
    """That a member wants to be shown on leaderboards. Without this row nobody else sees their place."""

    member = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="board_choice")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.member_id}: shown"


class BoardRow(models.Model):
    """The place of a member in a period. Computed; goes with the member."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, db_index=False, related_name="+")
    #: ``ever``, or ``month:2026-11-22`` by the first day of a month.
    period = models.CharField(max_length=20)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    points = models.BigIntegerField()
    #: 1 for the most points; equal points share a place, and the next one follows without a gap. Only members who are shown
    #: are counted: of somebody who is not, it is the place they would have.
    rank = models.PositiveIntegerField()
    #: Whether others may see it.
    is_shown = models.BooleanField(default=False)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["programme", "period", "member"], name="loyalty_boardrow_once"),
        ]
        indexes = [
            models.Index(fields=["programme", "period", "is_shown", "rank", "member"], name="loyalty_boardrow_rank"),
        ]

    def __str__(self) -> str:
        return f"{self.period}: {self.rank}"
