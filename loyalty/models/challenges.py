"""The tables of challenges: what members may take on within a time, and who completed it in which period.

A challenge that was published is never changed, and what members have is append-only, as with badges. Triggers of the
database (migration 0032) refuse everything else, whoever writes.
"""

from __future__ import annotations

from typing import ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.badges import ICONS
from loyalty.models.earning import PublishedModel
from loyalty.models.ledger import AppendOnlyModel, Programme, Wallet
from loyalty.models.offers import Segment
from portal.core.localized import LocalizedTextField

#: More of them would not be small.
MAX_TARGET: Final = 1_000
#: The most points for one completion.
MAX_POINTS: Final = 100_000
#: Period of what can be completed once.
ONCE: Final = "once"


class Challenge(PublishedModel):
    """So many awards of one kind within a time, for points, a badge, or the pleasure of it."""

    class Period(models.TextChoices):
        """Within which time they count."""

        MONTH = "month", pgettext_lazy("challenge", "Within a month of the calendar")
        FIXED = "fixed", pgettext_lazy("challenge", "Between two days")

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(_("code"), max_length=40)
    name = LocalizedTextField(_("name"))
    #: As members read it: “Help three people this month”.
    text = LocalizedTextField(_("what it takes"))
    icon = models.CharField(_("icon"), max_length=20, choices=ICONS, default="flag")
    #: Name of a `Trigger`: its awards are counted, as long as they stand.
    trigger = models.CharField(_("what happens"), max_length=50)
    target = models.PositiveIntegerField(
        _("so many times"), validators=[MinValueValidator(1), MaxValueValidator(MAX_TARGET)]
    )
    period = models.CharField(_("when"), max_length=7, choices=Period, default=Period.MONTH)
    #: Days of the programme. Without the first, a monthly one begins with the month in which it is published.
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    repeats = models.BooleanField(_("can be completed again every month"), default=True)
    points = models.PositiveIntegerField(
        _("points"),
        default=0,
        validators=[MaxValueValidator(MAX_POINTS)],
        help_text=_("For each completion, by the rule for completed challenges, with its limits. 0: none."),
    )
    is_badge = models.BooleanField(
        _("stays among the badges of the member"), default=True, help_text=_("Others see it on their public page.")
    )
    #: For whom it is; empty: for everybody. Code of a tier as with rewards.
    segment = models.CharField(_("for members who take part like this"), max_length=10, choices=Segment, blank=True)
    from_tier = models.SlugField(_("from which tier on"), max_length=40, default="", blank=True)
    #: ``user:7``: who wrote it last.
    drafted_by = models.CharField(max_length=64, default="", editable=False)

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        default_permissions = ("view", "change")
        permissions = [("publish_challenge", "Can publish and end challenges")]
        ordering = ["programme_id", "code"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "code"], name="loyalty_challenge_code_unique"),
            models.CheckConstraint(condition=Q(target__gte=1), name="loyalty_challenge_target"),
            models.CheckConstraint(
                condition=~Q(period="fixed") | Q(starts_on__isnull=False, ends_on__isnull=False),
                name="loyalty_challenge_fixed",
            ),
            models.CheckConstraint(
                condition=Q(starts_on__isnull=True) | Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="loyalty_challenge_days",
            ),
        ]
        indexes = [models.Index(fields=["programme", "trigger"], name="loyalty_challenge_trigger")]

    def __str__(self) -> str:
        return str(self.name) or self.code

    def clean(self) -> None:
        """Raise `ValidationError` if the time in which awards count is not told, or never comes."""
        is_fixed = self.period == self.Period.FIXED
        if is_fixed and (self.starts_on is None or self.ends_on is None):
            raise ValidationError({"starts_on": _("Say the first and the last day.")})
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": _("The last day is before the first one.")})
        if is_fixed:
            self.repeats = False

    @property
    def is_for_all(self) -> bool:
        """Whether everybody can take it on."""
        return not self.segment and not self.from_tier


class ChallengeRecord(AppendOnlyModel):
    """That a member completed a challenge in a period, or that what it rested on is gone. The last row of a period holds."""

    class What(models.TextChoices):
        COMPLETED = "completed", pgettext_lazy("challenge", "Completed")
        REVOKED = "revoked", pgettext_lazy("challenge", "Taken back: what it was for is gone")

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="records")
    #: Of the points whose awards were counted.
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="+")
    #: First day of the month, ``2026-11-22``, or ``once``.
    period = models.CharField(max_length=10)
    #: Counts the rows of a period from 1: two that judge at the same moment cannot both write the next one.
    number = models.PositiveIntegerField()
    what = models.CharField(max_length=9, choices=What)
    #: How many awards counted, of how many, and the last decision among them.
    evidence = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("challenge of a member")
        verbose_name_plural = _("challenges of members")
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["wallet", "challenge", "period", "number"], name="loyalty_challengerecord_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.challenge_id}.{self.wallet_id}.{self.period}.{self.number}: {self.what}"
