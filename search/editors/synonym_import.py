"""Import of synonyms from a spreadsheet: rows are read and checked one by one, and saved all together or not at all.

The first line names the columns like the export of the list, in either language; only the words are required. Synonyms
that exist already are left unchanged, so that a file can be imported again.
"""

from __future__ import annotations

import codecs
import csv
import enum
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import get_language_info, gettext, override, pgettext_lazy
from wagtail.log_actions import log

from portal.core.formats import format_number
from portal.core.spreadsheets import as_typed, csv_of_workbook, is_workbook
from portal.core.text import fold, normalise_input
from search.locks import lock_objects
from search.models import Synonym
from search.showing.results import between_words

if TYPE_CHECKING:
    from portal.accounts.models import User

MAX_BYTES: Final = 256 * 1024
MAX_ROWS: Final = 500
#: The columns, in the order of the export.
COLUMNS: Final = ("language", "direction", "words", "also_finds", "is_active", "note")
_IMPORT: Final = "search.synonym_import"
_DELIMITERS: Final = ",;\t"
_YES: Final = ("true", "yes", "1", "بله", "بلی")
_NO: Final = ("false", "no", "0", "نه", "خیر")


class UnreadableError(Exception):
    """Raised if the text as a whole cannot be read; the message is shown to the editor."""


class Outcome(enum.StrEnum):
    """The result of checking a row."""

    NEW = "new"
    KNOWN = "known"
    WRONG = "wrong"

    @property
    def label(self) -> str:
        return str(_LABELS[self])


_LABELS: Final = {
    Outcome.NEW: pgettext_lazy("row of an import", "new"),
    Outcome.KNOWN: pgettext_lazy("row of an import", "there already"),
    Outcome.WRONG: pgettext_lazy("row of an import", "cannot be imported"),
}


@dataclass(slots=True)
class Row:
    """A row of the file: its first line, its synonym as far as it can be read, and the problems found."""

    line: int
    synonym: Synonym
    problems: list[str] = field(default_factory=list)
    is_known: bool = False

    @property
    def outcome(self) -> Outcome:
        if self.problems:
            return Outcome.WRONG
        return Outcome.KNOWN if self.is_known else Outcome.NEW


def decode(content: bytes) -> str:
    """The text of a file: a workbook's first sheet as CSV, or UTF-8 with or without a byte order mark, or the UTF-16 that
    spreadsheets call Unicode text. Raises `UnreadableError`.
    """
    if is_workbook(content):
        try:
            return csv_of_workbook(
                content, most_rows=MAX_ROWS + 2
            ).decode()  # the first names the columns, the last is too much
        except ValueError as error:
            message = gettext("This workbook cannot be read. Save it as CSV, or copy its rows into the field below.")
            raise UnreadableError(message) from error
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        return content.decode("utf-16" if content.startswith(marks) else "utf-8-sig")
    except UnicodeDecodeError as error:
        message = gettext("The letters of this file cannot be read. Save it as UTF-8 (in Excel: “CSV UTF-8”).")
        raise UnreadableError(message) from error


def read_rows(text: str, *, language: str) -> list[Row]:
    """All rows, checked against each other and against the existing synonyms; one query.

    `language` is the default for rows without one. Raises `UnreadableError`.
    """
    rows = [_row(line, values, language) for line, values in _cells(text)]
    _judge(rows)
    return rows


def _judge(rows: Iterable[Row]) -> None:
    """Check the rows against each other and against the existing synonyms; one query."""
    known = _Known(Synonym.objects.all())
    for row in rows:
        if not row.problems:
            known.judge(row)


@transaction.atomic
def save_rows(rows: Sequence[Row], *, user: User) -> int:
    """Save the new rows, with a log entry for each; return their number. If any row has a problem, nothing is saved.

    If two editors save the same rows at once, the second one finds that they exist already.
    """
    lock_objects(_IMPORT, [0])
    _judge(rows)
    if any(row.problems for row in rows):
        return 0
    new = [row.synonym for row in rows if row.outcome == Outcome.NEW]
    for synonym in new:
        synonym.changed_by = user
        synonym.save()
        log(instance=synonym, action="wagtail.create", user=user)
    return len(new)


# Reading ------------------------------------------------------------------------------------------------------------


