"""Threads that ask the same, as helpers noticed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models.thread import Thread


class DuplicateMark(models.Model):
    """Somebody says that a thread asks what another one asks. It outlives their account, without a name."""

    class Outcome(models.TextChoices):
        OPEN = "", pgettext_lazy("duplicate", "Open")
        MERGED = "merged", pgettext_lazy("duplicate", "Merged")
        APART = "apart", pgettext_lazy("duplicate", "Kept apart")

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="duplicate_marks", db_index=False)
    into = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="+")
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("mark of a duplicate")
        verbose_name_plural = _("marks of duplicates")
        constraints = [
            # What was decided is not asked again.
            models.UniqueConstraint(fields=["thread", "into"], name="duplicate_mark_once"),
            models.CheckConstraint(condition=~Q(thread=models.F("into")), name="duplicate_mark_of_another"),
        ]
        indexes = [models.Index(fields=["created_at"], name="duplicate_mark_open", condition=Q(outcome=""))]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.into_id}"
