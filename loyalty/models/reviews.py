"""The tables of voting reviews: votes between members that look agreed, and what staff decided about them.

Members are known by their pseudonymous key only. A review that was decided about is never changed.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class VotingReview(models.Model):
    """Votes between a few members that staff should look at. While it is open, nothing happens to the points."""

    class Kind(models.TextChoices):
        """What is odd about the votes."""

        MUTUAL = "mutual", pgettext_lazy("voting review", "Two vote for each other, and for few others")
        RING = "ring", pgettext_lazy("voting review", "A small group votes mostly within itself")
        BURST = "burst", pgettext_lazy("voting review", "Many votes of one for another within minutes")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("voting review", "Open")
        CONFIRMED = "confirmed", pgettext_lazy("voting review", "Confirmed: the points were taken back")
        DISMISSED = "dismissed", pgettext_lazy("voting review", "Dismissed: all is well")

    kind = models.CharField(_("what is odd"), max_length=6, choices=Kind)
    #: Made of the kind and the members: the same group has one open review.
    fingerprint = models.CharField(max_length=64)
    #: One entry for each direction: giver, receiver, votes between them, votes the giver gave in all.
    evidence = models.JSONField(default=list)
    #: Ids of the votes, as events name them.
    sources = models.JSONField(default=list)
    #: The newest of these votes: what was looked at once is not looked at again.
    last_vote_at = models.DateTimeField()
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    #: ``user:7``: whoever decided.
    decided_by = models.CharField(max_length=64, default="")
    #: Points that were taken back.
    points = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("voting review")
        verbose_name_plural = _("voting reviews")
        default_permissions = ("view",)
        permissions = [("decide_votingreview", "Can decide about voting reviews")]
        ordering = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["fingerprint"], condition=Q(state="open"), name="loyalty_votingreview_open_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["fingerprint", "-last_vote_at"], name="loyalty_votingreview_group")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class ReviewedMember(models.Model):
    """Somebody whose votes, or points for votes, a review is about. The row goes with the member."""

    review = models.ForeignKey(VotingReview, on_delete=models.CASCADE, db_index=False, related_name="members")
    member_key = models.UUIDField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["review", "member_key"], name="loyalty_reviewedmember_once")
        ]
        indexes: ClassVar = [models.Index(fields=["member_key"], name="loyalty_reviewedmember_key")]

    def __str__(self) -> str:
        return f"{self.review_id}"
