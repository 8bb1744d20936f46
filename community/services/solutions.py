"""Accepted answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from community.events import FirstHelpGiven, SeeAlsoWanted, SolutionAccepted, SolutionRevoked
from community.exceptions import NotAllowedError, NotVisibleError
from community.merged import MergedQuestion, merged_questions, question_of
from community.models import CommunityProfile, Post, Solution, State, Thread, ThreadState
from community.services.counting import count_for, ensure_profile, lock_post, show_changed, store
from community.services.loops import count_solved_its
from portal.core.events import emit

if TYPE_CHECKING:
    import datetime as dt

    from portal.accounts.models import User

#: Why an acceptance ended, if that was nobody's judgement of the answer: it holds again when the post is visible again.
_ENDED_WITH_ITS_POST: Final = frozenset({State.HELD.value, State.HIDDEN.value, State.DELETED.value})


@transaction.atomic
def accept_solution(*, post: Post, by: User | None) -> Solution:
    """Mark a reply as an answer that solved the question; a question may have several.

    `by` is None for the consensus of helpers. In a question that was merged into the thread an answer is accepted for
    whoever asked that one, unless who began the thread says that it solved theirs. Accepting the same post twice is
    harmless and announced once. Raises `CommunityError`.
    """
    thread, post = lock_post(post)
    known = Solution.objects.filter(post=post, revoked_at=None).first()
    if known is not None:
        return known
    merged = merged_questions(thread.pk)
    if not thread.is_question or post.is_first or post.number in merged:
        raise NotAllowedError
    if not post.is_visible or thread.state != ThreadState.VISIBLE:
        raise NotVisibleError
    asked_in = _asked_in(thread, question_of(post.number, merged), by=by)
    solution = _accept(thread, post, by_id=by.pk if by else None, at=timezone.now(), asked_in=asked_in)
    show_changed(thread)
    return solution


def _asked_in(thread: Thread, question: MergedQuestion | None, *, by: User | None) -> Thread | None:
    """Return the merged question that an answer is accepted for; None for the thread's own."""
    if question is None:
        return None
    if by is not None and by.pk == thread.author_id and by.pk != question.author_id:
        return None
    return Thread.objects.get(pk=question.thread_id)


def bring_back(thread: Thread, post: Post) -> None:
    """Accept a locked post again that was a solution until it was hidden, deleted or held, as if that had not been.

    It is another acceptance with the time and the person of the first: the old one stays as history.
    """
    last = Solution.objects.filter(post=post).order_by("-pk").first()
    if last is None or last.revoked_because not in _ENDED_WITH_ITS_POST:
        return
    if thread.is_question and not post.is_first:
        asked_in = last.asked_in if last.thread_id == thread.pk else None
        _accept(thread, post, by_id=last.accepted_by_id, at=last.accepted_at, asked_in=asked_in)


def _accept(thread: Thread, post: Post, *, by_id: int | None, at: dt.datetime, asked_in: Thread | None) -> Solution:
    asker_id = (asked_in or thread).author_id
    solution = Solution.objects.create(
        thread=thread,
        post=post,
        asked_in=asked_in,
        helper_id=post.author_id,
        is_for_another=post.author_id != asker_id,
        accepted_by_id=by_id,
        accepted_at=at,
    )
    _follow_solutions(thread, post)
    if solution.is_for_another:
        count_for(post.author_id, solution_count=1)
        if by_id != post.author_id:  # that somebody was helped is for others to say
            note_first_help(post, helped_id=asker_id)
    emit(
        SolutionAccepted(
            solution_id=solution.pk,
            thread_id=thread.pk,
            post_id=post.pk,
            author_id=post.author_id,
            asker_id=asker_id,
            accepted_by_id=by_id,
        )
    )
    emit(SeeAlsoWanted(thread_id=thread.pk, spreads=True))
    return solution


@transaction.atomic
def revoke_solution(*, post: Post, by: User) -> bool:
    """Take back the acceptance of an answer; returns whether there was one. Announced once."""
    thread, post = lock_post(post)
    revoked = revoke_all(thread, post, by=by, because="revoked")
    if revoked:
        show_changed(thread)
    return revoked


def revoke_all(thread: Thread, post: Post, *, by: User | None, because: str) -> bool:
    """The same for a locked post that stops being an answer for another reason."""
    solution = Solution.objects.filter(post=post, revoked_at=None).first()
    if solution is None:
        return False
    solution.revoked_at, solution.revoked_by, solution.revoked_because = timezone.now(), by, because
    solution.save(update_fields=["revoked_at", "revoked_by", "revoked_because"])
    _follow_solutions(thread, post)
    if solution.is_for_another:
        count_for(post.author_id, solution_count=-1)
    emit(
        SolutionRevoked(
            solution_id=solution.pk,
            thread_id=thread.pk,
            post_id=post.pk,
            author_id=post.author_id,
            asker_id=(solution.asked_in or thread).author_id,
            revoked_by_id=by.pk if by else None,
            because=because,
        )
    )
    emit(SeeAlsoWanted(thread_id=thread.pk))
    return True


def _follow_solutions(thread: Thread, post: Post) -> None:
    """Set what is stored of the accepted answers: in the post, and the first one in its thread."""
    accepted = {row.post_id: row for row in Solution.objects.active().filter(thread=thread)}
    post.is_solution = post.pk in accepted
    Post.objects.filter(pk=post.pk).update(is_solution=post.is_solution)
    first = next(iter(accepted.values()), None)
    thread.solution_id = first.post_id if first else None
    thread.solved_at = first.accepted_at if first else None
    if thread.is_question:
        if first:
            thread.status = Thread.Status.SOLVED
        elif thread.status == Thread.Status.SOLVED:
            thread.status = Thread.Status.OPEN
    store(thread, "solution_id", "solved_at", "status")
    count_solved_its(thread)


def note_first_help(post: Post, *, helped_id: int | None) -> None:
    """Announce the first time that somebody else says a member helped."""
    if post.author_id is None or helped_id is None or helped_id == post.author_id:
        return
    ensure_profile(post.author_id)
    first = CommunityProfile.objects.filter(pk=post.author_id, first_help_at=None)
    if first.update(first_help_at=timezone.now()):
        emit(FirstHelpGiven(helper_id=post.author_id, helped_id=helped_id, post_id=post.pk))
