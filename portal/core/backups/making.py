"""Making a backup while the portal runs.

Files are uploaded and deleted meanwhile. An uploaded file is complete before the row that names it is committed, and
its content never changes. Therefore the files are read twice: before the database is copied, so that none is missing
that is deleted later, and after it those that are new. What is in the copy of the database has its file in the archive.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import shutil
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import django
import wagtail
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from portal.core.backups import BackupError, archive, databases, keys, restoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Version of the archive; increases when an older release could not restore it.
FORMAT: Final = 1
_ENDING: Final = ".tar"
_UNFINISHED: Final = ".partial"
#: A file that changed so recently may still be being uploaded; it is read after the database.
_SETTLED_SECONDS: Final = 60
_SECONDS_BETWEEN_LINES: Final = 10.0
#: What the system says when hard links are not supported there.
_NO_LINKS: Final = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def make_backup(*, to: Path, keep: int | None = None, say: Callable[[str], None]) -> Path:
    """Write a backup into the folder or file `to` and return the file, which nobody but its owner can read.

    It has its name only once it is complete. With `keep`, older backups of this portal in the folder are deleted
    except the newest so many, this one included. Raises `BackupError`.
    """
    restoring.refuse_if_interrupted()
    file = _file_at(to, keep=keep)
    try:
        with _work_folder(file) as folder:
            unfinished = folder / "archive"
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                _write(target, folder, say)
                target.flush()
                os.fsync(target.fileno())
            _publish(unfinished, file)
    except OSError as error:
        raise BackupError(f"{error.filename or file}: {error.strerror or error}. No backup was made.") from error
    if keep is not None:
        for old in _backups_in(file.parent)[:-keep]:
            old.unlink(missing_ok=True)
            say(f"Deleted {old.name}.")
    return file


# Where it is written --------------------------------------------------------------------------------------------------


def _prefix() -> str:
    return f"portal-{urlsplit(settings.BASE_URL).hostname}-"


def _file_at(to: Path, *, keep: int | None) -> Path:
    """Return the file to write. Raises `BackupError` for a place that is served, shipped, or taken."""
    if to.is_dir():
        to = to / f"{_prefix()}{datetime.now(tz=UTC):%Y%m%dT%H%M%SZ}{_ENDING}"
    elif keep is not None:
        raise BackupError("--keep needs a folder in --to.")
    elif to.suffix != _ENDING:
        raise BackupError(f"{to} is neither a folder nor the name of a {_ENDING} file.")
    if not to.parent.is_dir():
        raise BackupError(f"There is no folder {to.parent}.")
    to = to.parent.resolve() / to.name
    forbidden = {
        "the folder of the project": settings.BASE_DIR,
        "the folder of uploaded files": settings.MEDIA_ROOT,
        "the folder of static files": settings.STATIC_ROOT,
    }
    for name, folder in forbidden.items():
        if to.is_relative_to(Path(folder).resolve()):
            raise BackupError(
                f"{to} is inside {name}, from which it could be published. Choose another folder, best of all on "
                "another disk."
            )
    if to.exists() or to.is_symlink():
        raise BackupError(f"{to} exists already; no backup is overwritten.")
    return to


def _backups_in(folder: Path) -> list[Path]:
    """Return the complete backups of this portal, oldest first."""
    stamp = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"
    return sorted(file for file in folder.glob(f"{_prefix()}{stamp}{_ENDING}") if file.is_file())


@contextmanager
def _work_folder(file: Path) -> Iterator[Path]:
    """Yield a new folder beside `file`, for its owner only; delete it afterwards, and those of killed processes."""
    folder = file.with_name(f".{file.name}{_UNFINISHED}")
    parent = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        for left in file.parent.glob(f".*{_ENDING}{_UNFINISHED}"):
            _remove_if_abandoned(left)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError as error:
            raise BackupError(f"{file} is being written by another process.") from error
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_if_abandoned(folder: Path) -> None:
    """Delete the work folder of a process that has ended: the kernel has released its lock."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(lock)


