"""What belongs to one person: a copy of it, and taking the person out of what stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from community.models import (
    Bookmark,
    CommunityProfile,
    Draft,
    Flag,
    IdeaVote,
    MeToo,
    PollVote,
    Post,
    PostMention,
    PostRevision,
    ReviewItem,
    Solution,
    Thread,
    Upload,
    Vote,
)
from community.services import texts
from community.services.counting import lock_post, show_changed

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.accounts.models import User

#: Stands in posts for the name of a person whose account is gone.
FORMER: Final = "[…]"
_BATCH: Final = 500


def export_of(user: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield everything the community stores about a person, as (kind, values); rows are read a few at a time."""
    own: list[tuple[str, QuerySet[Any], tuple[str, ...]]] = [
        ("thread", Thread.objects.filter(author=user), ("id", "title", "state", "created_at")),
        (
            "post",
            Post.objects.filter(author=user),
            ("id", "thread_id", "number", "body", "state", "state_reason", "state_note", "created_at", "edited_at"),
        ),
        (
            "earlier text",
            PostRevision.objects.filter(post__author=user),
            ("post_id", "version", "title", "body", "edited_at"),
        ),
        ("draft", Draft.objects.filter(user=user), ("place", "title", "body", "saved_at")),
        ("file", Upload.objects.filter(owner=user), ("id", "post_id", "name", "size", "created_at")),
        ("helpful vote", Vote.objects.filter(user=user), ("post_id", "created_at")),
        ("me too", MeToo.objects.filter(user=user), ("thread_id", "created_at")),
        ("vote for an idea", IdeaVote.objects.filter(user=user), ("thread_id", "created_at")),
        ("vote in a poll", PollVote.objects.filter(user=user), ("poll_id", "option_id", "created_at")),
        ("solution", Solution.objects.filter(helper=user), ("thread_id", "post_id", "accepted_at", "revoked_at")),
        ("bookmark", Bookmark.objects.filter(user=user), ("post_id", "note", "remind_at", "created_at")),
        ("flag", Flag.objects.filter(user=user), ("post_id", "reason", "note", "outcome", "created_at")),
        ("appeal", ReviewItem.objects.filter(post__author=user).exclude(appeal=""), ("post_id", "appeal", "decision")),
        (
            "profile",
            CommunityProfile.objects.filter(user=user),
            ("level", "days_seen", "silenced_until", "silenced_reason", "suspended_until", "suspended_reason"),
        ),
    ]
    for kind, rows, fields in own:
        for values in rows.order_by("pk").values(*fields).iterator(_BATCH):
            yield kind, values


def erase_member(*, user: User) -> int:
    """Take a person out of the community before the account is deleted; returns how many posts named them.

    What they wrote stays, without a name; so do their votes, in the counters. Drafts, bookmarks, what they read, files
    in no post, and notes to moderators go. Their name is replaced where others named them with @. Safe to repeat.
    """
    named = 0
    for post_id in list(PostMention.objects.filter(user=user).order_by("pk").values_list("post_id", flat=True)):
        named += _forget_name(post_id, user)
    with transaction.atomic():
        Draft.objects.filter(user=user).delete()
        Bookmark.objects.filter(user=user).delete()
        PostRevision.objects.filter(post__author=user).delete()
        Flag.objects.filter(user=user).update(note="")
        ReviewItem.objects.filter(post__author=user).update(appeal="")
        for upload in Upload.objects.filter(owner=user, post=None):
            upload.file.delete(save=False)
            upload.delete()
        Post.objects.filter(author=user).update(token="")
    return named


@transaction.atomic
def _forget_name(post_id: int, user: User) -> int:
    thread, post = lock_post(Post.objects.get(pk=post_id))
    pattern = re.compile(rf"(?<![\w@/.+-])@{re.escape(user.handle)}(?![\w-])", re.IGNORECASE)
    body, count = pattern.subn(FORMER, post.body)
    if count:
        post.body, post.version = body, post.version + 1
        post.save(update_fields=["body", "version"])
        for revision in post.revisions.all():
            revision.body = pattern.sub(FORMER, revision.body)
            revision.save(update_fields=["body"])
    texts.attach(post, texts.prepare(post.body))
    PostMention.objects.filter(post=post, user=user).delete()
    show_changed(thread)
    return int(bool(count))
