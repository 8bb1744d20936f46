"""What makes a community help itself: what is like a thread, whom it helped without a word, whether it is settled."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models.post import Post
from community.models.thread import Thread
from portal.core.visitors import VISITOR_LENGTH


class ThreadLoops(models.Model):
    """What a page of a thread shows besides the thread, found when the thread changes and never while it is read.

    The lists are candidates: whoever shows them asks who may see each.
    """

    thread = models.OneToOneField(Thread, on_delete=models.CASCADE, primary_key=True, related_name="loops")
    #: Ids of solved threads like this one, the most similar first.
    similar_threads = models.JSONField(default=list)
    #: Kinds in the search index and ids of articles like it: ``[["faq.article", 7], …]``.
    articles = models.JSONField(default=list)
    #: Readers who said that the solution helped them: the rows of `SolvedIt`.
    solved_it_count = models.IntegerField(default=0)
    #: The same as it is shown: 0 until they come from enough networks, and no network outweighs all others.
    solved_it_shown = models.IntegerField(default=0)

    class Meta:
        verbose_name = _("surroundings of a thread")
        verbose_name_plural = _("surroundings of threads")

    def __str__(self) -> str:
        return str(self.thread_id)


class CapturedAnswer(models.Model):
    """An answer that a published article was made of. It stays when the article goes: its author was told once."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="captured", db_index=False)
    #: Kind of the article in the search index, and what it has in common with its translations.
    kind = models.CharField(max_length=60)
    family = models.UUIDField()
    captured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("answer in an article")
        verbose_name_plural = _("answers in articles")
        constraints = [models.UniqueConstraint(fields=["post", "family"], name="captured_answer_once")]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.family}"


class SolvedIt(models.Model):
    """A reader says that the solution of a thread helped them, too. It outlives their account, without a name."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="solved_its", db_index=False)
    #: The solution that was read.
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: A salted hash, of readers without an account; says nothing about the person.
    visitor = models.CharField(max_length=64, blank=True, default="")
    #: Where it came from; see `portal.core.visitors`.
    network = models.CharField(max_length=VISITOR_LENGTH, blank=True, default="")
    sector = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("“this solved it”")
        verbose_name_plural = _("“this solved it”")
        constraints = [
            models.UniqueConstraint(fields=["thread", "post", "user"], name="solved_it_once_per_person"),
            models.UniqueConstraint(
                fields=["thread", "post", "visitor"], condition=~Q(visitor=""), name="solved_it_once_per_visitor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.user_id or self.visitor}"


class SparedQuestion(models.Model):
    """A question that was not asked: what was shown while its title was typed answered it, said who typed it.

    The title is not stored. It outlives the account, without a name.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: Kind in the search index and id of the first entry that was shown; which one was read, nobody knows.
    kind = models.CharField(max_length=60)
    object_id = models.PositiveBigIntegerField()
    #: The same of the others.
    others = models.JSONField(default=list)
    #: Whoever says it again on the same day says the same.
    day = models.DateField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("question that was not asked")
        verbose_name_plural = _("questions that were not asked")
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "object_id", "day"], name="spared_once_per_day"),
        ]
        indexes = [models.Index(fields=["created_at"], name="spared_by_time")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.object_id}"


class FollowUp(models.Model):
    """One time that the asker of a question with replies is asked whether they solved it."""

    class Answer(models.TextChoices):
        YES = "yes", pgettext_lazy("did it solve it?", "Yes")
        PARTLY = "partly", pgettext_lazy("did it solve it?", "Partly")
        NO = "no", pgettext_lazy("did it solve it?", "No")

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="follow_ups", db_index=False)
    #: 1, 2, 3.
    step = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()
    #: None until the asker was asked.
    asked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=10, choices=Answer, blank=True, default="")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("question to an asker")
        verbose_name_plural = _("questions to askers")
        constraints = [
            models.UniqueConstraint(fields=["thread", "step"], name="follow_up_once"),
            models.CheckConstraint(condition=Q(step__gte=1, step__lte=3), name="follow_up_step"),
        ]
        indexes = [models.Index(fields=["due_at"], name="follow_up_due", condition=Q(asked_at=None))]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.step}"
