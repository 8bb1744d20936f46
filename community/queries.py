"""Reads across several models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, OuterRef, Q, Value

from community.merged import MAX_MERGES
from community.models import (
    PAGE_SIZE,
    Bookmark,
    Draft,
    IdeaVote,
    MeToo,
    MovedPosts,
    Post,
    SolvedIt,
    State,
    Thread,
    ThreadRead,
    ThreadState,
    Vote,
)
from community.models.access import id_of
from community.notifications.common import thread_target
from portal.accounts.handles import handle_key
from portal.accounts.models import User
from portal.core.audience import Audience, audiences_for
from portal.core.prepared import Prepared
from portal.notifications.models import Follow, Notification

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

    from community.models.access import AnyUser

#: How many people are suggested, and from how many of the latest posts of a thread.
PEOPLE_SUGGESTED: Final = 6
_LATEST_POSTS: Final = 200


def thread_at(user: AnyUser, thread_id: int) -> Thread | None:
    """Return the thread of an address, or the one it was merged into, if `user` may see it; else None.

    Redirect when its id is another one. One query, unless there is no such thread any more, or not for them.
    """
    found = Thread.objects.one_visible_to(user, thread_id)
    if found is not None and found.state != ThreadState.MERGED:
        return found
    for _step in range(MAX_MERGES):
        row = Thread.objects.filter(pk=thread_id).values_list("state", "merged_into").first()
        if row is None:
            return None
        state, merged_into = row
        if state != ThreadState.MERGED or merged_into is None:
            break
        thread_id = merged_into
    return Thread.objects.visible_to(user).exclude(state=ThreadState.MERGED).filter(pk=thread_id).first()


def place_of_post(thread_id: int, number: int) -> tuple[int, int]:
    """Return the thread and number where the post is now that had this number in this thread."""
    for _step in range(MAX_MERGES):
        if Post.objects.filter(thread=thread_id, number=number).exists():
            break
        move = (
            MovedPosts.objects.filter(from_thread=thread_id, first_number__lte=number, last_number__gte=number)
            .order_by("-pk")
            .first()
        )
        if move is None:
            break
        thread_id, number = move.to_thread_id, number + move.shift
    return thread_id, number


def own_posts(user: User) -> QuerySet[Post]:
    """Return what somebody wrote, in all states, newest first, with the threads: where they may read, or began it all."""
    readable = Q(thread__state=ThreadState.VISIBLE) | Q(thread__author=user)
    found = Post.objects.filter(readable, author=user, thread__audience__in=audiences_for(user))
    return found.select_related("thread").defer("body", "html").order_by("-created_at", "-pk")


def own_deleted_post(user: AnyUser, post_id: int) -> Post | None:
    """Return a post that `user` wrote and deleted, with thread and author; where others could see it: else None.

    It is in a thread that is visible to `user`, or began one that went with it.
    """
    if user is None or not user.is_authenticated:
        return None
    found = (
        Post.objects.filter(pk=post_id, author=user.pk, state=State.DELETED, state_reason="author")
        .filter(thread__audience__in=audiences_for(user))
        .select_related("thread", "author")
        .first()
    )
    if found is None or (found.thread.state != ThreadState.VISIBLE and not found.is_first):
        return None
    return found


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What everybody sees in the place of a post that is hidden or deleted."""

    number: int
    state: str
    reason: str
    #: It is the reader's own; held ones are visible to their author.
    is_own: bool = False
    post_id: int = 0

    @property
    def may_restore(self) -> bool:
        """Return whether the reader deleted it, and may take that back; see `community.rules.can_restore_post`."""
        return self.is_own and self.state == State.DELETED and self.reason == "author"


def posts_of_page(user: AnyUser, thread: Thread, page: int, *, is_common: bool = False) -> list[Post | Tombstone]:
    """Return the posts of a page of a thread the reader may see, with tombstones for what was taken away.

    Pages are ranges of numbers, so the last costs what the first does. Held posts of others leave no trace. Two
    queries, whatever the number of posts. With `is_common`, what everybody sees who may read a visible thread: nothing
    in it is the reader's own.
    """
    first, last = numbers_of_page(page)
    posts = Post.objects.visible_to(user).filter(thread=thread).in_numbers(first, last)
    if is_common:
        posts = posts.filter(state=State.VISIBLE)
    shown: dict[int, Post | Tombstone] = {post.number: post for post in posts.for_showing()}
    gone = Post.objects.filter(thread=thread, state__in=(State.HIDDEN, State.DELETED)).in_numbers(first, last)
    own = None if is_common else id_of(user)
    columns = ("pk", "number", "state", "state_reason", "author_id")
    for post_id, number, state, reason, author_id in gone.values_list(*columns):
        shown.setdefault(number, Tombstone(number, state, reason, own is not None and author_id == own, post_id))
    return [shown[number] for number in sorted(shown)]


def readers_of_posts(post_ids: Collection[int]) -> str:
    """Return who may read all these posts, as an audience; empty if one cannot be read any more, or there is none."""
    shown = Post.objects.filter(pk__in=post_ids, state=State.VISIBLE, thread__state=ThreadState.VISIBLE)
    audiences = list(shown.values_list("thread__audience", flat=True))
    if not audiences or len(audiences) < len(set(post_ids)):
        return ""
    return str(reduce(and_, map(Audience.parse, audiences)))


