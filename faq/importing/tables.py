"""Spreadsheets as a source: CSV, TSV and XLSX, with whatever columns people gave them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from faq.importing.encoding import UTF8, detect_encoding
from faq.importing.errors import SourceError
from faq.importing.heads import NAMES, canonical, key_of
from faq.importing.languages import language_of_tag
from faq.importing.report import Problem
from faq.importing.rows import KNOWN_FIELDS, MAX_TEXT_BYTES, SourceRow
from portal.core.spreadsheets import csv_of_workbook
from portal.core.text import fold, normalise_input

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from faq.importing.files import FileFinder

TABLES: Final = {".csv", ".tsv", ".tab", ".xlsx"}
MAX_WORKBOOK: Final = 30_000_000
MAX_ROWS: Final = 100_000
_SAMPLE: Final = 64 * 1024
_DELIMITERS: Final = ",;\t|"
#: What columns are called, besides `NAMES`; compared without blanks, hyphens and half-spaces.
_COLUMNS: Final = {
    "title": ("q", "questions", "faq", "query", "problem", "issue", "ask", "سوالات", "پرسش‌ها", "سوال متداول", "مشکل", "topictitle", "articletitle", "frage", "titel", "question text"),
    "body": ("a", "answers", "reply", "response", "solution", "text", "body_html", "html", "details", "description_long", "پاسخ‌ها", "راه حل", "راه‌حل", "توضیح کامل", "شرح", "antwort", "answer text", "resolution", "article", "article body"),
    "category": ("cat", "topics", "theme", "subject area", "area", "folder", "sectionname", "دسته بندی", "دسته‌بندی", "دسته‌ها", "طبقه", "طبقه‌بندی", "kategorie", "type", "نوع"),
    "keywords": ("keyword", "برچسب‌ها", "کلمات کلیدی", "واژه‌های کلیدی", "schlagworte"),
    "permalink": ("links", "web", "website", "source", "reference", "more", "لینک", "پیوند", "آدرس", "منبع", "read more", "href"),
    "id": ("no", "nr", "number", "#", "row", "key", "code", "question_id", "ردیف", "شماره", "faq_id"),
}  # fmt: skip
_SQUEEZE: Final = re.compile(r"[\s_\-\u200c.؟?:*()]+")
_LANGUAGE_LAST: Final = re.compile(r"(.+?)[\s_\-.(/\[]+([^\s_\-.()/\[\]]+)[\s)\]]*\Z")
_LANGUAGE_FIRST: Final = re.compile(r"([A-Za-z]{2,7}|فارسی|انگلیسی)[\s_\-.:/]+(.+)\Z")
_HTML: Final = re.compile(
    r"</?(?:p|br|ul|ol|li|div|a|b|i|strong|em|h[1-6]|table|span|img|blockquote)\b[^>]*>", re.IGNORECASE
)
_STRUCTURE: Final = re.compile(r"\s*(?:[-*+]\s|\d+[.)]\s|[|>#]|```|~~~|:::|$)")


def _squeezed(name: str) -> str:
    return _SQUEEZE.sub("", normalise_input(name).strip().lower())


_USUAL: Final = {
    _squeezed(alias): name
    for names in (NAMES, _COLUMNS)
    for name, aliases in names.items()
    for alias in (*aliases, name)
} | {_squeezed(name): name for name in (*KNOWN_FIELDS, "body")}
#: “answer” and “description” are the text of an article here; a short answer is called so.
_HERE: Final = {
    "description": "body",
    "توضیح": "body",
    "توضیحات": "body",
    "name": "title",
    "section": "category",
    "group": "category",
    "گروه": "category",
}

_MEANINGS: Final = _USUAL | _HERE


class TableSource:
    """A table whose first line names the columns, in many words and languages, for one language or for several
    (``question_en``, ``پرسش (فارسی)``); or has no names at all, in which case the contents tell.

    `columns` says what columns are, by their name in the table (or number from 1): a name of `KNOWN_FIELDS`, ``body``, ``category``,
    one of those with ``:en`` or another language, or empty for a column that is not used.
    """

    labels: Mapping[tuple[str, tuple[str, ...]], str] = {}

    def __init__(
        self, path: Path, finder: FileFinder, languages: Collection[str], *, columns: Mapping[str, str] | None = None
    ) -> None:
        self.name = path.stem
        self.files = finder
        self.notes: list[str] = []
        self._path = path
        self._languages = languages
        self._workbook: str | None = None
        self._encoding = self._find_encoding()
        sample = self._sample()
        self._delimiter = _delimiter_of(sample)
        self.header = next(csv.reader(io.StringIO(sample, newline=""), delimiter=self._delimiter), [])
        self._meanings, self._has_header = self._understand(sample, columns or {})
        if not any(name in {"title", "body"} for name, _language in self._meanings):
            raise SourceError(
                _("No column was recognised as question or answer. Columns: %(columns)s.")
                % {"columns": ", ".join(self.header)[:300]}
            )

    @property
    def columns(self) -> list[str]:
        """Return what each column was taken for, as in `columns` of the constructor."""
        return [f"{name}:{language}" if language else name for name, language in self._meanings]

    def samples(self, most: int = 3) -> list[list[str]]:
        """Return the first cells of each column."""
        rows = list(csv.reader(io.StringIO(self._sample(), newline=""), delimiter=self._delimiter))
        rows = [row for row in rows[1 if self._has_header else 0 :] if any(cell.strip() for cell in row)][:most]
        return [[row[place][:80] for row in rows if place < len(row)] for place in range(len(self._meanings))]

    # Reading ----------------------------------------------------------------------------------------------------------

    def _find_encoding(self) -> str:
        try:
            if self._path.suffix.lower() == ".xlsx":
                self._workbook = self._read_workbook()
                return UTF8
            with self._path.open("rb") as stream:
                encoding, note = detect_encoding(iter(lambda: stream.read(65_536), b""), self._path.name, damaged=True)
        except OSError as error:
            raise SourceError(_("“%(path)s” cannot be read.") % {"path": self._path}) from error
        if note:
            self.notes.append(note)
        return encoding

    def _read_workbook(self) -> str:
        if self._path.stat().st_size > MAX_WORKBOOK:
            raise SourceError(_("“%(path)s” is too large; save it as CSV.") % {"path": self._path.name})
        try:
            return csv_of_workbook(self._path.read_bytes(), most_rows=MAX_ROWS).decode()
        except ValueError as error:
            raise SourceError(
                _("“%(path)s” is not a workbook that can be read.") % {"path": self._path.name}
            ) from error

    def _stream(self) -> io.TextIOBase:
        if self._workbook is not None:
            return io.StringIO(self._workbook, newline="")
        return self._path.open(encoding=self._encoding, errors="replace", newline="")

    def _sample(self) -> str:
        with self._stream() as stream:
            return _without_nul(stream.read(_SAMPLE))

    def rows(self) -> Iterator[SourceRow]:
        place = self._path.name
        old_limit = csv.field_size_limit(MAX_TEXT_BYTES)
        try:
            with self._stream() as stream:
                lines = _Lines(stream)
                if self._has_header:
                    next(csv.reader(lines, delimiter=self._delimiter), None)
                while (line := lines.begin()) is not None:
                    try:
                        cells = next(csv.reader(lines, delimiter=self._delimiter, strict=True), [])
                    except csv.Error as error:
                        cells = self._mended(lines, str(error))
                        if not cells:
                            message = _("This line is not valid CSV: %(problem)s.") % {"problem": error}
                            yield SourceRow(place, line, problem=Problem(message, line=line))
                            continue
                    if any(cell.strip() for cell in cells):
                        yield from self._rows(place, line, cells)
        finally:
            csv.field_size_limit(old_limit)

    def _mended(self, lines: _Lines, error: str) -> list[str]:
        """Return the cells of a line with a quotation mark too many, if they are as many as there are columns. Else nothing, and the
        lines behind the first one that it has swallowed are read again.
        """
        if "field larger" not in error:
            cells = next(csv.reader(lines.taken[:1], delimiter=self._delimiter), [])
            if len(lines.taken) == 1 and len(cells) == len(self._meanings) and not lines.at_end:
                return cells
        lines.give_back()
        return []

    def _rows(self, place: str, line: int, cells: list[str]) -> Iterator[SourceRow]:
        """Yield the articles of a line: one for each language that it has columns for."""
        if any("\ufffd" in cell for cell in cells):
            message = _("This line holds characters that cannot be read; save the table as UTF-8.")
            yield SourceRow(place, line, problem=Problem(message, line=line))
            return
        notes: list[Problem] = []
        if extra := [cell for cell in cells[len(self._meanings) :] if cell.strip()]:
            message = _("This line has more cells than the header; left out: %(cells)s.")
            notes.append(Problem(message % {"cells": " | ".join(extra)[:200]}, line=line))
        values: dict[str, dict[str, Any]] = {}
        for (name, language), cell in zip(self._meanings, cells, strict=False):
            if name and (text := normalise_input(cell).strip()):
                found = values.setdefault(language, {})
                found[name] = f"{found[name]}\n\n{text}" if name in found and name == "body" else found.get(name, text)
        shared = values.pop("", {})
        question = next((str(found["title"]) for found in (shared, *values.values()) if found.get("title")), "")
        question = question or next((str(found["body"]) for found in (shared, *values.values()) if "body" in found), "")
        digest = hashlib.sha256(fold(question).encode("utf-8", "surrogatepass")).hexdigest()[:12]
        groups = {language: found for language, found in values.items() if "title" in found or "body" in found}
        if "title" in shared and any(
            "title" in found for found in groups.values()
        ):  # the others are in a language of their own
            groups[""] = {name: shared.pop(name) for name in ("title", "body", "short_answer") if name in shared}
        for language, group in (groups or {"": {}}).items():
            fields = {**shared, **group}
            body = str(fields.pop("body", ""))
            is_html = bool(_HTML.search(body))
            yield SourceRow(
                place=place,
                line=line,
                fields=canonical(fields),
                body=body if is_html else _with_line_breaks(body),
                form="html" if is_html else "markdown",
                place_id=f"faq-{digest}",
                place_language=language,
                notes=tuple(notes),
            )

    # Understanding ----------------------------------------------------------------------------------------------------

    def _understand(self, sample: str, given: Mapping[str, str]) -> tuple[list[tuple[str, str]], bool]:
        """Return the meaning and language of each column, and whether the first line names them."""
        meanings = [self._meaning(name) for name in self.header]
        has_header = any(name in {"title", "body", "short_answer"} for name, _language in meanings)
        if not has_header and not any(key in self.header for key in given):
            lines = list(csv.reader(io.StringIO(sample, newline=""), delimiter=self._delimiter))[:200]
            meanings = _guessed(lines, len(self.header))
            has_header = _looks_like_a_header(lines)
        else:
            has_header = True
            meanings = [
                (name or key_of(written), language)
                for (name, language), written in zip(meanings, self.header, strict=True)
            ]
        for place, written in enumerate(self.header):
            wanted = given.get(written, given.get(str(place + 1)))
            if wanted is not None:
                name, _colon, language = wanted.partition(":")
                meanings[place] = (name, language)
        return _without_twins(meanings), has_header

    def _meaning(self, written: str) -> tuple[str, str]:
        """Return what a column of this name is, and the language of which; both may be empty."""
        name = _MEANINGS.get(_squeezed(written), "")
        if name:
            return name, ""
        for pattern, word, tag in ((_LANGUAGE_LAST, 1, 2), (_LANGUAGE_FIRST, 2, 1)):
            match = pattern.match(normalise_input(written).strip())
            language = language_of_tag(match[tag]) if match else ""
            if match and language and (name := _MEANINGS.get(_squeezed(match[word]), "")):
                return name, language
        language = language_of_tag(_squeezed(written))
        return "", language if language in self._languages else ""


class _Lines:
    """The lines of a table, some of which can be given back. NUL ends a text in some databases: it is left out."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._stream = iter(stream)
        self._waiting: list[str] = []
        self._number = 0
        self.taken: list[str] = []
        self.at_end = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._waiting:
            line = self._waiting.pop(0)
        else:
            try:
                line = _without_nul(next(self._stream))
            except StopIteration:
                self.at_end = True
                raise
        self._number += 1
        self.taken.append(line)
        return line

    def begin(self) -> int | None:
        """Return the number of the line that is read next; None at the end."""
        self.taken = []
        self.at_end = False
        try:
            line = next(self)
        except StopIteration:
            return None
        self._number -= 1
        self._waiting.insert(0, line)
        self.taken = []
        return self._number + 1

    def give_back(self) -> None:
        """Read again what was taken since `begin`, but for the first line."""
        self._waiting = self.taken[1:] + self._waiting
        self._number -= len(self.taken) - 1


