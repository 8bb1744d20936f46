"""The tables of rewards: what points can be spent on, the codes that are handed out, and who took what.

A `Redemption` points to what the ledger did: its points are held under `Redemption.hold` until they are spent or given
back, and that account is the truth. Rows are written by `loyalty.services.rewards` alone; locks are taken in the order
wallet, reward, code (docs/decisions/0032-rewards.md).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from wagtail.images import get_image_model_string

from loyalty.models.ledger import AppendOnlyModel, Member, Programme, Wallet
from portal.core.localized import LocalizedTextField

if TYPE_CHECKING:
    from portal.accounts.models import User

#: The highest price of a reward.
MAX_PRICE: Final = 10_000_000
#: Length of the key of a form, by which a redemption is done once.
KEY_LENGTH: Final = 64


class RewardTerms(models.Model):
    """What holds for all rewards of a programme; without this row the defaults."""

    programme = models.OneToOneField(Programme, on_delete=models.PROTECT, related_name="+")
    confirm_from = models.PositiveIntegerField(
        _("ask who it is from this price on"),
        default=1000,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Members give their password again before they spend so many points at once. Empty: never."),
    )
    wait_hours = models.PositiveSmallIntegerField(
        _("hours to wait after a change of password, e-mail address or second step"),
        default=24,
        db_default=24,
        validators=[MaxValueValidator(720)],
        help_text=_(
            "So long members cannot take what they would have to confirm: they may not be who made the change."
        ),
    )
    keep_address_days = models.PositiveSmallIntegerField(
        _("days an address is kept after the delivery"),
        default=30,
        validators=[MaxValueValidator(365)],
        help_text=_("Then it is deleted. It is needed as long as a parcel can come back."),
    )

    class Meta:
        verbose_name = _("terms of rewards")
        verbose_name_plural = _("terms of rewards")
        default_permissions = ("change",)

    def __str__(self) -> str:
        return self.programme.code

    @staticmethod
    def of(programme: Programme) -> RewardTerms:
        """Return the terms of a programme; those not yet saved have the defaults."""
        return RewardTerms.objects.filter(programme=programme).first() or RewardTerms(programme=programme)


class RewardKind(models.TextChoices):
    """What a member gets."""

    VOUCHER = "voucher", pgettext_lazy("reward", "A code")
    PHYSICAL = "physical", pgettext_lazy("reward", "Something that is sent")
    BENEFIT = "benefit", pgettext_lazy("reward", "Something that is done for them")


class LimitPeriod(models.TextChoices):
    """Periods of limits, in the programme's calendar: see `loyalty.services.earning.periods`."""

    DAY = "day", pgettext_lazy("limit", "a day")
    WEEK = "week", pgettext_lazy("limit", "a week")
    MONTH = "month", pgettext_lazy("limit", "a month")
    EVER = "ever", pgettext_lazy("limit", "ever")


