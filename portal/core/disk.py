"""Space on the disks that the portal writes to, for `/health/`, for staff, and for whoever saves something in vain.

The free space is what this account may still use; a disk that has no inodes left, or was mounted read-only after an
error, takes no file either. Asking costs microseconds and writes nothing.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import OperationalError, connection

OK: Final = "ok"
LOW: Final = "low"
FULL: Final = "full"
READ_ONLY: Final = "read-only"
_WORST: Final = (READ_ONLY, FULL, LOW, OK)
#: Below this nothing useful can be written.
_FULL_BYTES: Final = 5_000_000
_LOW_INODES: Final = 1_000
_MEGABYTE: Final = 1_000_000
#: Words of SQLite and PostgreSQL.
_SAYS_THE_DATABASE: Final = ("disk is full", "readonly database", "No space left on device")


@dataclass(frozen=True, slots=True)
class Space:
    """State of the fullest disk."""

    state: str
    free_bytes: int


def space() -> Space:
    """Return the state of the disk that limits the portal most. Never raises."""
    return min(map(_space_at, _folders()), key=lambda found: (_WORST.index(found.state), found.free_bytes))


def _folders() -> set[Path]:
    folders = {Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)}
    if connection.vendor == "sqlite":
        folders.add(Path(connection.settings_dict["NAME"]).parent)
    return folders


def _space_at(folder: Path) -> Space:
    """Return the space below `folder`; if it does not exist yet, where it would be created."""
    try:
        found = os.statvfs(folder)
    except FileNotFoundError:
        return _space_at(folder.parent)
    except OSError:  # the disk itself fails
        return Space(READ_ONLY, 0)
    free = found.f_bavail * found.f_frsize
    has_inodes = found.f_files > 0  # some file systems have no limit and report none
    if found.f_flag & os.ST_RDONLY:
        return Space(READ_ONLY, free)
    if free < _FULL_BYTES or (has_inodes and found.f_favail == 0):
        return Space(FULL, free)
    if free < settings.DISK_FREE_MB * _MEGABYTE or (has_inodes and found.f_favail < _LOW_INODES):
        return Space(LOW, free)
    return Space(OK, free)


def health() -> str:
    """Return for `/health/`: ``ok``, ``low``, ``full`` or ``read-only``."""
    return space().state


def figures() -> dict[str, object]:
    """Return for staff how much space is left, and how much should be."""
    return {"free_bytes": space().free_bytes, "low_below_bytes": settings.DISK_FREE_MB * _MEGABYTE}


def is_out_of_space(error: BaseException | None) -> bool:
    """Return whether `error` means that a disk took no data, of the portal or of the database server."""
    if isinstance(error, OperationalError):
        return any(words in str(error) for words in _SAYS_THE_DATABASE)
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
