"""What was searched and chosen, on its way to the database: never in the way of a page.

A request only puts a few words into a short queue in memory; a thread of each process takes them out every two
seconds, makes them anonymous and writes them together. When the database is away the queue waits; when it is full,
what comes is dropped and counted. Addresses are in memory for these seconds and nowhere else.
"""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import multiprocessing.util
import os
import threading
import time
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from portal.core.limits import client_address
from portal.core.outbox import describe
from portal.core.visitors import forget_remembered_salts, visitor_hash
from search import registry
from search.keys import query_key, readable_text
from search.models import SearchClick, SearchLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest

logger = logging.getLogger(__name__)

MAX_WAITING: Final = 5_000
BATCH: Final = 50
PAUSE_SECONDS: Final = 2.0
#: What the end of a process waits for the last rows.
GOODBYE_SECONDS: Final = 3.0
#: A question that a visit asks again within this time is the same search: a reload, a way back, another filter.
SAME_SEARCH: Final = dt.timedelta(minutes=10)
_REMEMBERED: Final = 10_000
_ATTEMPTS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """What a request leaves behind. `address` and `user_agent` are never stored."""

    at: dt.datetime
    address: str
    user_agent: str
    language: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched(Noted):
    """Somebody saw the first page of the results."""

    total: int
    notices: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Clicked(Noted):
    """Somebody chose an answer."""

    kind: str
    object_id: int
    position: int
    source: SearchClick.Source


def note_search(request: HttpRequest, *, language: str, text: str, total: int, notices: str) -> None:
    """Remember a search of a person; returns at once and never raises."""
    recorder.add(Searched(**_asked_by(request), language=language, text=text, total=total, notices=notices))


def note_click(
    request: HttpRequest,
    *,
    language: str,
    text: str,
    kind: str,
    object_id: int,
    position: int,
    source: SearchClick.Source,
) -> None:
    """Remember what a person chose; returns at once and never raises."""
    recorder.add(
        Clicked(
            **_asked_by(request),
            language=language,
            text=text,
            kind=kind,
            object_id=object_id,
            position=position,
            source=source,
        )
    )


def _asked_by(request: HttpRequest) -> dict[str, Any]:
    """When and from where, for as long as it waits in memory."""
    return {
        "at": timezone.now(),
        "address": client_address(request),
        "user_agent": request.headers.get("User-Agent", ""),
    }