class Reward(models.Model):
    """What points can be spent on."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+", verbose_name=_("programme"))
    kind = models.CharField(_("what it is"), max_length=8, choices=RewardKind)
    name = LocalizedTextField(_("name"))
    text = LocalizedTextField(_("what members get"), blank=True)
    instructions = LocalizedTextField(
        _("how to use it"),
        blank=True,
        help_text=_("Shown once somebody has it: where the code is entered, for example."),
    )
    picture = models.ForeignKey(
        get_image_model_string(),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("picture"),
    )
    price = models.PositiveIntegerField(
        _("price in points"), validators=[MinValueValidator(1), MaxValueValidator(MAX_PRICE)]
    )
    #: What it costs in these hours of each day, in the programme's time zone. All three, or none of them.
    happy_price = models.PositiveIntegerField(
        _("price in some hours"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_PRICE)],
        help_text=_("Lower than the other one, in the hours below, each day. Members are told when."),
    )
    happy_from = models.PositiveSmallIntegerField(
        _("from the hour"), null=True, blank=True, validators=[MaxValueValidator(23)]
    )
    happy_to = models.PositiveSmallIntegerField(
        _("to the hour"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(24)]
    )
    available_from = models.DateField(_("first day"), null=True, blank=True)
    available_until = models.DateField(_("last day"), null=True, blank=True)
    #: Code of a tier, the same in all versions of the tiers; empty: for everybody. See `loyalty.services.tiers.position_of`.
    from_tier = models.SlugField(
        _("from which tier on"),
        max_length=40,
        blank=True,
        default="",
        db_default="",
        db_index=False,
    )
    #: Codes of segments (`loyalty.models.offers`), in one of which a member has to be. None: for everybody.
    segments = models.JSONField(_("only for members of these segments"), null=True, blank=True)
    is_published = models.BooleanField(_("shown to members"), default=False)
    stock = models.PositiveIntegerField(
        _("how many there are in all"), null=True, blank=True, help_text=_("Including those taken. Empty: no limit.")
    )
    #: Redemptions that were not cancelled or returned. Moved together with them, under the lock of this row.
    sold = models.PositiveIntegerField(default=0, editable=False)
    limit = models.PositiveSmallIntegerField(
        _("how many a member may have"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_period = models.CharField(_("in which time"), max_length=5, choices=LimitPeriod, default=LimitPeriod.EVER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    #: Its other price, while it costs less: `loyalty.services.rewards.set_prices` sets both for a moment. Never saved.
    usual_price: int | None = None
    #: Kinds as members read them.
    FOR_MEMBERS: ClassVar = {
        RewardKind.VOUCHER: pgettext_lazy("reward", "A code"),
        RewardKind.PHYSICAL: pgettext_lazy("reward", "Sent to you"),
        RewardKind.BENEFIT: pgettext_lazy("reward", "Done for you"),
    }
    #: Icons of the kinds.
    ICONS: ClassVar = {RewardKind.VOUCHER: "ticket", RewardKind.PHYSICAL: "package", RewardKind.BENEFIT: "sparkles"}

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        default_permissions = ("change",)
        ordering = ["price", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(price__gt=0), name="loyalty_reward_price_positive"),
            models.CheckConstraint(
                condition=Q(stock=None) | Q(sold__lte=F("stock")), name="loyalty_reward_not_oversold"
            ),
            models.CheckConstraint(condition=Q(limit=None) | Q(limit__gt=0), name="loyalty_reward_limit_positive"),
            models.CheckConstraint(
                condition=Q(available_from=None)
                | Q(available_until=None)
                | Q(available_from__lte=F("available_until")),
                name="loyalty_reward_days_in_order",
            ),
        ]

    def __str__(self) -> str:
        return str(self.name)

    @property
    def kind_for_member(self) -> str:
        """Its kind as the member reads it."""
        return str(self.FOR_MEMBERS[RewardKind(self.kind)])

    @property
    def icon(self) -> str:
        """Name of the icon of its kind."""
        return self.ICONS.get(RewardKind(self.kind), "gift")

    @property
    def on_shelf(self) -> int | None:
        """How many are left; None: no limit."""
        return None if self.stock is None else self.stock - self.sold

    def clean(self) -> None:
        """Refuse days in the wrong order, and a stock below what was taken."""
        if self.available_from and self.available_until and self.available_from > self.available_until:
            raise ValidationError({"available_until": _("The last day is before the first.")})
        happy = (self.happy_price, self.happy_from, self.happy_to)
        if any(value is not None for value in happy):
            self._check_hours()
        if self.stock is not None and self.stock < self.sold:
            raise ValidationError({"stock": _("More than that were taken already.")})

    def _check_hours(self) -> None:
        if self.happy_price is None or self.happy_from is None or self.happy_to is None:
            raise ValidationError({"happy_price": _("A price for some hours needs the first and the last of them.")})
        if self.price is not None and self.happy_price >= self.price:
            raise ValidationError({"happy_price": _("This is not lower than the other price.")})
        if self.happy_to <= self.happy_from:
            raise ValidationError({"happy_to": _("The second hour is after the first.")})

    def is_happy_at(self, hour: int) -> bool:
        """Return whether it costs less in this hour of the programme's day."""
        if self.happy_price is None or self.happy_from is None or self.happy_to is None:
            return False
        return self.happy_from <= hour < self.happy_to


class RewardPrice(AppendOnlyModel):
    """A price a reward had, from when on, and who set it."""

    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="prices")
    price = models.PositiveIntegerField()
    actor = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.reward_id}: {self.price}"


class RewardGoal(models.Model):
    """What a member saves for. Goes with the member, and with the reward."""

    member = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="reward_goal")
    reward = models.ForeignKey(Reward, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.member_id}: {self.reward_id}"


class State(models.TextChoices):
    """How far a redemption is."""

    ISSUED = "issued", pgettext_lazy("redemption", "The code is yours")
    ORDERED = "ordered", pgettext_lazy("redemption", "Ordered")
    PACKED = "packed", pgettext_lazy("redemption", "Packed")
    SHIPPED = "shipped", pgettext_lazy("redemption", "On its way")
    DELIVERED = "delivered", pgettext_lazy("redemption", "Delivered")
    CANCELLED = "cancelled", pgettext_lazy("redemption", "Cancelled")
    RETURNED = "returned", pgettext_lazy("redemption", "Sent back")
    REFUNDED = "refunded", pgettext_lazy("redemption", "Points given back")


#: States in which the points are held. In all others but CANCELLED they were spent.
HELD_STATES: Final = frozenset({State.ORDERED, State.PACKED})
#: States in which the reward is on the shelf again.
BACK_STATES: Final = frozenset({State.CANCELLED, State.RETURNED})


class Reason(models.TextChoices):
    """Why a redemption was cancelled or its points were given back."""

    MEMBER = "member", pgettext_lazy("reason", "The member changed their mind")
    OUT_OF_STOCK = "out-of-stock", pgettext_lazy("reason", "There is none left")
    ADDRESS = "address", pgettext_lazy("reason", "The address is wrong")
    DAMAGED = "damaged", pgettext_lazy("reason", "It is damaged or does not work")
    LOST = "lost", pgettext_lazy("reason", "It did not arrive")
    GOODWILL = "goodwill", pgettext_lazy("reason", "Goodwill")
    FRAUD = "fraud", pgettext_lazy("reason", "Misuse")
    ERASURE = "erasure", pgettext_lazy("reason", "The membership ended")


