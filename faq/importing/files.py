"""File access of an import: a folder or a zip, read with size limits and never outside its root."""

from __future__ import annotations

import lzma
import os
import posixpath
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from faq.importing.errors import FileProblemError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A zip that would unpack to more than this is refused before anything is read.
MAX_ZIP_TOTAL_BYTES: Final = 500 * 1024 * 1024
MAX_ZIP_MEMBERS: Final = 20_000
#: Folders in which pictures and sounds are looked up, beside the text and under the root.
SUBFOLDERS: Final = ("", "pictures", "images", "media", "img", "assets", "attachments", "Attachments", "_images")
#: Folders from which a site is served.
ROOTS: Final = (
    "", "static", "public", "docs", "content", "src", "assets", "src/public", "docs/public", "docs/.vuepress/public", ".gitbook/assets",
    "docs/assets", "static/img", "site",
)  # fmt: skip
_FROM_ROOT: Final = re.compile(r"^(?:@site/|[@~]/|~@/|/)+")
#: Folders that begin with a dot and hold pictures; all others that do are hidden.
_NOT_HIDDEN: Final = {".gitbook", ".vuepress", ".vitepress"}
_PASSED_OVER: Final = {"node_modules", "__pycache__", "bower_components"}


class Files(Protocol):
    """A set of named files; names are POSIX paths relative to the root."""

    def names(self) -> list[str]: ...

    def has(self, name: str) -> bool: ...

    def read(self, name: str, limit: int) -> bytes:
        """Return the content. Raises `FileProblemError` when it is larger than `limit` bytes or cannot be read."""
        ...


class Streams(Files, Protocol):
    """Files that may be too large for memory."""

    def open(self, name: str) -> IO[bytes]:
        """Return a file of any size as a stream. Raises `FileProblemError` when there is none, `OSError` while it is read."""
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
        found = []
        for folder, folders, names in os.walk(self._root):
            folders[:] = [name for name in folders if not _is_hidden(name)]
            found += [
                Path(folder, name).relative_to(self._root).as_posix() for name in names if not name.startswith(".")
            ]
        return sorted(found)

    def _inside(self, name: str) -> Path | None:
        path = (self._root / name).resolve()
        return path if path.is_relative_to(self._root) and path.is_file() else None

    def has(self, name: str) -> bool:
        return self._inside(name) is not None

    def open(self, name: str) -> IO[bytes]:
        path = self._inside(name)
        if path is None:
            raise FileProblemError(_("“%(name)s” was not found.") % {"name": name})
        return path.open("rb")

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

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(self._members[name])
        except (KeyError, zipfile.BadZipFile, RuntimeError, OSError) as error:
            raise FileProblemError(_("“%(name)s” in the zip cannot be read.") % {"name": name}) from error

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


def _is_hidden(folder: str) -> bool:
    return folder in _PASSED_OVER or (folder.startswith((".", "__MACOSX")) and folder not in _NOT_HIDDEN)


def _is_safe(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    hidden = any(map(_is_hidden, parts[:-1])) or (parts[-1:] or ("",))[0].startswith((".", "__MACOSX"))
    return not member.is_dir() and not hidden and not member.filename.startswith("/") and ".." not in parts


def _above(folder: str) -> list[str]:
    """Return the folder, those above it, and the static folders in them; the nearest first."""
    found = []
    while folder:
        found += [folder, f"{folder}/static", f"{folder}/public", f"{folder}/assets"]
        folder = posixpath.dirname(folder)
    return found


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
    """Finds the files named in an article: beside the article, then under the root, then in the zip beside it.

    Names may be encoded (``%20``), lead to the folder above, or begin at the root of a site; at last the name alone counts.
    """

    def __init__(self, places: Sequence[Files]) -> None:
        self._places = places
        self._by_name: dict[str, list[tuple[str, Files]]] | None = None

    def find(self, name: str, *, near: str = "") -> FoundFile | None:
        """Return the file called `name`, or None when there is no such file or the name points outside."""
        for written in dict.fromkeys((name, unquote(name), name.partition("?")[0], unquote(name.partition("?")[0]))):
            found = self._find(written.replace("\\", "/"), near)
            if found is not None:
                return found
        return None

    def _find(self, name: str, near: str) -> FoundFile | None:
        if not name.strip("/ ") or ":" in name:
            return None
        is_from_root = name.startswith(("/", "@", "~"))
        path = _FROM_ROOT.sub("", name)
        starts = [*ROOTS, *_above(near)] if is_from_root else []
        candidates = [posixpath.join(start, path) for start in starts]
        if not is_from_root:
            for folder in dict.fromkeys((near, "")):
                candidates += [posixpath.join(folder, subfolder, path) for subfolder in SUBFOLDERS]
            candidates += [posixpath.join(root, path) for root in ROOTS]
        for candidate in dict.fromkeys(map(posixpath.normpath, candidates)):
            if candidate.startswith(("..", "/")):
                continue
            for files in self._places:
                if files.has(candidate):
                    return FoundFile(candidate, files)
        return self._by_its_name(path, near)

    def _by_its_name(self, path: str, near: str) -> FoundFile | None:
        """Return the file whose path ends as written, in any folder; letters may be small or large. The nearest of several."""
        if self._by_name is None:
            self._by_name = {}
            for files in self._places:
                for name in files.names():
                    self._by_name.setdefault(posixpath.basename(name).lower(), []).append((name, files))
        candidates = self._by_name.get(posixpath.basename(path).lower(), ())
        wanted = [part for part in path.lower().split("/") if part not in {"..", ".", ""}]

        def quality(candidate: tuple[str, Files]) -> tuple[int, int, int]:
            parts = candidate[0].lower().split("/")
            same = 0
            while same < min(len(wanted), len(parts)) and wanted[-1 - same] == parts[-1 - same]:
                same += 1
            common = len(posixpath.commonprefix([parts[:-1], near.lower().split("/")]))
            return same, common, -len(parts)

        for name, files in sorted(candidates, key=quality, reverse=True):
            if files.has(name):
                return FoundFile(name, files)
        return None
