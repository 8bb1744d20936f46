"""Errors of a source or a row. Every message is safe and useful to show to the person importing."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faq.importing.report import ImportReport, Problem

#: What reading a damaged or encrypted zip, or JSON nested without end, may raise besides `OSError`.
DAMAGED: Final = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError)


class SourceError(Exception):
    """Raised when the source cannot be read at all: nothing was imported."""


class RowError(Exception):
    """Raised when one row cannot be imported; the import continues with the others."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = list(problems)


class FileProblemError(Exception):
    """Raised when a picture, sound or text file is missing, too large or not what its name says."""


class StoppedError(Exception):
    """Raised by `progress` to stop an import; what is written stays. `report` says what."""

    report: ImportReport | None = None
