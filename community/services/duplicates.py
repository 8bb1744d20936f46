"""Marking threads that ask the same; moderators merge them, or keep them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from community.exceptions import NotAllowedError, NotVisibleError
from community.models import DuplicateMark, Thread, ThreadState
from community.services.counting import lock_thread
from community.services.moderating import log

if TYPE_CHECKING:
    from portal.accounts.models import User


def settle_marks(source: Thread, target: Thread, *, by: User) -> None:
    """Close the marks of a thread that is merged, and have those that name it name what it becomes part of.

    Three queries at most.
    """
    open_marks = DuplicateMark.objects.filter(outcome="")
    about = Q(thread=source) | Q(thread=target, into=source)
    open_marks.filter(about).update(outcome=DuplicateMark.Outcome.MERGED, decided_by=by, decided_at=timezone.now())
    said_already = DuplicateMark.objects.filter(into=target).values("thread")
    named = open_marks.filter(into=source)
    named.filter(thread__in=said_already).delete()
    named.update(into=target)


@transaction.atomic
def mark_duplicate(*, thread: Thread, into: Thread, by: User) -> DuplicateMark:
    """Say that a thread asks what another one asks. What is known or was decided stays. Raises `CommunityError`."""
    thread = lock_thread(thread.pk)
    if thread.pk == into.pk or thread.audience != into.audience:
        raise NotAllowedError
    if thread.state != ThreadState.VISIBLE or into.state != ThreadState.VISIBLE:
        raise NotVisibleError
    known = DuplicateMark.objects.filter(thread=thread, into=into).first()
    return known or DuplicateMark.objects.create(thread=thread, into=into, marked_by=by)


@transaction.atomic
def keep_apart(*, thread: Thread, into: Thread, by: User) -> bool:
    """Decide that two threads do not ask the same; returns whether somebody had said so and nobody decided."""
    thread = lock_thread(thread.pk)
    open_marks = DuplicateMark.objects.filter(thread=thread, into=into, outcome="")
    decided = open_marks.update(outcome=DuplicateMark.Outcome.APART, decided_by=by, decided_at=timezone.now())
    if decided:
        log("thread.kept_apart", by=by, thread=thread, into=into.pk)
    return bool(decided)