class RedemptionQuerySet(models.QuerySet["Redemption"]):
    def visible_to(self, user: User) -> Self:
        """Return what the person redeemed."""
        return self.filter(wallet__member_key__in=Member.objects.filter(user_id=user.pk).values("key"))


class Redemption(models.Model):
    """A reward that a member took. A pointer: the points are in the ledger, under `hold`."""

    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="+")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="+")
    #: Of the form: the same one again is the same redemption.
    key = models.CharField(max_length=KEY_LENGTH)
    price = models.PositiveIntegerField()
    state = models.CharField(_("state"), max_length=9, choices=State)
    #: Points given back.
    refunded = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Redemption]] = RedemptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        default_permissions = ("view",)
        permissions = [
            ("fulfil_redemption", "Can pack, send and cancel what was redeemed"),
            ("refund_redemption", "Can give points of redemptions back"),
        ]
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["uid"], name="loyalty_redemption_uid_unique"),
            models.UniqueConstraint(fields=["wallet", "key"], name="loyalty_redemption_once"),
            models.CheckConstraint(
                condition=Q(price__gt=0, refunded__lte=F("price")), name="loyalty_redemption_refund_within_price"
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="loyalty_redemption_state")]

    def __str__(self) -> str:
        return f"{self.uid} {self.state}"

    @property
    def hold(self) -> str:
        """The id under which the ledger holds, spends and gives back its points."""
        return f"redemption:{self.uid}"

    @property
    def is_held(self) -> bool:
        """Whether its points are held, not yet spent."""
        return self.state in HELD_STATES

    @property
    def left(self) -> int:
        """Points that could still be given back."""
        return self.price - self.refunded

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: the ledger refers to it."""
        raise TypeError("A redemption is cancelled, not deleted.")


class RedemptionStep(AppendOnlyModel):
    """What happened to a redemption, and who did it."""

    redemption = models.ForeignKey(Redemption, on_delete=models.PROTECT, db_index=False, related_name="steps")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=State)
    reason = models.CharField(max_length=12, choices=Reason, blank=True)
    #: Points given back by it.
    points = models.PositiveIntegerField(default=0)
    #: ``member``, ``user:12`` of staff, or ``erasure``.
    actor = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        ordering = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["redemption", "number"], name="loyalty_redemption_step_unique")
        ]

    def __str__(self) -> str:
        return f"{self.redemption_id}.{self.number} {self.state}"


class Parcel(models.Model):
    """Where something is sent: a copy of the address, encrypted, which is deleted some days after it arrived."""

    redemption = models.OneToOneField(Redemption, on_delete=models.PROTECT, related_name="parcel")
    #: JSON of name, phone, address and postal code, encrypted by `portal.core.vault`; empty once it is deleted.
    address = models.TextField(blank=True)
    carrier = models.CharField(_("carrier"), max_length=40, blank=True)
    tracking = models.CharField(_("tracking number"), max_length=60, blank=True)
    #: When the address is deleted; None while it is needed.
    erase_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["erase_at"], condition=Q(erase_at__isnull=False), name="loyalty_parcel_to_erase")
        ]

    def __str__(self) -> str:
        return f"{self.redemption_id} {self.carrier}"


class VoucherCode(models.Model):
    """A code to be handed out. Only a mark by which it is recognised, and the code encrypted: see `portal.core.vault`."""

    class Status(models.TextChoices):
        FREE = "free", pgettext_lazy("code", "Free")
        RESERVED = "reserved", pgettext_lazy("code", "Reserved")
        ISSUED = "issued", pgettext_lazy("code", "Handed out")
        USED = "used", pgettext_lazy("code", "Used")
        VOID = "void", pgettext_lazy("code", "Void")

    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, db_index=False, related_name="codes")
    mark = models.CharField(max_length=64)
    sealed = models.TextField(blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.FREE)
    redemption = models.OneToOneField(Redemption, on_delete=models.PROTECT, null=True, related_name="code")
    #: The last day on which it can be used; None: without end.
    expires_on = models.DateField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("voucher code")
        verbose_name_plural = _("voucher codes")
        default_permissions = ("add",)
        constraints = [
            models.UniqueConstraint(fields=["mark"], name="loyalty_code_unique"),
            models.CheckConstraint(
                condition=Q(status="free", redemption=None)
                | Q(status__in=("reserved", "issued", "used"), redemption__isnull=False)
                | Q(status="void"),
                name="loyalty_code_has_redemption",
            ),
        ]
        indexes = [models.Index(fields=["reward", "status", "id"], name="loyalty_code_free")]

    def __str__(self) -> str:
        return f"{self.reward_id} {self.status}"

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: it could be imported and handed out again."""
        raise TypeError("A code is made void, not deleted.")
