"""Export of tables for spreadsheet programs, in which text is never run as a formula (CSV injection).

`CsvWriter`    writes our own tables
`protect`      applies the protection to every export in Wagtail's admin, its own and ours; called once, in apps.py
`harmless`     protects one cell
`csv_of_workbook`  reads a workbook that somebody uploads
`as_typed`     reverses `harmless`, for code that imports such a table again
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from lzma import LZMAError
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from wagtail.admin.views.mixins import SpreadsheetExportMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

    from openpyxl.cell import Cell

#: Beginnings of text that a spreadsheet runs as a formula; full-width forms in East Asian editions. Skips leading
#: blanks.
_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
#: What reading a file raises that is no workbook, or is encrypted, or compressed in a way that nobody here knows.
_NO_WORKBOOK: Final = (
    *(BadZipFile, zlib.error, LZMAError, EOFError, OSError),
    *(ArithmeticError, AttributeError, LookupError, RuntimeError, SyntaxError, TypeError),
)
#: Bytes of an unpacked workbook, and columns of its sheet, that are read.
_MOST_UNPACKED: Final = 30_000_000
_MOST_COLUMNS: Final = 50
#: Letters of a cell; spreadsheets know no longer ones.
_LONGEST_CELL: Final = 32_767
#: Characters that XML does not allow; the library that writes workbooks raises on them.
_IMPOSSIBLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def harmless(cell: object) -> object:
    """Return the cell with an apostrophe before text that would be run as a formula. Numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    text = _IMPOSSIBLE.sub("", cell)
    return f"'{text}" if _FORMULA.match(text) else text


def as_typed(cell: str) -> str:
    """Return the text from which `harmless` made the cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


class CsvWriter:
    """Writer of CSV rows in which every cell is harmless. Open the file with ``newline=""``."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.writer(stream)

    def write(self, cells: Iterable[object]) -> None:
        self._writer.writerow([harmless(cell) for cell in cells])


def is_workbook(content: bytes) -> bool:
    """Return whether a file is, or claims to be, a workbook (XLSX)."""
    return content.startswith(b"PK\x03\x04")


def csv_of_workbook(content: bytes, *, most_rows: int) -> bytes:
    """Return the first sheet of a workbook as CSV: what its cells show, without formulas. Raises `ValueError`.

    Reads no more than so many rows, and nothing that becomes far larger when it is unpacked.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    letters = 0
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MOST_UNPACKED:
                raise ValueError("too large when it is unpacked")
        sheet = load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
        for cells in sheet.iter_rows(max_row=most_rows, max_col=_MOST_COLUMNS, values_only=True):
            texts = [_cell_text(cell) for cell in cells]
            while texts and not texts[-1]:
                texts.pop()
            letters += sum(map(len, texts))
            if letters > _MOST_UNPACKED:  # many cells may refer to one long text
                raise ValueError("too large when it is unpacked")
            writer.writerow(texts)
    except _NO_WORKBOOK as error:
        raise ValueError("no workbook") from error
    return stream.getvalue().encode()


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return _IMPOSSIBLE.sub("", str(cell)[:_LONGEST_CELL])


def protect() -> None:
    """Make the cells of Wagtail's exports harmless, whichever view writes them."""
    SpreadsheetExportMixin.preprocess_field_value = _preprocess_field_value
    SpreadsheetExportMixin.generate_xlsx_row = _generate_xlsx_row


_wagtails_value: Final = SpreadsheetExportMixin.preprocess_field_value
_wagtails_row: Final = SpreadsheetExportMixin.generate_xlsx_row


def _preprocess_field_value(view: SpreadsheetExportMixin, field: str, value: Any, export_format: str) -> Any:
    value = _wagtails_value(view, field, value, export_format)
    if export_format == view.FORMAT_XLSX:  # typed cells need no apostrophe: see below
        return _IMPOSSIBLE.sub("", value) if isinstance(value, str) else value
    return harmless(value)


def _generate_xlsx_row(view: SpreadsheetExportMixin, *args: Any, **kwargs: Any) -> Iterator[Cell]:
    """Yield cells whose text Excel keeps as text even after editing (by the "quote prefix" of their style)."""
    for cell in _wagtails_row(view, *args, **kwargs):
        if isinstance(cell.value, str) and _FORMULA.match(cell.value):
            cell.quotePrefix = True
        yield cell