class Recorder:
    """The queue of this process and the thread that empties it. Safe for threads; a fork starts with an empty one."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._waiting: deque[Noted] = deque()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._pid = os.getpid()
        self.dropped = 0

    def add(self, noted: Noted) -> None:
        """Put it into the queue, or drop it when there is no room."""
        if self._pid != os.getpid():  # the thread stayed in the process we were forked from, and so did its rows
            self._start_afresh()
            forget_remembered_salts()
        if len(self._waiting) >= self._max_waiting:
            self.dropped += 1
            return
        self._waiting.append(noted)
        if settings.SEARCH_LOG_THREAD:
            if self._thread is None:
                self._start()
            if len(self._waiting) >= BATCH:
                self._wake.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def forget(self) -> None:
        """Drop what waits; for tests."""
        self._waiting.clear()

    def _start(self) -> None:
        with self._writing:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="search-log", daemon=True)
                self._thread.start()
                # Servers end their workers by either way; flushing twice does no harm.
                atexit.register(self.flush, seconds=GOODBYE_SECONDS)
                multiprocessing.util.Finalize(self, self.flush, kwargs={"seconds": GOODBYE_SECONDS}, exitpriority=10)

    def _run(self) -> None:
        while True:
            self._wake.wait(PAUSE_SECONDS)
            self._wake.clear()
            self.flush()
            if self._failures:
                time.sleep(PAUSE_SECONDS)

    def flush(self, *, seconds: float | None = None) -> None:
        """Write what waits, or as much as goes in so many seconds. Never raises."""
        if self._pid != os.getpid():
            return
        until = None if seconds is None else time.monotonic() + seconds
        if not self._writing.acquire(timeout=-1 if seconds is None else seconds):
            return
        try:
            while self._waiting and (until is None or time.monotonic() < until):
                if not self._write([self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]):
                    break
        finally:
            self._writing.release()

    def _write(self, batch: list[Noted]) -> bool:
        """Write a batch; one that fails goes back to the queue, and is given up the third time."""
        own_connection = threading.current_thread() is self._thread
        try:
            write(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, people go on searching
            self._failures += 1
            if self._failures >= _ATTEMPTS:
                self._failures = 0
                self.dropped += len(batch)
                logger.error("Search log: %s rows lost: %s", len(batch), describe(error))  # noqa: TRY400 - no values
            else:
                self._waiting.extendleft(reversed(batch))
            return False
        finally:
            if own_connection:
                connection.close()
        self._failures = 0
        if self.dropped:
            logger.warning("Search log: %s rows were dropped because too many were waiting", self.dropped)
            self.dropped = 0
        return True


#: (visit, language, key) → when it was last asked, as far as this process knows. Only the writer touches it.
_asked: OrderedDict[tuple[str, str, str], dt.datetime] = OrderedDict()


def forget_asked() -> None:
    """Forget which visit asked what; for tests."""
    _asked.clear()


def write(batch: Sequence[Noted]) -> None:
    """Make the rows anonymous and write them, searches that were only repeated and unknown objects left out.

    At most five queries and one for each kind of object. Raises database errors.
    """
    known = _existing(click for click in batch if isinstance(click, Clicked))
    searches: list[SearchLog] = []
    clicks: list[SearchClick] = []
    for noted in batch:
        key = query_key(noted.text, noted.language)
        if not key:
            continue
        day = timezone.localdate(noted.at)
        facts = {
            "at": noted.at,
            "day": day,
            "visit": visitor_hash("activity", noted.address, noted.user_agent, day),
            "language": noted.language,
            "key": key,
        }
        if isinstance(noted, Searched):
            searches.append(
                SearchLog(**facts, text=readable_text(noted.text), total=noted.total, notices=noted.notices[:100])
            )
        elif isinstance(noted, Clicked) and (noted.kind, noted.object_id) in known:
            clicks.append(
                SearchClick(
                    **facts,
                    kind=noted.kind,
                    object_id=noted.object_id,
                    position=noted.position,
                    source=noted.source,
                )
            )
    with transaction.atomic():
        fresh = _without_repeated(searches)
        SearchLog.objects.bulk_create(fresh)
        SearchClick.objects.bulk_create(clicks, ignore_conflicts=True)
    for row in fresh:  # only now: a batch that failed comes again
        _remember(row)


def _existing(clicks: Iterable[Clicked]) -> set[tuple[str, int]]:
    """Those objects that are there to be found; one query per kind."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for click in clicks:
        wanted[click.kind].add(click.object_id)
    found = set()
    for kind, ids in wanted.items():
        document = registry.get_document(kind)
        if document is not None:
            pks = document.get_queryset().filter(pk__in=ids).order_by().values_list("pk", flat=True)
            found |= {(kind, pk) for pk in pks}
    return found


def _without_repeated(searches: Sequence[SearchLog]) -> list[SearchLog]:
    """One row for what a visit asked again and again within a few minutes, whichever process heard it before."""
    if not searches:
        return []
    since = min(row.at for row in searches) - SAME_SEARCH
    earlier = SearchLog.objects.filter(
        day__in={row.day for row in searches}, visit__in={row.visit for row in searches}, at__gte=since
    )
    asked = {**_asked}
    for visit, language, key, at in earlier.order_by("at").values_list("visit", "language", "key", "at"):
        asked[visit, language, key] = at
    fresh = []
    for row in searches:
        identity = (row.visit, row.language, row.key)
        before = asked.get(identity)
        if before is None or abs(row.at - before) >= SAME_SEARCH:
            asked[identity] = row.at
            fresh.append(row)
    return fresh


def _remember(row: SearchLog) -> None:
    _asked[row.visit, row.language, row.key] = row.at
    _asked.move_to_end((row.visit, row.language, row.key))
    while len(_asked) > _REMEMBERED:
        _asked.popitem(last=False)


recorder: Final = Recorder()
