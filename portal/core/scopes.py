"""Cache invalidation by named scopes, which state what a page, a fragment or a cached value was made of.

    content_changed("thread:42", "community:area:7")    the service that changed it, inside its transaction
    depends_on(request, "thread:42", "site")            the view, before it reads
    Memo(max_size=64, scopes=("catalogue", "site"))     see `portal.core.memo`
    rests_on("thread:42")                               while a cached value is computed, if known only there

A scope is a name or a path of names: ``community:area:7`` is inside ``community:area`` and ``community``. A change of a
scope invalidates whatever depends on it, on anything inside it, or on anything around it. So a page that shows all of
the community depends on ``community``, and one that shows an area only on ``community:area:7``.

A value that declares nothing depends on everything, and ``content_changed()`` without a name means that everything
changed. A value made from cached values inherits their scopes; this module takes care of that.

Each process counts the changes it hears of (`portal.core.change_log`) and remembers for each scope the last change that
touched it. A value carries a `Stamp`: its scopes, and the count from before it was made. It is valid as long as none of
its scopes was touched after that, so a value read before a change and stored after it is never used.
See docs/decisions/0015-scopes.md.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import OrderedDict, deque
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction

from portal.core.change_log import FileLog, RedisLog, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from django.http import HttpRequest

    from portal.core.change_log import ChangeLog

logger = logging.getLogger(__name__)

#: The scope that contains all scopes.
EVERYTHING: Final = "*"
#: A value with more scopes than this depends on everything; a change of more scopes is a change of everything.
MAX_SCOPES: Final = 64
#: How many scopes a process tracks singly. Of those changed less recently it only knows when the last one changed.
MAX_KNOWN: Final = 16_384
#: Seconds between attempts while the log cannot be read or written.
RETRY_SECONDS: Final = 2.0
#: Limit of announcements waiting for a log that cannot be written; more are merged into a change of everything.
_MAX_UNSENT: Final = 100

_SCOPE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*(?::[a-z0-9][a-z0-9_.-]*)*")
_MAX_LENGTH: Final = 100


def content_changed(*scopes: str) -> None:
    """Announce that these scopes changed: all caches drop what depends on them when the current transaction commits.

    This process drops its cached values at once, because the transaction goes on reading; cached pages stay until the
    commit, and stay valid if there is none. Without scopes everything has changed. Raises `ValueError`.
    """
    changed = _checked(scopes)
    _begun.touch([changed])
    transaction.on_commit(partial(_changes.announce, changed), robust=True)


def forget_here(*scopes: str) -> None:
    """Invalidate the scopes at once and in this process only."""
    _changes.heard.touch([_checked(scopes)])


def depends_on(request: HttpRequest, *scopes: str) -> None:
    """Declare that the response to `request` shows these scopes, besides those of the cached values it uses.

    Call it before reading. It matters where the response may be cached; else the page depends on everything.
    """
    recorder: Recorder | None = getattr(request, "_scopes", None)
    if recorder is not None:
        recorder.is_declared = True
        recorder.add(_checked(scopes))


def rests_on(*scopes: str) -> None:
    """Declare that what is being made (a cached value, a fragment, a page) also depends on these scopes."""
    recorder = _making.get()
    if recorder is not None and scopes:
        recorder.add(_checked(scopes))
        recorder.is_declared = recorder.is_declared or not recorder.is_page


def stamp(*scopes: str) -> Stamp:
    """Return the stamp of a value that is read after this call."""
    return Stamp(_checked(scopes), _now())


@contextmanager
def making(*scopes: str, request: HttpRequest | None = None) -> Iterator[Recorder]:
    """Record the scopes of a value made inside the block; `recorder.stamp` is its stamp afterwards.

    Without `scopes`, calls of `rests_on` inside declare them; a block that declares none depends on everything. With a
    `request`, the value is the response to it, and `depends_on` declares the scopes.

    Everything made inside is stamped with the beginning of the outermost block, since it may use what was read since
    then. For the same reason the log is checked only once per block.
    """
    around = _making.get()
    recorder = Recorder(_now() if around is None else around.now, is_page=request is not None)
    if scopes:
        recorder.is_declared = True
        recorder.add(_checked(scopes))
    if request is not None:
        request._scopes = recorder  # type: ignore[attr-defined]  # noqa: SLF001 - read by `depends_on`
    token = _making.set(recorder)
    try:
        yield recorder
    finally:
        _making.reset(token)
    recorder.stamp.pass_on()


class Stamp:
    """Dependencies of a value, and the count of changes from which on it is valid."""

    __slots__ = ("_begun", "_confirmed", "_heard", "_watched", "scopes")

    def __init__(self, scopes: frozenset[str], now: tuple[int, int]) -> None:
        if EVERYTHING in scopes or len(scopes) > MAX_SCOPES:
            scopes = _ALL
        self.scopes = scopes
        self._watched = _watched_by(scopes)
        self._heard, self._begun = now
        self._confirmed = now

    def is_current(self) -> bool:
        """Return whether nothing the value depends on has changed since it was made. Checks the log once."""
        now = _now()
        if self._confirmed == now:
            return True
        if _begun.is_untouched(self._watched, self._begun) and _changes.heard.is_untouched(self._watched, self._heard):
            self._confirmed = now
            return True
        return False

    def is_current_for_others(self) -> bool:
        """Return `is_current` without regard to this process's changes in uncommitted transactions."""
        _changes.look()
        return _changes.heard.is_untouched(self._watched, self._heard)

    def pass_on(self) -> None:
        """Add the value's scopes to those of whatever is being made from it now."""
        recorder = _making.get()
        if recorder is not None:
            recorder.add(self.scopes)


