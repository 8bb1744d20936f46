"""Closing the loop: whoever asked is asked whether the replies solved it, three times at most.

A row of `FollowUp` is one time to ask; it is written before it is due and claimed by one conditional update, so that no
step is ever asked twice. What must not be asked any more is found out when it is due.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from community.models import CommunityProfile, FollowUp, Level, Post, ReviewItem, Solution, State, Thread, ThreadState
from community.notifications.common import thread_target
from community.notifications.loops import DidItSolve
from community.services.counting import lock_thread
from community.services.solutions import accept_solution
from portal.accounts.models import User
from portal.notifications.services import notify

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from community.events import ReplyPosted

#: How long after the first reply of somebody else each step is due.
STEPS: Final = (dt.timedelta(hours=24), dt.timedelta(hours=72), dt.timedelta(days=7))
#: Between two steps, however late the first of them was.
_SHORTEST_PAUSE: Final = dt.timedelta(hours=24)
_BATCH: Final = 500
#: So many helpers or colleagues must have found the same reply helpful to take it for the solution,
AGREEING: Final = 2
#: when the asker has said nothing for so long after they were asked for the last time. Later nobody looks any more.
SILENT_FOR: Final = dt.timedelta(days=3)
_LOOKED_AT_FOR: Final = dt.timedelta(days=60)


def begin_following_up(event: ReplyPosted) -> None:
    """Remember that an asker has a reply, who will be asked about it; once for each question. Safe to repeat."""
    if event.author_id is not None and event.author_id == event.starter_id:
        return
    thread = Thread.objects.filter(pk=event.thread_id).first()
    post = Post.objects.filter(pk=event.post_id, thread=event.thread_id).first()
    if thread is None or post is None or not is_open_question(thread):
        return
    _plan(thread.pk, 1, (post.published_at or post.created_at) + STEPS[0])


def _plan(thread_id: int, step: int, due_at: dt.datetime) -> None:
    FollowUp.objects.bulk_create([FollowUp(thread_id=thread_id, step=step, due_at=due_at)], ignore_conflicts=True)


def is_open_question(thread: Thread) -> bool:
    """Return whether its asker can be asked: a question that others see, not solved, not closed, with replies."""
    return (
        thread.is_question
        and thread.state == ThreadState.VISIBLE
        and not thread.is_solved
        and not thread.is_locked
        and thread.reply_count > 0
    )


def has_askers_to_ask() -> bool:
    return _due().exists()


def ask_askers() -> int:
    """Ask those whose time has come; returns how many were asked. A periodic job."""
    return sum(map(_ask, list(_due().order_by("due_at", "pk").values_list("pk", flat=True)[:_BATCH])))


def _due() -> QuerySet[FollowUp]:
    return FollowUp.objects.filter(asked_at=None, due_at__lte=timezone.now())


@transaction.atomic
def _ask(pk: int) -> bool:
    row = _due().filter(pk=pk).first()
    if row is None:
        return False
    thread = lock_thread(row.thread_id)
    if not is_open_question(thread) or thread.author_id is None or not _may_answer(thread.author_id):
        _due().filter(pk=pk).delete()  # a later reply begins again, if there was no step before
        return False
    now = timezone.now()
    if not _due().filter(pk=pk).update(asked_at=now):
        return False
    if row.step < len(STEPS):
        planned = row.due_at - STEPS[row.step - 1] + STEPS[row.step]
        _plan(thread.pk, row.step + 1, max(planned, now + _SHORTEST_PAUSE))
    notify(
        kind=DidItSolve.name,
        key=f"{DidItSolve.name}:{thread.pk}:{row.step}",
        subject=thread_target(thread.pk),
        occurred_at=now,
        recipients=[thread.author_id],
        payload={"thread_id": thread.pk, "step": row.step},
    )
    return True


def _may_answer(user_id: int) -> bool:
    """Return whether a person has an account, and is neither silenced nor suspended."""
    if not User.objects.filter(pk=user_id, is_active=True).exists():
        return False
    profile = CommunityProfile.objects.filter(pk=user_id).first()
    return profile is None or not profile.is_silenced()


@transaction.atomic
def answer_follow_up(*, thread: Thread, step: int, answer: FollowUp.Answer) -> None:
    """Store what an asker says of a step. After a yes nothing more is asked; else the question stays open. Repeatable."""
    thread = lock_thread(thread.pk)
    asked = FollowUp.objects.filter(thread=thread, step=step).exclude(asked_at=None)
    asked.exclude(answer=answer.value).update(answer=answer.value, answered_at=timezone.now())
    if answer is FollowUp.Answer.YES:
        FollowUp.objects.filter(thread=thread, asked_at=None).delete()


# Without the asker ----------------------------------------------------------------------------------------------------

_BY_ONE_WHO_HELPS: Final = Q(votes__user__is_staff=True) | Q(votes__user__community_profile__level__gte=Level.HELPER)
#: Of the text as it is now.
_OF_THIS_TEXT: Final = Q(edited_at=None) | Q(votes__created_at__gt=F("edited_at"))


def _may_speak(who: str) -> Q:
    """Return the condition that the account at this path is open and not suspended."""
    suspended = f"{who}__community_profile__suspended_until"
    is_free = Q(**{suspended: None}) | Q(**{f"{suspended}__lte": timezone.now()})
    return Q(**{f"{who}__is_active": True}) & is_free


def has_answers_agreed_on() -> bool:
    return _agreed_on().exists()


def accept_agreed() -> int:
    """Accept what helpers agree on in questions whose askers do not say anything; returns how many. A periodic job.

    The asker is told, and can take it back as any other acceptance.
    """
    return sum(map(_accept_agreed, list(_agreed_on().order_by("pk").values_list("thread", flat=True)[:_BATCH])))


def _agreed_on() -> QuerySet[FollowUp]:
    """Return the last times that silent askers of open questions were asked, in which a helper found a reply helpful."""
    now = timezone.now()
    silent = FollowUp.objects.filter(
        step=len(STEPS),
        answer="",
        asked_at__gt=now - SILENT_FOR - _LOOKED_AT_FOR,
        asked_at__lte=now - SILENT_FOR,
        thread__state=ThreadState.VISIBLE,
        thread__status=Thread.Status.OPEN,
        thread__is_locked=False,
    )
    taken_back = Solution.objects.filter(thread=OuterRef("thread"), revoked_because="revoked")  # somebody did speak
    return silent.filter(~Exists(taken_back), Exists(_replies_agreed_on().filter(thread=OuterRef("thread"))))


def _replies_agreed_on() -> QuerySet[Post]:
    """Return replies of others that enough helpers found helpful, the best first, after which the asker wrote nothing.

    Nobody is taken at their word who must not write now, nor a reply that was edited since or waits for a moderator.
    """
    later = Post.objects.filter(
        thread=OuterRef("thread"), author=OuterRef("thread__author"), number__gt=OuterRef("number"), state=State.VISIBLE
    )
    reported = ReviewItem.objects.filter(post=OuterRef("pk"), decision="")
    replies = Post.objects.filter(
        ~Exists(later), ~Exists(reported), _may_speak("author"), number__gt=1, state=State.VISIBLE
    )
    return (
        replies.exclude(author=F("thread__author"))
        .annotate(agreeing=Count("votes", filter=_BY_ONE_WHO_HELPS & _OF_THIS_TEXT & _may_speak("votes__user")))
        .filter(agreeing__gte=AGREEING)
        .order_by("-agreeing", "-helpful_count", "number")
    )


@transaction.atomic
def _accept_agreed(thread_id: int) -> bool:
    thread = lock_thread(thread_id)
    if not is_open_question(thread) or not _agreed_on().filter(thread=thread).exists():
        return False
    best = _replies_agreed_on().filter(thread=thread).first()
    if best is not None:
        accept_solution(post=best, by=None)
    return best is not None
