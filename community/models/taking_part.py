"""What people do with threads and posts besides writing: votes, solutions, bookmarks, reading.

A vote outlives the account of its voter, without a name: counters stay exact.
"""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.models.area import Area
from community.models.post import Post
from community.models.thread import Thread
from portal.core.visitors import VISITOR_LENGTH


class Vote(models.Model):
    """Somebody found a post helpful."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="votes", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: Author of the post, whom the vote speaks for.
    helper = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("helpful vote")
        verbose_name_plural = _("helpful votes")
        constraints = [models.UniqueConstraint(fields=["post", "user"], name="vote_unique")]
        indexes = [models.Index(fields=["helper", "created_at"], name="vote_helper")]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.user_id}"


class MeToo(models.Model):
    """Somebody has the same question."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="me_toos", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("“I have this too”")
        verbose_name_plural = _("“I have this too”")
        constraints = [models.UniqueConstraint(fields=["thread", "user"], name="me_too_unique")]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.user_id}"


class IdeaVote(models.Model):
    """A vote for an idea. A person has a limited number of them on ideas that are not closed."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="idea_votes", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("vote for an idea")
        verbose_name_plural = _("votes for ideas")
        constraints = [models.UniqueConstraint(fields=["thread", "user"], name="idea_vote_unique")]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.user_id}"


class SolutionQuerySet(models.QuerySet["Solution"]):
    def active(self) -> Self:
        """Those that hold, the thread's own before those of questions that were merged into it, then the first accepted."""
        return self.filter(revoked_at=None).order_by(F("asked_in").asc(nulls_first=True), "accepted_at", "pk")


class Solution(models.Model):
    """An answer was accepted; a revoked acceptance stays as history."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="solutions")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="solutions")
    #: Author of the post.
    helper = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    #: The question that it answered, if that was merged into the thread later; None: the thread itself.
    asked_in = models.ForeignKey(Thread, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    #: The author had not asked it: somebody else was helped.
    is_for_another = models.BooleanField(default=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    accepted_at = models.DateTimeField(default=timezone.now)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    #: Why it was revoked: ``asker``, ``hidden``, ``deleted``, ``moved``.
    revoked_because = models.CharField(max_length=20, blank=True, default="")

    objects = SolutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("solution")
        verbose_name_plural = _("solutions")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["post"], condition=Q(revoked_at=None), name="solution_once"),
        ]
        indexes = [models.Index(fields=["helper", "accepted_at"], name="solution_helper")]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.post_id}"


class Bookmark(models.Model):
    """A post that somebody wants to find again, perhaps to be reminded of."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="bookmarks")
    note = models.CharField(max_length=200, blank=True, default="")
    remind_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("bookmark")
        verbose_name_plural = _("bookmarks")
        constraints = [models.UniqueConstraint(fields=["user", "post"], name="bookmark_unique")]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="bookmark_latest"),
            models.Index(fields=["remind_at"], name="bookmark_due", condition=Q(remind_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.post_id}"


class ThreadRead(models.Model):
    """How far somebody has read a thread."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="+")
    last_read_number = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("thread read")
        verbose_name_plural = _("threads read")
        constraints = [models.UniqueConstraint(fields=["user", "thread"], name="thread_read_unique")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.thread_id}#{self.last_read_number}"


class ThreadView(models.Model):
    """A visitor looked at a thread on a day. Nothing here says who: see `community.viewing`. Kept for two days."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    visitor = models.CharField(max_length=VISITOR_LENGTH)

    class Meta:
        verbose_name = _("view of a thread")
        verbose_name_plural = _("views of threads")
        constraints = [models.UniqueConstraint(fields=["thread", "day", "visitor"], name="thread_view_unique")]
        indexes = [models.Index(fields=["day"], name="thread_view_day")]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.day}"


class AreaRead(models.Model):
    """Somebody marked all of an area as read: what was written until then is not unread."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="+")
    read_until = models.DateTimeField()

    class Meta:
        verbose_name = _("area read")
        verbose_name_plural = _("areas read")
        constraints = [models.UniqueConstraint(fields=["user", "area"], name="area_read_unique")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.area_id}"


class Draft(models.Model):
    """What somebody has begun to write, by the place where it will be posted: it survives a sign-out."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    #: ``new``, ``area:7`` or ``thread:42`` or ``post:99``.
    place = models.CharField(max_length=60)
    title = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField(blank=True, default="")
    #: Other fields of the form: ids of area, products, tags.
    extra = models.JSONField(default=dict, blank=True)
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [models.UniqueConstraint(fields=["user", "place"], name="draft_unique")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.place}"

    @staticmethod
    def place_of_reply(thread_id: int) -> str:
        """Return where the draft of a reply to a thread is."""
        return f"thread:{thread_id}"
