"""The archive: a plain tar file that tar, sha256sum and gunzip can unpack and verify without the portal.

    about.json                  first: what this is a backup of
    media/…                     uploaded files
    database.sqlite3.gz         or database.dump, in the custom format of pg_dump
    SHA256SUMS                  last: the digests of all members, in their order

The digests detect damage, not forgery. Neither writing nor reading needs memory that grows with the size of the files.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from typing import IO, TYPE_CHECKING, Any, Final, cast

from portal.core.backups import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator

ABOUT: Final = "about.json"
SUMS: Final = "SHA256SUMS"
MEDIA: Final = "media/"
DATABASES: Final = frozenset({"database.sqlite3.gz", "database.dump"})
#: Folders of MEDIA_ROOT in which a restore prepares its work; never part of a backup.
RESERVED: Final = frozenset({".restoring", ".replaced"})
_CHUNK_BYTES: Final = 1024 * 1024
_MAX_ABOUT_BYTES: Final = 1024 * 1024


class _Hashing:
    """A file that computes the digest of whatever is read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _line(digest: str, name: str) -> bytes:
    """Return a line as sha256sum writes it."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "" if escaped == name else "\\"
    return f"{mark}{digest}  {escaped}\n".encode(errors="surrogateescape")


def _forget_members(tar: Any) -> None:
    """Have `tar` not remember its members: there may be many."""
    tar.members.clear()


class Writer:
    """Writes an archive into an open file; `close` completes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - `close` closes it
        self._sums = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it

    def add(self, name: str, source: IO[bytes], *, size: int, mode: int = 0o600, changed: float = 0) -> None:
        """Add `size` bytes of `source`. Raises `BackupError` when there are fewer."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, mode & 0o777, int(changed)
        hashing = _Hashing(source)
        try:
            self._tar.addfile(info, cast("IO[bytes]", hashing))  # only `read` is called
        except OSError as error:
            if error.errno is None:  # not the system's: tarfile found the file shorter than announced
                raise BackupError(f"{name} changed while it was read. Try again.") from error
            raise
        _forget_members(self._tar)
        self._sums.write(_line(hashing.digest.hexdigest(), name))

    def close(self) -> None:
        """Write the digests and the end of the archive."""
        with self._sums:
            size = self._sums.tell()
            self._sums.seek(0)
            info = tarfile.TarInfo(SUMS)
            info.size, info.mode = size, 0o600
            self._tar.addfile(info, self._sums)
        self._tar.close()


class Member:
    """A file in an archive, which can be read once."""

    def __init__(self, info: tarfile.TarInfo, file: IO[bytes]) -> None:
        self.name = info.name
        self.size = info.size
        self.mode = info.mode & 0o777
        self.changed = info.mtime
        self._hashing = _Hashing(file)

    def copy_to(self, target: IO[bytes] | None) -> str:
        """Write the content into `target`, or nowhere; return its digest."""
        while chunk := self._read(_CHUNK_BYTES):
            if target is not None:
                target.write(chunk)
        return self._hashing.digest.hexdigest()

    def read(self) -> bytes:
        """Return the content. Raises `BackupError` when it is larger than the description of a backup can be."""
        if self.size > _MAX_ABOUT_BYTES:
            raise BackupError(f"{self.name} is too large.")
        return self._read()

    def _read(self, size: int = -1) -> bytes:
        try:
            return self._hashing.read(size)
        except tarfile.TarError as error:
            raise BackupError(f"The archive is damaged or incomplete: {error}") from error


def read(file: IO[bytes]) -> Iterator[Member]:
    """Yield the members of an archive, in their order, and verify the digests at the end.

    Nothing can be relied upon before the end was reached. Raises `BackupError`, also for members that no backup
    contains: links, devices, names outside the media folder.
    """
    with tempfile.TemporaryFile() as sums:
        try:
            with tarfile.open(fileobj=file, mode="r|", bufsize=_CHUNK_BYTES) as tar:
                yield from _read_members(tar, sums)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise BackupError(f"The archive is damaged or incomplete: {error}") from error


def _read_members(tar: tarfile.TarFile, sums: IO[bytes]) -> Iterator[Member]:
    is_first = True
    while (info := tar.next()) is not None:
        _forget_members(tar)
        content = tar.extractfile(info) if _is_plain(info) else None
        if content is None:
            raise BackupError(f"The archive contains something that is no file of a backup: {info.name!r}")
        if info.name == SUMS:
            _compare(content, sums)
            _check_end(tar, info.offset_data + info.size)
            return
        _check_name(info.name)
        if is_first != (info.name == ABOUT):
            raise BackupError(f"This is not a backup of the portal: it does not begin with {ABOUT}.")
        is_first = False
        member = Member(info, content)
        yield member
        sums.write(_line(member.copy_to(None), info.name))
    raise BackupError("The archive is damaged or incomplete: its end is missing.")


def _check_end(tar: tarfile.TarFile, end_of_data: int) -> None:
    """Raise `BackupError` unless only the end mark follows: two blocks of zeros, and more zeros.

    `TarFile.next` does not tell an end mark from a file that was cut off, nor from one that goes on with something else.
    """
    stream: Any = tar.fileobj
    stream.seek(-(-end_of_data // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
    if len(mark := stream.read(2 * tarfile.BLOCKSIZE)) < 2 * tarfile.BLOCKSIZE:
        raise BackupError("The archive is damaged or incomplete: its end is missing.")
    while mark:
        if mark.strip(b"\0"):
            raise BackupError(f"The archive goes on after {SUMS}.")
        mark = stream.read(_CHUNK_BYTES)


def _is_plain(info: tarfile.TarInfo) -> bool:
    return info.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not info.issparse() and info.size >= 0


def _check_name(name: str) -> None:
    """Raise `BackupError` for a name that could lead out of the media folder."""
    if name == ABOUT or name in DATABASES:
        return
    parts = name.split("/")
    inside = parts[1:]
    is_safe = bool(inside) and not {"", ".", ".."}.intersection(inside) and "\0" not in name
    if f"{parts[0]}/" != MEDIA or not is_safe or inside[0] in RESERVED:
        raise BackupError(f"The archive contains something that is no file of a backup: {name!r}")


def _compare(listed: IO[bytes], computed: IO[bytes]) -> None:
    computed.seek(0)
    for line in computed:
        if listed.read(len(line)) != line:
            name = line.decode(errors="replace").strip().partition("  ")[2]
            raise BackupError(f"The archive is damaged: {name} does not match its digest.")
    if listed.read(1):
        raise BackupError("The archive is damaged: a file is missing in it.")
