"""What follows an import of another forum: search knows its threads, and what is like them is looked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django.db import reset_queries, transaction

from community.events import SeeAlsoWanted
from community.models import Thread, ThreadToIndex
from community.services.loops import find_see_also
from search.services import reindex

if TYPE_CHECKING:
    from collections.abc import Callable

_INDEXED_AT_ONCE: Final = 100
_COMPARED_AT_ONCE: Final = 20
#: How long one run of the job takes at most, about: others wait for it.
_SECONDS: Final = 20.0


def index_imported(progress: Callable[[str, int], None] = lambda _kind, _done: None) -> int:
    """Have search know the threads that imports have changed; returns how many. After an interruption call it again."""
    done = 0
    waiting = ThreadToIndex.objects.filter(is_indexed=False).order_by("pk").values_list("pk", flat=True)
    while ids := list(waiting[:_INDEXED_AT_ONCE]):
        with transaction.atomic():
            ThreadToIndex.objects.filter(pk__in=ids).update(is_indexed=True)
            reindex(Thread.objects.filter(pk__in=ids))
        done += len(ids)
        reset_queries()  # kept where DEBUG is on
        progress("search", done)
    return done


def has_threads_to_compare() -> bool:
    """Return whether there are imported threads of which nobody looked for similar ones; one query."""
    return ThreadToIndex.objects.filter(is_indexed=True).exists()


def compare_imported() -> int:
    """Look for what is like the imported threads, for some seconds; returns of how many. A periodic job.

    Not by the outbox: a hundred thousand messages would keep mails waiting.
    """
    until, done = time.monotonic() + _SECONDS, 0
    waiting = ThreadToIndex.objects.filter(is_indexed=True).order_by("pk").values_list("pk", flat=True)
    while (time.monotonic() < until or not done) and (ids := list(waiting[:_COMPARED_AT_ONCE])):
        for thread_id in ids:
            find_see_also(SeeAlsoWanted(thread_id=thread_id))
        ThreadToIndex.objects.filter(pk__in=ids, is_indexed=True).delete()
        done += len(ids)
    return done
