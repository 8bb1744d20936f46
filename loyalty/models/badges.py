"""The tables of badges: what they are for, and who has one, lost it, or got it back.

A badge that was published is never changed, so nobody loses one by an edit; what members have is append-only. Triggers of
the database (migration 0013) refuse everything else, whoever writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.earning import PublishedModel
from loyalty.models.ledger import AppendOnlyModel, Programme, Wallet
from loyalty.models.tiers import ICONS as TIER_ICONS
from portal.core.localized import LocalizedTextField

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: Icons of badges: names of the interface's icons, and what they show.
ICONS: Final[tuple[tuple[str, _StrPromise], ...]] = (
    *TIER_ICONS,
    ("award", pgettext_lazy("badge icon", "Rosette")),
    ("circle-check", pgettext_lazy("badge icon", "Tick")),
    ("thumbs-up", pgettext_lazy("badge icon", "Thumb up")),
    ("sparkles", pgettext_lazy("badge icon", "Sparkles")),
    ("lightbulb", pgettext_lazy("badge icon", "Light bulb")),
    ("flag", pgettext_lazy("badge icon", "Flag")),
    ("message-circle", pgettext_lazy("badge icon", "Speech bubble")),
    ("user-plus", pgettext_lazy("badge icon", "Somebody new")),
)
#: More of them would not be counted at once.
MAX_TARGET: Final = 10_000


class Badge(PublishedModel):
    """A mark for so many awards of one kind. To change one that is published, end it and publish another."""

    class Period(models.TextChoices):
        """Within which time they count."""

        EVER = "ever", pgettext_lazy("badge", "Whenever")
        ROLLING = "rolling", pgettext_lazy("badge", "Within so many days, whenever these are")
        FIXED = "fixed", pgettext_lazy("badge", "Between two days")

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(_("code"), max_length=40)
    name = LocalizedTextField(_("name"))
    #: As everybody reads it: “Ten of your answers were accepted”.
    text = LocalizedTextField(_("what it is for"))
    icon = models.CharField(_("icon"), max_length=20, choices=ICONS, default="award")
    #: Name of a `Trigger`: its awards are counted, as long as they stand.
    trigger = models.CharField(_("what happens"), max_length=50)
    target = models.PositiveIntegerField(
        _("so many times"), validators=[MinValueValidator(1), MaxValueValidator(MAX_TARGET)]
    )
    period = models.CharField(_("when"), max_length=7, choices=Period, default=Period.EVER)
    days = models.PositiveSmallIntegerField(
        _("within so many days"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(731)]
    )
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    #: Whether others see it on the page of the member.
    is_public = models.BooleanField(
        _("shown on the public page of the member"),
        default=True,
        help_text=_("Not for what nobody else should know of somebody, such as purchases."),
    )

    class Meta:
        verbose_name = _("badge")
        verbose_name_plural = _("badges")
        default_permissions = ("view", "change")
        permissions = [("publish_badge", "Can publish and end badges")]
        ordering = ["programme_id", "target", "code"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "code"], name="loyalty_badge_code_unique"),
            models.CheckConstraint(condition=Q(target__gte=1), name="loyalty_badge_target"),
            models.CheckConstraint(
                condition=~Q(period="rolling") | Q(days__isnull=False, days__gte=1), name="loyalty_badge_rolling"
            ),
            models.CheckConstraint(
                condition=~Q(period="fixed")
                | Q(starts_on__isnull=False, ends_on__isnull=False, ends_on__gte=F("starts_on")),
                name="loyalty_badge_fixed",
            ),
        ]
        indexes = [models.Index(fields=["programme", "trigger"], name="loyalty_badge_trigger")]

    def __str__(self) -> str:
        return str(self.name) or self.code

    def clean(self) -> None:
        """Raise `ValidationError` if the time in which awards count is not told; forget what is not needed for it."""
        is_rolling, is_fixed = self.period == self.Period.ROLLING, self.period == self.Period.FIXED
        if is_rolling and not self.days:
            raise ValidationError({"days": _("Say within how many days.")})
        if is_fixed and (self.starts_on is None or self.ends_on is None):
            raise ValidationError({"starts_on": _("Say the first and the last day.")})
        if is_fixed and self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": _("The last day is before the first one.")})
        self.days = self.days if is_rolling else None
        self.starts_on, self.ends_on = (self.starts_on, self.ends_on) if is_fixed else (None, None)


class BadgeRecord(AppendOnlyModel):
    """That a member got a badge, or that what it rested on is gone. The last row of both says whether they have it."""

    class What(models.TextChoices):
        AWARDED = "awarded", pgettext_lazy("badge", "Earned")
        REVOKED = "revoked", pgettext_lazy("badge", "Taken back: what it was for is gone")

    badge = models.ForeignKey(Badge, on_delete=models.PROTECT, related_name="records")
    #: Of the points whose awards were counted.
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="+")
    #: Counts the rows of both from 1: two that judge at the same moment cannot both write the next one.
    number = models.PositiveIntegerField()
    what = models.CharField(max_length=7, choices=What)
    #: How many awards counted, of how many, and the last decision among them.
    evidence = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("badge of a member")
        verbose_name_plural = _("badges of members")
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "badge", "number"], name="loyalty_badgerecord_once")
        ]

    def __str__(self) -> str:
        return f"{self.badge_id}.{self.wallet_id}.{self.number}: {self.what}"
