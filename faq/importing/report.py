"""Report of an import, row by row, for people (a table) and for programs (JSON)."""

from __future__ import annotations

import enum
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import pgettext_lazy

from portal.core.spreadsheets import CsvWriter

if TYPE_CHECKING:
    from pathlib import Path


class Outcome(enum.StrEnum):
    """Result of importing a row."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def label(self) -> str:
        return str(_LABELS[self])

    @property
    def expected(self) -> str:
        """Return what is said of it before anything was done."""
        return str(_EXPECTED[self])


_LABELS = {
    Outcome.CREATED: pgettext_lazy("import", "created"),
    Outcome.CHANGED: pgettext_lazy("import", "changed"),
    Outcome.UNCHANGED: pgettext_lazy("import", "unchanged"),
    Outcome.SKIPPED: pgettext_lazy("import", "skipped"),
    Outcome.FAILED: pgettext_lazy("import", "failed"),
}

_EXPECTED: Final = {
    Outcome.CREATED: pgettext_lazy("import", "will be created"),
    Outcome.CHANGED: pgettext_lazy("import", "will be changed"),
    Outcome.UNCHANGED: pgettext_lazy("import", "will stay as it is"),
    Outcome.SKIPPED: pgettext_lazy("import", "will be skipped"),
    Outcome.FAILED: pgettext_lazy("import", "cannot be imported"),
}


#: Names, numbers and lists of what is allowed.
_PARTICULARS: Final = re.compile(r"[“«][^”»]*[”»]|\([^)]*\)|(?<=: ).*|\d+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem or note about a row. `line` counts from 1 in the file; 0 when it is unknown."""

    message: str
    field: str = ""
    line: int = 0

    @property
    def reason(self) -> str:
        """Return the message without what differs from row to row."""
        return _PARTICULARS.sub("…", self.message)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(slots=True)
class RowReport:
    """One row of the source: its location, its article, and its outcome with the reasons."""

    place: str
    line: int
    external_id: str = ""
    language: str = ""
    outcome: Outcome = Outcome.FAILED
    page_id: int | None = None
    title: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Return the file and the most exact line known."""
        line = next((problem.line for problem in self.problems if problem.line), self.line)
        return f"{self.place}:{line}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.place,
            "line": self.line,
            "id": self.external_id,
            "language": self.language,
            "outcome": self.outcome.value,
            "page": self.page_id,
            "title": self.title,
            "problems": [{"field": p.field, "line": p.line, "message": p.message} for p in self.problems],
        }


@dataclass(slots=True)
class ImportReport:
    """Result of an import. `notes` are about the source as a whole, such as its encoding."""

    dry_run: bool = False
    rows: list[RowReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(row.outcome is outcome for row in self.rows)

    @property
    def counts(self) -> dict[Outcome, int]:
        return {outcome: self.count(outcome) for outcome in Outcome}

    @property
    def has_failures(self) -> bool:
        return any(row.outcome is Outcome.FAILED for row in self.rows)

    def reasons(self) -> list[tuple[Outcome, str, int]]:
        """Return why rows were left out or changed, and how many, the most frequent first. What is quoted does not count."""
        found = Counter((row.outcome, problem.reason) for row in self.rows for problem in row.problems)
        return [(outcome, reason, number) for (outcome, reason), number in found.most_common()]

    def write(self, path: Path) -> None:
        """Write the report as JSON or CSV, depending on the file's name. The CSV opens well in spreadsheets."""
        if path.suffix.lower() == ".json":
            content = {
                "dry_run": self.dry_run,
                "counts": {outcome.value: count for outcome, count in self.counts.items()},
                "notes": self.notes,
                "rows": [row.as_dict() for row in self.rows],
            }
            path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            return
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            table = CsvWriter(stream)
            table.write(["file", "line", "id", "language", "outcome", "page", "field", "problem line", "problem"])
            for row in self.rows:
                start = [row.place, row.line, row.external_id, row.language, row.outcome.value, row.page_id or ""]
                for problem in row.problems or [Problem("")]:
                    cells = [*start, problem.field, problem.line or "", problem.message]
                    table.write(cells)
