"""Flags, the queue of what moderators look at, watched words, and the log of what was done."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models.area import Area
from community.models.post import Post
from community.models.tag import Tag, fold_tag
from community.models.thread import Thread


class Flag(models.Model):
    """Somebody thinks that a moderator should look at a post."""

    class Reason(models.TextChoices):
        SPAM = "spam", _("Spam")
        ABUSE = "abuse", _("Abuse or insult")
        OFF_TOPIC = "off-topic", _("Off topic")
        PERSONAL_DATA = "personal-data", _("Personal data")
        WRONG_ANSWER = "wrong-answer", _("Wrong answer")
        OTHER = "other", _("Something else")

    class Outcome(models.TextChoices):
        OPEN = "", pgettext_lazy("flag", "Open")
        AGREED = "agreed", pgettext_lazy("flag", "Agreed")
        DISAGREED = "disagreed", pgettext_lazy("flag", "Disagreed")
        #: Neither right nor wrong: does not count.
        IGNORED = "ignored", pgettext_lazy("flag", "Ignored")

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="flags")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=15, choices=Reason)
    note = models.CharField(max_length=500, blank=True, default="")
    #: Hundredths; see `community.rules.flag_weight`.
    weight = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    judged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    judged_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        # Only while it is open: what was cleared once can be flagged again.
        constraints = [models.UniqueConstraint(fields=["post", "user"], condition=Q(outcome=""), name="flag_once")]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.reason}"


class ReviewItem(models.Model):
    """Something in the moderators' queue: one open item for each post or private message, with all reasons."""

    class Decision(models.TextChoices):
        OPEN = "", pgettext_lazy("review", "Open")
        APPROVED = "approved", pgettext_lazy("review", "Approved")
        HIDDEN = "hidden", pgettext_lazy("review", "Hidden")
        DELETED = "deleted", pgettext_lazy("review", "Deleted")
        #: Nobody needs to decide any more: the author deleted the post, or it was merged away.
        OBSOLETE = "obsolete", pgettext_lazy("review", "No longer needed")

    #: What it is about is a post, or else a private message.
    post = models.ForeignKey(Post, on_delete=models.CASCADE, null=True, related_name="reviews")
    message = models.ForeignKey("community.Message", on_delete=models.CASCADE, null=True, related_name="+")
    #: Codes with their share of the score: ``[["first-post", 100], ["flag:spam", 260]]``.
    reasons = models.JSONField(default=list)
    #: Hundredths; the sum of the reasons.
    score = models.IntegerField(default=0)
    #: What the author said when appealing.
    appeal = models.TextField(blank=True, default="")
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=10, choices=Decision, blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("item of the review queue")
        verbose_name_plural = _("review queue")
        constraints = [models.UniqueConstraint(fields=["post"], condition=Q(decision=""), name="review_item_open")]
        indexes = [models.Index(fields=["-score", "id"], name="review_item_queue", condition=Q(decision=""))]

    def __str__(self) -> str:
        return f"{self.post_id or self.message_id}: {self.score}"


class WatchedWord(models.Model):
    """A word or phrase in what members write, and what happens to the text. Spelling variants do not evade it."""

    class Action(models.TextChoices):
        BLOCK = "block", _("Refuse the text")
        HOLD = "hold", _("Hold it for review")
        MASK = "mask", _("Replace the word with stars")
        TAG = "tag", _("Add a tag")

    phrase = models.CharField(_("word or phrase"), max_length=80)
    #: As it is compared; see `community.models.tag.fold_tag`.
    key = models.CharField(max_length=80, unique=True, editable=False)
    action = models.CharField(_("what happens"), max_length=5, choices=Action, default=Action.HOLD)
    tag = models.ForeignKey(
        Tag, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("tag")
    )
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("watched word")
        verbose_name_plural = _("watched words")
        ordering = ["phrase"]

    def __str__(self) -> str:
        return self.phrase

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = fold_tag(self.phrase)[:80]
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if len(fold_tag(self.phrase)) < 2:
            raise ValidationError({"phrase": _("Enter at least two letters or digits.")})


class AppendOnlyError(TypeError):
    """Raised by an attempt to change or delete what was logged."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **_kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Entries of the audit log are never changed.")

    def delete(self) -> NoReturn:
        raise AppendOnlyError("Entries of the audit log are never deleted.")


class AuditEntry(models.Model):
    """Something a moderator, or the portal itself, did. Written once and never changed."""

    #: None: the portal itself, or somebody without an account by now.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: ``post.hidden``, ``member.silenced``, ``thread.merged`` …
    action = models.CharField(max_length=40)
    area = models.ForeignKey(Area, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    thread = models.ForeignKey(Thread, on_delete=models.SET_NULL, null=True, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.SET_NULL, null=True, related_name="+")
    #: Whom it concerns.
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=20, blank=True, default="")
    note = models.TextField(blank=True, default="")
    #: Ids and plain values: from which area to which, until when.
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry of the audit log")
        verbose_name_plural = _("audit log")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["action", "-id"], name="audit_entry_action")]

    def __str__(self) -> str:
        return self.action

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the entry. Raises `AppendOnlyError` for one that was written before."""
        if self.pk is not None:
            raise AppendOnlyError("Entries of the audit log are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Entries of the audit log are never deleted.")
