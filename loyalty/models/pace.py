"""The tables of pace: how fast members usually earn, who earned faster, and what staff decided about it.

Points that came faster than usual are booked and pending until staff have looked: nobody loses any by that.
"""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.earning import LoyaltyEvent
from loyalty.models.ledger import Programme, Wallet

#: Characters of a keyed hash of an address.
ADDRESS_LENGTH: Final = 32


class PaceBaseline(models.Model):
    """How many awards of a rule, or of all rules (empty), members get on days on which they get any. Worked out every night."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, db_index=False, related_name="+")
    rule = models.CharField(max_length=40, default="")
    mean = models.FloatField()
    deviation = models.FloatField()
    #: Days of members that were counted.
    days = models.PositiveIntegerField()
    worked_out_on = models.DateField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "rule"], name="loyalty_pacebaseline_unique")
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.mean}"


class PaceReview(models.Model):
    """Awards of a member that came faster than usual. Their points are pending until somebody has looked."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("pace review", "Open")
        RELEASED = "released", pgettext_lazy("pace review", "All is well: the points were released")
        REVERSED = "reversed", pgettext_lazy("pace review", "The points were taken back")

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="+")
    #: One entry for each event: what was fast, how many awards it made, and what is usual.
    evidence = models.JSONField(default=list)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    #: ``user:7``: whoever decided.
    decided_by = models.CharField(max_length=64, default="")
    #: Points that were released or taken back.
    points = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("review of fast earning")
        verbose_name_plural = _("reviews of fast earning")
        default_permissions = ()
        ordering = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet"], condition=Q(state="open"), name="loyalty_pacereview_open_once")
        ]
        indexes: ClassVar = [models.Index(fields=["wallet", "state"], name="loyalty_pacereview_wallet")]

    def __str__(self) -> str:
        return f"{self.wallet_id} {self.state}"


class PaceEvent(models.Model):
    """An event whose points wait for a review."""

    review = models.ForeignKey(PaceReview, on_delete=models.CASCADE, db_index=False, related_name="events")
    event = models.ForeignKey(LoyaltyEvent, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["review", "event"], name="loyalty_paceevent_once")]

    def __str__(self) -> str:
        return f"{self.review_id} {self.event_id}"


class MemberAddress(models.Model):
    """From where somebody signed in last, as a keyed hash that says nothing by itself: who earns from one place is counted together."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=ADDRESS_LENGTH)
    noted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        indexes: ClassVar = [models.Index(fields=["address", "-noted_at"], name="loyalty_memberaddress_address")]

    def __str__(self) -> str:
        return self.address
