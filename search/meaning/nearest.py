"""A question → the keys of the most similar entries. Each process keeps all vectors in memory.

They are loaded in the background after the first request of a process; until then, questions are answered by keywords
alone. Later changes are read with the next question: one query, and one more for new vectors.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django.core.signals import request_started
from django.db import connections

from portal.core import scopes
from search.meaning import model
from search.models import EntryVector

if TYPE_CHECKING:
    from portal.core.scopes import Stamp
    from search.meaning.matrix import Matrix, Near, Row

logger = logging.getLogger(__name__)

#: Minimum similarity of an entry in the question's own language if there are about 4,500. The more entries there are,
#: the more similar is the most similar unrelated one, so the minimum rises with their number, within bounds.
FLOOR: Final = 0.4
LOWEST_FLOOR: Final = 0.28
HIGHEST_FLOOR: Final = 0.42
_RISE: Final = 0.12
#: Added to the minimum for other languages, where all similarities are a little lower.
ELSEWHERE: Final = -0.05
#: A text with more tokens per letter than this contains few real words; the minimum rises steeply with the excess.
_PIECES_OF_WORDS: Final = 0.4
_STEEPNESS: Final = 2.0
#: Entries whose similarity is so much lower than the best one's are left out.
MARGIN: Final = 0.15
#: Maximum number of entries per language.
LIMIT: Final = 50

#: Up to so many new vectors are read while a question waits; more are read in the background.
_AT_ONCE: Final = 1_000
#: After a failure, questions are answered by keywords alone for so long.
_PAUSE_SECONDS: Final = 60.0
_CHUNK: Final = 5_000


class _State:
    """The state of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.starting = threading.Lock()
        self.matrix: Matrix | None = None
        self.stamp: Stamp | None = None
        self.loading: threading.Thread | None = None
        self.paused_until = 0.0


_state = _State()


def nearest(text: str, *, audiences: Collection[str]) -> list[Near]:
    """The most similar entries in all languages, best first; empty if the extra is off, not ready or failing.

    These are candidates: index and database decide whether the reader may see them.
    """
    if not model.is_enabled() or time.monotonic() < _state.paused_until:
        return []
    try:
        matrix = _current()
        if matrix is None or not len(matrix):
            return []
        asked = model.meaning_of(text)
        return matrix.nearest(
            asked.direction,
            audiences=audiences,
            floor=lambda language, count: floor_for(asked, language, count),
            margin=MARGIN,
            limit=LIMIT,
        )
    except model.BusyError:
        logger.info("Search: no time to look for a meaning; answered by words")
    except Exception:
        logger.exception("Search by meaning failed; words alone answer for %d s", _PAUSE_SECONDS)
        _state.paused_until = time.monotonic() + _PAUSE_SECONDS
    return []


def floor_for(asked: model.Meaning, language: str, count: int) -> float:
    """The minimum similarity for one of `count` entries of this language (docs/decisions/0011-semantic-extra.md).

    The maximum similarity of unrelated entries grows like the maximum of so many normally distributed numbers: with the
    square root of the logarithm.
    """
    floor = FLOOR + _RISE * (math.sqrt(2 * math.log(max(1, count))) - 4.1)
    floor = min(max(floor, LOWEST_FLOOR), HIGHEST_FLOOR)
    if language != asked.language:
        floor += ELSEWHERE
    return floor + _STEEPNESS * max(0.0, asked.pieces - _PIECES_OF_WORDS)


def load() -> None:
    """Load the engine and all vectors now."""
    model.load()
    with _state.lock:
        _take_over(_state.matrix)


def wait_until_loaded() -> None:
    """Wait for the loading thread, if there is one; for tests."""
    if _state.loading is not None:
        _state.loading.join()


def forget() -> None:
    """Reset the state as in a new process; for tests."""
    with _state.lock:
        _state.matrix, _state.stamp, _state.paused_until = None, None, 0.0


def connect() -> None:
    """Start loading with the first request. Called once when the apps are ready."""
    request_started.connect(_begin_loading, dispatch_uid="search_semantic")


def _begin_loading(**_kwargs: Any) -> None:
    request_started.disconnect(dispatch_uid="search_semantic")
    if model.is_enabled() and _state.matrix is None:
        _load_in_background()


def _current() -> Matrix | None:
    """The current vectors; None while they are being loaded."""
    if _state.matrix is None:
        _load_in_background()
        return None
    changed = _state.stamp is None or not _state.stamp.is_current()
    if changed and _state.lock.acquire(blocking=False):  # otherwise another thread is doing it
        try:
            _take_over(_state.matrix, at_once=_AT_ONCE)
        finally:
            _state.lock.release()
    return _state.matrix


def _load_in_background() -> None:
    with _state.starting:
        if _state.loading is None or not _state.loading.is_alive():
            _state.loading = threading.Thread(target=_load_quietly, name="search-semantic", daemon=True)
            _state.loading.start()


def _load_quietly() -> None:
    try:
        load()
    except Exception:
        logger.exception("Search by meaning cannot be loaded; words alone answer for %d s", _PAUSE_SECONDS)
        _state.paused_until = time.monotonic() + _PAUSE_SECONDS
    finally:
        connections.close_all()
    # Results cached meanwhile were computed without semantic search.
    scopes.forget_here("search")


def _take_over(known: Matrix | None, *, at_once: int | None = None) -> None:
    """Read changed vectors. If more than `at_once` are new, leave them to a thread and keep the current state."""
    from search.meaning.matrix import Matrix  # noqa: PLC0415 - optional dependency

    stamp = scopes.stamp("vectors")  # taken before reading, so that later changes are read again
    known = known or Matrix.empty()
    ready = EntryVector.objects.filter(model=model.VERSION, vector__isnull=False)
    before, now = set(known.pks.tolist()), set(ready.values_list("pk", flat=True))
    new = sorted(now - before)
    if at_once is not None and len(new) > at_once:
        _load_in_background()
        return
    gone = before - now
    for some in _chunks(new):
        known, gone = known.changed(gone=gone, new=list(_rows(some))), set()
    _state.matrix, _state.stamp = known.changed(gone=gone, new=()) if gone else known, stamp


def _rows(pks: Sequence[int]) -> Iterator[Row]:
    from search.meaning.matrix import Row  # noqa: PLC0415 - optional dependency

    rows = EntryVector.objects.filter(pk__in=pks, vector__isnull=False).order_by("pk")
    for row in rows.values_list("pk", "kind", "object_id", "language", "audience", "vector"):
        yield Row(*row[:-1], vector=bytes(row[-1] or b""))


def _chunks(values: Sequence[int]) -> Iterator[list[int]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
