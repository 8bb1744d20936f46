"""Tables that leave the portal for a spreadsheet program: text stays text there and is never run as a formula.

`CsvWriter`    writes tables of our own
`protect`      has every export of Wagtail's admin, its own as well as ours, keep the rule; called once, in apps.py
`harmless`     the rule, for one cell
`as_typed`     its reverse, for whoever reads such a table back
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any, Final

from wagtail.admin.views.mixins import SpreadsheetExportMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

    from openpyxl.cell import Cell

#: What makes a formula of the cell it begins; the wide forms do so in East Asian editions. Blanks in front are skipped.
_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
#: What XML cannot hold; the library that writes workbooks raises on it.
_IMPOSSIBLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def harmless(cell: object) -> object:
    """The cell as a spreadsheet shows it: an apostrophe before text that would be run. Numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    text = _IMPOSSIBLE.sub("", cell)
    return f"'{text}" if _FORMULA.match(text) else text


def as_typed(cell: str) -> str:
    """The text that `harmless` made the cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


class CsvWriter:
    """Rows of a CSV file, every cell of them harmless. Open the file with ``newline=""``."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.writer(stream)

    def write(self, cells: Iterable[object]) -> None:
        self._writer.writerow([harmless(cell) for cell in cells])


def protect() -> None:
    """Make the cells of Wagtail's exports harmless, whichever view writes them."""
    SpreadsheetExportMixin.preprocess_field_value = _preprocess_field_value
    SpreadsheetExportMixin.generate_xlsx_row = _generate_xlsx_row


_wagtails_value: Final = SpreadsheetExportMixin.preprocess_field_value
_wagtails_row: Final = SpreadsheetExportMixin.generate_xlsx_row


def _preprocess_field_value(view: SpreadsheetExportMixin, field: str, value: Any, export_format: str) -> Any:
    value = _wagtails_value(view, field, value, export_format)
    if export_format == view.FORMAT_XLSX:  # its cells have a type: see below
        return _IMPOSSIBLE.sub("", value) if isinstance(value, str) else value
    return harmless(value)


def _generate_xlsx_row(view: SpreadsheetExportMixin, *args: Any, **kwargs: Any) -> Iterator[Cell]:
    """Cells of text that Excel leaves text also when somebody edits them (the "quote prefix" of their style)."""
    for cell in _wagtails_row(view, *args, **kwargs):
        if isinstance(cell.value, str) and _FORMULA.match(cell.value):
            cell.quotePrefix = True
        yield cell
