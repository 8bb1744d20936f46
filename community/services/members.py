"""What belongs to one person: a copy of it, and taking the person out of what stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from community import rendering
from community.models import (
    AuditEntry,
    Bookmark,
    CommunityProfile,
    Draft,
    Flag,
    IdeaStatusChange,
    IdeaVote,
    ImportedRow,
    MeToo,
    Poll,
    PollOption,
    PollVote,
    Post,
    PostMention,
    PostRevision,
    ReviewItem,
    Solution,
    SolvedIt,
    Thread,
    Upload,
    Vote,
)
from community.services import texts
from community.services.counting import lock_post, lock_thread, show_changed, store
from portal.accounts.handles import handle_key, mark_of
from portal.accounts.models import FormerHandle

if TYPE_CHECKING:
    from django.db.models import Model

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
        ("this solved it", SolvedIt.objects.filter(user=user), ("thread_id", "post_id", "created_at")),
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
    in no post, and notes to moderators go. Their name is replaced wherever others wrote it with @: also in earlier
    texts, in code, in titles, in drafts and in the log of moderation. Each post is changed in a transaction of its own.
    Safe to repeat.
    """
    name = _Names(user)
    named = 0
    for post_id in _posts_naming(user, name):
        named += _forget_name(post_id, user, name)
    for thread_id in list(_naming(Thread, name, "title", "excerpt", "state_note").values_list("pk", flat=True)):
        _forget_in_title(thread_id, name)
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
        for model, *columns in _NAMED_ELSEWHERE:
            _forget_elsewhere(model, columns, name)
        _forget_in_log(user, name)
        # An import that is repeated does not bring them back.
        ImportedRow.objects.filter(kind=ImportedRow.Kind.PERSON, object_id=user.pk).update(object_id=None)
    return named


#: Where else people may write a name: models and their columns.
_NAMED_ELSEWHERE: Final[tuple[tuple[Any, ...], ...]] = (
    (Draft, "title", "body"),
    (Bookmark, "note"),
    (Flag, "note"),
    (ReviewItem, "appeal"),
    (Poll, "question"),
    (PollOption, "text"),
    (IdeaStatusChange, "note"),
)


class _Names:
    """The names of a person, also those they had before, of which only marks are known."""

    def __init__(self, user: User) -> None:
        former = set(FormerHandle.objects.filter(user=user).values_list("mark", flat=True))
        self._marks = former | {mark_of(handle_key(user.handle))}
        #: What a text has in which one of the names may be.
        self.sign = "@" if former else f"@{user.handle}"

    def forget(self, text: str) -> tuple[str, int]:
        """Return the text without the names, and how many there were."""
        count = 0

        def replace(match: re.Match[str]) -> str:
            nonlocal count
            name = match[1].rstrip(".-")
            if mark_of(handle_key(name)) not in self._marks:
                return match[0]
            count += 1
            return FORMER + match[1][len(name) :]

        return rendering.MENTION.sub(replace, text), count


def _naming(model: type[Model], name: _Names, *columns: str) -> QuerySet[Any]:
    """Return the rows with a name in one of the columns, or perhaps with another one."""
    named = Q()
    for column in columns:
        named |= Q(**{f"{column}__icontains": name.sign})
    return model._default_manager.filter(named).order_by("pk")  # noqa: SLF001 - Django's documented name


def _posts_naming(user: User, name: _Names) -> list[int]:
    """Return the posts that name somebody: now, in an earlier text, or where no link was made of it."""
    found = set(PostMention.objects.filter(user=user).values_list("post_id", flat=True))
    found.update(_naming(Post, name, "body", "state_note").values_list("pk", flat=True))
    found.update(_naming(PostRevision, name, "title", "body").values_list("post_id", flat=True))
    return sorted(found)


@transaction.atomic
def _forget_name(post_id: int, user: User, name: _Names) -> int:
    thread, post = lock_post(Post.objects.get(pk=post_id))
    body, count = name.forget(post.body)
    note, notes = name.forget(post.state_note)
    if count or notes:
        post.body, post.state_note, post.version = body, note, post.version + 1
        post.save(update_fields=["body", "state_note", "version"])
    for revision in post.revisions.all():
        title, titles = name.forget(revision.title)
        body, bodies = name.forget(revision.body)
        if titles or bodies:
            PostRevision.objects.filter(pk=revision.pk).update(title=title, body=body)
    text = texts.prepare(post.body)
    text.people = {handle: person for handle, person in text.people.items() if person.pk != user.pk}
    texts.attach(post, text)
    if count and post.is_first:
        thread.excerpt = rendering.excerpt(post.html)
        store(thread, "excerpt")
    show_changed(thread)
    return int(bool(count))


@transaction.atomic
def _forget_in_title(thread_id: int, name: _Names) -> None:
    thread = lock_thread(thread_id)
    before = thread.title, thread.excerpt, thread.state_note
    thread.title, thread.excerpt, thread.state_note = (name.forget(text)[0] for text in before)
    if before != (thread.title, thread.excerpt, thread.state_note):
        thread.slug = thread.make_slug()
        store(thread, "title", "slug", "excerpt", "state_note")
        show_changed(thread)


def _forget_elsewhere(model: type[Model], columns: list[str], name: _Names) -> None:
    for row in _naming(model, name, *columns).iterator(_BATCH):
        found = {column: name.forget(getattr(row, column)) for column in columns}
        if any(count for _text, count in found.values()):
            model._default_manager.filter(pk=row.pk).update(  # noqa: SLF001 - Django's documented name
                **{column: text for column, (text, _count) in found.items()}
            )


def _forget_in_log(user: User, name: _Names) -> None:
    """The log is never changed, but for this: what moderators wrote to or about a person who left."""
    entries: QuerySet[AuditEntry] = QuerySet(AuditEntry)
    entries.filter(member=user).exclude(note="").update(note="")
    for entry in entries.filter(Q(note__icontains=name.sign) | Q(details__icontains=name.sign)).iterator(_BATCH):
        note, notes = name.forget(entry.note)
        details, others = name.forget(json.dumps(entry.details, ensure_ascii=False))
        if notes or others:
            entries.filter(pk=entry.pk).update(note=note, details=json.loads(details))
