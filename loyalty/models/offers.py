"""The tables of offers: what is offered to whom, what was decided and shown, what members answered and consent to.

All rows know members by their pseudonymous key. They go with the member: of somebody who left nothing is kept but the
count of what was accepted. Rows are written by `loyalty.services.offers` alone; see docs/decisions/0041-offers.md.
"""

from __future__ import annotations

import secrets
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.ledger import AppendOnlyModel, Programme
from loyalty.models.rewards import Reward
from portal.core.formats import format_number
from portal.core.localized import LocalizedText, LocalizedTextField

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: The most lines of the terms of an offer.
MAX_TERMS: Final = 5
#: The highest value and cost of an offer, in points.
MAX_VALUE: Final = 1_000_000
#: Bounds of the weight that editors give.
MIN_BOOST: Final = Decimal("0.50")
MAX_BOOST: Final = Decimal("2.00")


def new_salt() -> str:
    """Return a random text that makes the groups of one experiment independent of those of all others."""
    return secrets.token_hex(8)


class Goal(models.TextChoices):
    """What an offer is made for. What can be measured of members who do not see it is measured of both groups."""

    REDEEM = "redeem", pgettext_lazy("goal", "Redeems a reward")
    BUY = "buy", pgettext_lazy("goal", "Buys something")
    HELP = "help", pgettext_lazy("goal", "Helps somebody in the community")
    FEEDBACK = "feedback", pgettext_lazy("goal", "Says whether a help page helped")
    ACCEPT = "accept", pgettext_lazy("goal", "Accepts the offer")


class Placement(models.TextChoices):
    """Where an offer is shown."""

    LIST = "list", pgettext_lazy("placement", "The page of offers")
    HOME = "home", pgettext_lazy("placement", "The home page")
    POINTS = "points", pgettext_lazy("placement", "The page of points")


class Category(models.TextChoices):
    """What an offer is about: at most one of each is shown together, and members can have less of one."""

    REWARDS = "rewards", pgettext_lazy("offer", "Rewards")
    DEVICES = "devices", pgettext_lazy("offer", "Devices")
    PLANS = "plans", pgettext_lazy("offer", "Plans and services")
    LEARNING = "learning", pgettext_lazy("offer", "Getting more out of what you have")
    COMMUNITY = "community", pgettext_lazy("offer", "Community")


class Arm(models.TextChoices):
    """The group in which a member is."""

    TREATMENT = "treatment", pgettext_lazy("experiment", "Sees it")
    CONTROL = "control", pgettext_lazy("experiment", "Does not see this offer")
    HOLDOUT = "holdout", pgettext_lazy("experiment", "Sees no personal offers")


