"""Recorder: stores activity records in the database without delaying any page.

    searches = recorder.kind("search", store=write)             once, where the rows are defined
    searches.record(Searched.of(request, text="modem"))         in a request: returns at once and never raises

A request only appends to a short queue in memory; one thread per process takes the records out every two seconds and
stores them in batches. Each kind has its own queue, so that one that cannot be stored does not block the others. While
the database is away, records wait; when a queue is full, new ones are dropped and counted. Whatever the database does,
no page is delayed, and the end of a process is delayed by at most `GOODBYE_SECONDS`.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing.util
import os
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from portal.core.outbox import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

A = TypeVar("A")

#: Maximum number of waiting records of one kind: a few megabytes at most.
MAX_WAITING: Final = 5_000
BATCH: Final = 50
PAUSE_SECONDS: Final = 2.0
#: How long the end of a process waits for the last records to be stored.
GOODBYE_SECONDS: Final = 3.0
#: How often a batch is tried that fails although the database is available.
_ATTEMPTS: Final = 3
#: A record that waits longer than this shows that nothing can be stored.
_LONG_SECONDS: Final = 60.0
#: How long the state reports a loss.
_REMEMBERED_SECONDS: Final = 600.0
#: Errors that mean that the database is away, hangs or is locked, as opposed to a record that it refuses.
_AWAY: Final = (OperationalError, InterfaceError)


class Kind(Generic[A]):
    """One kind of records: the function that stores them, and those of this process that are waiting."""

    def __init__(
        self,
        name: str,
        store: Callable[[Sequence[A]], None],
        *,
        max_waiting: int,
        when_waiting: Callable[[bool], None],
    ) -> None:
        self.name = name
        self._store = store
        self._max_waiting = max_waiting
        self._when_waiting = when_waiting
        self.start_afresh()

    def start_afresh(self) -> None:
        """Reset a forked process: records waiting at the time of the fork are stored by the parent."""
        self._lock = threading.Lock()  # another thread may have held the old one at the time of the fork
        self._waiting: deque[A] = deque()
        self._failures = 0
        self._is_away = False
        #: How many records were lost since the last log message about it.
        self.dropped = 0
        self._moved_at = time.monotonic()
        self._lost_at: float | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def record(self, activity: A) -> None:
        """Queue the record, or drop it when the queue is full. Returns at once and never raises."""
        with self._lock:
            waiting = len(self._waiting)
            if waiting >= self._max_waiting:
                self._lose(1)
                return
            if not waiting:
                self._moved_at = time.monotonic()
            self._waiting.append(activity)
        self._when_waiting(waiting + 1 == BATCH)

    def _lose(self, number: int) -> None:
        self.dropped += number
        self._lost_at = time.monotonic()

    def forget(self) -> None:
        """Drop waiting records; for tests."""
        with self._lock:
            self._waiting.clear()

    @property
    def state(self) -> str:
        """Return ``dropping`` if records were lost in the last ten minutes, ``waiting`` if one is late, else ``ok``."""
        now = time.monotonic()
        if self._lost_at is not None and now - self._lost_at < _REMEMBERED_SECONDS:
            return "dropping"
        return "waiting" if self._waiting and now - self._moved_at > _LONG_SECONDS else "ok"

    def store_some(self) -> bool:
        """Store one batch; return whether that succeeded and there may be more. One thread at a time. Never raises."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        if not batch:
            return False
        try:
            self._store(batch)
        except _AWAY as error:
            self._put_back(batch)
            if not self._is_away:
                self._is_away = True
                logger.warning("Activity “%s” cannot be stored now and waits: %s", self.name, describe(error))
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, visitors have pages to read
            return self._refused(batch, error)
        self._stored()
        return True

    def _put_back(self, batch: Sequence[A]) -> None:
        with self._lock:
            self._waiting.extendleft(reversed(batch))

    def _refused(self, batch: Sequence[A], error: Exception) -> bool:
        """Try the batch again, the last time record by record, so that a refused record does not spoil others."""
        self._failures += 1
        if self._failures < _ATTEMPTS:
            self._put_back(batch)
            return False
        lost = 0
        for number, activity in enumerate(batch):
            try:
                self._store([activity])
            except _AWAY:
                self._failures = 0
                self._put_back(batch[number:])
                return False
            except Exception as its_error:  # noqa: BLE001 - as above
                lost, error = lost + 1, its_error
        if lost:
            with self._lock:
                self._lost_at = time.monotonic()
            # The values in a traceback may be text that somebody typed.
            logger.error("Activity “%s”: %s rows lost: %s", self.name, lost, describe(error))
        self._stored()
        return True

    def _stored(self) -> None:
        with self._lock:
            self._moved_at = time.monotonic()
            dropped, self.dropped = self.dropped, 0
        self._failures = 0
        if self._is_away:
            self._is_away = False
            logger.warning("Activity “%s” is stored again", self.name)
        if dropped:
            logger.warning("Activity “%s”: %s rows were dropped because too many were waiting", self.name, dropped)


