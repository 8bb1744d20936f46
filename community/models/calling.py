"""Members who were asked whether they can answer a question."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.models.thread import Thread


class CallForHelp(models.Model):
    """A member was asked to look at a question that waits; it goes with the account."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="calls", db_index=False)
    helper = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    #: None for somebody without an account by now, or the portal itself.
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("call for help")
        verbose_name_plural = _("calls for help")
        constraints = [models.UniqueConstraint(fields=["thread", "helper"], name="call_for_help_once")]
        indexes = [models.Index(fields=["helper", "asked_at"], name="call_for_help_helper")]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.helper_id}"
