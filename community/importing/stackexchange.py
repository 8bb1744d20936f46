"""A dump of StackExchange: a folder with Posts.xml, Users.xml and, if there are, Comments.xml, Votes.xml.

The files are read row by row and never kept. XML may contain entities that grow without end or name other files; a file
with a document type or an entity is refused.
"""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse
from django.utils.translation import gettext as _

from community.importing.errors import RowError, SourceError
from community.importing.moments import read_moment
from community.importing.records import Acceptance, Beginning, Person, Reply, Skipped, Voice, guarded

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_QUESTION: Final = "1"
_ANSWER: Final = "2"
_UP: Final = "2"
_ACCEPTED: Final = "1"
#: Tags as ``<a><b>``, in newer dumps ``|a|b|``.
_TAG: Final = re.compile(r"[^<>|]+")
#: Bytes between the beginnings and ends of elements; a row has the text of a post.
LONGEST: Final = 1 << 26
#: Elements in others: a dump has rows in a root.
_DEEPEST: Final = 20
#: The account of the site itself.
_COMMUNITY: Final = "-1"


class StackExchange:
    """See `community.importing.records.Source`."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "Posts.xml").is_file():
            raise SourceError(_("There is no Posts.xml in “%(name)s”; unpack the dump first.") % {"name": folder.name})
        self._folder = folder
        self._has_votes = (folder / "Votes.xml").is_file()

    def people(self) -> Iterator[Person | Skipped]:
        for row in self._rows("Users.xml"):
            if row.get("Id") not in {None, _COMMUNITY}:
                yield Person(id=row["Id"], name=row.get("DisplayName", ""), joined=_maybe(row.get("CreationDate", "")))

    def beginnings(self) -> Iterator[Beginning | Skipped]:
        for row in self._rows("Posts.xml"):
            kind, place = row.get("PostTypeId"), _place("Posts.xml", row)
            if kind == _QUESTION:
                yield from self._text("threads", place, self._question, row)
            elif kind != _ANSWER:
                yield Skipped("threads", _("It is neither a question nor an answer."), place, is_problem=False)

    def _question(self, row: Mapping[str, str], place: str) -> Beginning:
        return Beginning(
            id=row["Id"],
            place=place,
            title=row.get("Title", ""),
            body=row.get("Body", ""),
            is_html=True,
            created=read_moment(row.get("CreationDate", "")),
            edited=_maybe(row.get("LastEditDate", "")),
            author=_author(row.get("OwnerUserId", "")),
            tags=_TAG.findall(row.get("Tags", "")),
            views=_number(row.get("ViewCount", "")),
            is_closed="ClosedDate" in row,
            votes=0 if self._has_votes else _number(row.get("Score", "")),
        )

    def replies(self) -> Iterator[Reply | Skipped]:
        """Answers and comments, in the order in which they were written: both files have that order."""
        streams = [self._answers()]
        if (self._folder / "Comments.xml").is_file():
            streams.append(self._comments())
        yield from heapq.merge(*streams, key=_when)

    def _answers(self) -> Iterator[Reply | Skipped]:
        for row in self._rows("Posts.xml"):
            if row.get("PostTypeId") == _ANSWER:
                yield from self._text("replies", _place("Posts.xml", row), self._answer, row)

    def _answer(self, row: Mapping[str, str], place: str) -> Reply:
        return Reply(
            id=row["Id"],
            place=place,
            parent=row["ParentId"],
            body=row.get("Body", ""),
            is_html=True,
            created=read_moment(row.get("CreationDate", "")),
            edited=_maybe(row.get("LastEditDate", "")),
            author=_author(row.get("OwnerUserId", "")),
            votes=0 if self._has_votes else _number(row.get("Score", "")),
        )

    def _comments(self) -> Iterator[Reply | Skipped]:
        for row in self._rows("Comments.xml"):
            yield from self._text("replies", _place("Comments.xml", row), self._comment, row)

    @staticmethod
    def _comment(row: Mapping[str, str], place: str) -> Reply:
        return Reply(
            id=f"c{row['Id']}",
            place=place,
            parent=row["PostId"],
            body=row.get("Text", ""),
            created=read_moment(row.get("CreationDate", "")),
            author=_author(row.get("UserId", "")),
            votes=_number(row.get("Score", "")),
        )

    def acceptances(self) -> Iterator[Acceptance | Skipped]:
        if self._has_votes:
            for row in self._rows("Votes.xml"):
                if row.get("VoteTypeId") == _ACCEPTED and "PostId" in row:
                    at = _maybe(row.get("CreationDate", ""))
                    yield Acceptance(post=row["PostId"], place=_place("Votes.xml", row), at=at)
        for row in self._rows("Posts.xml"):
            if row.get("PostTypeId") == _QUESTION and row.get("AcceptedAnswerId"):
                yield Acceptance(post=row["AcceptedAnswerId"], place=_place("Posts.xml", row))

    def voices(self) -> Iterator[Voice | Skipped]:
        if not self._has_votes:
            return
        for row in self._rows("Votes.xml"):
            place = _place("Votes.xml", row)
            if row.get("VoteTypeId") == _UP and "Id" in row and "PostId" in row:
                yield Voice(
                    id=row["Id"],
                    place=place,
                    post=row["PostId"],
                    created=_maybe(row.get("CreationDate", "")),
                    voter=_author(row.get("UserId", "")),
                )
            elif row.get("VoteTypeId") != _ACCEPTED:
                yield Skipped("votes", _("It is no vote for a post."), place, is_problem=False)

    @staticmethod
    def _text(kind: str, place: str, read: Any, row: Mapping[str, str]) -> Iterator[Any]:
        return guarded(kind, place, lambda: read(row, place))

    def _rows(self, name: str) -> Iterator[dict[str, str]]:
        """Yield the attributes of each row; memory does not grow with the file. Raises `SourceError`."""
        path = self._folder / name
        if not path.is_file():
            return
        try:
            with path.open("rb") as stream:
                yield from _elements(_Bounded(stream))
        except DefusedXmlException as error:
            raise SourceError(
                _("“%(name)s” has a document type or entities, which no dump has; it is not read.") % {"name": name}
            ) from error
        except ParseError as error:
            raise SourceError(
                _("“%(name)s” is damaged at line %(line)d; what was before it is imported.")
                % {"name": name, "line": error.position[0]}
            ) from error
        except (ValueError, LookupError) as error:  # nothing else in there raises them: what is read has its own guard
            raise SourceError(
                _("“%(name)s” has an encoding that cannot be read; save it as UTF-8.") % {"name": name}
            ) from error


class _Bounded:
    """A file of which no part without the beginning or end of an element is long: all of that is held in memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._length = stream, 0

    def read(self, size: int = -1) -> bytes:
        portion = self._stream.read(size)
        self._length += len(portion)
        if self._length > LONGEST:
            raise SourceError(_("A part of the file is too long to be read at once."))
        return portion

    def start_over(self) -> None:
        """Note that an element began or ended."""
        self._length = 0


