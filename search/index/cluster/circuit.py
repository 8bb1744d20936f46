"""The circuit breaker of the cluster: it is not used while it is unavailable, nor before it is up to date again.

The first request that fails opens the breaker for all processes; until it is closed again, the index in the database
answers without delay. Meanwhile a background thread restores the cluster (`Care`), in one process at a time. The state
shared by all processes is in the cache. If the cache has lost it, the cluster counts as unavailable until it has been
checked, because it may have missed changes.
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

#: Interval between two probes of an unavailable cluster.
PROBE_SECONDS: Final = 1.0
#: Time after which a process that restores the cluster without renewing its claim is considered dead.
_PROBER_SECONDS: Final = 60
_STATE: Final = "search-cluster"
_PROBER: Final = "search-cluster-prober"


class State(enum.StrEnum):
    """The shared state of the cluster."""

    UP = "up"
    DOWN = "down"
    #: It answers and accepts changes, but is still being brought up to date.
    CATCHING_UP = "catching-up"


class Care(Protocol):
    """Restores a cluster. Its methods are called in a background thread, outside any transaction.

    All of them may raise `UnavailableError`; the recovery then starts again.
    """

    def begin(self) -> None:
        """Check that the cluster responds and has its indices, and record in the database what is to be compared."""

    def resume(self) -> None:
        """Deliver the changes that were postponed; from now on changes are accepted."""

    def is_caught_up(self) -> bool:
        """Do a part of the remaining work; return whether nothing is left."""


class Breaker:
    """The circuit breaker described above. Thread-safe."""

    def __init__(self, care: Care) -> None:
        self._care = care
        self._name = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        #: Why this process does not use the cluster; None while it does.
        self._reason: str | None = None
        #: Whether the other processes have yet to be told that it is unavailable.
        self._is_news = False

    def is_closed(self) -> bool:
        """Whether the cluster may be used now. Never blocks."""
        if self._reason is None:
            if _read() == State.UP:
                return True
            with self._lock:
                self._reason = self._reason or "not looked after yet"
        self._look_after()
        return False

    def takes_changes(self) -> bool:
        """Whether changes may be written to the cluster now; also true while it is being brought up to date."""
        return self.is_closed() or _read() == State.CATCHING_UP

    def trip(self, reason: str) -> None:
        """Record that the cluster failed: it is not used again until it has been restored. Logged once per outage."""
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
        """The state as this process sees it."""
        return State.UP if self._reason is None and _read() == State.UP else _read() or State.DOWN

    def stop(self) -> None:
        """Stop the thread and clear all state; for tests."""
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
            except Exception as error:  # noqa: BLE001 - database or cache may be unavailable, too: keep trying
                logger.warning("The search cluster could not be looked after: %s", type(error).__name__)
            finally:
                connections.close_all()
            self._stopping.wait(PROBE_SECONDS)

    def _step(self) -> bool:
        """Try to restore the cluster; return whether it is available again."""
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
            if self._is_news:  # a request failed meanwhile
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
    """The shared state; None if the cache has lost it."""
    value: Any = cache.get(_STATE)
    return State(value) if value in set(State) else None