class OfferPolicy(models.Model):
    """What holds for all offers of a programme, and from when on somebody is in a segment; without this row the defaults."""

    programme = models.OneToOneField(Programme, on_delete=models.PROTECT, related_name="+")
    holdout_percent = models.PositiveSmallIntegerField(
        _("members who see no personal offers, in percent"),
        default=5,
        validators=[MaxValueValidator(10)],
        help_text=_("By comparison with them it is measured what all offers together are good for."),
    )
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    per_day = models.PositiveSmallIntegerField(
        _("most times a day that personal offers are shown to a member in one place"),
        default=10,
        validators=[MinValueValidator(1)],
    )
    regular_weeks = models.PositiveSmallIntegerField(
        _("regular contributors: weeks of 12 with help for others"),
        default=6,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
    )
    regular_weeks_to_stay = models.PositiveSmallIntegerField(
        _("weeks that are enough to stay one"), default=4, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    own_percent = models.PositiveSmallIntegerField(
        _("participants in own threads: share of posts in their own threads, in percent"),
        default=80,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    own_percent_to_stay = models.PositiveSmallIntegerField(
        _("share that is enough to stay one, in percent"),
        default=70,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    stay_days = models.PositiveSmallIntegerField(
        _("days that somebody stays in a segment at least"), default=14, validators=[MaxValueValidator(90)]
    )

    class Meta:
        verbose_name = _("terms of offers")
        verbose_name_plural = _("terms of offers")
        default_permissions = ("change",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(holdout_percent__lte=10), name="loyalty_offerpolicy_holdout"),
            models.CheckConstraint(
                condition=Q(regular_weeks_to_stay__lte=F("regular_weeks"), own_percent_to_stay__lte=F("own_percent")),
                name="loyalty_offerpolicy_hysteresis",
            ),
        ]

    def __str__(self) -> str:
        return self.programme.code

    @staticmethod
    def of(programme: Programme) -> OfferPolicy:
        """Return the terms of a programme; those not yet saved have the defaults, and groups made of its code."""
        found = OfferPolicy.objects.filter(programme=programme).first()
        return found or OfferPolicy(programme=programme, salt=f"programme:{programme.code}")


class Offer(models.Model):
    """Something that is offered to members, or to everybody if nothing is asked of them."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("offer", "Draft")
        PUBLISHED = "published", pgettext_lazy("offer", "Published")
        STOPPED = "stopped", pgettext_lazy("offer", "Stopped")
        ENDED = "ended", pgettext_lazy("offer", "Ended")

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+", verbose_name=_("programme"))
    code = models.SlugField(_("code"), max_length=40, help_text=_("Latin letters. In reports; members do not see it."))
    title = LocalizedTextField(_("title"))
    text = LocalizedTextField(_("text"), blank=True)
    #: One condition a line.
    terms = LocalizedTextField(pgettext_lazy("offer", "terms"), blank=True, help_text=_("One a line, five at most."))
    category = models.CharField(_("what it is about"), max_length=10, choices=Category)
    goal = models.CharField(_("goal"), max_length=10, choices=Goal)
    value = models.PositiveIntegerField(
        _("what reaching the goal is worth, in points"),
        validators=[MinValueValidator(1), MaxValueValidator(MAX_VALUE)],
    )
    cost = models.PositiveIntegerField(
        _("what it costs if somebody accepts, in points"), default=0, validators=[MaxValueValidator(MAX_VALUE)]
    )
    #: For so long after members could first see it reaching the goal counts. Fixed once it is published.
    window_days = models.PositiveSmallIntegerField(
        _("days within which reaching the goal counts"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
    )
    reward = models.ForeignKey(
        Reward, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reward")
    )
    path = models.CharField(
        _("page of this portal"),
        max_length=200,
        blank=True,
        help_text=_("Where members go who accept it, without the language: /community/. Not needed for a reward."),
    )
    #: What the button says that leads there.
    button = LocalizedTextField(
        _("words of the button"),
        default=None,  # else SQLite would make the table again
        null=True,
        blank=True,
        help_text=_("What members do there, in a few words: “See the open questions”. Empty: “Go to the page”."),
    )
    #: Values of `Placement`.
    placements = models.JSONField(_("shown on"), default=list)
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.DRAFT, editable=False)
    #: A tree of conditions, see `loyalty.services.offers.audience`. Empty: everybody, also people without an account.
    audience = models.JSONField(_("who it is for"), default=dict, blank=True)
    cap_day = models.PositiveSmallIntegerField(
        _("shown to a member at most so often a day"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    cap_week = models.PositiveSmallIntegerField(
        _("shown to a member at most so often a week"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    cap_total = models.PositiveSmallIntegerField(
        _("shown to a member at most so often"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    budget = models.PositiveIntegerField(
        _("how many can accept it in all"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: no limit."),
    )
    #: Moved by one conditional update, so that it never exceeds the budget.
    accepted = models.PositiveIntegerField(default=0, editable=False)
    holdout_percent = models.PositiveSmallIntegerField(
        _("members who do not see it, for comparison, in percent"), default=10, validators=[MaxValueValidator(90)]
    )
    boost = models.DecimalField(
        _("weight"),
        max_digits=3,
        decimal_places=2,
        default=Decimal("1.00"),
        validators=[MinValueValidator(MIN_BOOST), MaxValueValidator(MAX_BOOST)],
        help_text=_("Between 0.5 and 2: how much more or less often it is shown than it would be."),
    )
    #: Order among offers that are not chosen for a person.
    position = models.PositiveSmallIntegerField(_("place among general offers"), default=100)
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: ``user:7``: whoever wrote the draft last. None of what was written before this was noted.
    drafted_by = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001 - the table is not made again
    published_at = models.DateTimeField(null=True, editable=False)
    #: ``user:7``: whoever published it.
    published_by = models.CharField(max_length=64, default="", editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)

    #: Icons of what offers are about.
    ICONS: ClassVar = {
        Category.REWARDS: "gift",
        Category.DEVICES: "package",
        Category.PLANS: "sparkles",
        Category.LEARNING: "book-open",
        Category.COMMUNITY: "message-circle",
    }

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        default_permissions = ("view", "change")
        permissions = [("publish_offer", "Can publish and stop offers")]
        ordering = ["position", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "code"], name="loyalty_offer_code_unique"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="loyalty_offer_lasts"),
            models.CheckConstraint(condition=Q(value__gt=0), name="loyalty_offer_value_positive"),
            models.CheckConstraint(
                condition=Q(boost__gte=MIN_BOOST, boost__lte=MAX_BOOST), name="loyalty_offer_boost_bounded"
            ),
            models.CheckConstraint(
                condition=Q(budget=None) | Q(accepted__lte=F("budget")), name="loyalty_offer_within_budget"
            ),
            models.CheckConstraint(condition=Q(holdout_percent__lte=90), name="loyalty_offer_holdout_bounded"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["programme", "ends_at"], condition=Q(state="published"), name="loyalty_offer_running")
        ]

    def __str__(self) -> str:
        return str(self.title) or self.code

    @property
    def icon(self) -> str:
        """Name of the icon of what it is about."""
        return self.ICONS.get(Category(self.category), "gift")

    @property
    def is_general(self) -> bool:
        """Whether it is for everybody, also for people without an account."""
        return not self.audience

    @property
    def places(self) -> list[str]:
        """Where it is shown, in words."""
        return [str(Placement(place).label) for place in self.placements]

    @property
    def caps(self) -> list[str]:
        """How often a member sees it at most, in words."""
        times = {
            _("%(count)s a day"): self.cap_day,
            _("%(count)s a week"): self.cap_week,
            _("%(count)s in all"): self.cap_total,
        }
        return [str(text) % {"count": format_number(most)} for text, most in times.items() if most is not None]

    @property
    def lines_of_terms(self) -> list[str]:
        """The terms in the reader's language, line by line."""
        return _lines(str(self.terms))

    @property
    def is_left(self) -> bool:
        """Whether somebody can still accept it, as far as its budget goes."""
        return self.budget is None or self.accepted < self.budget

    def clean(self) -> None:
        """Raise `ValidationError` for an offer that leads nowhere, is shown nowhere or cannot be measured."""
        errors: dict[str, str | _StrPromise] = {}
        if isinstance(self.terms, LocalizedText) and any(len(_lines(text)) > MAX_TERMS for text in self.terms.values()):
            errors["terms"] = _("Five lines at most.")
        if self.path and not _is_own_path(self.path):
            errors["path"] = _("Enter the address of a page of this portal, beginning with a slash.")
        if bool(self.path) == (self.reward_id is not None):
            errors["path"] = _("Choose a reward, or enter the address of a page.")
        if not _is_placed(self.placements):
            errors["placements"] = _("Choose where it is shown.")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            errors["ends_at"] = _("An offer ends after it has begun.")
        if self.is_general and self.holdout_percent:
            errors["holdout_percent"] = _("What everybody sees cannot be kept from some of them: enter 0.")
        if self.goal == Goal.REDEEM and self.reward_id is None:
            errors["reward"] = _("Choose the reward that is redeemed.")
        if errors:
            raise ValidationError(errors)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_own_path(path: str) -> bool:
    return path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)


def _is_placed(placements: object) -> bool:
    return isinstance(placements, list) and bool(placements) and all(one in Placement.values for one in placements)


class OfferAssignment(models.Model):
    """A member could get an offer: in which group they are since when. Experiments compare these rows, whatever was shown."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, db_index=False, related_name="assignments")
    member_key = models.UUIDField()
    arm = models.CharField(max_length=9, choices=Arm)
    first_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["offer", "member_key"], name="loyalty_offerassignment_once")
        ]
        indexes: ClassVar = [models.Index(fields=["member_key"], name="loyalty_assignment_member")]

    def __str__(self) -> str:
        return f"{self.offer_id} {self.arm}"


class OfferDecision(models.Model):
    """What was chosen for a member in a place on a day, out of what, with which chances: all that “why?” is answered from.

    `arm` says what became of it: a member of a control group was not shown the chosen offer, only would have been.
    """

    #: Made of what was decided: the same decision again is the same row.
    uid = models.UUIDField()
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False, related_name="+")
    member_key = models.UUIDField()
    #: A `Placement`.
    slot = models.CharField(max_length=10, choices=Placement)
    #: None: nothing was left to choose.
    chosen = models.ForeignKey(Offer, on_delete=models.PROTECT, null=True, related_name="+")
    #: One entry for each candidate: offer, score, propensity, reason codes.
    candidates = models.JSONField(default=list)
    arm = models.CharField(max_length=9, choices=Arm)
    policy_version = models.PositiveSmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("decision about an offer")
        verbose_name_plural = _("decisions about offers")
        default_permissions = ("view",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["uid"], name="loyalty_offerdecision_uid_unique")]
        indexes: ClassVar = [
            models.Index(fields=["member_key", "chosen", "-at"], name="loyalty_offerdecision_member"),
            models.Index(fields=["at"], name="loyalty_offerdecision_time"),
        ]

    def __str__(self) -> str:
        return f"{self.slot} {self.chosen_id} {self.arm}"


class OfferShown(models.Model):
    """An offer was shown to a member once, or would have been in a control group."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="+")
    member_key = models.UUIDField()
    slot = models.CharField(max_length=10, choices=Placement)
    arm = models.CharField(max_length=9, choices=Arm)
    #: The segment in which the member was: chances are learnt for each of them. Empty: none.
    segment = models.CharField(max_length=10, default="")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["member_key", "offer", "at"], name="loyalty_offershown_member"),
            models.Index(fields=["at"], name="loyalty_offershown_time"),
        ]

    def __str__(self) -> str:
        return f"{self.offer_id} {self.at}"


