"""Asking members whether they can answer a question that waits: evenly, and nobody more than twice a week."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from community.exceptions import AskedOftenError, NotAllowedError, NotVisibleError
from community.models import CallForHelp, Solution, Thread, ThreadState
from community.notifications.common import thread_target
from community.notifications.loops import AskedForHelp
from community.services.counting import lock_profile, lock_thread
from community.services.moderating import log
from portal.notifications.services import notify

if TYPE_CHECKING:
    from portal.accounts.models import User

#: How often one member is asked in which time, whoever asks.
MOST_CALLS: Final = 2
CALLS_WITHIN: Final = dt.timedelta(days=7)


@transaction.atomic
def call_for_help(*, thread: Thread, helper: User, by: User | None) -> CallForHelp:
    """Ask a member who has answered others whether they can answer a question without a reply; they are told of it.

    `by` is None for the portal itself. Asking somebody for the same question again changes nothing. Raises
    `AskedOftenError` for the third time in a week, and other errors of `CommunityError`.
    """
    thread = lock_thread(thread.pk)
    profile = lock_profile(helper.pk)
    known = CallForHelp.objects.filter(thread=thread, helper=helper).first()
    if known is not None:
        return known
    if thread.state != ThreadState.VISIBLE or not Thread.objects.visible_to(helper).filter(pk=thread.pk).exists():
        raise NotVisibleError
    may_help = helper.is_active and helper.pk != thread.author_id and not profile.is_silenced()
    if not thread.is_question or thread.reply_count or thread.is_locked or not may_help:
        raise NotAllowedError
    if not Solution.objects.filter(helper=helper, is_for_another=True, revoked_at=None).exists():
        raise NotAllowedError
    now = timezone.now()
    if CallForHelp.objects.filter(helper=helper, asked_at__gt=now - CALLS_WITHIN).count() >= MOST_CALLS:
        raise AskedOftenError
    call = CallForHelp.objects.create(thread=thread, helper=helper, asked_by=by, asked_at=now)
    log("helper.asked", by=by, thread=thread, member_id=helper.pk)
    notify(
        kind=AskedForHelp.name,
        key=f"{AskedForHelp.name}:{call.pk}",
        subject=thread_target(thread.pk),
        occurred_at=now,
        actor_id=by.pk if by is not None else None,
        recipients=[helper.pk],
        payload={"thread_id": thread.pk},
    )
    return call