def _publish(unfinished: Path, file: Path) -> None:
    """Give the complete archive its name, unless that has been taken meanwhile."""
    try:
        os.link(unfinished, file)
    except FileExistsError as error:
        raise BackupError(f"{file} exists already; no backup is overwritten.") from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if file.exists():
            raise BackupError(f"{file} exists already; no backup is overwritten.") from error
        unfinished.rename(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names in `folder` even if the power fails now."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# What is written ------------------------------------------------------------------------------------------------------


def _write(target: IO[bytes], folder: Path, say: Callable[[str], None]) -> None:
    database = databases.database()
    about = _about(database)
    content = json.dumps(about, indent=1).encode()
    writer = archive.Writer(target)
    writer.add(archive.ABOUT, BytesIO(content), size=len(content), changed=time.time())
    media = _Media(writer, say)
    media.add_all(settled_before=time.time() - _SETTLED_SECONDS)
    began = time.monotonic()
    dump = database.dump(folder)
    with dump.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        writer.add(database.member, file, size=size, changed=time.time())
    dump.unlink()
    say(f"Database ({database.kind}): {in_megabytes(size)} in {time.monotonic() - began:.1f} s.")
    media.add_all()
    say(f"Uploaded files: {media.count} with {in_megabytes(media.bytes)}.")
    if _applied_migrations() != about["migrations"]:
        raise BackupError("The portal was upgraded while the backup was made. Start it again.")
    writer.close()


def _about(database: databases.Database) -> dict[str, Any]:
    """Return what a restore has to know before it does anything."""
    key, *fallbacks = keys.names_in_use()
    return {
        "format": FORMAT,
        "made_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "base_url": settings.BASE_URL,
        "database": database.kind,
        "versions": {
            "database": database.version(),
            "python": platform.python_version(),
            "django": django.get_version(),
            "wagtail": wagtail.__version__,
        },
        "secret_key": key,
        "secret_key_fallbacks": fallbacks,
        "migrations": _applied_migrations(),
        "tables": databases.tables(),
    }


def _applied_migrations() -> list[str]:
    """Return the applied migrations of this release. Those of apps removed long ago would be unknown everywhere."""
    loader = MigrationLoader(connection)
    known = set(loader.disk_migrations or ())
    return sorted(f"{app}.{name}" for app, name in loader.applied_migrations if (app, name) in known)


class _Media:
    """Adds the uploaded files to the archive, each one once."""

    def __init__(self, writer: archive.Writer, say: Callable[[str], None]) -> None:
        self.count = 0
        self.bytes = 0
        self._writer = writer
        self._say = say
        self._said = time.monotonic()
        self._taken: set[str] = set()

    def add_all(self, *, settled_before: float | None = None) -> None:
        """Add the files not added yet; with `settled_before`, only those that have not changed since then."""
        root = Path(settings.MEDIA_ROOT)
        for name in _files_below(root, skip=archive.RESERVED):
            if name in self._taken:
                continue
            try:
                with (root / name).open("rb") as file:
                    status = os.fstat(file.fileno())
                    if settled_before is not None and status.st_ctime > settled_before:
                        continue
                    self._writer.add(
                        f"{archive.MEDIA}{name}",
                        file,
                        size=status.st_size,
                        mode=status.st_mode,
                        changed=status.st_mtime,
                    )
            except FileNotFoundError:  # deleted meanwhile
                continue
            self._taken.add(name)
            self.count += 1
            self.bytes += status.st_size
            if time.monotonic() - self._said > _SECONDS_BETWEEN_LINES:
                self._said = time.monotonic()
                self._say(f"{self.count} files, {in_megabytes(self.bytes)} …")


def _files_below(folder: Path, *, skip: frozenset[str] = frozenset(), around: tuple[Any, ...] = ()) -> Iterator[str]:
    """Yield the names of all files, relative to `folder`, including what links inside it lead to.

    `skip` are names directly in the folder; `around` identifies the folders it is in, which a link might lead back to.
    """
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    identity = (status.st_dev, status.st_ino)
    if identity in around:
        return
    for entry in entries:
        if entry.name in skip:
            continue
        if entry.is_dir():
            inside = _files_below(folder / entry.name, around=(*around, identity))
            yield from (f"{entry.name}/{name}" for name in inside)
        elif entry.is_file():
            yield entry.name


def in_megabytes(size: int) -> str:
    """Return a number of bytes for a line of the command's output."""
    return f"{size / 1_000_000:,.1f} MB"
