"""Threads that helpers marked as duplicates, as moderators see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from community.models import DuplicateMark, Thread
from community.people import Person, person_of

if TYPE_CHECKING:
    import datetime as dt

    from django.db.models import QuerySet

    from portal.accounts.models import User

#: On the first page of the desk; the others follow when these are decided.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two threads, and who says that they ask the same."""

    thread: Thread
    into: Thread
    by: Person
    at: dt.datetime


def duplicates_of(thread: Thread, user: User) -> list[Duplicate]:
    """Return what a thread is said to be a duplicate of; one query."""
    return _shown(_open(user).filter(thread=thread))


def duplicates_for(user: User) -> list[Duplicate]:
    """Return what waits for a decision, the oldest first; one query."""
    return _shown(_open(user))


def _open(user: User) -> QuerySet[DuplicateMark]:
    seen = Thread.objects.visible_to(user).listed()
    return DuplicateMark.objects.filter(outcome="", thread__in=seen, into__in=seen)


def _shown(marks: QuerySet[DuplicateMark]) -> list[Duplicate]:
    return [
        Duplicate(mark.thread, mark.into, person_of(mark.marked_by), mark.created_at)
        for mark in marks.select_related("thread__area", "into__area", "marked_by").order_by("created_at", "pk")[
            :_SHOWN
        ]
    ]
