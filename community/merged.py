"""Questions that were merged into a thread: where their posts are in it, what they were called, and who asked them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import F

from community.models import MovedPosts, Post, Solution, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from community.models import Thread

#: Longest chain of merges that is followed.
MAX_MERGES: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedQuestion:
    """A thread that was merged into another one, and the numbers that its posts have there."""

    thread_id: int
    author_id: int | None
    title: str
    first: int
    last: int


def merged_questions(thread_id: int) -> dict[int, MergedQuestion]:
    """Return the threads that were merged into this one, by the number that their first post has now.

    One query; one more for each step of a chain of merges.
    """
    found: dict[int, MergedQuestion] = {}
    shifts = {thread_id: 0}  # what is added to a number in each of the threads that are here now
    level = {thread_id}
    for _step in range(MAX_MERGES):
        moves = MovedPosts.objects.filter(to_thread__in=level, from_thread__merged_into=F("to_thread"), first_number=1)
        columns = ("from_thread", "to_thread", "shift", "last_number", "from_thread__title", "from_thread__author")
        level = set()
        for source, target, shift, last, title, author_id in moves.values_list(*columns).order_by("pk"):
            shifts[source] = shifts[target] + shift
            first = shifts[source] + 1
            found[first] = MergedQuestion(
                thread_id=source, author_id=author_id, title=title, first=first, last=shifts[source] + last
            )
            level.add(source)
        if not level:
            break
    return found


def question_of(number: int, merged: Mapping[int, MergedQuestion]) -> MergedQuestion | None:
    """Return which of the `merged` questions of a thread a post with this number was written in; None: in the thread itself.

    Where one was merged into another before, it lies within that one, and begins later.
    """
    around = [question for question in merged.values() if question.first <= number <= question.last]
    return max(around, key=lambda question: question.first, default=None)


def shown_questions(thread_id: int, merged: Mapping[int, MergedQuestion]) -> set[int]:
    """Return the threads among the `merged` questions whose first post can be seen, and with it what they were called.

    One query, and none without merged questions.
    """
    if not merged:
        return set()
    first = Post.objects.filter(thread=thread_id, number__in=merged, state=State.VISIBLE)
    return {merged[number].thread_id for number in first.values_list("number", flat=True)}


def askers_of(thread: Thread, post: Post) -> frozenset[int]:
    """Return those to whose question a post is the answer, or may be: they say whether it solved it.

    What is accepted belongs to whom it was accepted for. Anything else may have helped who began the thread, and whoever
    asked the merged question it was written in. Two queries, or one more for each step of a chain of merges.
    """
    accepted = Solution.objects.filter(post=post.pk, revoked_at=None).select_related("asked_in").first()
    if accepted is not None:
        return known_askers((accepted.asked_in or thread).author_id)
    question = question_of(post.number, merged_questions(thread.pk))
    return known_askers(thread.author_id, question.author_id if question else None)


def known_askers(*people: int | None) -> frozenset[int]:
    """Return those of the people who still have an account."""
    return frozenset(person for person in people if person is not None)
