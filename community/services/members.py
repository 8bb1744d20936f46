"""What belongs to one person: a copy of it, and taking the person out of what stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from django.conf import settings
from django.db import transaction
from django.db.models import JSONField, Q, QuerySet, TextField
from django.db.models.functions import Cast

from community import rendering
from community.models import (
    AreaRead,
    AuditEntry,
    Bookmark,
    CallForHelp,
    CapturedAnswer,
    CommunityProfile,
    Draft,
    DuplicateMark,
    Flag,
    IdeaStatusChange,
    IdeaVote,
    ImportedRow,
    Message,
    MessageReport,
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
    SparedQuestion,
    Thread,
    ThreadRead,
    Upload,
    Vote,
    WatchedWord,
)
from community.services import texts
from community.services.counting import lock_thread, show_changed, store
from community.services.messages import export_of_messages, leave_conversations
from portal.accounts.handles import handle_key, marks_of
from portal.accounts.models import FormerHandle
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from django.db.models import Model

    from portal.accounts.models import User

#: Stands in posts for the name of a person whose account is gone.
FORMER: Final = "[…]"
_BATCH: Final = 500
#: Posts of one thread that are changed in one transaction.
_AT_ONCE: Final = 50


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
        ("thread read", ThreadRead.objects.filter(user=user), ("thread_id", "last_read_number")),
        ("area read", AreaRead.objects.filter(user=user), ("area_id", "read_until")),
        ("helpful vote", Vote.objects.filter(user=user), ("post_id", "created_at")),
        ("me too", MeToo.objects.filter(user=user), ("thread_id", "created_at")),
        ("this solved it", SolvedIt.objects.filter(user=user), ("thread_id", "post_id", "created_at")),
        ("question not asked", SparedQuestion.objects.filter(user=user), ("kind", "object_id", "created_at")),
        ("vote for an idea", IdeaVote.objects.filter(user=user), ("thread_id", "created_at")),
        ("vote in a poll", PollVote.objects.filter(user=user), ("poll_id", "option_id", "created_at")),
        ("solution", Solution.objects.filter(helper=user), ("thread_id", "post_id", "accepted_at", "revoked_at")),
        (
            "answer in an article",
            CapturedAnswer.objects.filter(post__author=user),
            ("post_id", "family", "captured_at"),
        ),
        ("call for help", CallForHelp.objects.filter(helper=user), ("thread_id", "asked_at")),
        (
            "mark of a duplicate",
            DuplicateMark.objects.filter(marked_by=user),
            ("thread_id", "into_id", "outcome", "created_at"),
        ),
        ("bookmark", Bookmark.objects.filter(user=user), ("post_id", "note", "remind_at", "created_at")),
        ("flag", Flag.objects.filter(user=user), ("post_id", "reason", "note", "outcome", "created_at")),
        ("appeal", ReviewItem.objects.filter(post__author=user).exclude(appeal=""), ("post_id", "appeal", "decision")),
        (
            "profile",
            CommunityProfile.objects.filter(user=user),
            (
                *("level", "days_seen", "messages_from", "is_private", "languages"),
                *("silenced_until", "silenced_reason", "suspended_until", "suspended_reason"),
            ),
        ),
    ]
    for kind, rows, fields in own:
        for values in rows.order_by("pk").values(*fields).iterator(_BATCH):
            yield kind, values
    yield from export_of_messages(user)
    for upload in Upload.objects.filter(owner=user).order_by("pk").iterator(_BATCH):
        fields = ("id", "post_id", "name", "size", "created_at")
        address = f"{settings.BASE_URL}{rendering.UPLOAD_PATH.format(upload_id=upload.pk, name=quote(upload.name))}"
        yield "file", {field: getattr(upload, field) for field in fields} | {"address": address}


def erase_member(*, user: User) -> int:
    """Take a person out of the community before the account is deleted; returns how many posts named them.

    What they wrote stays, without a name, private messages for those who received them; so do their votes, in the counters. Drafts, bookmarks, what they read, files
    in no post, and notes to moderators go. Their name is replaced wherever others wrote it with @, or as the address of
    a profile on any site: also in earlier texts, in code, in titles, in drafts and in the log of moderation. The posts
    of each thread are changed in transactions of their own. Safe to repeat.

    A name without @ stays, as it may be any word; so does a tag that is spelled like one: it sorts threads of others,
    says of nobody that it is theirs, and moderators can rename or merge it.
    """
    name = _Names(user)
    named = _forget_in_posts(user, name)
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
        _forget_thanks(user)
        for model, *columns in _NAMED_ELSEWHERE:
            _forget_elsewhere(model._default_manager.all(), columns, name)  # noqa: SLF001 - Django's documented name
        _forget_in_log(user, name)
        leave_conversations(user=user)
        # An import that is repeated does not bring them back.
        ImportedRow.objects.filter(kind=ImportedRow.Kind.PERSON, object_id=user.pk).update(object_id=None)
    return named


def _forget_thanks(user: User) -> None:
    """Have pages of articles made again that thank somebody: the account is not active any more."""
    threads = list(CapturedAnswer.objects.filter(post__author=user).values_list("post__thread", flat=True).distinct())
    for some in _portions(sorted(threads), _AT_ONCE):
        content_changed(*(f"thread:{pk}" for pk in some))


#: Where else people may write a name: models and their columns.
_NAMED_ELSEWHERE: Final[tuple[tuple[Any, ...], ...]] = (
    (Draft, "title", "body", "extra"),
    (Bookmark, "note"),
    (Flag, "note"),
    (ReviewItem, "appeal"),
    (Message, "body", "state_note"),
    (MessageReport, "note"),
    (Poll, "question"),
    (PollOption, "text"),
    (IdeaStatusChange, "note"),
    (CommunityProfile, "silenced_reason", "suspended_reason"),
    (WatchedWord, "note"),
)
#: The address of a profile, as people write or copy it; with or without the domain and the language before it.
_PROFILE: Final = re.compile(r"(?<=/u/)(?:[\w.-]|%[0-9a-f]{2}){3,270}", re.IGNORECASE)
#: Stands for the name in such an address: nobody has this name.
_NOBODY: Final = "-"


class _Names:
    """The names of a person, also those they had before, of which only marks are known."""

    def __init__(self, user: User) -> None:
        former = set(FormerHandle.objects.filter(user=user).values_list("mark", flat=True))
        self._marks = former | {*marks_of(handle_key(user.handle))}
        # Not every database knows the lower case of letters such as É.
        is_any = former or (not user.handle.isascii() and user.handle.lower() != user.handle.upper())
        handle = "" if is_any else user.handle
        #: What a text has in which one of the names may be.
        self.signs = dict.fromkeys((f"@{handle}", f"/u/{handle}", f"/u/{quote(handle)}"))

    def forget(self, text: str) -> tuple[str, int]:
        """Return the text without the names, and how many there were."""
        count = 0

        def replace(match: re.Match[str]) -> str:
            nonlocal count
            name = match[1].rstrip(".-")
            if not self._is_theirs(name):
                return match[0]
            count += 1
            return FORMER + match[1][len(name) :]

        def replace_address(match: re.Match[str]) -> str:
            nonlocal count
            name = match[0].rstrip(".-")
            if not self._is_theirs(unquote(name)):
                return match[0]
            count += 1
            return _NOBODY + match[0][len(name) :]

        text = rendering.MENTION.sub(replace, text)
        return _PROFILE.sub(replace_address, text), count

    def forget_in(self, value: Any) -> tuple[Any, int]:
        """Return a text, or all texts of JSON values, without the names, and how many there were."""
        if isinstance(value, str):
            return self.forget(value)
        if isinstance(value, dict):
            found = {key: self.forget_in(each) for key, each in value.items()}
            return {key: each for key, (each, _count) in found.items()}, sum(count for _each, count in found.values())
        if isinstance(value, list):
            items = [self.forget_in(each) for each in value]
            return [each for each, _count in items], sum(count for _each, count in items)
        return value, 0

    def _is_theirs(self, name: str) -> bool:
        return not self._marks.isdisjoint(marks_of(handle_key(name)))


def _naming(model: type[Model], name: _Names, *columns: str) -> QuerySet[Any]:
    """Return the rows with a name in one of the columns, or perhaps with another one."""
    return _with_name(model._default_manager.all(), name, *columns)  # noqa: SLF001 - Django's documented name


def _with_name(rows: QuerySet[Any], name: _Names, *columns: str) -> QuerySet[Any]:
    named = Q()
    for column in columns:
        path, signs = column, set(name.signs)
        if isinstance(rows.model._meta.get_field(column), JSONField):  # noqa: SLF001 - Django's documented name
            # Some databases store JSON as it is written, with \u for what is not ASCII.
            path, signs = f"text_of_{column}", signs | {json.dumps(sign)[1:-1] for sign in signs}
            rows = rows.annotate(**{path: Cast(column, TextField())})
        for sign in signs:
            named |= Q(**{f"{path}__icontains": sign})
    return rows.filter(named).order_by("pk")


# In posts -----------------------------------------------------------------------------------------------------------


def _portions(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _forget_in_posts(user: User, name: _Names) -> int:
    """Forget a name in all posts, thread by thread, so that each is announced once; returns how many posts had it."""
    found = set(PostMention.objects.filter(user=user).values_list("post_id", flat=True))
    found.update(_naming(Post, name, "body", "state_note").values_list("pk", flat=True))
    found.update(_naming(PostRevision, name, "title", "body").values_list("post_id", flat=True))
    named = 0
    while found:  # a post that is moved to another thread meanwhile is looked for again
        by_thread: dict[int, list[int]] = {}
        for portion in _portions(sorted(found), _BATCH):
            places = Post.objects.filter(pk__in=portion).order_by("pk").values_list("thread_id", "pk")
            for thread_id, post_id in places:
                by_thread.setdefault(thread_id, []).append(post_id)
        found = set()
        for thread_id, post_ids in sorted(by_thread.items()):
            for some in _portions(post_ids, _AT_ONCE):
                count, elsewhere = _forget_in_thread(thread_id, some, user, name)
                named += count
                found |= elsewhere
    return named


@transaction.atomic
def _forget_in_thread(thread_id: int, post_ids: Sequence[int], user: User, name: _Names) -> tuple[int, set[int]]:
    """Return how many of the posts had the name, and which are in another thread by now."""
    thread = Thread.objects.select_for_update(no_key=True).filter(pk=thread_id).first()
    if thread is None:  # merged a moment ago
        return 0, set(Post.objects.filter(pk__in=post_ids).values_list("pk", flat=True))
    posts = list(
        Post.objects.select_for_update(no_key=True)
        .filter(pk__in=post_ids, thread=thread)
        .order_by("pk")
        .prefetch_related("revisions")
    )
    linked = set(PostMention.objects.filter(user=user, post__in=posts).values_list("post_id", flat=True))
    named = 0
    for post in posts:
        post.thread = thread
        named += _forget_in_post(post, user, name, is_linked=post.pk in linked)
    if posts:  # in this transaction: after an interruption nothing would find the thread again
        show_changed(thread)
    gone = set(post_ids) - {post.pk for post in posts}
    return named, set(Post.objects.filter(pk__in=gone).values_list("pk", flat=True))


def _forget_in_post(post: Post, user: User, name: _Names, *, is_linked: bool) -> bool:
    for revision in post.revisions.all():
        title, titles = name.forget(revision.title)
        body, bodies = name.forget(revision.body)
        if titles or bodies:
            PostRevision.objects.filter(pk=revision.pk).update(title=title, body=body)
    body, count = name.forget(post.body)
    note, notes = name.forget(post.state_note)
    if count or notes:
        post.body, post.state_note, post.version = body, note, post.version + 1
        Post.objects.filter(pk=post.pk).update(body=body, state_note=note, version=post.version)
    if count or is_linked:
        text = texts.prepare(post.body)
        text.people = {handle: person for handle, person in text.people.items() if person.pk != user.pk}
        texts.attach(post, text)
    if count and post.is_first:
        post.thread.excerpt = rendering.excerpt(post.html)
        store(post.thread, "excerpt")
    return bool(count)


@transaction.atomic
def _forget_in_title(thread_id: int, name: _Names) -> None:
    thread = lock_thread(thread_id)
    before = thread.title, thread.excerpt, thread.state_note
    thread.title, thread.excerpt, thread.state_note = (name.forget(text)[0] for text in before)
    if before != (thread.title, thread.excerpt, thread.state_note):
        thread.slug = thread.make_slug()
        store(thread, "title", "slug", "excerpt", "state_note")
        show_changed(thread)


def _forget_elsewhere(rows: QuerySet[Any], columns: Sequence[str], name: _Names) -> None:
    for row in _with_name(rows, name, *columns).iterator(_BATCH):
        found = {column: name.forget_in(getattr(row, column)) for column in columns}
        if any(count for _value, count in found.values()):
            rows.filter(pk=row.pk).update(**{column: value for column, (value, _count) in found.items()})


def _forget_in_log(user: User, name: _Names) -> None:
    """The log is never changed, but for this: what moderators wrote to or about a person who left."""
    entries: QuerySet[AuditEntry] = QuerySet(AuditEntry)
    entries.filter(member=user).exclude(note="").update(note="")
    _forget_elsewhere(entries, ["note", "details"], name)
