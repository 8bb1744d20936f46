"""States of posts and threads: held, hidden, deleted, visible again. The first post and its thread share one state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from community.events import AppealDecided, PostHeld
from community.models import Post, ReviewItem, State, Thread, ThreadState
from community.screening import score_of
from community.services.counting import count_post, count_thread, lock_area_of, show_changed, store
from community.services.solutions import bring_back, revoke_all
from portal.core.events import emit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.accounts.models import User


def change(thread: Thread, post: Post, state: State, *, by: User | None, reason: str = "", note: str = "") -> None:
    """Set the state of a locked post, and of its thread if the post begins it; counters follow.

    A post that is no longer visible is no solution any more, until it is visible again.
    """
    lock_area_of(thread, post)
    was_visible = post.is_visible
    post.state, post.state_reason, post.state_note = state, reason, note
    post.state_changed_at = timezone.now()
    post.save(update_fields=["state", "state_reason", "state_note", "state_changed_at"])
    if post.is_first:
        thread.state, thread.state_reason, thread.state_note = ThreadState(state.value), reason, note
        store(thread, "state", "state_reason", "state_note")
    if was_visible and not post.is_visible:
        revoke_all(thread, post, by=by, because=state.value)
    elif post.is_visible and not was_visible:
        bring_back(thread, post)
    if was_visible != post.is_visible:
        sign = 1 if post.is_visible else -1
        count_post(thread, post, sign)
        if post.is_first:
            count_thread(thread, sign)
    show_changed(thread)


def hold(thread: Thread, post: Post, reasons: list[str]) -> None:
    """Put a held post into the queue, and tell that it waits."""
    enqueue_reasons(post, reasons)
    emit(PostHeld(thread_id=thread.pk, post_id=post.pk, author_id=post.author_id, reasons=reasons))


def enqueue_reasons(post: Post, reasons: list[str]) -> ReviewItem:
    """Add what the screening of a text found to the open item of its post in the queue."""
    return enqueue(post, [(reason, score_of(reason)) for reason in reasons])


def enqueue(post: Post, reasons: Iterable[tuple[str, int]]) -> ReviewItem:
    """Add reasons to the open item of a post in the queue; the post is locked, so there is one."""
    item = ReviewItem.objects.filter(post=post, decision="").first() or ReviewItem(post=post)
    known: dict[str, int] = dict(item.reasons)
    for code, score in reasons:
        known[code] = known.get(code, 0) + score if code.startswith("flag:") else max(known.get(code, 0), score)
    item.reasons = [[code, score] for code, score in known.items()]
    item.score = sum(known.values())
    item.save()
    return item


def settle(post: Post, decision: ReviewItem.Decision, *, by: User | None) -> None:
    """Close the item of a post in the queue, if it has one that is open. If its author appealed, they are told."""
    item = ReviewItem.objects.filter(post=post, decision="").first()
    if item is None:
        return
    now = timezone.now()
    ReviewItem.objects.filter(pk=item.pk, decision="").update(decision=decision, decided_by=by, decided_at=now)
    if decision != ReviewItem.Decision.OBSOLETE and any(code == "appeal" for code, _score in item.reasons):
        emit(
            AppealDecided(
                item_id=item.pk,
                thread_id=post.thread_id,
                post_id=post.pk,
                author_id=post.author_id,
                moderator_id=by.pk if by else None,
                decision=decision.value,
                at=now,
            )
        )
