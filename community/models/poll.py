"""Polls: a question with a few choices, in the first post of a thread."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.models.thread import Thread


class Poll(models.Model):
    """A question to vote on; results are shown after one's vote, or when it is closed."""

    thread = models.OneToOneField(Thread, on_delete=models.CASCADE, related_name="poll")
    question = models.CharField(max_length=200)
    is_multiple = models.BooleanField(default=False)
    closes_at = models.DateTimeField(null=True)
    #: People who voted.
    voter_count = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("poll")
        verbose_name_plural = _("polls")

    def __str__(self) -> str:
        return self.question

    @property
    def is_closed(self) -> bool:
        return self.closes_at is not None and self.closes_at <= timezone.now()


class PollOption(models.Model):
    poll = models.ForeignKey(Poll, on_delete=models.CASCADE, related_name="options", db_index=False)
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=120)
    vote_count = models.IntegerField(default=0)

    class Meta:
        verbose_name = _("choice of a poll")
        verbose_name_plural = _("choices of polls")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["poll", "position"], name="poll_option_unique")]

    def __str__(self) -> str:
        return self.text


class PollVote(models.Model):
    """One person chose one option."""

    poll = models.ForeignKey(Poll, on_delete=models.CASCADE, related_name="votes", db_index=False)
    option = models.ForeignKey(PollOption, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: Whether the poll allows one choice only, here for the constraint.
    is_only = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("vote in a poll")
        verbose_name_plural = _("votes in polls")
        constraints = [
            models.UniqueConstraint(fields=["poll", "user", "option"], name="poll_vote_unique"),
            models.UniqueConstraint(fields=["poll", "user"], condition=Q(is_only=True), name="poll_vote_only"),
        ]

    def __str__(self) -> str:
        return f"{self.option_id}: {self.user_id}"