def _cells(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The line number and the values of each row that is not empty."""
    names = _names_of_columns()
    text = normalise_input(text.replace("\0", ""))
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=lambda delimiter: sum(map(names.__contains__, _folded(header, delimiter))))
    columns = [names.get(name, "") for name in _folded(header, delimiter)]
    if "words" not in columns:
        raise UnreadableError(
            gettext("The first line must name the columns: %(columns)s. Only “%(words)s” is required.")
            % {"columns": _listed(_label(name) for name in COLUMNS), "words": _label("words")}
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    count = 0
    try:
        next(reader)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                count += 1
                if count > MAX_ROWS:
                    message = gettext("There are more than %(limit)s rows; import them in several files.")
                    raise UnreadableError(message % {"limit": format_number(MAX_ROWS)})
                yield line, {name: as_typed(cell).strip() for name, cell in zip(columns, cells, strict=False) if name}
            line = reader.line_num + 1
    except csv.Error as error:
        message = gettext("Line %(line)s cannot be read: is a quotation mark missing?")
        raise UnreadableError(message % {"line": format_number(reader.line_num)}) from error
    if not count:
        raise UnreadableError(gettext("There is no row below the names of the columns."))


def _folded(line: str, delimiter: str) -> list[str]:
    return [fold(name).replace("_", " ").strip() for name in next(csv.reader([line], delimiter=delimiter), [])]


def _row(line: int, values: Mapping[str, str], language: str) -> Row:
    """A row with its synonym and the problems of all its cells."""
    row = Row(line, Synonym(words=values.get("words", ""), also_finds=values.get("also_finds", "")))
    synonym = row.synonym
    synonym.note = values.get("note", "")
    usual = Synonym.Direction.ONE_WAY if synonym.also_finds else Synonym.Direction.TWO_WAY
    for name, allowed, default in (
        ("language", _languages(), language),
        ("direction", _directions(), usual),
        ("is_active", dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False), True),
    ):
        value = values.get(name, "")
        chosen = allowed.get(fold(value)) if value else default
        if chosen is None:
            message = gettext("“%(value)s” is none of these: %(allowed)s.")
            row.problems.append(_about(name, message % {"value": value, "allowed": _listed(_shown(name))}))
        else:
            setattr(synonym, name, chosen)
    if not row.problems:
        row.problems = _problems(synonym)
    return row


def _problems(synonym: Synonym) -> list[str]:
    try:
        synonym.clean_fields()
        synonym.check_words()
    except ValidationError as error:
        return [_about(name, message) for name, messages in error.message_dict.items() for message in messages]
    return []


# Existing synonyms --------------------------------------------------------------------------------------------------


class _Known:
    """The existing synonyms, and those of the preceding rows."""

    def __init__(self, synonyms: Iterable[Synonym]) -> None:
        self._same: set[tuple[Any, ...]] = set()
        self._pairs: dict[tuple[str, str, str], Synonym] = {}
        for synonym in synonyms:
            self._add(synonym)

    def _add(self, synonym: Synonym) -> None:
        self._same.add(_identity(synonym))
        if synonym.is_active:
            for searched, found in synonym.pairs():
                self._pairs.setdefault((synonym.language, searched.key, found.key), synonym)

    def judge(self, row: Row) -> None:
        """Mark the row as known if its synonym exists; add a problem if other synonyms cover all of it."""
        synonym = row.synonym
        row.is_known = _identity(synonym) in self._same
        if row.is_known:
            return
        pairs = [(synonym.language, searched.key, found.key) for searched, found in synonym.pairs()]
        if synonym.is_active and all(pair in self._pairs for pair in pairs):
            row.problems.append(_about("words", synonym.repeats(self._pairs[pairs[-1]])))
        else:
            self._add(synonym)


def _identity(synonym: Synonym) -> tuple[Any, ...]:
    """A key that is equal for synonyms of the same words in different spellings."""
    searched, found = (frozenset(phrase.key for phrase in some) for some in (synonym.searched, synonym.found))
    return synonym.language, synonym.direction, searched, found


# Names in all languages ---------------------------------------------------------------------------------------------


def _names_of_columns() -> dict[str, str]:
    names = {name.replace("_", " "): name for name in COLUMNS}
    for code, _name in settings.LANGUAGES:
        with override(code):
            names |= {fold(_label(name)): name for name in COLUMNS}
    return names


def _label(name: str) -> str:
    return str(label_for_field(name, Synonym))


def _languages() -> dict[str, str]:
    """Language codes by code and by the name of the language in each language."""
    codes: dict[str, str] = {}
    for code, own_name in settings.LANGUAGES:
        codes |= {code: code, fold(own_name): code}
        for other, _name in settings.LANGUAGES:
            with override(other):
                codes[fold(get_language_info(code)["name_translated"])] = code
    return codes


def _directions() -> dict[str, str]:
    directions = {str(value): str(value) for value in Synonym.Direction.values}
    for code, _name in settings.LANGUAGES:
        with override(code):
            directions |= {fold(str(choice.label)): choice.value for choice in Synonym.Direction}
    return directions


def _shown(name: str) -> list[str]:
    """The values allowed in a column, for error messages."""
    if name == "language":
        return [code for code, _name in settings.LANGUAGES]
    return [str(value) for value in Synonym.Direction.values] if name == "direction" else ["true", "false"]


def _about(name: str, message: str) -> str:
    return f"{_label(name)}: {message}" if name in COLUMNS else message


def _listed(texts: Iterable[str]) -> str:
    return between_words().join(texts)
