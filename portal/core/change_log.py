"""Change log shared by all processes: each process appends its changes and reads on from its own position.

    log.append("thread:42 community:area:7")        after the commit
    log.has_grown()                                 one `stat`, or one GET
    log.read()                                      the lines since the last call; None if some of them are lost

On one machine the log is a file beside the database, on several a list in Redis. Both are limited in size. A reader so
far behind that lines were dropped has to invalidate everything, as does a reader that finds the log lost, truncated or
damaged.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path

    import redis

#: Size in bytes at which a new file is started: some 25,000 changes.
MAX_FILE_BYTES: Final = 1024 * 1024
#: Number of changes kept in Redis.
MAX_LIST_LENGTH: Final = 10_000
#: Number of lines that a reader fetches at first; most readers are only a few behind.
_FEW_LINES: Final = 4
#: Timeout in seconds for connecting to Redis and for each answer.
REDIS_SECONDS: Final = 0.5


class UnavailableError(Exception):
    """Raised when the log can currently be neither read nor written."""


class ChangeLog(Protocol):
    """Lines of text in one order for all processes. Methods raise `UnavailableError`; only one thread calls `read`."""

    def append(self, line: str) -> None:
        """Append a line, which must not contain a line break."""

    def has_grown(self) -> bool:
        """Return whether there is anything to `read`. Must be cheap: called before every use of a cached value."""

    def read(self) -> Sequence[str] | None:
        """Return the lines since the last call, or None if some are unknown, as they are on the first call."""

    def keep_place(self) -> None:
        """Mark the result of the last `read` as processed: `has_grown` compares with that position from now on."""


# A file --------------------------------------------------------------------------------------------------------------

_HEAD: Final = re.compile(rb"changes 1 [0-9a-f]{32}\n")
_HEAD_LENGTH: Final = len(b"changes 1 \n") + 32
#: Pauses in seconds while a reader waits for the end of a line; less than 0.1 s in all.
_PAUSES: Final = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032)
#: Terminates a line whose writer died while writing it.
_TORN: Final = b"?\n"


@dataclass(frozen=True, slots=True)
class _Place:
    """Position up to which the log was read."""

    head: bytes = b""
    offset: int = 0
    seen: Hashable = ()


class FileLog:
    """Change log for one machine: an append-only file. `has_grown` is one ``stat``, about 2 µs.

    renamed and a new one started; the renamed file stays until the next rotation for readers that have not reached its
    end.

    Appending is one ``write`` under a lock that the kernel releases when the process ends. When a writer dies in the
    middle of a line, the next writer marks that line as broken; until then readers see an unterminated line. In both
    cases the content of the line counts as unknown.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        self._path = path
        self._old = path.with_name(f"{path.name}.old")
        self._max_bytes = max_bytes
        self._place = self._next = _Place()

    def append(self, line: str) -> None:
        try:
            with self._locked() as (file, size):
                text = line.encode() + b"\n"
                if not size:
                    text = b"changes 1 %s\n" % uuid.uuid4().hex.encode() + text
                elif os.pread(file, 1, size - 1) != b"\n":
                    text = _TORN + text
                if os.write(file, text) != len(text):
                    raise UnavailableError("no space")
        except OSError as error:
            raise UnavailableError from error

    @contextmanager
    def _locked(self) -> Iterator[tuple[int, int]]:
        """Yield the current file, exclusively locked, and its size; starts a new file if it was full or not a log."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                status = os.fstat(file)
                if not self._is_current(status):  # another process renamed it while this one waited
                    continue
                if status.st_size >= self._max_bytes or (status.st_size and not self._head_of(file)):
                    self._path.rename(self._old)
                    continue
                yield file, status.st_size
                return
            finally:
                os.close(file)  # also releases the lock

    def _is_current(self, status: os.stat_result) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(status, self._path.stat())
        return False

    def has_grown(self) -> bool:
        try:
            return _seen(os.stat(self._path)) != self._place.seen  # noqa: PTH116 - a third of the cost of Path.stat
        except FileNotFoundError:
            return self._place.seen is not None
        except OSError as error:
            raise UnavailableError from error

    def read(self) -> Sequence[str] | None:
        try:
            return self._read()
        except OSError as error:
            raise UnavailableError from error

    def keep_place(self) -> None:
        self._place = self._next

    def _read(self) -> list[str] | None:
        place = self._place
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # lost, or being renamed at this moment
            return self._read_between(place)
        try:
            if not os.fstat(file).st_size:  # being created at this moment, or emptied
                return self._read_between(place)
            head = self._head_of(file)
            lines: list[str] | None = []
            if head != place.head:
                lines, _offset = self._rest_of_old(place)
                place = _Place(head, _HEAD_LENGTH)
            more, offset, seen = _lines_from(file, place.offset)
        finally:
            os.close(file)
        self._next = _Place(head, offset, seen)
        return None if lines is None or more is None or not head else lines + more

    def _read_between(self, place: _Place) -> list[str] | None:
        """Read while the new file does not exist yet: the rest of the renamed file, if that is the one being read."""
        lines, offset = self._rest_of_old(place)
        self._next = _Place(place.head, offset, None)
        return lines

    def _rest_of_old(self, place: _Place) -> tuple[list[str] | None, int]:
        """Return the lines after `place` in the renamed file, if that is the one being read, and its end offset."""
        with suppress(FileNotFoundError):
            file = os.open(self._old, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if place.head and self._head_of(file) == place.head:
                    lines, offset, _seen_there = _lines_from(file, place.offset)
                    return lines, offset
            finally:
                os.close(file)
        return None, place.offset

    @staticmethod
    def _head_of(file: int) -> bytes:
        """Return the header that identifies this file; empty when it is not a log."""
        head = os.pread(file, _HEAD_LENGTH, 0)
        return head if _HEAD.fullmatch(head) else b""


def _seen(status: os.stat_result) -> Hashable:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _lines_from(file: int, offset: int) -> tuple[list[str] | None, int, Hashable]:
    """Return the complete lines from `offset` on, the end offset of the last one, and the file's state at that moment.

    The lines are None if the file is shorter than `offset` or ends in a line that is not completed soon. A line that
    crosses a memory page boundary becomes visible in two parts: readers hold no lock that could make a writer wait.
    """
    for pause_seconds in (*_PAUSES, 0):
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a file")
        if status.st_size < offset:
            return None, status.st_size, _seen(status)
        text = os.pread(file, status.st_size - offset, offset)
        whole, end, rest = text.rpartition(b"\n")
        if not rest:
            break
        time.sleep(pause_seconds)
    offset += len(whole) + len(end)
    lines = None if rest else whole.decode(errors="replace").splitlines()
    return lines, offset, _seen(status)


# Redis ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _available() -> Iterator[None]:
    """Raise `UnavailableError` for the errors of Redis."""
    import redis  # noqa: PLC0415 - see `RedisLog._client`

    try:
        yield
    except redis.RedisError as error:
        raise UnavailableError from error


class RedisLog:
    """Change log for several machines: a list of the latest lines, and a copy of the last line.

    Each line has a random name, and a reader remembers the name of the last one it read. It finds its place by that name,
    so that a list of another past is never taken for the one it was reading: one that began again after Redis lost its
    data, or one restored from a snapshot and then continued. `has_grown` is one GET.
    """

    def __init__(self, url: str, *, key: str = "portal:changes", max_length: int = MAX_LIST_LENGTH) -> None:
        self._url = url
        self._list_key = key
        self._last_key = f"{key}:last"
        self._max_length = max_length
        #: The last line read, with its name; empty before the first look, None if there was none.
        self._place: str | None = ""
        self._next: str | None = ""

    @cached_property
    def _client(self) -> redis.Redis:
        import redis  # noqa: PLC0415 - 5 MB in every process that does not use it

        return redis.Redis.from_url(
            self._url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, decode_responses=True
        )

    def append(self, line: str) -> None:
        named = f"{secrets.token_hex(8)} {line}"
        with _available(), self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(self._list_key, named)
            pipe.ltrim(self._list_key, -self._max_length, -1)
            pipe.set(self._last_key, named)
            pipe.execute()

    def has_grown(self) -> bool:
        with _available():
            return bool(self._client.get(self._last_key) != self._place)

    def read(self) -> Sequence[str] | None:
        last, lines = self._latest(_FEW_LINES)
        if self._place and self._place not in lines and len(lines) == _FEW_LINES:
            last, lines = self._latest(self._max_length)
        self._next = last
        if not self._place or self._place not in lines or lines[-1] != last:
            return None
        return [line.partition(" ")[2] for line in lines[lines.index(self._place) + 1 :]]

    def _latest(self, wanted: int) -> tuple[str | None, list[str]]:
        """Return the last line written, and the latest lines of the list, at most `wanted`."""
        with _available(), self._client.pipeline(transaction=True) as pipe:
            pipe.get(self._last_key)
            pipe.lrange(self._list_key, -wanted, -1)
            last, lines = pipe.execute()
        return last, lines

    def keep_place(self) -> None:
        self._place = self._next
