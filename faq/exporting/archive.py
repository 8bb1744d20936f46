"""The folder or zip of an export, written and read as streams."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from django.utils.translation import gettext as _

from faq.importing.errors import DAMAGED
from portal.core.exchange import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

FORMAT: Final = "portal-articles"
VERSION: Final = 1
#: Written last: a folder without it is no export, or one that was not finished.
MANIFEST: Final = "export.json"
#: Longest line that is read: an article of this length is none.
MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_FILE: Final = re.compile(r"files/[0-9a-f]{64}(?:\.[a-z0-9]{1,8})?\Z")
#: The same bytes for the same content: a zip stores a date with each file.
_NO_DATE: Final = (1980, 1, 1, 0, 0, 0)
_CHUNK_BYTES: Final = 256 * 1024


class ExportError(Exception):
    """Raised when an export cannot be written or read at all; the message is for people."""


class Output(Protocol):
    """Where an export is written, one file after the other."""

    def open(self, name: str) -> Any:
        """Return a context manager with a binary stream."""
        ...


class FolderOutput:
    """A folder that is empty, or made now."""

    def __init__(self, path: Path) -> None:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ExportError(_("“%(path)s” exists and is not an empty folder.") % {"path": path})
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file of the folder for writing."""
        path = self._path / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as stream:
            yield stream


class ZipOutput:
    """A zip whose bytes depend on its content only. `close` is called when everything is in it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", allowZip64=True)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file of the zip for writing; the one before must be closed."""
        info = zipfile.ZipInfo(name, _NO_DATE)
        info.compress_type = zipfile.ZIP_STORED if name.startswith("files/") else zipfile.ZIP_DEFLATED
        info.create_system, info.external_attr = 3, 0o644 << 16
        with self._zip.open(info, "w", force_zip64=True) as stream:
            yield stream

    def close(self) -> None:
        """Write the list of files."""
        self._zip.close()


class Archive:
    """An export that is read. Files are read as they are needed, never outside of it."""

    def __init__(self, path: Path) -> None:
        self.name = path.resolve().name
        self._folder = path.resolve() if path.is_dir() else None
        self._zip: zipfile.ZipFile | None = None
        if self._folder is None:
            try:
                self._zip = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError) as error:
                raise ExportError(_("“%(name)s” is not a zip file that can be read.") % {"name": path.name}) from error
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> dict[str, Any]:
        try:
            with self.stream(MANIFEST) as stream:
                manifest = json.loads(stream.read(MAX_LINE_BYTES))
        except (KeyError, ValueError, OSError, *DAMAGED) as error:
            raise ExportError(_("“%(name)s” is not an export.") % {"name": self.name}) from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise ExportError(_("“%(name)s” is not an export.") % {"name": self.name})
        if manifest.get("version") != VERSION:
            message = _("“%(name)s” is of version %(version)s of the format; this portal reads version %(known)d.")
            raise ExportError(
                message % {"name": self.name, "version": str(manifest.get("version"))[:10], "known": VERSION}
            )
        return manifest

    def stream(self, name: str) -> IO[bytes]:
        """Return a file of the export. Raises `KeyError` if there is none."""
        if self._zip is not None:
            return self._zip.open(name)
        if self._folder is None:
            raise KeyError(name)
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise KeyError(name)
        return path.open("rb")

    def lines(self, kind: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Yield the lines of a kind with their numbers; None for one that is not JSON. Nothing if there is no such file."""
        try:
            stream = self.stream(f"{kind}.jsonl")
        except KeyError:
            return
        except DAMAGED:
            yield 1, None
            return
        with stream:
            number = 0
            while True:
                try:
                    content = stream.readline(MAX_LINE_BYTES + 1)
                except DAMAGED:
                    yield number + 1, None
                    return
                if not content:
                    return
                number += 1
                if not content.strip():
                    continue
                row = None
                with suppress(ValueError, RecursionError):
                    row = json.loads(content) if len(content) <= MAX_LINE_BYTES else None
                yield number, row if isinstance(row, dict) else None

    def open(self, described: Mapping[str, Any]) -> BinaryIO:
        """Return a file that a line describes (`portal.core.exchange.Supply`)."""
        name, size = str(described.get("file")), described.get("bytes")
        if not _FILE.match(name) or not isinstance(size, int):
            raise ExchangeError(_("“%(name)s” is no name of a file in an export.") % {"name": name[:80]})
        try:
            with self.stream(name) as stream:
                digest, read = digest_of(stream, limit=size)
        except (KeyError, OSError, *DAMAGED) as error:
            raise ExchangeError(_("The file “%(name)s” is missing.") % {"name": name}) from error
        if read != size or digest != described.get("sha256"):
            raise ExchangeError(_("The file “%(name)s” was changed or is damaged.") % {"name": name})
        return self.stream(name)  # type: ignore[return-value]  # zipfile's streams are binary, too


def digest_of(stream: IO[bytes], *, limit: int | None = None) -> tuple[str, int]:
    """Return the SHA-256 of a stream and its length; reading ends a little behind `limit`."""
    digest, read = hashlib.sha256(), 0
    while (limit is None or read <= limit) and (chunk := stream.read(_CHUNK_BYTES)):
        digest.update(chunk)
        read += len(chunk)
    return digest.hexdigest(), read


def copy(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a stream in pieces."""
    shutil.copyfileobj(source, target, _CHUNK_BYTES)


def is_export(path: Path) -> bool:
    """Return whether a folder or zip is an export, of whatever version."""
    try:
        if path.is_dir():
            content = (path / MANIFEST).read_bytes()
        elif path.suffix.lower() == ".zip" and path.is_file():
            with zipfile.ZipFile(path) as archive, archive.open(MANIFEST) as stream:
                content = stream.read(MAX_LINE_BYTES)
        else:
            return False
        manifest = json.loads(content)
    except (OSError, KeyError, ValueError, *DAMAGED):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT
