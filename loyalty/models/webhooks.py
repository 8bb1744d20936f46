"""Where other systems are told what happens to points: their addresses, and what was sent to them or could not be."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models.ledger import Programme

URL_LENGTH: Final = 300


class EventKind(models.TextChoices):
    """What another system can be told; the values are documented and never change."""

    POINTS = "points.decided", pgettext_lazy("webhook", "Points were given or taken back")
    TIER = "tier.changed", pgettext_lazy("webhook", "A member moved to another tier")
    BADGE = "badge.changed", pgettext_lazy("webhook", "A member got or lost a badge")
    REWARD = "reward.changed", pgettext_lazy("webhook", "Something happened to a reward that was taken")


#: Sent when staff asks for it; nobody has to choose it.
PING: Final = "ping"


class Webhook(models.Model):
    """An address that is told what happens in a programme. It ends by being stopped."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    url = models.CharField(
        _("address"), max_length=URL_LENGTH, help_text=_("Begins with https:// and is reachable from the internet.")
    )
    #: Values of `EventKind`.
    kinds = models.JSONField(_("is told"), default=list)
    #: The secret that signs what is sent, encrypted by `portal.core.vault`: unlike a token it is needed again.
    sealed = models.TextField()
    made_by = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True)
    #: Tries in a row that failed, whatever was sent; until `rests_until` nothing is tried.
    failures = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("address that is told of events")
        verbose_name_plural = _("addresses that are told of events")
        ordering: ClassVar = ["-pk"]
        default_permissions = ("change",)

    def __str__(self) -> str:
        return self.name

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: it is stopped."""
        raise TypeError("A webhook is stopped, not deleted.")


class WebhookDelivery(models.Model):
    """One event for one address. Kept for some weeks, so that it can be sent again."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("delivery", "Waits")
        SENT = "sent", pgettext_lazy("delivery", "Sent")
        GIVEN_UP = "given-up", pgettext_lazy("delivery", "Given up")

    class Problem(models.TextChoices):
        """Why it was not delivered."""

        NONE = "", ""
        NO_CONNECTION = "no-connection", pgettext_lazy("delivery", "The server could not be reached")
        NOT_PUBLIC = "not-public", pgettext_lazy("delivery", "The address is not on the public internet")
        CERTIFICATE = "certificate", pgettext_lazy("delivery", "The certificate is not valid")
        TIME = "time", pgettext_lazy("delivery", "The server did not answer in time")
        ANSWER = "answer", pgettext_lazy("delivery", "The answer was no HTTP")
        REDIRECT = "redirect", pgettext_lazy("delivery", "The server sent us to another address")
        REFUSED = "refused", pgettext_lazy("delivery", "The server refused it")
        STOPPED = "stopped", pgettext_lazy("delivery", "Sending to this address was stopped")
        SECRET = "secret", pgettext_lazy("delivery", "The secret cannot be read any more: make a new one")

    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, db_index=False, related_name="deliveries")
    #: Id of the event, made of what happened: the same event is one row, and has the same id whenever it is sent.
    uid = models.UUIDField()
    kind = models.CharField(max_length=20)
    #: The body as it is sent and signed.
    body = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=13, choices=Problem, default="", blank=True)
    #: Status of the last answer; None if there was none.
    status = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    #: Since when it is being tried: its creation, or the last time that staff asked for it.
    since = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("delivery to an address")
        verbose_name_plural = _("deliveries to addresses")
        ordering: ClassVar = ["-pk"]
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["webhook", "uid"], name="loyalty_delivery_once")]
        indexes: ClassVar = [
            models.Index(fields=["webhook", "state", "-id"], name="loyalty_delivery_state"),
            models.Index(fields=["created_at"], name="loyalty_delivery_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"
