"""The tables of tiers: which levels there are, what they take, and who moved from one to another, when and why.

A set of tiers is versioned: what was published is never changed, another version replaces it. Moves are append-only. Triggers of
the database (migration 0008) refuse everything else, whoever writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.earning import PublishedModel, VersionState
from loyalty.models.ledger import AppendOnlyModel, Programme, Wallet
from portal.core.localized import LocalizedTextField

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: Icons of tiers: names of the interface's icons, and what they show.
ICONS: Final[tuple[tuple[str, _StrPromise], ...]] = (
    ("star", pgettext_lazy("tier icon", "Star")),
    ("medal", pgettext_lazy("tier icon", "Medal")),
    ("crown", pgettext_lazy("tier icon", "Crown")),
    ("gem", pgettext_lazy("tier icon", "Gem")),
    ("trophy", pgettext_lazy("tier icon", "Trophy")),
)
#: Hues of the card and the badge.
COLOURS: Final[tuple[tuple[str, _StrPromise], ...]] = (
    ("bronze", pgettext_lazy("tier colour", "Bronze")),
    ("silver", pgettext_lazy("tier colour", "Silver")),
    ("gold", pgettext_lazy("tier colour", "Gold")),
    ("diamond", pgettext_lazy("tier colour", "Diamond")),
)


class TierProgramme(models.Model):
    """That members of a programme have tiers: by which status points, which follow the awards of the programme."""

    source = models.OneToOneField(Programme, on_delete=models.PROTECT, related_name="tiers")
    #: Its points are never spent and never expire.
    status = models.OneToOneField(Programme, on_delete=models.PROTECT, related_name="tiers_of")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.source_id} → {self.status_id}"


class TierSet(PublishedModel):
    """One version of all tiers of a programme, and of how they are reached and lost."""

    class Window(models.TextChoices):
        """Of which time the points count."""

        ROLLING = "rolling", pgettext_lazy("tiers", "The last 365 days")
        CALENDAR = "calendar", pgettext_lazy("tiers", "This calendar year or the last one, whichever is better")

    class Downgrade(models.TextChoices):
        """How far somebody falls who has too few points after the time of grace."""

        STEP = "step", pgettext_lazy("tiers", "One tier down")
        FULL = "full", pgettext_lazy("tiers", "To the tier that the points are enough for")

    tiers = models.ForeignKey(TierProgramme, on_delete=models.PROTECT, related_name="sets")
    #: Counts the versions from 1.
    number = models.PositiveIntegerField(editable=False)
    window = models.CharField(_("points of"), max_length=8, choices=Window, default=Window.ROLLING)
    grace_days = models.PositiveSmallIntegerField(
        _("days between the notice and the loss of a tier"), default=30, validators=[MaxValueValidator(365)]
    )
    downgrade = models.CharField(
        _("who has too few points falls"), max_length=4, choices=Downgrade, default=Downgrade.STEP
    )

    class Meta:
        verbose_name = _("set of tiers")
        verbose_name_plural = _("sets of tiers")
        default_permissions = ("view", "change")
        permissions = [("publish_tierset", "Can publish sets of tiers")]
        ordering = ["tiers_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["tiers", "number"], name="loyalty_tierset_number_unique"),
            models.UniqueConstraint(
                fields=["tiers"], condition=Q(state=VersionState.PUBLISHED), name="loyalty_tierset_published_once"
            ),
            models.UniqueConstraint(
                fields=["tiers"], condition=Q(state=VersionState.DRAFT), name="loyalty_tierset_drafted_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tiers_id}.{self.number}"


class Tier(models.Model):
    """One tier of a set. Changed and deleted with a draft only."""

    tier_set = models.ForeignKey(TierSet, on_delete=models.CASCADE, db_index=False, related_name="rows")
    #: The same in all versions: by it a member stays where they are when a version is published.
    code = models.SlugField(_("code"), max_length=40)
    name = LocalizedTextField(_("name"))
    threshold = models.PositiveIntegerField(_("from so many points"))
    #: One benefit a line.
    benefits = LocalizedTextField(_("benefits"), blank=True, default=dict)
    #: Hue of the card and the badge.
    colour = models.CharField(
        _("colour"),
        max_length=7,
        choices=COLOURS,
        default="bronze",
    )
    icon = models.CharField(_("icon"), max_length=7, choices=ICONS, default="star")

    class Meta:
        default_permissions = ("view",)
        ordering = ["tier_set_id", "threshold"]
        constraints = [
            models.UniqueConstraint(fields=["tier_set", "threshold"], name="loyalty_tier_threshold_unique"),
            models.UniqueConstraint(fields=["tier_set", "code"], name="loyalty_tier_code_unique"),
        ]

    def __str__(self) -> str:
        return str(self.name) or self.code

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a tier of a draft. Raises `TypeError` for one of a set that is not."""
        if not self.tier_set.is_draft:
            raise TypeError("What was published is not changed; make another draft.")
        super().save(*args, **kwargs)


class TierMembership(AppendOnlyModel):
    """One move of a member, or what they were told of one: the last row says where they are.

    A member without a row is in the lowest tier.
    """

    class Reason(models.TextChoices):
        UPGRADE = "upgrade", pgettext_lazy("tier move", "Enough points")
        NOTICE = "notice", pgettext_lazy("tier move", "Too few points: told when the tier ends")
        KEPT = "kept", pgettext_lazy("tier move", "Enough points again")
        DOWNGRADE = "downgrade", pgettext_lazy("tier move", "Too few points")
        TAKEN_BACK = "taken-back", pgettext_lazy("tier move", "Reached by points that were taken back")
        GRANTED = "granted", pgettext_lazy("tier move", "Given by staff")
        GRANT_ENDED = "grant-ended", pgettext_lazy("tier move", "What staff gave has ended")
        REPLACED = "replaced", pgettext_lazy("tier move", "The tiers were changed")

    class GrantReason(models.TextChoices):
        """Why staff gives a tier."""

        GOODWILL = "goodwill", pgettext_lazy("tier grant", "Goodwill")
        CORRECTION = "correction", pgettext_lazy("tier grant", "Correction of a mistake")
        PARTNER = "partner", pgettext_lazy("tier grant", "Partner or guest")
        TRIAL = "trial", pgettext_lazy("tier grant", "Trial")

    #: Of status points.
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="+")
    #: Counts the rows of the wallet from 1: two evaluations at the same moment cannot both write the next one.
    number = models.PositiveIntegerField()
    from_tier = models.ForeignKey(Tier, on_delete=models.PROTECT, null=True, related_name="+")
    to_tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=11, choices=Reason)
    #: Of a notice: the day on which the tier ends. Of a grant: its last day.
    due_on = models.DateField(null=True)
    #: Why a grant was made; empty for all others.
    grant_reason = models.CharField(max_length=10, choices=GrantReason, default="")
    #: Points that counted, of which time, of which version, and the last journal of them.
    evidence = models.JSONField(default=dict)
    #: ``rules``, or ``user:7``.
    actor = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("tier of a member")
        verbose_name_plural = _("tiers of members")
        default_permissions = ("view",)
        permissions = [("grant_tier", "Can give tiers to members")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "number"], name="loyalty_tiermembership_once")
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id}.{self.number}: {self.reason}"
