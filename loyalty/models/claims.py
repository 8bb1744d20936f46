"""What members miss: points they expected for something, on a day, that the portal could not explain to them."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.ledger import Member, Programme

CLAIM_NOTE_LENGTH: Final = 500


class PointsClaim(models.Model):
    """A question to staff about missing points. Goes with the member."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("claim", "Being looked into")
        GIVEN = "given", pgettext_lazy("claim", "The points were added")
        RIGHT = "right", pgettext_lazy("claim", "It was right: no points for this")
        UNKNOWN = "unknown", pgettext_lazy("claim", "Nothing was found about it")

    member = models.ForeignKey(Member, on_delete=models.CASCADE, db_index=False, related_name="claims")
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    #: Name of a `Trigger`.
    trigger = models.CharField(max_length=50)
    day = models.DateField()
    note = models.CharField(_("note"), max_length=CLAIM_NOTE_LENGTH, blank=True)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.OPEN)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)
    #: ``user:7``, as in journals.
    answered_by = models.CharField(max_length=64, default="")

    class Meta:
        verbose_name = _("claim of missing points")
        verbose_name_plural = _("claims of missing points")
        default_permissions = ()
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "programme", "trigger", "day"],
                condition=Q(state="open"),
                name="loyalty_claim_open_once",
            )
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="loyalty_claim_state"),
            models.Index(fields=["member", "-id"], name="loyalty_claim_member"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger} {self.day}: {self.state}"
