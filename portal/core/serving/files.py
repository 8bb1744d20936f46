"""Which part of which file a response is, so that the server can stream it without Django."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from django.http import FileResponse
from whitenoise.responders import SlicedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http.response import HttpResponseBase

_CHUNK_BYTES: Final = 64 * 1024


class FileSlice:
    """Content of a `StreamingHttpResponse`: `length` bytes of an open file from byte `first`.

    The server streams it without Django (`part_of`); Django's test client and `runserver` iterate over it.
    """

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        file.seek(first)
        self.file = file
        self.left = length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self.file.read(min(_CHUNK_BYTES, self.left))
        self.left -= len(chunk)
        if not chunk:
            self.close()
            raise StopIteration
        return chunk

    def close(self) -> None:
        self.file.close()


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `first` to `end` (exclusive) of the file at `path`."""

    path: str
    first: int
    end: int


def part_of(response: HttpResponseBase) -> Part | None:
    """Return which part of which file the response will send; None if it does not send a regular file of this disk."""
    length = None
    # Django has no public name for what a streaming response was given.
    file: Any = getattr(response, "_iterator", None)
    if isinstance(file, FileSlice):
        file, length = file.file, file.left
    elif isinstance(response, FileResponse):
        file = response.file_to_stream
        if isinstance(file, SlicedFile):
            file, length = file.fileobj, file.remaining
    else:
        return None
    try:
        # A `File` of Django has the name of its storage, the file it opened that of the disk.
        opened = getattr(file, "file", file)
        path = os.fsdecode(opened.name)
        status = os.fstat(opened.fileno())
        first = opened.tell()
    except (AttributeError, TypeError, OSError, ValueError):
        return None
    if not os.path.isabs(path) or not stat.S_ISREG(status.st_mode) or status.st_nlink == 0:  # noqa: PTH117 - a string
        return None
    end = status.st_size if length is None else min(first + length, status.st_size)
    return Part(path, first, max(first, end))
