"""Documents as a source: a folder or zip of Markdown, HTML and plain text as documentation systems keep them."""

from __future__ import annotations

import html
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from faq.importing.encoding import decode
from faq.importing.errors import FileProblemError, SourceError
from faq.importing.heads import canonical, split_head
from faq.importing.layout import HTML, Layout, readable
from faq.importing.report import Problem
from faq.importing.rows import MAX_TEXT_BYTES, SourceRow
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from faq.importing.files import FileFinder, Files

_TITLE: Final = re.compile(r"<title\b[^>]*>(.*?)</title\s*>", re.DOTALL | re.IGNORECASE)
_META: Final = re.compile(r"<meta\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"([a-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_LANG: Final = re.compile(r"<html\b[^>]*\blang\s*=\s*[\"']?([A-Za-z-]+)", re.IGNORECASE)
_MAIN: Final = [
    re.compile(rf"<{tag}\b[^>]*>(.*)</{tag}\s*>", re.DOTALL | re.IGNORECASE) for tag in ("article", "main", "body")
]
_TEMPLATE: Final = re.compile(r"\{[{%]")


class DocumentSource:
    """Documents, ordered by name. What is no article (licences, parts of pages, menus) is passed over with the reason."""

    def __init__(
        self,
        root: Files,
        finder: FileFinder,
        portal_languages: Collection[str],
        *,
        name: str = "",
        names: list[str] | None = None,
        wrapped: bool = False,
    ) -> None:
        self.name = name
        self.notes: list[str] = []
        self.files = finder
        self._root = root
        self._layout = Layout(root, portal_languages, wrapped=wrapped)
        self.labels = self._layout.labels
        self._names = names if names is not None else self._layout.names
        if not self._names:
            raise SourceError(_("There is no document in it (.md, .mdx, .html, .txt)."))

    def rows(self) -> Iterator[SourceRow]:
        for name in self._names:
            yield self._row(name)

    def _row(self, name: str) -> SourceRow:
        reason = self._layout.why_skipped(name)
        if reason:
            return SourceRow(name, 1, skipped=Problem(reason))
        try:
            text, note = decode(self._root.read(name, MAX_TEXT_BYTES), name)
        except (FileProblemError, SourceError) as error:
            return SourceRow(name, 1, problem=Problem(str(error), line=1))
        if note and note not in self.notes:
            self.notes.append(note)
        return read_document(name, text, self._layout)


def read_document(name: str, text: str, layout: Layout) -> SourceRow:
    """Return a row from the text of a document at this place."""
    text = normalise_input(text)
    path = PurePosixPath(name)
    head = split_head(text)
    body, body_line = text[head.end :], text.count("\n", 0, head.end)
    fields = canonical(head.fields)
    form = "markdown"
    if path.suffix.lower() in HTML:
        if not head.fields and _TEMPLATE.search(body):
            return SourceRow(name, 1, skipped=Problem(_("It is a template for pages, not a page.")))
        form = "html"
        fields = {**_html_fields(body), **fields}
        body, skipped_lines = _html_body(body)
        body_line += skipped_lines
    place = layout.place(name)
    folder = "" if str(path.parent) == "." else str(path.parent)
    return SourceRow(
        place=name,
        line=1,
        fields=fields,
        body=body,
        body_line=body_line,
        folder=folder,
        form="html" if form == "html" else "markdown",
        place_id=place.id,
        place_language=place.language,
        place_title=layout.label_of(name)
        or readable(place.stem if not place.is_index else _folder_name(place.sections)),
        sections=place.sections,
        is_index=place.is_index,
        rank=layout.rank_of(name),
        notes=tuple(head.notes),
    )


def _folder_name(sections: tuple[str, ...]) -> str:
    return sections[-1] if sections else ""


def _html_fields(text: str) -> dict[str, Any]:
    """Return what the head of an HTML document says."""
    fields: dict[str, Any] = {}
    if match := _TITLE.search(text):
        fields["title"] = " ".join(html.unescape(match[1]).split())
    if match := _LANG.search(text):
        fields["language"] = match[1]
    for tag in _META.findall(text):
        attributes = {key.lower(): html.unescape(one or two) for key, one, two in _ATTRIBUTE.findall(tag)}
        name = attributes.get("name", "").lower()
        if name in {"description", "keywords"} and attributes.get("content"):
            fields["short_answer" if name == "description" else name] = attributes["content"]
    return fields


def _html_body(text: str) -> tuple[str, int]:
    """Return the part of an HTML document that is its text, and the number of lines before it."""
    for pattern in _MAIN:
        if match := pattern.search(text):
            return match[1], text.count("\n", 0, match.start(1))
    return text, 0
