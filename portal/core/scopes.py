"""Only what changed is forgotten: named scopes tell what a page, a fragment or a remembered value was made of.

    content_changed("thread:42", "community:area:7")    the service that changed it, inside its transaction
    depends_on(request, "thread:42", "site")            the view, before it reads
    Memo(max_size=64, scopes=("catalogue", "site"))     see `portal.core.memo`
    rests_on("thread:42")                               inside what makes a remembered value, when it is known only there

A scope is a name, or a path of names: ``community:area:7`` lies in ``community:area`` and in ``community``. A change of a
scope touches whatever depends on it, on anything in it, or on anything it lies in. So a page that shows all of the
community depends on ``community``, and one that shows an area only on ``community:area:7``.

Whoever declares nothing depends on everything, and ``content_changed()`` without a name means that everything changed.
What is made of remembered values also depends on what those depend on; that is seen to here.

Each process counts the changes it hears of (`portal.core.change_log`) and knows for each scope which was the last to touch
it. A value carries a `Stamp`: its scopes, and the count from before it was made. It is true as long as none of its scopes
was touched after that, so what was read before a change and kept after it is never used.
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

#: The scope of all scopes.
EVERYTHING: Final = "*"
#: What depends on more than so many scopes depends on everything, and so much at once is a change of everything.
MAX_SCOPES: Final = 64
#: How many scopes a process tells apart. Of those that changed longest ago it only knows when the last of them did.
MAX_KNOWN: Final = 16_384
#: While the log cannot be read or written, it is tried so often.
RETRY_SECONDS: Final = 2.0
#: Announcements that wait for a log that cannot be written; more become one of everything.
_MAX_UNSENT: Final = 100

_SCOPE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*(?::[a-z0-9][a-z0-9_.-]*)*")
_MAX_LENGTH: Final = 100


def content_changed(*scopes: str) -> None:
    """What readers see of these scopes has changed: everybody forgets it when the current transaction commits.

    This process forgets at once what it remembers, since the transaction itself reads on; kept pages stay until the commit,
    and for good when there is none. Without a scope everything has changed. Raises `ValueError` for what is no scope.
    """
    changed = _checked(scopes)
    _begun.touch([changed])
    transaction.on_commit(partial(_changes.announce, changed), robust=True)


def forget_here(*scopes: str) -> None:
    """As `content_changed`, at once and in this process alone: what it keeps may be out of date."""
    _changes.heard.touch([_checked(scopes)])


def depends_on(request: HttpRequest, *scopes: str) -> None:
    """Say that the answer to `request` shows these scopes, and else only what it takes from remembered values.

    Call it before reading. Counts where the answer may be kept; the page of an answer that says nothing depends on
    everything.
    """
    recorder: Recorder | None = getattr(request, "_scopes", None)
    if recorder is not None:
        recorder.is_declared = True
        recorder.add(_checked(scopes))


def rests_on(*scopes: str) -> None:
    """Say that what is being made (a remembered value, a fragment, a page) depends on these scopes, too."""
    recorder = _making.get()
    if recorder is not None and scopes:
        recorder.add(_checked(scopes))
        recorder.is_declared = recorder.is_declared or not recorder.is_page


def stamp(*scopes: str) -> Stamp:
    """The stamp of a value that is read after this call."""
    return Stamp(_checked(scopes), _now())


@contextmanager
def making(*scopes: str, request: HttpRequest | None = None) -> Iterator[Recorder]:
    """Around what makes a value of these scopes; `recorder.stamp` is its stamp, when the block is done.

    Without scopes, `rests_on` says them inside; the value of a block that says nothing depends on everything. With a
    `request`, what is made is the answer to it, and `depends_on` says them.

    All that is made inside counts as made when the outermost block began: it may be made of what was read since then. For
    the same reason one look at the log is enough for a block.
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
    """What a value depends on, and since when it is true."""

    __slots__ = ("_begun", "_confirmed", "_heard", "_watched", "scopes")

    def __init__(self, scopes: frozenset[str], now: tuple[int, int]) -> None:
        if EVERYTHING in scopes or len(scopes) > MAX_SCOPES:
            scopes = _ALL
        self.scopes = scopes
        self._watched = _watched_by(scopes)
        self._heard, self._begun = now
        self._confirmed = now

    def is_current(self) -> bool:
        """Whether nothing the value depends on has changed since it was made. One look at the log."""
        now = _now()
        if self._confirmed == now:
            return True
        if _begun.is_untouched(self._watched, self._begun) and _changes.heard.is_untouched(self._watched, self._heard):
            self._confirmed = now
            return True
        return False

    def is_current_for_others(self) -> bool:
        """As `is_current`, but changes of this process whose transactions have not committed do not count."""
        _changes.look()
        return _changes.heard.is_untouched(self._watched, self._heard)

    def pass_on(self) -> None:
        """The value is used in what is being made now: that depends on the same."""
        recorder = _making.get()
        if recorder is not None:
            recorder.add(self.scopes)


