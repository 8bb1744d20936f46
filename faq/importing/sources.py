"""Sources of an import as streams of rows. Rows can be read twice: once to check, once to write."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Protocol

import yaml
from django.utils.translation import gettext as _

from faq.importing.encoding import decode, detect_encoding
from faq.importing.errors import FileProblemError, SourceError
from faq.importing.files import FileFinder, Files, FolderFiles, ZipFiles
from faq.importing.report import Problem
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_TEXT_BYTES: Final = 2 * 1024 * 1024
MAX_FRONT_MATTER: Final = 64 * 1024

#: Keys of the front matter and columns of a CSV.
REQUIRED_FIELDS: Final = ("id", "title", "short_answer")
KNOWN_FIELDS: Final = (
    "id", "language", "kind", "topic", "title", "slug", "short_answer", "spoken_answer", "products", "platforms",
    "audience", "reviewed_by", "related", "featured", "updated", "keywords",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One article in one language, as it is in the source.

    `line` is where the row starts and `body_line` the line before the body's first (-1: unknown). `folder` is where
    files it names are looked up first. A row that could not be read has a `problem` and nothing else.
    """

    place: str
    line: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    body_line: int = -1
    folder: str = ""
    problem: Problem | None = None


class Source(Protocol):
    """Something from which articles can be read."""

    notes: list[str]
    files: FileFinder

    def rows(self) -> Iterator[SourceRow]: ...


def open_source(path: Path, *, pictures: Path | None = None) -> Source:
    """Open the source at `path`: a folder or zip of Markdown, one Markdown file, or a CSV file.

    Pictures come from the folder itself, from `pictures` (a folder or zip), or from a zip beside the source.
    Raises `SourceError` when it cannot be read.
    """
    if not path.exists():
        raise SourceError(_("“%(path)s” does not exist.") % {"path": path})
    places: list[Files] = [FolderFiles(pictures) if pictures.is_dir() else ZipFiles(pictures)] if pictures else []
    if path.is_dir():
        root: Files = FolderFiles(path)
        return MarkdownSource(root, FileFinder([root, *places, *_zips_beside(path, inside=True)]))
    suffix = path.suffix.lower()
    if suffix == ".zip":
        root = ZipFiles(path)
        return MarkdownSource(root, FileFinder([root, *places]))
    root = FolderFiles(path.parent)
    finder = FileFinder([root, *places, *_zips_beside(path, inside=False)])
    if suffix in {".md", ".markdown"}:
        return MarkdownSource(root, finder, names=[path.name])
    if suffix in {".csv", ".tsv", ".txt"}:
        return CsvSource(path, finder)
    raise SourceError(_("“%(path)s” is neither a folder, a zip, a Markdown file nor a CSV file.") % {"path": path})


def _zips_beside(path: Path, *, inside: bool) -> list[ZipFiles]:
    """Return ``pictures.zip`` and similar in the source's folder, or ``articles.zip`` beside ``articles.csv``."""
    folder = path if inside else path.parent
    candidates = [folder / "pictures.zip", folder / "images.zip", path.parent / f"{path.stem}.zip"]
    return [ZipFiles(candidate) for candidate in dict.fromkeys(candidates) if candidate.is_file()]


class MarkdownSource:
    """Files with YAML front matter, ordered by name. ``README.md`` and hidden files are not articles."""

    def __init__(self, root: Files, finder: FileFinder, names: list[str] | None = None) -> None:
        self.notes: list[str] = []
        self.files = finder
        self._root = root
        self._names = names if names is not None else [name for name in root.names() if _is_article(name)]
        if not self._names:
            raise SourceError(_("There is no Markdown file (.md) in it."))

    def rows(self) -> Iterator[SourceRow]:
        for name in self._names:
            yield self._row(name)

    def _row(self, name: str) -> SourceRow:
        try:
            text, note = decode(self._root.read(name, MAX_TEXT_BYTES), name)
        except (FileProblemError, SourceError) as error:
            return SourceRow(name, 1, problem=Problem(str(error), line=1))
        if note and note not in self.notes:
            self.notes.append(note)
        return parse_markdown(name, text)


