"""Work that is due again and again: tidying, counting, closing.

    every(timedelta(hours=1), name="search.tidy", run=tidy)          apps.py of the app that owns it
    run_due()                                                        `manage.py run_outbox`, after each pass

When a job runs next is a row in the database. A job is claimed by one conditional UPDATE with a lease, as a message of
the outbox is, so that any number of workers may run: each round is done by one of them. A worker that dies leaves its
job to the next one when the lease is over; jobs must therefore be repeatable.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import F
from django.utils import timezone

from portal.core.models import PeriodicJob
from portal.core.outbox import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

#: How long a job may take before another worker does it again.
LEASE: Final = timedelta(minutes=15)
#: How soon a failed job is tried again, unless its own interval is shorter.
PAUSE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Job:
    """A repeatable function and how often it is called."""

    name: str
    interval: timedelta
    run: Callable[[], object]


_jobs: dict[str, Job] = {}


def every(interval: timedelta, *, name: str, run: Callable[[], object]) -> None:
    """Have `run` called once per interval by one of all workers. `name` is stored: it never changes."""
    _jobs[name] = Job(name, interval, run)


def forget(name: str) -> None:
    """Call the job no more; for tests."""
    _jobs.pop(name, None)


def run_due(*, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Run the jobs that are due, one after the other; how many ended well. A failing one is logged and put off.

    One query when nothing is due. Raises database errors of its own book-keeping only.
    """
    if not _jobs:
        return 0
    due_at = dict(PeriodicJob.objects.filter(name__in=_jobs).values_list("name", "due_at"))
    if missing := _jobs.keys() - due_at.keys():
        PeriodicJob.objects.bulk_create((PeriodicJob(name=name) for name in sorted(missing)), ignore_conflicts=True)
    now = timezone.now()
    done = 0
    for name in sorted(_jobs):
        if should_stop():
            break
        if (name in missing or due_at[name] <= now) and (claim := _claim(name)) is not None:
            done += _run(_jobs[name], claim)
    return done


def _claim(name: str) -> int | None:
    """Win the job with one conditional UPDATE; the number of the claim."""
    now = timezone.now()
    due = PeriodicJob.objects.filter(name=name, due_at__lte=now)
    if not due.update(due_at=now + LEASE, claims=F("claims") + 1):
        return None
    return PeriodicJob.objects.values_list("claims", flat=True).get(name=name)


def _run(job: Job, claim: int) -> bool:
    started = timezone.now()
    try:
        job.run()
    except Exception as error:  # noqa: BLE001 - whatever a job raises means: try again later
        reason = describe(error)
        logger.error("Job %s failed: %s", job.name, reason)  # noqa: TRY400 - no values in the log
        _ours(job, claim).update(due_at=timezone.now() + min(job.interval, PAUSE), last_error=reason)
        return False
    _ours(job, claim).update(due_at=started + job.interval, finished_at=timezone.now(), last_error="")
    return True


def _ours(job: Job, claim: int) -> QuerySet[PeriodicJob]:
    """The row, if nobody claimed it after us."""
    return PeriodicJob.objects.filter(name=job.name, claims=claim)


def all_jobs() -> list[Job]:
    """The jobs of this process, by name."""
    return [_jobs[name] for name in sorted(_jobs)]
