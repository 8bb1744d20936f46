"""File access of an import: a folder or a zip, read with size limits and never outside its root."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from faq.importing.errors import FileProblemError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A zip that would unpack to more than this is refused before anything is read.
MAX_ZIP_TOTAL_BYTES: Final = 500 * 1024 * 1024
MAX_ZIP_MEMBERS: Final = 20_000
#: Folders in which pictures and sounds are looked up, beside the text and under the root.
SUBFOLDERS: Final = ("", "pictures", "images", "media")


class Files(Protocol):
    """A set of named files; names are POSIX paths relative to the root."""

    def names(self) -> list[str]: ...

    def has(self, name: str) -> bool: ...

    def read(self, name: str, limit: int) -> bytes:
        """Return the content. Raises `FileProblemError` when it is larger than `limit` bytes or cannot be read."""
        ...


def _too_large(name: str, limit: int) -> FileProblemError:
    return FileProblemError(
        _("“%(name)s” is larger than %(limit)s.") % {"name": name, "limit": filesizeformat(limit).replace("\xa0", " ")}
    )


class FolderFiles:
    """The files under a folder. Links that lead outside it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> list[str]:
        found = (path for path in self._root.rglob("*") if path.is_file())
        relative = (path.relative_to(self._root) for path in found)
        return sorted(path.as_posix() for path in relative if not any(part.startswith(".") for part in path.parts))

    def _inside(self, name: str) -> Path | None:
        path = (self._root / name).resolve()
        return path if path.is_relative_to(self._root) and path.is_file() else None

    def has(self, name: str) -> bool:
        return self._inside(name) is not None

    def read(self, name: str, limit: int) -> bytes:
        path = self._inside(name)
        if path is None:
            raise FileProblemError(_("“%(name)s” was not found.") % {"name": name})
        try:
            with path.open("rb") as stream:
                content = stream.read(limit + 1)
        except OSError as error:
            raise FileProblemError(_("“%(name)s” cannot be read.") % {"name": name}) from error
        if len(content) > limit:
            raise _too_large(name, limit)
        return content


class ZipFiles:
    """The files in a zip archive. Sizes are checked as declared and again while reading, as headers can lie."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise SourceError(_("“%(name)s” is not a zip file that can be read.") % {"name": path.name}) from error
        members = self._zip.infolist()
        if len(members) > MAX_ZIP_MEMBERS or sum(member.file_size for member in members) > MAX_ZIP_TOTAL_BYTES:
            raise SourceError(
                _("“%(name)s” would unpack to more than %(limit)s or more than %(count)s files.")
                % {"name": path.name, "limit": filesizeformat(MAX_ZIP_TOTAL_BYTES), "count": MAX_ZIP_MEMBERS}
            )
        self._members = {member.filename: member for member in members if _is_safe(member)}

    def names(self) -> list[str]:
        return sorted(self._members)

    def has(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str, limit: int) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise FileProblemError(_("“%(name)s” was not found.") % {"name": name})
        try:
            with self._zip.open(member) as stream:
                content = stream.read(limit + 1)
        except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise FileProblemError(_("“%(name)s” in the zip cannot be read.") % {"name": name}) from error
        if len(content) > limit:
            raise _too_large(name, limit)
        return content


def _is_safe(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return not member.is_dir() and not hidden and not member.filename.startswith("/") and ".." not in parts


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file named in an article, and where it was found."""

    name: str
    files: Files

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    def read(self, limit: int) -> bytes:
        return self.files.read(self.name, limit)


class FileFinder:
    """Finds the files named in an article: beside the article, then under the root, then in the zip beside it."""

    def __init__(self, places: Sequence[Files]) -> None:
        self._places = places

    def find(self, name: str, *, near: str = "") -> FoundFile | None:
        """Return the file called `name`, or None when there is no such file or the name points outside."""
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in name or not path.parts:
            return None
        folders = [near, ""] if near else [""]
        for files in self._places:
            for folder in folders:
                for subfolder in SUBFOLDERS:
                    candidate = str(PurePosixPath(folder) / subfolder / path)
                    if files.has(candidate):
                        return FoundFile(candidate, files)
        return None
