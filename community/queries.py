"""Reads across several models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from community.models import PAGE_SIZE, MovedPosts, Post, State, Thread, ThreadState

if TYPE_CHECKING:
    from community.models.access import AnyUser

#: Longest chain of merges that is followed.
_MAX_MERGES = 10


def thread_at(user: AnyUser, thread_id: int) -> Thread | None:
    """Return the thread of an address, or the one it was merged into, if `user` may see it; else None.

    Redirect when its id is another one.
    """
    for _step in range(_MAX_MERGES):
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
    for _step in range(_MAX_MERGES):
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


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What everybody sees in the place of a post that is hidden or deleted."""

    number: int
    state: str
    reason: str
    #: It is the reader's own; held ones are visible to their author.
    is_own: bool = False


def posts_of_page(user: AnyUser, thread: Thread, page: int) -> list[Post | Tombstone]:
    """Return the posts of a page of a thread the reader may see, with tombstones for what was taken away.

    Pages are ranges of numbers, so the last costs what the first does. Held posts of others leave no trace. Two
    queries, whatever the number of posts.
    """
    first, last = (page - 1) * PAGE_SIZE + 1, page * PAGE_SIZE
    shown: dict[int, Post | Tombstone] = {
        post.number: post
        for post in Post.objects.visible_to(user).filter(thread=thread).in_numbers(first, last).for_showing()
    }
    gone = Post.objects.filter(thread=thread, state__in=(State.HIDDEN, State.DELETED)).in_numbers(first, last)
    own = user.pk if user is not None else None
    for number, state, reason, author_id in gone.values_list("number", "state", "state_reason", "author_id"):
        shown.setdefault(number, Tombstone(number, state, reason, own is not None and author_id == own))
    return [shown[number] for number in sorted(shown)]
