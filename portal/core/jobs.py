"""Periodic jobs: tidying, counting, closing.

    every(timedelta(hours=1), name="search.tidy", run=tidy)          apps.py of the app that owns it
    run_due()                                                        the worker (`manage.py run_outbox`), repeatedly

The next run of a job is stored in the database. A job is claimed by one conditional UPDATE with a lease, like a
message of the outbox, so any number of workers may run: each round is done by one of them. When a worker dies, another
one takes its job over after the lease has expired; jobs must therefore be idempotent.

A job that often has nothing to do can pass `is_needed`, which is called first; when it returns False, nothing is
written. It must only read, and receives the time of the last successful run.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import F, Q
from django.utils import timezone

from portal.core.models import PeriodicJob
from portal.core.outbox import describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

#: How long a job may take before another worker runs it again.
LEASE: Final = timedelta(minutes=15)
#: Delay before a failed job is retried, unless its own interval is shorter.
PAUSE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Job:
    """An idempotent function and how often it is called."""

    name: str
    interval: timedelta
    run: Callable[[], object]
    is_needed: Callable[[datetime | None], bool]


_jobs: dict[str, Job] = {}
#: Times at which this process last found that a job was not needed (`time.monotonic`).
_idle_since: dict[str, float] = {}


def every(
    interval: timedelta,
    *,
    name: str,
    run: Callable[[], object],
    is_needed: Callable[[datetime | None], bool] = lambda _last_end: True,
) -> None:
    """Have `run` called once per interval, by one of all workers. `name` is stored: never change it.

    `is_needed` is called first, with the end of the last successful run (None before the first); it must not write.
    """
    _jobs[name] = Job(name, interval, run, is_needed)


def forget(name: str) -> None:
    """Unregister a job; for tests."""
    _jobs.pop(name, None)
    _idle_since.pop(name, None)


def run_due(*, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Run the jobs that are due, one after the other, and return how many succeeded. Logs failures and retries later.

    One query when nothing is due, and one more for each job with `is_needed`; nothing is written then. Raises only the
    database errors of its own bookkeeping.
    """
    if not _jobs:
        return 0
    rows = PeriodicJob.objects.filter(name__in=_jobs).values_list("name", "due_at", "finished_at")
    known = {name: (due_at, last_end) for name, due_at, last_end in rows}
    now = timezone.now()
    done = 0
    for name in sorted(_jobs):
        if should_stop():
            break
        due_at, last_end = known.get(name, (now, None))
        if now < due_at <= now + _furthest(_jobs[name]) or not _has_work(_jobs[name], last_end):
            continue
        if name not in known:
            PeriodicJob.objects.bulk_create([PeriodicJob(name=name)], ignore_conflicts=True)
        if (claim := _claim(name)) is not None:
            done += _run(_jobs[name], claim)
    return done


def _has_work(job: Job, last_end: datetime | None) -> bool:
    """Return whether the job is needed; after a no the question is repeated only when its interval is over."""
    idle_since = _idle_since.get(job.name)
    if idle_since is not None and time.monotonic() - idle_since < job.interval.total_seconds():
        return False
    try:
        is_needed = job.is_needed(last_end)
    except Exception as error:  # noqa: BLE001 - it must not keep other jobs from running
        logger.error("Job %s could not be asked: %s", job.name, describe(error))  # noqa: TRY400 - no values in the log
        is_needed = False
    if is_needed:
        _idle_since.pop(job.name, None)
    else:
        _idle_since[job.name] = time.monotonic()
    return is_needed


def _furthest(job: Job) -> timedelta:
    """How far ahead a job can be due. What is due later was stored while the clock was ahead, and is due now."""
    return max(job.interval, LEASE) + timedelta(minutes=1)


def _claim(name: str) -> int | None:
    """Claim the job with one conditional UPDATE; return the number of the claim, or None if another worker has it."""
    now = timezone.now()
    due = PeriodicJob.objects.filter(Q(due_at__lte=now) | Q(due_at__gt=now + _furthest(_jobs[name])), name=name)
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
    """Return the row, unless another worker has claimed it since."""
    return PeriodicJob.objects.filter(name=job.name, claims=claim)


def all_jobs() -> list[Job]:
    """Return the jobs registered in this process, by name."""
    return [_jobs[name] for name in sorted(_jobs)]
