"""Report of an import: counts, what was left out and why, the first problems with their places."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from portal.core.text import normalise_input

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBLEMS_SHOWN: Final = 20
_LONGEST: Final = 200
_LABELS: Final = {
    "people": pgettext_lazy("import", "people"),
    "threads": pgettext_lazy("import", "threads"),
    "replies": pgettext_lazy("import", "replies"),
    "solutions": pgettext_lazy("import", "solutions"),
    "votes": pgettext_lazy("import", "votes"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something somebody should look at."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(slots=True)
class Count:
    """Rows of one kind."""

    made: int = 0
    #: Imported by an earlier run.
    known: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Report:
    """What an import did, or in a dry run would do."""

    dry_run: bool = False
    counts: dict[str, Count] = field(default_factory=lambda: {kind: Count() for kind in _LABELS})
    #: (kind, reason) → rows.
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    #: Values that differed from what they should be, and were mended.
    mended: int = 0
    indexed: int = 0

    def skip(self, kind: str, reason: str, place: str, *, detail: str = "", is_problem: bool = True) -> None:
        """Count a row that is left out."""
        self.counts[kind].skipped += 1
        self.note(kind, reason, place, detail=detail, is_problem=is_problem)

    def note(self, kind: str, reason: str, place: str, *, detail: str = "", is_problem: bool = True) -> None:
        """Count a remark about a row that is imported, or of one that is skipped."""
        self.reasons[kind, reason] += 1
        if is_problem and len(self.problems) < PROBLEMS_SHOWN:
            place, detail = _shown(place), _shown(detail)
            self.problems.append(Problem(place, f"{reason} ({detail})" if detail else reason))

    def lines(self) -> Iterator[str]:
        """Yield the report for people, in the current language."""
        for kind, count in self.counts.items():
            yield _("%(kind)s: %(made)d new, %(known)d known, %(skipped)d left out") % {
                "kind": _LABELS[kind],
                "made": count.made,
                "known": count.known,
                "skipped": count.skipped,
            }
        for (kind, reason), number in self.reasons.most_common():
            yield f"  {_LABELS[kind]}: {number} × {reason}"
        if self.problems:
            yield _("The first problems:")
            yield from (f"  {problem}" for problem in self.problems)
        if self.mended:
            yield _("%(count)d counters were corrected.") % {"count": self.mended}
        if self.dry_run:
            yield _("Dry run: nothing was kept.")

    def as_dict(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "dry_run": self.dry_run,
            "counts": {
                kind: {"made": count.made, "known": count.known, "skipped": count.skipped}
                for kind, count in self.counts.items()
            },
            "reasons": [
                {"kind": kind, "reason": reason, "count": number} for (kind, reason), number in self.reasons.items()
            ],
            "problems": [{"place": problem.place, "message": problem.message} for problem in self.problems],
            "mended": self.mended,
            "indexed": self.indexed,
        }


def _shown(words: str) -> str:
    """Return words of a source as a terminal may get them: one line, and nothing that controls it."""
    return " ".join(normalise_input(words[:_LONGEST]).split())
