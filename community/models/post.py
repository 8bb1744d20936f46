"""Posts of a thread, their earlier texts, and files attached to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.models.access import id_of, is_moderator
from community.models.thread import OWN_STATES, State, Thread, ThreadState
from portal.core.audience import audiences_for

if TYPE_CHECKING:
    from community.models.access import AnyUser

#: Posts on one page of a thread.
PAGE_SIZE = 20


class PostQuerySet(models.QuerySet["Post"]):
    def visible_to(self, user: AnyUser) -> Self:
        """The whole truth about who sees the text of which post.

        The thread must be visible to `user`. Moderators see all its posts, others the visible ones, and their own that
        are held or hidden. Of the rest a reader of the thread sees only that they were there: see `Post.tombstones`.
        """
        admitted = self.filter(thread__audience__in=audiences_for(user))
        if is_moderator(user):
            return admitted
        visible = Q(state=State.VISIBLE)
        own = id_of(user)
        if own is None:
            return admitted.filter(visible, thread__state=ThreadState.VISIBLE)
        return admitted.filter(
            Q(thread__state=ThreadState.VISIBLE) | Q(thread__author=own, thread__state__in=OWN_STATES),
            visible | Q(author=own, state__in=OWN_STATES),
        )

    def in_numbers(self, first: int, last: int) -> Self:
        """Posts of a page, by their numbers in the thread: no offset, so the last page costs what the first does."""
        return self.filter(number__gte=first, number__lte=last).order_by("number")

    def most_helpful(self) -> Self:
        """Replies, the most helpful first; by (`helpful_count`, `number`)."""
        return self.filter(number__gt=1).order_by("-helpful_count", "number")

    def for_showing(self) -> Self:
        """Everything a page of a thread shows of its posts, in a fixed number of queries."""
        return self.select_related("author")


class Post(models.Model):
    """A text in a thread. Its number never changes while it stays there: ``#post-12`` leads to it for ever."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="posts", db_index=False)
    number = models.PositiveIntegerField()
    #: None when the person no longer has an account.
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="posts", db_index=False
    )
    #: Markdown, as written.
    body = models.TextField()
    #: The body as HTML, by `community.rendering`, and the version of the rendering.
    html = models.TextField(blank=True, default="", editable=False)
    render_version = models.PositiveSmallIntegerField(default=0, editable=False)
    language = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State, default=State.VISIBLE)
    #: Why it is not visible, and what the moderator told the author.
    state_reason = models.CharField(max_length=20, blank=True, default="")
    state_note = models.TextField(blank=True, default="")
    reply_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="answers")
    helpful_count = models.IntegerField(default=0)
    is_solution = models.BooleanField(default=False)
    #: The author was staff when writing it.
    is_from_staff = models.BooleanField(default=False)
    #: Of the form it was sent with: a form sent twice makes one post.
    token = models.CharField(max_length=40, blank=True, default="", editable=False)
    #: Counts edits: a form names the version it was opened with.
    version = models.PositiveIntegerField(default=1)
    #: Fingerprint of the text, for finding near-duplicates (`community.similarity`); None if it is too short for one.
    fingerprint = models.BigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    #: When others could first see it; None if it was held and never approved.
    published_at = models.DateTimeField(null=True)
    #: Last edit that readers are told of.
    edited_at = models.DateTimeField(null=True)
    state_changed_at = models.DateTimeField(null=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = [
            models.UniqueConstraint(fields=["thread", "number"], name="post_number_unique"),
            models.UniqueConstraint(fields=["author", "token"], condition=~Q(token=""), name="post_token_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="post_number_from_one"),
        ]
        indexes = [
            models.Index(fields=["author", "-created_at", "-id"], name="post_author"),
            models.Index(F("thread"), F("helpful_count").desc(), F("number"), name="post_most_helpful"),
            models.Index(fields=["thread", "-created_at", "-number"], name="post_latest"),
            models.Index(fields=["created_at", "id"], name="post_held", condition=Q(state="held")),
            models.Index(fields=["render_version", "id"], name="post_render_version"),
        ]

    def __str__(self) -> str:
        return f"{self.thread_id}#{self.number}"

    def get_absolute_url(self) -> str:
        return f"{self.thread.get_absolute_url()}{self.fragment}"

    @property
    def fragment(self) -> str:
        """The query and fragment that lead to the post within its thread."""
        page = self.page
        return f"?page={page}#post-{self.number}" if page > 1 else f"#post-{self.number}"

    @property
    def page(self) -> int:
        """The page of the thread it is on."""
        return (self.number - 1) // PAGE_SIZE + 1

    @property
    def is_first(self) -> bool:
        return self.number == 1

    @property
    def is_visible(self) -> bool:
        return self.state == State.VISIBLE


class PostRevision(models.Model):
    """A text that a post had before an edit. Edits within `COMMUNITY_SILENT_EDIT_MINUTES` leave none."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="revisions")
    #: `Post.version` with this text.
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField()
    #: Who replaced it, and when.
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    edited_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("earlier text of a post")
        verbose_name_plural = _("earlier texts of posts")
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["post", "version"], name="post_revision_unique")]

    def __str__(self) -> str:
        return f"{self.post_id} v{self.version}"


class PostMention(models.Model):
    """A person named with @ in a post."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")
        constraints = [models.UniqueConstraint(fields=["post", "user"], name="post_mention_unique")]

    def __str__(self) -> str:
        return f"{self.post_id} @{self.user_id}"


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, user: AnyUser) -> Self:
        """Files of posts that `user` sees, and one's own that no post has yet."""
        readable = Q(post__in=Post.objects.visible_to(user).values("pk"))
        own = id_of(user)
        return self.filter(readable | Q(post=None, owner=own) if own is not None else readable)


class Upload(models.Model):
    """A file that belongs to a post, or waits for the one its owner is writing. Pictures are re-encoded."""

    class Kind(models.TextChoices):
        PICTURE = "picture", _("Picture")
        FILE = "file", _("File")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="uploads")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, null=True, related_name="uploads")
    kind = models.CharField(max_length=10, choices=Kind)
    #: Below a folder of MEDIA_ROOT that is served only through a view that asks for the post.
    file = models.FileField(upload_to="community/%Y/%m", max_length=200)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=80)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    objects = UploadQuerySet.as_manager()

    class Meta:
        verbose_name = _("uploaded file")
        verbose_name_plural = _("uploaded files")
        indexes = [models.Index(fields=["created_at"], name="upload_without_post", condition=Q(post=None))]

    def __str__(self) -> str:
        return self.name
