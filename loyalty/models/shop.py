"""What shops tell us through the API: tokens they sign in with, their events, and orders that may be refunded in parts."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NoReturn

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.earning import LoyaltyEvent
from loyalty.models.ledger import Programme

#: With the longest id of a hold it fits into the reference of an account.
SOURCE_LENGTH: Final = 20


class Scope(models.TextChoices):
    """What a token may do."""

    EVENTS = "events", pgettext_lazy("token", "Report orders and refunds")
    QUOTES = "quotes", pgettext_lazy("token", "Ask what an order would give")
    BALANCE = "balance", pgettext_lazy("token", "Read the points of a member")
    HOLDS = "holds", pgettext_lazy("token", "Reserve and spend points")


class ApiToken(models.Model):
    """A key with which a shop calls the API. Only its digest is stored; it ends by being revoked."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    #: Which shop: the ids of its events are its own. Several tokens may be for one shop, so that they can be changed.
    source = models.SlugField(
        _("shop"), max_length=SOURCE_LENGTH, help_text=_("Latin letters. Its events have ids of its own.")
    )
    digest = models.CharField(max_length=64)
    #: The first characters, by which people tell tokens apart.
    beginning = models.CharField(max_length=12)
    scopes = models.JSONField(_("may"), default=list)
    per_minute = models.PositiveIntegerField(
        _("most requests per minute"), default=120, validators=[MinValueValidator(1), MaxValueValidator(6000)]
    )
    made_by = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("token of a shop")
        verbose_name_plural = _("tokens of shops")
        ordering: ClassVar = ["-pk"]
        default_permissions = ("add",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["digest"], name="loyalty_token_digest_unique")]

    def __str__(self) -> str:
        return self.name

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: a token is revoked."""
        raise TypeError("A token is revoked, not deleted.")


class ShopOrder(models.Model):
    """An order of a shop: what it cost, and how much of it was refunded. Without amount until it is reported itself."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=SOURCE_LENGTH)
    number = models.CharField(max_length=64)
    #: Pseudonymous: whoever bought it.
    member_key = models.UUIDField()
    currency = models.CharField(max_length=3)
    #: In the smallest unit of the currency.
    amount = models.BigIntegerField(null=True)
    #: Amounts of the lines, by their id.
    lines = models.JSONField(default=dict)
    refunded = models.BigIntegerField(default=0)
    event = models.ForeignKey(LoyaltyEvent, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "source", "number"], name="loyalty_order_unique"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0) & (Q(amount=None) | Q(amount__gte=0, refunded__lte=F("amount"))),
                name="loyalty_order_refunded_within",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"


class ShopEvent(models.Model):
    """An event as a shop reported it, once for ever: the same id with another body is refused."""

    class State(models.TextChoices):
        DONE = "done"
        #: A refund whose order was not reported yet.
        WAITING = "waiting"

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False, related_name="+")
    source = models.CharField(max_length=SOURCE_LENGTH)
    event_id = models.CharField(max_length=64)
    #: SHA-256 of what was reported.
    body_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=20)
    order = models.ForeignKey(ShopOrder, on_delete=models.PROTECT, related_name="events")
    #: Of a refund: which line, and how much of it.
    line = models.CharField(max_length=64, default="")
    amount = models.BigIntegerField()
    #: Points that were given, or taken back.
    points = models.BigIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State, default=State.DONE)
    reported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "source", "event_id"], name="loyalty_shop_event_unique"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="loyalty_shop_event_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.event_id}"