class Recorder:
    """Collects the scopes of a value while it is being made."""

    __slots__ = ("_scopes", "_stamp", "is_declared", "is_page", "now")

    def __init__(self, now: tuple[int, int], *, is_page: bool) -> None:
        self.now = now
        self._scopes: set[str] = set()
        self._stamp: Stamp | None = None
        self.is_page = is_page
        self.is_declared = False

    def add(self, scopes: Collection[str]) -> None:
        self._scopes.update(scopes)

    @property
    def stamp(self) -> Stamp:
        if self._stamp is None:
            self._stamp = Stamp(frozenset(self._scopes) if self.is_declared else _ALL, self.now)
        return self._stamp


_ALL: Final = frozenset({EVERYTHING})
_making: Final[ContextVar[Recorder | None]] = ContextVar("portal_scopes_making", default=None)


@lru_cache(maxsize=2048)
def _checked(scopes: tuple[str, ...]) -> frozenset[str]:
    """Return the scopes as a set; everything if there are none, or too many. Raises `ValueError`."""
    for scope in scopes:
        if scope != EVERYTHING and (len(scope) > _MAX_LENGTH or not _SCOPE.fullmatch(scope)):
            raise ValueError(f"{scope!r} is no scope")
    return frozenset(scopes) if scopes and EVERYTHING not in scopes and len(scopes) <= MAX_SCOPES else _ALL


def _above(scope: str) -> Iterator[str]:
    """Yield the scopes around a scope, innermost first."""
    while (end := scope.rfind(":")) > 0:
        scope = scope[:end]
        yield scope


@lru_cache(maxsize=2048)
def _watched_by(scopes: frozenset[str]) -> tuple[str, ...]:
    """Return the names touched along with the scopes: themselves, those around them and (with a colon) all inside."""
    if EVERYTHING in scopes:
        return ()
    watched = {name for scope in scopes for name in (scope, f"{scope}:", *_above(scope))}
    return tuple(sorted(watched))