class OfferAnswer(models.Model):
    """What a member said about an offer, once for each kind. Taken back by deleting it, which only an acceptance is not."""

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", pgettext_lazy("answer to an offer", "Accepted")
        DISMISSED = "dismissed", pgettext_lazy("answer to an offer", "Hidden")
        LESS = "less", pgettext_lazy("answer to an offer", "Less of this kind")

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="answers")
    member_key = models.UUIDField()
    kind = models.CharField(max_length=9, choices=Kind)
    #: As in `OfferShown`.
    segment = models.CharField(max_length=10, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["member_key", "offer", "kind"], name="loyalty_offeranswer_once")
        ]

    def __str__(self) -> str:
        return f"{self.offer_id} {self.kind}"


class MemberConsent(AppendOnlyModel):
    """A member agreed to something, or no longer does: the last row of a purpose holds."""

    class Purpose(models.TextChoices):
        PARTICIPATION = "participation", pgettext_lazy("consent", "Taking part in the programme")
        MARKETING = "marketing", pgettext_lazy("consent", "News of offers")
        PROFILING = "profiling", pgettext_lazy("consent", "Personal offers")

    member_key = models.UUIDField()
    purpose = models.CharField(max_length=13, choices=Purpose)
    #: Counts the rows of a purpose from 1: two at the same moment cannot both be the last one.
    number = models.PositiveIntegerField()
    is_given = models.BooleanField()
    #: Where it was said: the page of consents, or an offer.
    source = models.CharField(max_length=20)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["member_key", "purpose", "number"], name="loyalty_consent_once")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.is_given}"