def _elements(source: _Bounded) -> Iterator[dict[str, str]]:
    """Yield the attributes of the rows, which are right below the root. Nothing else is kept."""
    depth, root = 0, None
    for event, element in iterparse(source, events=("start", "end"), forbid_dtd=True):
        source.start_over()
        depth += 1 if event == "start" else -1
        if root is None:
            root = element
        if depth > _DEEPEST:
            raise SourceError(_("A part of the file is too long to be read at once."))
        if event == "end" and depth == 1:
            if element.tag == "row":
                yield dict(element.attrib)
            root.clear()


def _place(name: str, row: Mapping[str, str]) -> str:
    return f"{name}, Id {row.get('Id', '?')[:20]}"


def _author(text: str) -> str:
    return "" if text == _COMMUNITY else text


def _number(text: str) -> int:
    """Return a whole number. Of a longer one the first digits do: it is beyond every limit."""
    return int(text[:18]) if re.fullmatch(r"-?\d+", text) else 0


def _maybe(text: str) -> dt.datetime | None:
    try:
        return read_moment(text)
    except RowError:
        return None


def _when(record: Reply | Skipped) -> float:
    """What has no time is passed on at once, without moving the rest."""
    created = record.created if isinstance(record, Reply) else None
    return created.timestamp() if created else 0.0