def _is_article(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in {".md", ".markdown"} and path.stem.lower() != "readme"


_FRONT_MATTER: Final = re.compile(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_LANGUAGE_IN_NAME: Final = re.compile(r"(?P<id>.+)\.(?P<language>[a-z]{2}(?:-[a-z]{2,4})?)", re.IGNORECASE)


class _FrontMatterLoader(yaml.BaseLoader):
    """Accepts texts, lists and mappings only. Every value stays as written (``1405-02-31`` does not become a date, nor
    ``0012`` the number 10), and there are no aliases: a few lines of them can expand to gigabytes.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # of PyYAML
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)


def parse_markdown(name: str, text: str) -> SourceRow:
    """Return a row from the text of a Markdown file. ``id`` and ``language`` default to the file's name
    ``id.fa.md``.
    """
    text = normalise_input(text)
    match = _FRONT_MATTER.match(text)
    if match is None:
        return SourceRow(name, 1, problem=Problem(_("There is no front matter: the first line must be “---”."), line=1))
    if match.end(1) > MAX_FRONT_MATTER:
        return SourceRow(name, 1, problem=Problem(_("The front matter is too long."), line=1))
    try:
        fields = yaml.load(match[1], Loader=_FrontMatterLoader)  # noqa: S506 - builds nothing but str, list and dict
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        message = _("The front matter is not valid YAML: %(problem)s.")
        detail = getattr(error, "problem", None) or type(error).__name__
        return SourceRow(name, 1, problem=Problem(message % {"problem": detail}, line=line))
    if not isinstance(fields, dict):
        return SourceRow(name, 1, problem=Problem(_("The front matter must be lines of “key: value”."), line=1))
    path = PurePosixPath(name)
    fields = {str(key): value for key, value in fields.items()}
    from_name = _LANGUAGE_IN_NAME.fullmatch(path.stem)
    fields.setdefault("id", from_name["id"] if from_name else path.stem)
    if from_name:
        fields.setdefault("language", from_name["language"].lower())
    folder = "" if str(path.parent) == "." else str(path.parent)
    return SourceRow(name, 1, fields, text[match.end() :], text[: match.end()].count("\n"), folder)


class CsvSource:
    """A table with a header line; columns are the front matter's keys and ``body`` in Markdown."""

    def __init__(self, path: Path, finder: FileFinder) -> None:
        self.files = finder
        self._path = path
        try:
            with path.open("rb") as stream:
                self._encoding, note = detect_encoding(iter(lambda: stream.read(65_536), b""), path.name)
            with path.open(encoding=self._encoding, errors="replace", newline="") as stream:
                header = stream.readline(MAX_FRONT_MATTER)
        except OSError as error:
            raise SourceError(_("“%(path)s” cannot be read.") % {"path": path}) from error
        self.notes = [note] if note else []
        self._delimiter = _sniff_delimiter(header)
        self._columns = _column_names(header, self._delimiter)
        missing = [name for name in REQUIRED_FIELDS if name not in self._columns]
        if missing:
            raise SourceError(
                _("The first line must name the columns. Missing: %(missing)s. Known: %(known)s.")
                % {"missing": ", ".join(missing), "known": ", ".join((*KNOWN_FIELDS, "body"))}
            )

    def rows(self) -> Iterator[SourceRow]:
        place = self._path.name
        old_limit = csv.field_size_limit(MAX_TEXT_BYTES)
        try:
            with self._path.open(encoding=self._encoding, errors="replace", newline="") as stream:
                reader = csv.reader(_without_controls(stream), delimiter=self._delimiter, strict=True)
                next(reader, None)
                while True:
                    line = reader.line_num + 1
                    try:
                        cells = next(reader)
                    except StopIteration:
                        return
                    except csv.Error as error:
                        message = _("This line is not valid CSV: %(problem)s.") % {"problem": error}
                        yield SourceRow(place, line, problem=Problem(message, line=line))
                        continue
                    if any(cell.strip() for cell in cells):
                        yield self._row(place, line, cells)
        finally:
            csv.field_size_limit(old_limit)

    def _row(self, place: str, line: int, cells: list[str]) -> SourceRow:
        if len(cells) != len(self._columns):
            message = _("This line has %(found)s cells, the header %(expected)s.")
            numbers = {"found": len(cells), "expected": len(self._columns)}
            return SourceRow(place, line, problem=Problem(message % numbers, line=line))
        if any("\ufffd" in cell for cell in cells):
            return SourceRow(
                place, line, problem=Problem(_("This line holds characters that cannot be read."), line=line)
            )
        values = {name: normalise_input(cell) for name, cell in zip(self._columns, cells, strict=True)}
        body = values.pop("body", "")
        return SourceRow(place, line, {name: cell for name, cell in values.items() if cell.strip()}, body)


def _without_controls(lines: Iterator[str] | io.TextIOBase) -> Iterator[str]:
    """Remove NUL, which ends a text in some databases and confuses the reader; it never carries meaning."""
    for line in lines:
        yield line.replace("\0", "")


def _column_names(header: str, delimiter: str) -> list[str]:
    cells = next(csv.reader([header.replace("\0", "")], delimiter=delimiter), [])
    return [normalise_input(cell).strip().lower().replace(" ", "_").replace("-", "_") for cell in cells]


def _sniff_delimiter(header: str) -> str:
    """Return the delimiter with which the header contains most known columns."""
    known = {*KNOWN_FIELDS, "body"}
    return max(",;\t|", key=lambda delimiter: len(known.intersection(_column_names(header, delimiter))))
