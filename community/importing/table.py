"""A table: a CSV file with a row for each post. Column names may be English or Persian; see README.md."""

from __future__ import annotations

import codecs
import csv
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from community.importing.errors import SourceError
from community.importing.moments import read_moment
from community.importing.records import Acceptance, Beginning, Person, Reply, Skipped, Voice, guarded
from portal.core.spreadsheets import as_typed
from portal.core.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import TextIO

_COLUMNS: Final = {
    "id": ("id", "شناسه", "شماره"),
    "title": ("title", "عنوان"),
    "body": ("body", "text", "متن", "متن پیام"),
    "author": ("author", "نویسنده"),
    "created": ("created", "created at", "date", "تاریخ", "زمان"),
    "tags": ("tags", "برچسب‌ها", "برچسب"),
    "area": ("area", "بخش"),
    "parent": ("parent", "answer of", "پاسخ به"),
    "accepted": ("accepted", "پذیرفته", "پذیرفته شده"),
}
_YES: Final = frozenset({"true", "yes", "y", "1", "x", "بله", "بلی", "آری"})
_TAG: Final = re.compile(r"[^,،;؛|\n]+")
_LONGEST_CELL: Final = 1_000_000
#: A longer line is read in parts: it would have to be held in memory.
_LONGEST_LINE: Final = 1 << 24
_PORTION: Final = 1 << 16


def _key(name: str) -> str:
    return "".join(character for character in fold(name) if character.isalnum())


_KNOWN: Final = {_key(name): column for column, names in _COLUMNS.items() for name in names}


def _lines(stream: TextIO) -> Iterator[str]:
    while line := stream.readline(_LONGEST_LINE):
        yield line


class Table:
    """See `community.importing.records.Source`."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SourceError(_("“%(name)s” was not found.") % {"name": path.name})
        self._path = path
        self._encoding = _encoding_of(path)
        missing = {"body", "title"} - set(self._header())
        if missing:
            raise SourceError(_("The table needs the columns %(names)s.") % {"names": ", ".join(sorted(missing))})

    def _header(self) -> list[str]:
        with self._path.open(encoding=self._encoding, newline="", errors="replace") as stream:
            try:
                names = next(csv.reader(_lines(stream), self._dialect()), [])
            except csv.Error as error:
                raise SourceError(_("The names of the columns cannot be read.")) from error
            return [_KNOWN.get(_key(name), "") for name in names]

    def _dialect(self) -> type[csv.Dialect]:
        with self._path.open(encoding=self._encoding, newline="", errors="replace") as stream:
            first = stream.readline(_LONGEST_LINE)
        best = max(",;\t", key=first.count)

        class Dialect(csv.excel):
            delimiter = best

        return Dialect

    def _rows(self) -> Iterator[tuple[str, dict[str, str]] | Skipped]:
        """Yield each row with its place."""
        header, before = self._header(), csv.field_size_limit(_LONGEST_CELL)
        try:
            with self._path.open(encoding=self._encoding, newline="", errors="replace") as stream:
                reader = csv.reader(_lines(stream), self._dialect())
                next(reader, None)
                for number in range(2, 1 << 62):
                    place = _("%(name)s, row %(number)d") % {"name": self._path.name, "number": number}
                    try:
                        cells = next(reader, None)
                    except csv.Error:
                        yield Skipped("threads", _("The row cannot be read."), place)
                        continue
                    if cells is None:
                        return
                    if not any(cells):
                        continue
                    row = {name: as_typed(cell).strip() for name, cell in zip(header, cells, strict=False) if name}
                    row.setdefault("id", str(number))
                    yield place, row
        finally:
            csv.field_size_limit(before)

    def people(self) -> Iterator[Person | Skipped]:
        for found in self._rows():
            if not isinstance(found, Skipped) and (name := found[1].get("author")):
                yield Person(id=fold(name), name=name)

    def beginnings(self) -> Iterator[Beginning | Skipped]:
        for found in self._rows():
            if isinstance(found, Skipped):
                yield found
                continue
            place, row = found
            if not row.get("parent"):
                yield from guarded("threads", place, partial(_beginning, row, place))

    def replies(self) -> Iterator[Reply | Skipped]:
        for found in self._rows():
            if isinstance(found, Skipped) or not found[1].get("parent"):
                continue
            place, row = found
            yield from guarded("replies", place, partial(_reply, row, place))

    def acceptances(self) -> Iterator[Acceptance | Skipped]:
        for found in self._rows():
            if not isinstance(found, Skipped) and _key(found[1].get("accepted", "")) in _ACCEPTED:
                yield Acceptance(post=found[1]["id"], place=found[0])

    def voices(self) -> Iterator[Voice | Skipped]:
        """None: a table has no votes."""
        yield from ()


_ACCEPTED: Final = frozenset(map(_key, _YES))


def _beginning(row: Mapping[str, str], place: str) -> Beginning:
    return Beginning(
        id=row["id"],
        place=place,
        title=row.get("title", ""),
        body=row.get("body", ""),
        created=read_moment(row.get("created", "")),
        author=fold(row.get("author", "")),
        area=row.get("area", ""),
        tags=[tag.strip() for tag in _TAG.findall(row.get("tags", ""))],
    )


def _reply(row: Mapping[str, str], place: str) -> Reply:
    return Reply(
        id=row["id"],
        place=place,
        parent=row["parent"],
        body=row.get("body", ""),
        created=read_moment(row.get("created", "")),
        author=fold(row.get("author", "")),
    )


def _encoding_of(path: Path) -> str:
    """Return UTF-8, UTF-16, or Windows-1256, which old Persian spreadsheets are written in."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        if stream.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            return "utf-16"
        stream.seek(0)
        try:
            while portion := stream.read(_PORTION):
                decoder.decode(portion)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1256"
    return "utf-8-sig"
