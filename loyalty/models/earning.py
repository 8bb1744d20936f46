"""The tables of earning: rules with their versions, campaigns, events, and what was decided about each of them.

What was published is never changed, and what was decided is never changed or deleted: triggers of the database
(migration 0004) refuse it, whoever writes. Events and decisions know people by their pseudonymous key only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.ledger import AppendOnlyModel, Programme, Wallet
from portal.core.localized import LocalizedTextField

if TYPE_CHECKING:
    from collections.abc import Collection

#: The most points that one rule awards for one event.
MAX_POINTS: Final = 1_000_000


class Earning(models.Model):
    """How points of a programme are earned. Without this row nothing that happens is recorded for the programme."""

    programme = models.OneToOneField(Programme, on_delete=models.PROTECT, related_name="earning")
    name = LocalizedTextField(_("name of the programme"))
    is_open = models.BooleanField(
        _("shown to members"), default=False, help_text=_("Members see their points and how to earn more.")
    )
    #: The most points of all rules together that one member earns; None: no limit.
    cap_day = models.PositiveIntegerField(_("most points per member and day"), null=True, blank=True)
    cap_week = models.PositiveIntegerField(_("most points per member and week"), null=True, blank=True)
    cap_month = models.PositiveIntegerField(_("most points per member and month"), null=True, blank=True)

    class Meta:
        verbose_name = _("earning points")
        verbose_name_plural = _("earning points")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return str(self.name) or self.programme.code


class EarningRule(models.Model):
    """What points are given for. Its versions say how many, and when."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    #: Part of the keys under which awards are booked, so that no version pays for what another one paid for.
    code = models.SlugField(_("code"), max_length=40)
    name = LocalizedTextField(_("name"), help_text=_("As members read it: “An accepted answer”."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        ordering = ["code"]
        permissions = [("publish_earningrule", "Can publish and end earning rules and campaigns")]
        constraints = [models.UniqueConstraint(fields=["programme", "code"], name="loyalty_rule_code_unique")]

    def __str__(self) -> str:
        return str(self.name) or self.code


class Rounding(models.TextChoices):
    """What becomes of fractions of a point."""

    FLOOR = "floor", pgettext_lazy("rounding", "Down")
    HALF_UP = "half-up", pgettext_lazy("rounding", "To the nearest, halves up")
    CEILING = "ceiling", pgettext_lazy("rounding", "Up")


class Stacking(models.TextChoices):
    """What happens if several rules of one group match."""

    SUM = "sum", pgettext_lazy("stacking", "All of them count")
    BEST = "best", pgettext_lazy("stacking", "Only the one with the most points")
    EXCLUSIVE = "exclusive", pgettext_lazy("stacking", "Only the first")


class CapMode(models.TextChoices):
    """What happens if an award exceeds a limit."""

    CLIP = "clip", pgettext_lazy("limit", "Give what is left")
    REJECT = "reject", pgettext_lazy("limit", "Give nothing")


class VersionState(models.TextChoices):
    """States of what is published."""

    DRAFT = "draft", pgettext_lazy("rule", "Draft")
    PUBLISHED = "published", pgettext_lazy("rule", "Published")
    RETIRED = "retired", pgettext_lazy("rule", "Ended")


class PublishedModel(models.Model):
    """A model whose rows can be changed and deleted while they are drafts only. Triggers refuse everybody else."""

    state = models.CharField(_("state"), max_length=9, choices=VersionState, default=VersionState.DRAFT, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    #: ``user:7``: whoever published it.
    published_by = models.CharField(max_length=64, default="", editable=False)
    retired_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    #: As it was read from the database; a draft before that.
    _stored_state: str = VersionState.DRAFT

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a draft. Raises `TypeError` for a row that is not: `loyalty.services.earning` publishes and ends it."""
        if not self.is_draft:
            raise TypeError(f"{self._meta.label}: what was published is not changed; make another draft.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Delete a draft. Raises `TypeError` for what was ever published."""
        if not self.is_draft:
            raise TypeError(f"{self._meta.label}: what was published is not deleted; end it.")
        return super().delete(*args, **kwargs)

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any) -> Self:
        read = super().from_db(db, field_names, values, **kwargs)
        read._stored_state = read.state  # noqa: SLF001 - our own
        return read

    @property
    def is_draft(self) -> bool:
        return self.state == self._stored_state == VersionState.DRAFT


class RuleVersion(PublishedModel):
    """One version of a rule: for which events it gives how many points, and how often."""

    rule = models.ForeignKey(EarningRule, on_delete=models.PROTECT, related_name="versions")
    #: Counts the versions of the rule from 1.
    number = models.PositiveIntegerField(editable=False)
    #: Name of a `Trigger`.
    trigger = models.CharField(_("what happens"), max_length=50)
    #: A tree: see `loyalty.services.earning.conditions`.
    conditions = models.JSONField(_("conditions"), default=dict, blank=True)
    points = models.PositiveIntegerField(_("points"), validators=[MinValueValidator(1), MaxValueValidator(MAX_POINTS)])
    #: A numeric fact of the trigger: `points` are given for each `per_units` of it. Empty: they are a fixed number.
    per_fact = models.CharField(_("for each"), max_length=50, default="", blank=True)
    per_units = models.PositiveIntegerField(_("units"), default=1, validators=[MinValueValidator(1)])
    rounding = models.CharField(_("rounding"), max_length=8, choices=Rounding, default=Rounding.FLOOR)
    #: Higher ones come first; equal ones by code.
    priority = models.SmallIntegerField(_("priority"), default=0, help_text=_("Higher numbers come first."))
    stack_group = models.SlugField(
        _("group"), max_length=40, default="", blank=True, help_text=_("Rules of one group are alternatives.")
    )
    stacking = models.CharField(
        _("if several of the group match"), max_length=9, choices=Stacking, default=Stacking.SUM
    )
    stop = models.BooleanField(_("stop here"), default=False, help_text=_("If it matches, no later rule does."))
    cap_mode = models.CharField(_("beyond a limit"), max_length=6, choices=CapMode, default=CapMode.CLIP)
    cap_day = models.PositiveIntegerField(_("most points per member and day"), null=True, blank=True)
    cap_week = models.PositiveIntegerField(_("most points per member and week"), null=True, blank=True)
    cap_month = models.PositiveIntegerField(_("most points per member and month"), null=True, blank=True)
    times_day = models.PositiveIntegerField(_("most times per member and day"), null=True, blank=True)
    times_ever = models.PositiveIntegerField(_("most times per member, ever"), null=True, blank=True)
    pending_days = models.PositiveSmallIntegerField(
        _("days until the points can be spent"), default=3, validators=[MaxValueValidator(60)]
    )
    #: ``user:7``: whoever wrote the draft last. None of what was written before this was noted.
    drafted_by = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001 - the table is not made again

    class Meta:
        verbose_name = _("version of an earning rule")
        verbose_name_plural = _("versions of earning rules")
        default_permissions = ("view",)
        ordering = ["rule_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="loyalty_version_number_unique"),
            models.UniqueConstraint(
                fields=["rule"], condition=Q(state=VersionState.PUBLISHED), name="loyalty_version_published_once"
            ),
            models.UniqueConstraint(
                fields=["rule"], condition=Q(state=VersionState.DRAFT), name="loyalty_version_drafted_once"
            ),
            models.CheckConstraint(
                condition=Q(points__gte=1, points__lte=MAX_POINTS, per_units__gte=1), name="loyalty_version_positive"
            ),
        ]
        indexes = [
            models.Index(fields=["trigger"], condition=Q(state=VersionState.PUBLISHED), name="loyalty_version_in_force")
        ]

    def __str__(self) -> str:
        return f"{self.rule} ({self.number})"


class Campaign(PublishedModel):
    """A time in which some rules give more, paid out of a budget."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(_("code"), max_length=40)
    name = LocalizedTextField(_("name"))
    #: 150: one and a half times the points.
    percent = models.PositiveIntegerField(
        _("per cent of the usual points"), validators=[MinValueValidator(101), MaxValueValidator(1000)]
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    #: 0 is Monday. None chosen: every day.
    weekdays = models.JSONField(_("on these days of the week"), default=list, blank=True)
    hour_from = models.PositiveSmallIntegerField(_("from the hour"), default=0, validators=[MaxValueValidator(23)])
    hour_to = models.PositiveSmallIntegerField(_("to the hour"), default=24, validators=[MaxValueValidator(24)])
    #: Rules it is for. None: all of the programme.
    rules = models.JSONField(_("for the rules"), default=list, blank=True)
    #: Name of a budget of the ledger that pays what is more than usual. Empty: no limit.
    budget = models.SlugField(_("budget"), max_length=40, default="", blank=True)
    #: Codes of segments (`loyalty.models.offers`), in one of which a member has to be. None: for everybody.
    segments = models.JSONField(_("only for members of these segments"), null=True, blank=True)
    #: ``user:7``: whoever wrote the draft last. None of what was written before this was noted.
    drafted_by = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001 - the table is not made again

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-starts_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "code"], name="loyalty_campaign_code_unique"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at"), hour_to__gt=F("hour_from")), name="loyalty_campaign_lasts"
            ),
        ]

    def __str__(self) -> str:
        return str(self.name) or self.code

    def clean(self) -> None:
        """Raise `ValidationError` for a campaign that never takes place."""
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": _("A campaign ends after it has begun.")})
        if self.hour_from is not None and self.hour_to is not None and self.hour_to <= self.hour_from:
            raise ValidationError({"hour_to": _("The second hour is after the first.")})


class LoyaltyEvent(AppendOnlyModel):
    """Something that happened for which a member may earn points. Recorded once, without any text."""

    #: Name of a `Trigger`.
    trigger = models.CharField(max_length=50)
    #: Which one, as an id that means nothing to a stranger: ``community.post:12``. Recorded once per trigger.
    source_id = models.CharField(max_length=50)
    #: What it stands and falls with: a post that is hidden takes the awards for it away.
    subject = models.CharField(max_length=50)
    #: Who would earn.
    member_key = models.UUIDField()
    facts = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["trigger", "source_id"], name="loyalty_event_once")]
        indexes = [
            models.Index(fields=["subject"], name="loyalty_event_subject"),
            models.Index(fields=["occurred_at"], name="loyalty_event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.trigger} {self.source_id}"


class Decision(AppendOnlyModel):
    """What an event was worth, and why: every rule that was considered, with the reason if it gave nothing."""

    class Outcome(models.TextChoices):
        EARNED = "earned", pgettext_lazy("points", "Points given")
        CLIPPED = "clipped", pgettext_lazy("points", "Fewer points, because of a limit")
        NONE = "none", pgettext_lazy("points", "No points")
        REVERSED = "reversed", pgettext_lazy("points", "Points taken back")

    event = models.ForeignKey(LoyaltyEvent, on_delete=models.PROTECT, db_index=False, related_name="decisions")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+")
    #: Counts the decisions about the event in this wallet from 0: the last one holds.
    round = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=8, choices=Outcome)
    #: Points given, or taken back.
    points = models.PositiveIntegerField(default=0)
    #: Why nothing was given, whatever the rules say, or why it was taken back: a code of `loyalty.services.earning.words`.
    reason = models.CharField(max_length=30, default="")
    #: Signs to look at, which change nothing.
    flags = models.JSONField(default=list)
    #: One entry for each rule: see `loyalty.services.earning.evaluation.Considered`.
    considered = models.JSONField(default=list)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("decision about points")
        verbose_name_plural = _("decisions about points")
        default_permissions = ("view",)
        ordering = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "wallet", "round"], name="loyalty_decision_once")
        ]

    def __str__(self) -> str:
        return f"{self.event_id}.{self.round}: {self.outcome} {self.points}"


class RuleCounter(models.Model):
    """What a member earned with a rule, or with all of them, in a period. Only grows: see `Decision`."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="+")
    #: Code of the rule; empty: all rules together.
    rule = models.CharField(max_length=40)
    #: ``day:2026-11-29``, ``week:2026-11-28`` and ``month:2026-11-22`` name their first day; ``ever``.
    period = models.CharField(max_length=20)
    points = models.BigIntegerField(default=0)
    times = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["wallet", "rule", "period"], name="loyalty_counter_unique"),
            models.CheckConstraint(condition=Q(points__gte=0), name="loyalty_counter_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.period}: {self.points}"

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: limits would begin anew."""
        raise TypeError("A counter is not deleted.")
