"""Tables of the foundation."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.audience import AudienceInUse

__all__ = ["AudienceInUse", "OutboxMessage"]


class OutboxMessageQuerySet(models.QuerySet["OutboxMessage"]):
    def pending(self) -> Self:
        return self.filter(delivered_at=None, failed_at=None)

    def due(self) -> Self:
        return self.pending().filter(available_at__lte=timezone.now())


class OutboxMessage(models.Model):
    """One event on its way to one subscriber. See `portal.core.outbox`."""

    event = models.CharField(_("event"), max_length=100)
    handler = models.CharField(_("handler"), max_length=200)
    payload = models.JSONField(_("payload"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    available_at = models.DateTimeField(_("available at"), default=timezone.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    failed_at = models.DateTimeField(_("given up at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    objects = OutboxMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        indexes = [
            models.Index(
                fields=["available_at"],
                condition=models.Q(delivered_at=None, failed_at=None),
                name="outbox_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.handler}"