class Recorder:
    """The queues of this process and the thread that empties them. Thread-safe; a fork starts with empty queues."""

    def __init__(self) -> None:
        self._kinds: list[Kind[Any]] = []
        self.start_afresh()
        _recorders.add(self)

    def start_afresh(self) -> None:
        """Reset a forked process: waiting records and the thread stayed in the parent."""
        self._starting = threading.Lock()
        self._storing = threading.Lock()
        self._wake = threading.Event()
        self._awaited: deque[threading.Event] = deque()
        self._thread: threading.Thread | None = None
        self._is_ending = False
        for kind in self._kinds:
            kind.start_afresh()

    def kind(self, name: str, *, store: Callable[[Sequence[A]], None], max_waiting: int = MAX_WAITING) -> Kind[A]:
        """Return a new kind of records. `name` appears in the log.

        `store` gets up to 50 records, in order of creation, in another thread than the requests. It redacts and
        anonymises them, opens one transaction for everything it writes, and raises if anything fails: it is then called
        again with the same records. It is never called twice at the same time.
        """
        kind = Kind(name, store, max_waiting=max_waiting, when_waiting=self._when_waiting)
        self._kinds.append(kind)
        return kind

    def __len__(self) -> int:
        return sum(map(len, self._kinds))

    @property
    def state(self) -> str:
        """Return the state for operators, the worst of all kinds in this process: ``ok``, ``waiting`` or
        ``dropping``.
        """
        states = {kind.state for kind in self._kinds}
        return next((word for word in ("dropping", "waiting") if word in states), "ok")

    def forget(self) -> None:
        """Drop waiting records; for tests."""
        for kind in self._kinds:
            kind.forget()

    def flush(self) -> None:
        """Store waiting records in the calling thread, as far as possible. Never raises."""
        with self._storing:
            kinds = list(self._kinds)
            while kinds:  # in turn, so that a busy kind does not block the others
                kinds = [kind for kind in kinds if kind.store_some()]

    def finish(self, seconds: float = GOODBYE_SECONDS) -> None:
        """Have the thread store waiting records, and wait for that for at most `seconds`."""
        if self._thread is None:
            return
        stored = threading.Event()
        self._awaited.append(stored)
        self._wake.set()
        stored.wait(seconds)

    def end(self, seconds: float = GOODBYE_SECONDS) -> None:
        """Have the thread store waiting records and end, and wait for that; the next record starts another one."""
        thread = self._thread
        if thread is None:
            return
        self._is_ending = True
        self.finish(seconds)
        thread.join(seconds)

    def _when_waiting(self, is_full_batch: bool) -> None:
        if not settings.ACTIVITY_THREAD:
            return
        if self._thread is None:
            self._start()
        if is_full_batch:
            self._wake.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="activity", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no more threads: the next record tries again
                logger.error("Activity is not stored: %s", describe(error))  # noqa: TRY400 - no values in the log
                return
            self._thread = thread
            # Servers end their workers in either way; finishing twice does no harm.
            atexit.register(self.finish)
            multiprocessing.util.Finalize(self, self.finish, exitpriority=10)

    def _run(self) -> None:
        while True:
            self._wake.wait(PAUSE_SECONDS)
            self._wake.clear()
            awaited = [self._awaited.popleft() for _ in range(len(self._awaited))]
            try:
                self.flush()
                connections.close_all()
            except Exception as error:  # noqa: BLE001 - without this thread nothing would be stored any more
                logger.error("Activity: %s", describe(error))  # noqa: TRY400 - no values in the log
            is_ending = self._is_ending
            if is_ending:
                self._thread, self._is_ending = None, False
            for stored in awaited:
                stored.set()
            if is_ending:
                return


_recorders: Final[weakref.WeakSet[Recorder]] = weakref.WeakSet()


def _start_afresh_after_fork() -> None:
    for recorder_of_parent in list(_recorders):
        recorder_of_parent.start_afresh()


os.register_at_fork(after_in_child=_start_afresh_after_fork)

#: The recorder of the portal.
recorder: Final = Recorder()