def _without_nul(text: str) -> str:
    """Remove NUL, which ends a text in some databases and confuses the reader; it never carries meaning."""
    return text.replace("\0", "")


def _without_twins(meanings: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keep the first of two columns with one meaning, except that texts are joined."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for place, meaning in enumerate(meanings, start=1):
        is_twin = meaning in seen and meaning[0] not in {"", "body"}
        kept.append((f"{meaning[0]}_{place}", meaning[1]) if is_twin else meaning)
        seen.add(meaning)
    return kept


def _delimiter_of(sample: str) -> str:
    """Return the separator with which the first line has most known names, and the lines most often as many cells."""

    def quality(delimiter: str) -> tuple[int, float]:
        lines = list(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))[:100]
        known = sum(_squeezed(cell) in _MEANINGS for cell in (lines or [[]])[0])
        widths = Counter(len(line) for line in lines if len(line) > 1)
        return (known if len((lines or [[]])[0]) > 1 else 0, max(widths.values(), default=0) / max(len(lines), 1))

    return max(_DELIMITERS, key=quality)


def _guessed(lines: Sequence[Sequence[str]], width: int) -> list[tuple[str, str]]:
    """Return what columns without names are: questions end in a question mark or are short, answers are longest."""
    body_lines = lines[1:] or lines
    lengths, questions, numbers, kinds = [], [], [], []
    for place in range(width):
        cells = [line[place].strip() for line in body_lines if place < len(line) and line[place].strip()]
        count = max(len(cells), 1)
        lengths.append(sum(map(len, cells)) / count)
        questions.append(sum(cell.rstrip('»”" ').endswith(("?", "؟")) for cell in cells) / count)
        numbers.append(sum(cell.isdigit() for cell in cells) / count)
        kinds.append(len(set(cells)) / count)
    texts = [place for place in range(width) if lengths[place] > 0 and numbers[place] < 0.9]
    meanings = [("", "")] * width
    if not texts:
        return meanings
    title = max(texts, key=lambda place: (questions[place] >= 0.3, questions[place], -place))
    rest = [place for place in texts if place != title]
    if questions[title] < 0.3 and rest:  # none asks: the longest is the answer, the first other one the title
        answer = max(texts, key=lambda place: lengths[place])
        title = next(place for place in texts if place != answer)
        rest = [place for place in texts if place != title]
    meanings[title] = ("title", "")
    if rest:
        answer = max(rest, key=lambda place: lengths[place])
        meanings[answer] = ("body", "")
        others = [place for place in rest if place != answer and kinds[place] <= 0.7 and lengths[place] < 60]
        if others:
            meanings[others[0]] = ("category", "")
    return meanings


def _looks_like_a_header(lines: Sequence[Sequence[str]]) -> bool:
    """Return whether the first line is short words while the others are texts."""
    if len(lines) < 2:
        return False
    first = [cell.strip() for cell in lines[0] if cell.strip()]
    others = [cell.strip() for line in lines[1:] for cell in line if cell.strip()]
    if not first or not others or any(cell.endswith(("?", "؟", ".")) for cell in first):
        return False
    return max(map(len, first)) <= 30 and sum(map(len, others)) / len(others) > 2 * sum(map(len, first)) / len(first)


def _with_line_breaks(text: str) -> str:
    """Return a cell as Markdown in which a line that ends is a line that ends."""
    lines = text.split("\n")
    broken = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        is_plain = not _STRUCTURE.match(line) and not _STRUCTURE.match(following)
        broken.append(f"{line.rstrip()}\\" if is_plain else line)
    return "\n".join(broken)