class _Table:
    """Counts changes and remembers for each scope the last change that touched it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 1
        #: Number of the last change by name, most recent last.
        self._touched: OrderedDict[str, int] = OrderedDict()
        #: Number of the last change of everything, or of a name that is no longer tracked.
        self._everything = 1

    def touch(self, changes: Iterable[frozenset[str]]) -> None:
        """Count the changes."""
        with self._lock:
            count = self.count
            for scopes in changes:
                count += 1
                if EVERYTHING in scopes:
                    self._everything = count
                    continue
                for scope in scopes:
                    for name in (scope, *(f"{above}:" for above in _above(scope))):
                        self._touched[name] = count
                        self._touched.move_to_end(name)
            while len(self._touched) > MAX_KNOWN:
                _name, at = self._touched.popitem(last=False)
                self._everything = max(self._everything, at)
            self.count = count  # last: a reader that sees it also sees everything that was touched

    def is_untouched(self, watched: tuple[str, ...], since: int) -> bool:
        """Return whether none of the names changed after the count was `since`. No names means everything."""
        if self._everything > since:
            return False
        if not watched:
            return self.count == since
        touched = self._touched
        return all(touched.get(name, 0) <= since for name in watched)

    def start_again(self) -> None:
        """Reset a forked process: the lock may be held by a thread that does not exist there."""
        self._lock = threading.Lock()


class _Changes:
    """The committed changes of all processes. A forked process continues independently."""

    def __init__(self) -> None:
        self.heard = _Table()
        self._lock = threading.Lock()
        self._log: ChangeLog | None = None
        self._place: tuple[str, str] | None = None
        self._unsent: deque[frozenset[str]] = deque()
        self._send_again_at = self._ask_again_at = 0.0

    def look(self) -> int:
        """Return the count, after reading the changes announced by other processes."""
        log = self._current_log()
        if self._ask_again_at and time.monotonic() < self._ask_again_at:
            self.heard.touch([_ALL])  # changes may be unknown: nothing made before now is used
            return self.heard.count
        try:
            grown = log.has_grown()
        except UnavailableError as error:
            self._be_careful(error)
        else:
            self._ask_again_at = 0.0
            if grown or (self._unsent and time.monotonic() >= self._send_again_at):
                self._catch_up(log)
        return self.heard.count

    def announce(self, scopes: frozenset[str]) -> None:
        """Announce to all processes, including this one. What cannot be written now is written later."""
        with self._lock:
            self.heard.touch([scopes])
            self._unsent.append(scopes)
            if len(self._unsent) > _MAX_UNSENT:
                self._unsent.clear()
                self._unsent.append(_ALL)
        self._catch_up(self._current_log())

    def _catch_up(self, log: ChangeLog) -> None:
        """Write waiting announcements, then read new lines, including our own."""
        with self._lock:
            try:
                while self._unsent:
                    log.append(" ".join(sorted(self._unsent[0])))
                    self._unsent.popleft()
            except UnavailableError as error:
                logger.error("Changes cannot be told to other processes: %s", error.__cause__ or error)  # noqa: TRY400 - no trace
                self._send_again_at = time.monotonic() + RETRY_SECONDS
            try:
                if log.has_grown():
                    lines = log.read()
                    self.heard.touch([_ALL] if lines is None else map(_read_line, lines))
                    log.keep_place()
            except UnavailableError as error:
                self._be_careful(error)

    def _be_careful(self, error: UnavailableError) -> None:
        """Disable caching and leave the log alone for a while."""
        logger.error("Changes of other processes cannot be heard: %s", error.__cause__ or error)
        self._ask_again_at = time.monotonic() + RETRY_SECONDS
        self.heard.touch([_ALL])

    def _current_log(self) -> ChangeLog:
        place = (settings.REDIS_URL, settings.DATA_DIR)
        if place != self._place:
            with self._lock:
                self._log = RedisLog(place[0]) if place[0] else FileLog(Path(place[1]) / FILE_NAME)
                self._place = place
        assert self._log is not None  # noqa: S101 - set above
        return self._log

    def start_again(self) -> None:
        """Reset a forked process: the lock may be held by a thread that does not exist there."""
        self._lock = threading.Lock()
        self.heard.start_again()


#: In `DATA_DIR`, beside the database.
FILE_NAME: Final = "changes"


def _read_line(line: str) -> frozenset[str]:
    """Return the scopes in a line of the log; everything if it is damaged."""
    try:
        return _checked(tuple(line.split(" ")))
    except ValueError:
        return _ALL


_changes: Final = _Changes()
#: Changes made by this process whose transactions may not have committed yet.
_begun: Final = _Table()
os.register_at_fork(after_in_child=_changes.start_again)
os.register_at_fork(after_in_child=_begun.start_again)


def _now() -> tuple[int, int]:
    """Return the number of changes by all processes and of those begun here; checks the log at most once."""
    return _changes.heard.count if _making.get() else _changes.look(), _begun.count
