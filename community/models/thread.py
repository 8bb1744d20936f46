"""Threads: a question, an idea, a discussion or an announcement, with its posts."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models.access import id_of, is_moderator
from community.models.area import Area
from portal.catalog.models import Product
from portal.core.audience import PUBLIC, audiences_for
from portal.core.prepared import Prepared
from portal.core.text import slugify_unicode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from community.models.access import AnyUser


class State(models.TextChoices):
    """States of threads and posts."""

    VISIBLE = "visible", pgettext_lazy("state", "Visible")
    #: Waits for a moderator before anybody else sees it.
    HELD = "held", pgettext_lazy("state", "Waiting for review")
    #: Taken away by moderators or by flags; the author sees it with the reason.
    HIDDEN = "hidden", pgettext_lazy("state", "Hidden")
    DELETED = "deleted", pgettext_lazy("state", "Deleted")


class ThreadState(models.TextChoices):
    VISIBLE = State.VISIBLE.value, State.VISIBLE.label
    HELD = State.HELD.value, State.HELD.label
    HIDDEN = State.HIDDEN.value, State.HIDDEN.label
    DELETED = State.DELETED.value, State.DELETED.label
    #: Its posts are in another thread; its address leads there.
    MERGED = "merged", pgettext_lazy("state", "Merged")


#: States in which authors still see what they wrote.
OWN_STATES = (State.HELD.value, State.HIDDEN.value)

_LISTED = Q(state="visible")


class ThreadQuerySet(models.QuerySet["Thread"]):
    def visible_to(self, user: AnyUser) -> Self:
        """The whole truth about who sees which thread.

        Visible threads of areas whose audience admits `user`; one's own that are held or hidden; for moderators all
        states. The address of a merged thread is followed with `community.queries.thread_at`.
        """
        return self._admitting(audiences_for(user), own=id_of(user), is_moderator=is_moderator(user))

    def _admitting(self, audiences: Sequence[str], *, own: int | None, is_moderator: bool) -> Self:
        admitted = self.filter(audience__in=audiences)
        if is_moderator:
            return admitted
        if own is None:
            return admitted.filter(state=ThreadState.VISIBLE)
        return admitted.filter(Q(state=ThreadState.VISIBLE) | Q(author=own, state__in=OWN_STATES))

    def one_visible_to(self, user: AnyUser, pk: int) -> Thread | None:
        """Return a thread if `user` may see it: `visible_to` for the page of a thread, compiled once. One query."""
        audiences, own = audiences_for(user), id_of(user)
        sees_own = own is not None and not is_moderator(user)
        query = _one_for(len(audiences), sees_own=sees_own, sees_all=is_moderator(user))
        found = query.rows(pk, *([own] if sees_own else []), *audiences)
        return found[0] if found else None

    def listed(self) -> Self:
        """Threads that appear in lists, feeds and counts, whoever reads them. The indexes cover only these."""
        return self.filter(_LISTED)

    def recent_first(self) -> Self:
        """Most recent post first; a page ends at the (`last_post_at`, `pk`) of its last thread."""
        return self.order_by("-last_post_at", "-pk")

    def recent_first_in_area(self) -> Self:
        """Pinned threads first, then the most recent post: by (`is_pinned`, `last_post_at`, `pk`)."""
        return self.order_by("-is_pinned", "-last_post_at", "-pk")

    def popular(self) -> Self:
        return self.order_by("-hot", "-pk")

    def most_voted(self) -> Self:
        """Ideas with most votes first: by (`vote_count`, `pk`)."""
        return self.filter(kind=Area.Kind.IDEAS).order_by("-vote_count", "-pk")

    def unanswered(self) -> Self:
        """Questions without any reply that one can reply to."""
        return self.filter(kind=Area.Kind.QUESTIONS, reply_count=0, is_locked=False)

    def solved(self) -> Self:
        return self.filter(solved_at__isnull=False)

    def for_listing(self) -> Self:
        """Everything a list of threads shows, in one query."""
        return self.select_related("author", "area")


@cache
def _one_for(audiences: int, *, sees_own: bool, sees_all: bool) -> Prepared[Thread]:
    """Return the query for one thread by its id, for a reader with so many audiences."""

    def written(pk: int, *values: Any) -> QuerySet[Thread]:
        own, admitting = (values[0], values[1:]) if sees_own else (None, values)
        visible = Thread.objects.all()._admitting(admitting, own=own, is_moderator=sees_all)  # noqa: SLF001 - as visible_to
        return visible.filter(pk=pk)

    return Prepared(written, int, *([int] if sees_own else []), *[str] * audiences)


class Thread(models.Model):
    """A conversation. Number 1 of its posts is what began it."""

    class Status(models.TextChoices):
        """How far a question or an idea has come; empty for everything else."""

        NONE = "", pgettext_lazy("status of a thread", "None")
        OPEN = "open", pgettext_lazy("question", "Open")
        NEEDS_INFO = "needs-info", pgettext_lazy("question", "Needs information")
        SOLVED = "solved", pgettext_lazy("question", "Solved")
        NEW = "new", pgettext_lazy("idea", "New")
        UNDER_REVIEW = "under-review", pgettext_lazy("idea", "Under review")
        PLANNED = "planned", pgettext_lazy("idea", "Planned")
        DONE = "done", pgettext_lazy("idea", "Done")
        NOT_NOW = "not-now", pgettext_lazy("idea", "Not now")

    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="threads", db_index=False)
    #: Effective audience of the area, here so that lists need no join.
    audience = models.CharField(max_length=255, default=PUBLIC, editable=False)
    #: Kind of the area.
    kind = models.CharField(max_length=15, choices=Area.Kind, default=Area.Kind.QUESTIONS)
    #: None when the person no longer has an account.
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="threads", db_index=False
    )
    title = models.CharField(_("title"), max_length=200)
    slug = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=10)
    #: Beginning of the first post, as plain text.
    excerpt = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=15, choices=Status, blank=True, default="")
    state = models.CharField(max_length=10, choices=ThreadState, default=ThreadState.VISIBLE)
    #: Why it is not visible, and what the moderator told the author.
    state_reason = models.CharField(max_length=20, blank=True, default="")
    state_note = models.TextField(blank=True, default="")
    products = models.ManyToManyField(Product, blank=True, related_name="threads")
    tags = models.ManyToManyField("community.Tag", blank=True, related_name="threads")
    #: The first accepted answer that is still accepted.
    solution = models.ForeignKey(
        "community.Post", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    solved_at = models.DateTimeField(null=True)
    #: Visible posts but the first.
    reply_count = models.IntegerField(default=0)
    me_too_count = models.IntegerField(default=0)
    #: Votes for an idea.
    vote_count = models.IntegerField(default=0)
    #: Helpful votes of all its posts.
    helpful_count = models.IntegerField(default=0)
    view_count = models.IntegerField(default=0)
    #: Number of the newest post, whatever its state: the next one gets one more.
    highest_number = models.PositiveIntegerField(default=0)
    last_post_at = models.DateTimeField()
    last_author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    #: See `community.hot`.
    hot = models.FloatField(default=0)
    is_locked = models.BooleanField(default=False)
    is_pinned = models.BooleanField(default=False)
    pinned_until = models.DateTimeField(null=True)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ThreadQuerySet.as_manager()

    class Meta:
        verbose_name = _("thread")
        verbose_name_plural = _("threads")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="merged", merged_into__isnull=False) | (~Q(state="merged") & Q(merged_into=None)),
                name="thread_merged_into_another",
            ),
            models.CheckConstraint(condition=Q(is_pinned=True) | Q(pinned_until=None), name="thread_pinned_until"),
        ]
        indexes = [
            models.Index(fields=["-last_post_at", "-id"], name="thread_latest", condition=_LISTED),
            models.Index(
                fields=["area", "-is_pinned", "-last_post_at", "-id"], name="thread_area_latest", condition=_LISTED
            ),
            models.Index(fields=["-hot", "-id"], name="thread_hot", condition=_LISTED),
            models.Index(fields=["area", "-hot", "-id"], name="thread_area_hot", condition=_LISTED),
            models.Index(
                fields=["-last_post_at", "-id"],
                name="thread_unanswered",
                condition=_LISTED & Q(kind="questions", reply_count=0),
            ),
            models.Index(
                fields=["area", "-last_post_at", "-id"],
                name="thread_area_unanswered",
                condition=_LISTED & Q(kind="questions", reply_count=0),
            ),
            models.Index(
                fields=["-last_post_at", "-id"],
                name="thread_solved",
                condition=_LISTED & Q(solved_at__isnull=False),
            ),
            models.Index(
                fields=["area", "-last_post_at", "-id"],
                name="thread_area_solved",
                condition=_LISTED & Q(solved_at__isnull=False),
            ),
            models.Index(
                fields=["area", "-vote_count", "-id"], name="thread_area_votes", condition=_LISTED & Q(kind="ideas")
            ),
            models.Index(fields=["author", "-created_at", "-id"], name="thread_author"),
            models.Index(fields=["area", "id"], name="thread_area"),
            models.Index(fields=["pinned_until"], name="thread_pin_ends", condition=Q(pinned_until__isnull=False)),
        ]
        permissions = [("moderate", _("Can moderate the community"))]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("community:thread", args=[self.pk, self.slug or "-"])

    def make_slug(self) -> str:
        """Return the readable part of the address; it may change, the id leads to the thread."""
        return slugify_unicode(self.title, max_length=80)

    @property
    def is_question(self) -> bool:
        return self.kind == Area.Kind.QUESTIONS

    @property
    def is_idea(self) -> bool:
        return self.kind == Area.Kind.IDEAS

    @property
    def is_solved(self) -> bool:
        return self.solved_at is not None

    @property
    def is_listed(self) -> bool:
        return self.state == ThreadState.VISIBLE

    @property
    def scopes(self) -> tuple[str, str]:
        """What a change of the thread or of its posts touches; see `portal.core.scopes`."""
        return f"thread:{self.pk}", f"community:area:{self.area_id}"


#: Statuses in which an idea no longer holds the votes given to it.
CLOSED_IDEAS = (Thread.Status.DONE.value, Thread.Status.NOT_NOW.value)
#: Statuses of an idea that is made, or will be.
ACCEPTED_IDEAS = (Thread.Status.PLANNED.value, Thread.Status.DONE.value)


class MovedPosts(models.Model):
    """Where posts of a thread went when it was merged or split, so that links to their numbers still lead there."""

    from_thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="moves_out")
    first_number = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField()
    to_thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="moves_in")
    #: What is added to the old number.
    shift = models.IntegerField()
    moved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    moved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("moved posts")
        verbose_name_plural = _("moved posts")
        constraints = [
            models.UniqueConstraint(fields=["from_thread", "first_number", "to_thread"], name="moved_posts_unique"),
            models.CheckConstraint(condition=Q(last_number__gte=models.F("first_number")), name="moved_posts_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.from_thread_id}#{self.first_number} → {self.to_thread_id}"


class IdeaStatusChange(models.Model):
    """One step of an idea, as its voters are told."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="status_changes")
    status = models.CharField(max_length=15, choices=Thread.Status)
    note = models.TextField(blank=True, default="")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("step of an idea")
        verbose_name_plural = _("steps of ideas")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.thread_id}: {self.status}"