def numbers_of_page(page: int) -> tuple[int, int]:
    """Return the first and the last number of a page of a thread."""
    return (page - 1) * PAGE_SIZE + 1, page * PAGE_SIZE


@dataclass(frozen=True, slots=True)
class OwnState:
    """What one person did in a thread, and with the posts of it that they look at."""

    votes: frozenset[int] = frozenset()
    bookmarks: frozenset[int] = frozenset()
    #: Among the posts is one they wrote that others do not see.
    has_unseen_post: bool = False
    has_me_too: bool = False
    has_idea_vote: bool = False
    #: Posts that they said had solved it for them, too.
    solved_by: frozenset[int] = frozenset()
    is_following: bool = False
    #: They were told of the thread, and have not looked at that.
    has_news: bool = False
    #: The number up to which they have read.
    read_to: int = 0
    #: They have begun a reply.
    has_draft: bool = False


def _own_rows(  # noqa: PLR0917 - prepared once, and called by place
    person: int, thread: int, first: int, last: int, target: str, draft_place: str
) -> QuerySet[Any, Any]:
    """Return rows of a kind and a number: all that `own_state_of` asks."""
    there = Post.objects.filter(thread=thread).in_numbers(first, last).order_by()
    kinds: dict[str, tuple[QuerySet[Any], str]] = {
        "vote": (Vote.objects.filter(user=person, post__in=there.values("pk")), "post_id"),
        "bookmark": (Bookmark.objects.filter(user=person, post__in=there.values("pk")), "post_id"),
        "unseen": (there.filter(author=person).exclude(state=State.VISIBLE), "pk"),
        "me-too": (MeToo.objects.filter(thread=thread, user=person), "pk"),
        "idea-vote": (IdeaVote.objects.filter(thread=thread, user=person), "pk"),
        "solved": (SolvedIt.objects.filter(thread=thread, user=person), "post_id"),
        "read": (ThreadRead.objects.filter(thread=thread, user=person), "last_read_number"),
        "draft": (Draft.objects.filter(user=person, place=draft_place), "pk"),
        "follow": (Follow.objects.heard().filter(person_id=person, target=target), "pk"),
        "news": (Notification.objects.filter(person_id=person, subject=target).unread(), "pk"),
    }
    one, *others = [rows.order_by().values_list(Value(kind), number) for kind, (rows, number) in kinds.items()]
    return one.union(*others, all=True)


_OWN: Final = Prepared(_own_rows, int, int, int, int, str, str)


def own_state_of(person_id: int, thread_id: int, *, first: int, last: int) -> OwnState:
    """Return what somebody did in a thread, and with its posts from a number to another. One query."""
    found: dict[str, list[int]] = {}
    target, place = thread_target(thread_id), Draft.place_of_reply(thread_id)
    for kind, number in _OWN.rows(person_id, thread_id, first, last, target, place):
        found.setdefault(kind, []).append(number)
    return OwnState(
        votes=frozenset(found.get("vote", ())),
        bookmarks=frozenset(found.get("bookmark", ())),
        has_unseen_post="unseen" in found,
        has_me_too="me-too" in found,
        has_idea_vote="idea-vote" in found,
        solved_by=frozenset(found.get("solved", ())),
        is_following="follow" in found,
        has_news="news" in found,
        read_to=max(found.get("read", (0,))),
        has_draft="draft" in found,
    )


def people_to_mention(user: AnyUser, thread: Thread | None, beginning: str) -> list[User]:
    """Return at most six people whose handle begins like this, however it is spelled.

    Those who wrote the latest posts of the thread come first, then staff, then others who wrote something that is
    visible; people who only read are not suggested. At most three queries.
    """
    beginning = beginning.strip().lstrip("@")
    key = handle_key(beginning) if beginning else ""
    alike = Q(is_active=True)
    if key:
        # A range instead of LIKE, which has no index on SQLite.
        alike &= Q(handle_key__gte=key, handle_key__lt=key + "\U0010ffff")
    people = User.objects.filter(alike).exclude(pk=id_of(user) or 0)
    found: dict[int, User] = {}
    if thread is not None:
        latest = Post.objects.visible_to(user).filter(thread=thread, state=State.VISIBLE, author__isnull=False)
        authors = list(dict.fromkeys(latest.order_by("-number").values_list("author_id", flat=True)[:_LATEST_POSTS]))
        there = {each.pk: each for each in people.filter(pk__in=authors)}
        found |= {pk: there[pk] for pk in authors if pk in there}
    wrote = Exists(Post.objects.visible_to(user).filter(author=OuterRef("pk"), state=State.VISIBLE))
    for others in (people.filter(wrote, is_staff=True), people.filter(wrote, is_staff=False) if key else None):
        if others is not None and len(found) < PEOPLE_SUGGESTED:
            found |= {each.pk: each for each in others.order_by("handle_key", "pk")[:PEOPLE_SUGGESTED]}
    return list(found.values())[:PEOPLE_SUGGESTED]
