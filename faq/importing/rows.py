"""Rows of an import: one article in one language, as it is in a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from faq.importing.files import FileFinder
    from faq.importing.report import Problem

Form = Literal["markdown", "html"]

MAX_TEXT_BYTES: Final = 2 * 1024 * 1024

#: Fields of an article as heads and columns have them, besides those that other systems call otherwise
#: (`faq.importing.heads.NAMES`).
KNOWN_FIELDS: Final = (
    "id", "language", "kind", "topic", "title", "slug", "short_answer", "spoken_answer", "products", "platforms",
    "audience", "reviewed_by", "related", "featured", "updated", "keywords",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One article in one language, as it is in the source.

    `line` is where the row starts and `body_line` the line before the body's first (-1: unknown). `folder` is where
    files it names are looked up first. `fields` has our names (`faq.importing.heads.canonical`); what they do not say, its
    place may: `place_id`, `place_language`, `place_title`, and the `sections` (folders, groups) in which it lies. `is_index` marks
    the page of its section. A row that could not be read has a `problem` and one that is no article has `skipped`; neither has anything else.
    """

    place: str
    line: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    body_line: int = -1
    folder: str = ""
    form: Form = "markdown"
    place_id: str = ""
    place_language: str = ""
    place_title: str = ""
    sections: tuple[str, ...] = ()
    is_index: bool = False
    #: Place in a table of contents; None where there is none.
    rank: int | None = None
    notes: tuple[Problem, ...] = ()
    problem: Problem | None = None
    skipped: Problem | None = None


class Source(Protocol):
    """Something from which articles can be read.

    `name` is what people call it. `labels` are names of sections, by language (empty: any) and section.
    """

    name: str
    notes: list[str]
    files: FileFinder

    @property
    def labels(self) -> Mapping[tuple[str, tuple[str, ...]], str]: ...

    def rows(self) -> Iterator[SourceRow]: ...