class Segment(models.TextChoices):
    """How members take part in the community."""

    REGULAR = "regular", pgettext_lazy("segment", "Regular contributors")
    OWN_THREAD = "own-thread", pgettext_lazy("segment", "Participants in their own threads")
    SILENT = "silent", pgettext_lazy("segment", "Silent readers")


class SegmentMembership(models.Model):
    """In which segment a member is, since when and by what. Whoever is in none has no row."""

    member_key = models.UUIDField()
    segment = models.CharField(max_length=10, choices=Segment)
    since = models.DateTimeField(default=timezone.now)
    #: The numbers by which they are in it: posts, posts in own threads, weeks with help for others.
    evidence = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["member_key"], name="loyalty_segment_one_each")]
        indexes: ClassVar = [models.Index(fields=["segment"], name="loyalty_segment_members")]

    def __str__(self) -> str:
        return self.segment


class Activity(models.TextChoices):
    """How active members are, compared with each other: see `loyalty.services.offers.activity`."""

    CHAMPION = "champion", pgettext_lazy("segment", "Champions")
    LOYAL = "loyal", pgettext_lazy("segment", "Loyal members")
    NEW = "new", pgettext_lazy("segment", "New members")
    OCCASIONAL = "occasional", pgettext_lazy("segment", "Here now and then")
    AT_RISK = "at-risk", pgettext_lazy("segment", "At risk of leaving")
    LOST = "lost", pgettext_lazy("segment", "Lost")


#: Codes of both ways to sort members.
SEGMENTS: Final = frozenset([*Segment.values, *Activity.values])


def checked_segments(codes: Any) -> list[str] | None:
    """Return the segments for which something is alone, None for everybody. Raises `ValidationError` for others than there are."""
    if not isinstance(codes or [], list) or not all(one in SEGMENTS for one in codes or []):
        raise ValidationError({"segments": _("There is no such segment.")})
    return codes or None


class ActivityCell(models.Model):
    """How active a member is, since when and by what. Whoever did nothing for a year has no row."""

    member_key = models.UUIDField()
    cell = models.CharField(max_length=10, choices=Activity)
    since = models.DateTimeField(default=timezone.now)
    #: Fifths of all members, 5 is the best: when they were last there, how often, how many points it was worth.
    recency = models.PositiveSmallIntegerField()
    frequency = models.PositiveSmallIntegerField()
    value = models.PositiveSmallIntegerField()
    #: The numbers by which they are in it: the last day, how often, points.
    evidence = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["member_key"], name="loyalty_activity_one_each"),
            models.CheckConstraint(
                condition=Q(recency__range=(1, 5), frequency__range=(1, 5), value__range=(1, 5)),
                name="loyalty_activity_fifths",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["cell"], name="loyalty_activity_members")]

    def __str__(self) -> str:
        return self.cell

    @property
    def fifths(self) -> list[int]:
        """When, how often, how much: 5 is the best."""
        return [self.recency, self.frequency, self.value]


#: Name space of the ids of decisions.
DECISIONS: Final = uuid.UUID("5e0c1b1a-6f0e-4f4e-9a0e-0d7a3b6c9f21")
