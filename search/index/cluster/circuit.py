"""Whether the cluster is asked: not while it is away, and not before it knows all that the database knows.

The first question a cluster fails to answer opens the breaker, for all processes; until it is closed again the index in
the database answers, and nobody waits. A thread in the background looks after the cluster meanwhile (`Care`), in one
process at a time. What all processes know is in the cache. Where the cache has forgotten it, the cluster counts as away
until it was looked after: it may have missed something.
"""

from __future__ import annotations

import enum
import logging
import threading
import uuid
from typing import Any, Final, Protocol

from django.core.cache import cache
from django.db import connections

from search.index.errors import UnavailableError

logger = logging.getLogger("search.cluster")

#: Between two looks at a cluster that is away.
PROBE_SECONDS: Final = 1.0
#: How long a process that looks after the cluster is believed to be alive without a word.
_PROBER_SECONDS: Final = 60
_STATE: Final = "search-cluster"
_PROBER: Final = "search-cluster-prober"


class State(enum.StrEnum):
    """What the processes know of the cluster."""

    UP = "up"
    DOWN = "down"
    #: It answers and takes changes; it is being brought up to date.
    CATCHING_UP = "catching-up"


class Care(Protocol):
    """What brings a cluster back. Called in a thread of its own, with no transaction around it.

    All may raise `UnavailableError`: then it begins anew.
    """

    def begin(self) -> None:
        """See whether the cluster answers and has what it needs, and note in the database what there is to do."""

    def resume(self) -> None:
        """Changes are taken from now on: have those that waited written."""

    def is_caught_up(self) -> bool:
        """Do some of what there is to do; whether nothing is left."""


class Breaker:
    """See above. Safe between threads."""

    def __init__(self, care: Care) -> None:
        self._care = care
        self._name = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        #: Why the cluster is not asked by this process; none while it is.
        self._reason: str | None = None
        #: Whether the others have yet to hear that it is away.
        self._is_news = False

    def is_closed(self) -> bool:
        """Whether the cluster may be asked now. Never waits for it."""
        if self._reason is None:
            if _read() == State.UP:
                return True
            with self._lock:
                self._reason = self._reason or "not looked after yet"
        self._look_after()
        return False

    def takes_changes(self) -> bool:
        """Whether changes may be written to the cluster now: also while it is being brought up to date."""
        return self.is_closed() or _read() == State.CATCHING_UP

    def trip(self, reason: str) -> None:
        """The cluster failed: do not ask it again until it is looked after. Says so in the log, once."""
        with self._lock:
            is_first = self._reason is None
            self._reason = reason
            self._is_news = True
        if is_first:
            logger.warning(
                "The search cluster is away (%s). The index in the database answers until it is back.", reason
            )
        self._look_after()

    def state(self) -> State:
        """What this process goes by."""
        return State.UP if self._reason is None and _read() == State.UP else _read() or State.DOWN

    def stop(self) -> None:
        """End the thread and forget everything; for tests."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        with self._lock:
            self._reason, self._is_news, self._thread = None, False, None
        self._stopping.clear()
        cache.delete_many([_STATE, _PROBER])

    # In the background ----------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="search-cluster", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._step():
                    return
            except Exception as error:  # noqa: BLE001 - the database or the cache may be away, too: go on looking
                logger.warning("The search cluster could not be looked after: %s", type(error).__name__)
            finally:
                connections.close_all()
            self._stopping.wait(PROBE_SECONDS)

    def _step(self) -> bool:
        """Whether the cluster is back."""
        with self._lock:
            is_news, self._is_news = self._is_news, False
        if is_news:
            cache.set(_STATE, State.DOWN.value, None)
        state = _read()
        if state != State.UP and self._is_prober():
            try:
                state = self._probe(state)
            finally:
                cache.delete(_PROBER)
        if state != State.UP:
            return False
        with self._lock:
            if self._is_news:  # it failed somebody meanwhile
                return False
            self._reason = None
            self._thread = None
        logger.info("The search cluster is back: it is up to date and answers from now on.")
        return True

    def _is_prober(self) -> bool:
        return cache.add(_PROBER, self._name, _PROBER_SECONDS) or cache.get(_PROBER) == self._name

    def _probe(self, state: State | None) -> State:
        try:
            if state != State.CATCHING_UP:
                self._care.begin()
                cache.set(_STATE, State.CATCHING_UP.value, None)
                self._care.resume()
            is_caught_up = self._care.is_caught_up()
        except UnavailableError as error:
            logger.debug("The search cluster is still away: %s", error)
            cache.set(_STATE, State.DOWN.value, None)
            return State.DOWN
        with self._lock:
            if self._is_news or not is_caught_up:
                return State.CATCHING_UP
        cache.set(_STATE, State.UP.value, None)
        return State.UP


def _read() -> State | None:
    """What all processes know; none when the cache does not."""
    value: Any = cache.get(_STATE)
    return State(value) if value in set(State) else None
