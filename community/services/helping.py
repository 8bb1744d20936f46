"""Saying that a post helped, and that one has the same question. Each of them once for each person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from community.events import HelpfulVoteGiven, HelpfulVoteWithdrawn, MeTooSaid
from community.exceptions import NotAllowedError, NotVisibleError, OwnPostError
from community.models import MeToo, Post, Thread, ThreadState, Vote
from community.services.counting import count_for, lock_post, lock_thread, show_changed, store
from community.services.solutions import note_first_help
from portal.core.events import emit

if TYPE_CHECKING:
    from portal.accounts.models import User


@transaction.atomic
def vote_helpful(*, post: Post, user: User) -> bool:
    """Vote for a post as helpful; returns whether it is a new vote. Raises `CommunityError`."""
    thread, post = lock_post(post)
    if not post.is_visible or thread.state != ThreadState.VISIBLE:
        raise NotVisibleError
    if post.author_id == user.pk:
        raise OwnPostError
    vote, created = Vote.objects.get_or_create(post=post, user=user, defaults={"helper_id": post.author_id})
    if not created:
        return False
    _count(thread, post, 1)
    note_first_help(post, helped_id=user.pk)
    emit(
        HelpfulVoteGiven(
            vote_id=vote.pk, thread_id=thread.pk, post_id=post.pk, author_id=post.author_id, voter_id=user.pk
        )
    )
    return True


@transaction.atomic
def withdraw_helpful(*, post: Post, user: User) -> bool:
    """Take a vote back; returns whether there was one. Possible whatever became of the post."""
    thread, post = lock_post(post)
    vote = Vote.objects.filter(post=post, user=user).first()
    if vote is None:
        return False
    vote_id = vote.pk
    vote.delete()
    _count(thread, post, -1)
    emit(
        HelpfulVoteWithdrawn(
            vote_id=vote_id, thread_id=thread.pk, post_id=post.pk, author_id=post.author_id, voter_id=user.pk
        )
    )
    return True


def _count(thread: Thread, post: Post, change: int) -> None:
    post.helpful_count += change
    Post.objects.filter(pk=post.pk).update(helpful_count=post.helpful_count)
    if post.is_visible:
        thread.helpful_count += change
        store(thread, "helpful_count")
        count_for(post.author_id, helpful_count=change)
    show_changed(thread, search=False)


@transaction.atomic
def say_me_too(*, thread: Thread, user: User) -> bool:
    """Say “I have this too”; returns whether it is new. Raises `CommunityError`."""
    thread = lock_thread(thread.pk)
    if thread.state != ThreadState.VISIBLE:
        raise NotVisibleError
    if not thread.is_question:
        raise NotAllowedError
    if thread.author_id == user.pk:
        raise OwnPostError
    _row, created = MeToo.objects.get_or_create(thread=thread, user=user)
    if created:
        _count_me_too(thread, 1)
        emit(MeTooSaid(thread_id=thread.pk, user_id=user.pk, asker_id=thread.author_id))
    return created


@transaction.atomic
def withdraw_me_too(*, thread: Thread, user: User) -> bool:
    """Take it back; returns whether it had been said."""
    thread = lock_thread(thread.pk)
    deleted, _rows = MeToo.objects.filter(thread=thread, user=user).delete()
    if deleted:
        _count_me_too(thread, -1)
    return bool(deleted)


def _count_me_too(thread: Thread, change: int) -> None:
    thread.me_too_count += change
    store(thread, "me_too_count")
    show_changed(thread, search=False)
