"""Counters and stored order, changed together with the facts they count.

Rows are locked in one order everywhere: threads, posts, areas, tags, profiles; otherwise two acts could wait for each
other. Locks are ``no_key``: a row that refers to a locked one can be inserted meanwhile. `community.reconcile` states what each counter means, and proves it.
"""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F

from community.hot import hot_of
from community.models import Area, CommunityProfile, Post, State, Tag, Thread
from portal.core.scopes import content_changed
from search.services import reindex


def lock_thread(thread_id: int) -> Thread:
    """Return the thread as it is now, locked until the end of the transaction."""
    return Thread.objects.select_for_update(no_key=True).get(pk=thread_id)


def lock_post(post: Post) -> tuple[Thread, Post]:
    """Return a post and its thread as they are now, both locked; the thread is the one it is in now."""
    thread = lock_thread(post.thread_id)
    found = Post.objects.select_for_update(no_key=True).get(pk=post.pk)
    if found.thread_id != thread.pk:  # merged or split a moment ago
        thread = lock_thread(found.thread_id)
        found.refresh_from_db()
    found.thread = thread
    return thread, found


def lock_area_of(thread: Thread, post: Post) -> None:
    """Lock what else a change of the state of a post changes: with the first post a thread appears in its area."""
    if post.is_first:
        Area.objects.select_for_update(no_key=True).get(pk=thread.area_id)


def ensure_profile(user_id: int) -> None:
    """Create the profile of a person who has none yet."""
    CommunityProfile.objects.bulk_create([CommunityProfile(user_id=user_id)], ignore_conflicts=True)


def lock_profile(user_id: int) -> CommunityProfile:
    """Return the profile as it is now, locked; it is created when there is none."""
    rows = CommunityProfile.objects.select_for_update(no_key=True).filter(pk=user_id)
    profile = rows.first()
    if profile is None:
        ensure_profile(user_id)
        profile = rows.get()
    return profile


def count_for(user_id: int | None, **changes: int) -> None:
    """Add to counters of a member, whose level may change by that. Nothing is counted for people without an account."""
    changes = {name: change for name, change in changes.items() if change}
    if user_id is None or not changes:
        return
    values: dict[str, Any] = {name: F(name) + change for name, change in changes.items()}
    if not CommunityProfile.objects.filter(pk=user_id).update(is_level_due=True, **values):
        ensure_profile(user_id)
        CommunityProfile.objects.filter(pk=user_id).update(is_level_due=True, **values)


#: What pages of other threads show of a thread, and what decides about whether they do.
_OF_A_LINE: Final = frozenset(
    {"title", "slug", "excerpt", "language", "state", "audience", "status", "solved_at", "is_locked", "is_pinned"}
)


def line_scope(thread_id: int) -> str:
    """Return the scope of the line that stands for a thread on pages of others; a new post does not change it."""
    return f"community:line:{thread_id}"


def store(thread: Thread, *fields: str) -> None:
    """Write fields of a locked thread, and how hot it is. Sends no signal: search is told by `show_changed` only."""
    if not _OF_A_LINE.isdisjoint(fields):
        content_changed(line_scope(thread.pk))
    thread.hot = hot_of(thread)
    Thread.objects.filter(pk=thread.pk).update(hot=thread.hot, **{name: getattr(thread, name) for name in fields})


def show_changed(thread: Thread, *, search: bool = True) -> None:
    """Announce that a thread changed: its pages and the lists of its area, and with `search` its entry in the index."""
    content_changed(*thread.scopes)
    if search:
        reindex(Thread.objects.filter(pk=thread.pk))


def count_thread(thread: Thread, change: int) -> None:
    """Count a thread that appears (1) or disappears (-1): in its area, for its author, in its tags."""
    Area.objects.filter(pk=thread.area_id).update(thread_count=F("thread_count") + change)
    tag_ids = list(thread.tags.order_by("pk").values_list("pk", flat=True))
    if tag_ids:
        Tag.objects.filter(pk__in=tag_ids).update(thread_count=F("thread_count") + change)
    count_for(thread.author_id, thread_count=change)


def count_post(thread: Thread, post: Post, change: int) -> None:
    """Count a post that appears (1) or disappears (-1), in its locked thread and for its author."""
    is_reply = not post.is_first
    thread.helpful_count += change * post.helpful_count
    if is_reply:
        thread.reply_count += change
    count_for(post.author_id, reply_count=change if is_reply else 0, helpful_count=change * post.helpful_count)
    find_last_post(thread)
    store(thread, "helpful_count", "reply_count", "last_post_at", "last_author_id")


def find_last_post(thread: Thread) -> None:
    """Set the last visible post; without one the thread is as recent as its beginning."""
    last = (
        Post.objects.filter(thread=thread.pk, state=State.VISIBLE)
        .order_by("-created_at", "-number")  # after a merge or an import the last number may be an old post
        .values_list("created_at", "author_id")
        .first()
    )
    thread.last_post_at, thread.last_author_id = last or (thread.created_at, thread.author_id)
