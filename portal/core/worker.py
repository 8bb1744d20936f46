"""The outbox worker, which delivers messages and runs jobs beside the web server: `manage.py run_outbox --loop`.

The main thread checks twice a second whether anything is due, which writes nothing, and wakes the thread for it. There
is one thread for handlers that use only our own database, one for the periodic jobs, and one for each handler that
works with another server: a hanging mail server delays neither the index nor the jobs, and a long job delays no
sign-in code.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import Error, close_old_connections, connections

from portal.core import jobs, outbox

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

#: Seconds between two checks.
INTERVAL: Final = 0.5
#: Seconds between attempts while the database is away.
_AWAY_SECONDS: Final = 5.0


def work(stopping: threading.Event, *, interval: float = INTERVAL) -> None:
    """Deliver messages and run jobs that are due until `stopping` is set; work in progress is finished first."""
    remote = outbox.remote_handlers()
    drain = partial(outbox.drain, should_stop=stopping.is_set)
    here = _Lane("here", partial(drain, but_not=remote), stopping)
    regular = _Lane("jobs", partial(jobs.run_due, should_stop=stopping.is_set), stopping)
    elsewhere = {handler: _Lane(handler, partial(drain, handlers=[handler]), stopping) for handler in sorted(remote)}
    try:
        while not stopping.is_set():
            stopping.wait(interval if _wake(here, regular, elsewhere) else max(interval, _AWAY_SECONDS))
    finally:
        stopping.set()
        for lane in (here, regular, *elsewhere.values()):
            lane.join()


def _wake(here: _Lane, regular: _Lane, elsewhere: dict[str, _Lane]) -> bool:
    """Wake the lanes that have something to do; return whether the database answers."""
    close_old_connections()
    try:
        due = outbox.due_handlers()
    except Error as error:
        logger.error("Outbox: pass cut short: %s", outbox.describe(error))  # noqa: TRY400 - no values in the log
        return False
    for handler in due & elsewhere.keys():
        elsewhere[handler].wake()
    if due - elsewhere.keys():
        here.wake()
    regular.wake()  # checks for itself
    return True


class _Lane:
    """A thread that does one kind of work whenever it is woken. It starts when it is first woken."""

    def __init__(self, name: str, run: Callable[[], object], stopping: threading.Event) -> None:
        self._run = run
        self._stopping = stopping
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"outbox: {name}")

    def wake(self) -> None:
        self._woken.set()
        if self._thread.ident is None:
            self._thread.start()

    def join(self) -> None:
        """Wait for the end of the work in progress."""
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                self._woken.wait()
                self._woken.clear()
                self._try()
        finally:
            connections.close_all()

    def _try(self) -> None:
        close_old_connections()
        try:
            if not self._stopping.is_set():
                self._run()
        except Exception as error:  # noqa: BLE001 - the database is away, or worse: the next one may go well
            logger.error("Outbox: pass cut short: %s", outbox.describe(error))  # noqa: TRY400 - no values in the log
