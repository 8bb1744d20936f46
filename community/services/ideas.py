"""Votes for ideas, what becomes of them, and polls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F

from community.events import IdeaAccepted, IdeaStatusChanged, IdeaVoted
from community.exceptions import NotAllowedError, NotVisibleError, NoVotesLeftError, PollClosedError, WrongChoiceError
from community.models import (
    ACCEPTED_IDEAS,
    CLOSED_IDEAS,
    IdeaStatusChange,
    IdeaVote,
    Poll,
    PollOption,
    PollVote,
    Thread,
    ThreadState,
    policy,
)
from community.services.counting import lock_profile, lock_thread, show_changed, store
from portal.core.events import emit
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.accounts.models import User

_STATUSES: Final = frozenset(
    status.value
    for status in (
        Thread.Status.NEW,
        Thread.Status.UNDER_REVIEW,
        Thread.Status.PLANNED,
        Thread.Status.DONE,
        Thread.Status.NOT_NOW,
    )
)


@transaction.atomic
def vote_idea(*, thread: Thread, user: User) -> bool:
    """Vote for an open idea; returns whether it is a new vote.

    A person has as many votes as the policy says; those on closed ideas have come back. Raises `CommunityError`.
    """
    thread = lock_thread(thread.pk)
    if thread.state != ThreadState.VISIBLE:
        raise NotVisibleError
    if not thread.is_idea or thread.status in CLOSED_IDEAS:
        raise NotAllowedError
    if IdeaVote.objects.filter(thread=thread, user=user).exists():
        return False
    lock_profile(user.pk)  # two votes of one person at once are counted one after the other
    if votes_left(user=user) <= 0:
        raise NoVotesLeftError(policy().idea_votes)
    IdeaVote.objects.create(thread=thread, user=user)
    _count(thread, 1)
    emit(IdeaVoted(thread_id=thread.pk, voter_id=user.pk, author_id=thread.author_id))
    return True


@transaction.atomic
def withdraw_idea_vote(*, thread: Thread, user: User) -> bool:
    """Take a vote back; returns whether there was one. The votes of a closed idea stay."""
    thread = lock_thread(thread.pk)
    if thread.status in CLOSED_IDEAS:
        raise NotAllowedError
    deleted, _rows = IdeaVote.objects.filter(thread=thread, user=user).delete()
    if deleted:
        _count(thread, -1)
    return bool(deleted)


def votes_left(*, user: User) -> int:
    """Return how many votes for ideas somebody has left. One query."""
    spent = IdeaVote.objects.filter(user=user, thread__state=ThreadState.VISIBLE).exclude(
        thread__status__in=CLOSED_IDEAS
    )
    return policy().idea_votes - spent.count()


def _count(thread: Thread, change: int) -> None:
    thread.vote_count += change
    store(thread, "vote_count")
    show_changed(thread, search=False)


@transaction.atomic
def set_idea_status(*, thread: Thread, status: str, by: User, note: str = "") -> IdeaStatusChange | None:
    """Say how far an idea has come, with a note for its voters; None if it is there already. Raises `CommunityError`."""
    thread = lock_thread(thread.pk)
    if not thread.is_idea or status not in _STATUSES:
        raise NotAllowedError
    if thread.state != ThreadState.VISIBLE:
        raise NotVisibleError
    note = normalise_input(note).strip()
    if thread.status == status and not note:
        return None
    before, thread.status = thread.status, status
    store(thread, "status")
    is_first_acceptance = (
        status in ACCEPTED_IDEAS and not thread.status_changes.filter(status__in=ACCEPTED_IDEAS).exists()
    )
    change = IdeaStatusChange.objects.create(thread=thread, status=status, note=note, changed_by=by)
    emit(
        IdeaStatusChanged(
            thread_id=thread.pk,
            change_id=change.pk,
            author_id=thread.author_id,
            before=before,
            after=status,
            changed_by_id=by.pk,
        )
    )
    if is_first_acceptance:
        emit(IdeaAccepted(thread_id=thread.pk, author_id=thread.author_id, changed_by_id=by.pk))
    show_changed(thread)
    return change


@transaction.atomic
def vote_in_poll(*, poll: Poll, user: User, option_ids: Iterable[int]) -> bool:
    """Vote, or change one's vote, until the poll closes; returns whether anything changed. Raises `CommunityError`."""
    thread = lock_thread(poll.thread_id)
    poll = Poll.objects.select_for_update(no_key=True).get(pk=poll.pk)
    if thread.state != ThreadState.VISIBLE:
        raise NotVisibleError
    if poll.is_closed or thread.is_locked:
        raise PollClosedError
    chosen = set(option_ids)
    known = set(poll.options.values_list("pk", flat=True))
    if not chosen or not chosen <= known or (len(chosen) > 1 and not poll.is_multiple):
        raise WrongChoiceError
    before = set(PollVote.objects.filter(poll=poll, user=user).values_list("option_id", flat=True))
    if before == chosen:
        return False
    PollVote.objects.filter(poll=poll, user=user, option__in=before - chosen).delete()
    PollVote.objects.bulk_create(
        [
            PollVote(poll=poll, option_id=option_id, user=user, is_only=not poll.is_multiple)
            for option_id in sorted(chosen - before)
        ]
    )
    PollOption.objects.filter(pk__in=before - chosen).update(vote_count=F("vote_count") - 1)
    PollOption.objects.filter(pk__in=chosen - before).update(vote_count=F("vote_count") + 1)
    if not before:
        poll.voter_count += 1
        poll.save(update_fields=["voter_count"])
    show_changed(thread, search=False)
    return True