class Recorder:
    """Collects what a value that is being made depends on."""

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
    """The scopes as a set; everything where there are none, or too many."""
    for scope in scopes:
        if scope != EVERYTHING and (len(scope) > _MAX_LENGTH or not _SCOPE.fullmatch(scope)):
            raise ValueError(f"{scope!r} is no scope")
    return frozenset(scopes) if scopes and EVERYTHING not in scopes and len(scopes) <= MAX_SCOPES else _ALL


def _above(scope: str) -> Iterator[str]:
    """What a scope lies in, from the nearest on."""
    while (end := scope.rfind(":")) > 0:
        scope = scope[:end]
        yield scope


@lru_cache(maxsize=2048)
def _watched_by(scopes: frozenset[str]) -> tuple[str, ...]:
    """The names that are touched when one of the scopes is: itself, what it lies in, and (with a colon) anything in it."""
    if EVERYTHING in scopes:
        return ()
    watched = {name for scope in scopes for name in (scope, f"{scope}:", *_above(scope))}
    return tuple(sorted(watched))


class _Table:
    """Counts changes, and knows for each scope which was the last to touch it. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 1
        #: The last change by name, those of lately at the end.
        self._touched: OrderedDict[str, int] = OrderedDict()
        #: The last change of everything, or of a name that is not known any more.
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
            self.count = count  # last: who reads it finds all that was touched

    def is_untouched(self, watched: tuple[str, ...], since: int) -> bool:
        """Whether nothing of it changed after the count was `since`. Nothing watched means everything."""
        if self._everything > since:
            return False
        if not watched:
            return self.count == since
        touched = self._touched
        return all(touched.get(name, 0) <= since for name in watched)

    def start_again(self) -> None:
        """In a forked process: the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()


class _Changes:
    """The changes that were committed, by whichever process. A forked process goes on by itself."""

    def __init__(self) -> None:
        self.heard = _Table()
        self._lock = threading.Lock()
        self._log: ChangeLog | None = None
        self._place: tuple[str, str] | None = None
        self._unsent: deque[frozenset[str]] = deque()
        self._send_again_at = self._ask_again_at = 0.0

    def look(self) -> int:
        """The count, after hearing what other processes have told."""
        log = self._current_log()
        if self._ask_again_at and time.monotonic() < self._ask_again_at:
            self.heard.touch([_ALL])  # nobody knows: nothing that was made before now is used
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
        """Tell all processes, this one too. What cannot be told now is told later."""
        with self._lock:
            self.heard.touch([scopes])
            self._unsent.append(scopes)
            if len(self._unsent) > _MAX_UNSENT:
                self._unsent.clear()
                self._unsent.append(_ALL)
        self._catch_up(self._current_log())

    def _catch_up(self, log: ChangeLog) -> None:
        """Write what waits, then read what is new, ours included."""
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
        """For a while nothing is kept, and the log is left alone."""
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
        """In a forked process: the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()
        self.heard.start_again()


#: In `DATA_DIR`, beside the database.
FILE_NAME: Final = "changes"


def _read_line(line: str) -> frozenset[str]:
    """The scopes of a line of the log; everything where it is damaged."""
    try:
        return _checked(tuple(line.split(" ")))
    except ValueError:
        return _ALL


_changes: Final = _Changes()
#: Changes of this process whose transactions may not have committed.
_begun: Final = _Table()
os.register_at_fork(after_in_child=_changes.start_again)
os.register_at_fork(after_in_child=_begun.start_again)


def _now() -> tuple[int, int]:
    """How many changes there have been, of all processes and begun here; at most one look at the log."""
    return _changes.heard.count if _making.get() else _changes.look(), _begun.count
