"""What a folder of documentation holds and what of it arrived, counted without the importer's own parsers.

Source: markdown-it's syntax tree (CommonMark with tables), after what other systems add to Markdown was taken off line by line; HTML by
the parser of the standard library. Articles: their rendered pages, by the same parser of HTML.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

from markdown_it import MarkdownIt

from portal.core.text import fold, without_bidi_controls

if TYPE_CHECKING:
    from pathlib import Path

    from faq.importing import ImportReport

KINDS: Final = ("headings", "list items", "table rows", "code", "links", "pictures", "words")
_WORD: Final = re.compile(r"[^\W_]{2,}")
_HEAD: Final = re.compile(
    r"\A\ufeff?\s*(?:<!--.*?-->\s*)?(?:---\n.*?\n(?:---|\.\.\.)\n|\+\+\+\n.*?\n\+\+\+\n|\{\n.*?\n\}\n)", re.DOTALL
)
_SHORTCODE: Final = re.compile(r"\{\{[<%].*?[%>]\}\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->|%%.*?%%", re.DOTALL)
_MDX: Final = re.compile(r"^(?:import|export) .*$", re.MULTILINE)
_COMPONENT: Final = re.compile(r"</?[A-Z][\w.]*\b[^>]*>")
_BOX: Final = re.compile(r"^([ \t]*)(?:!!!|\?\?\?\+?|===\+?!?) ?[^\n]*$")
_COLONS: Final = re.compile(r"^[ \t]*:{3,}.*$", re.MULTILINE)
_CALLOUT: Final = re.compile(r"^([ \t]*(?:>[ \t]*)+)\[![^\]]*\][-+]?[^\n]*$", re.MULTILINE)
_WIKI: Final = re.compile(r"(!?)\[\[([^\]|]+)(?:\|([^\]]*))?\]\]")
_ATTRIBUTES: Final = re.compile(r"\{:?[ ]?[#.][^}\n]*\}")
_FOOTNOTE: Final = re.compile(r"^\[\^[^\]]+\]:", re.MULTILINE)
_FOOTNOTE_MARK: Final = re.compile(r"\[\^[^\]]+\]")
_FENCE: Final = re.compile(r"^[ \t]*(`{3,}|~{3,})")


@dataclass(slots=True)
class Counts:
    """How many elements of each kind, and which words."""

    elements: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)

    def add_text(self, text: str) -> None:
        self.words.update(_WORD.findall(fold(without_bidi_controls(html.unescape(text)))))

    def missing(self, arrived: Counts) -> Counter[str]:
        """Return how many elements of each kind are here and not there."""
        lost: Counter[str] = Counter(
            {kind: max(0, number - arrived.elements[kind]) for kind, number in self.elements.items()}
        )
        lost["words"] = sum((self.words - arrived.words).values())
        return +lost

    def total(self) -> Counter[str]:
        return self.elements + Counter({"words": sum(self.words.values())})


class _Page(HTMLParser):
    """Counts the elements and words of HTML."""

    _COUNTED: Final = {
        "h1": "headings", "h2": "headings", "h3": "headings", "h4": "headings", "h5": "headings", "h6": "headings",
        "li": "list items", "tr": "table rows", "img": "pictures", "dt": "list items",
    }  # fmt: skip
    _SILENT: Final = {"script", "style", "template", "svg", "head"}

    def __init__(self, counts: Counts) -> None:
        super().__init__(convert_charrefs=True)
        self._counts = counts
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._SILENT:
            self._silent += 1
        elif tag in self._COUNTED:
            self._counts.elements[self._COUNTED[tag]] += 1
            self._counts.add_text(dict(attrs).get("alt") or "")
        elif tag in {"pre", "code"}:
            self._counts.elements["code"] += 1
        elif tag == "a" and {"href", "linktype"}.intersection(name for name, value in attrs if value):
            self._counts.elements["links"] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT and self._silent:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._counts.add_text(data)


def counts_of_html(text: str, counts: Counts | None = None) -> Counts:
    """Return what an HTML text holds; added to `counts` if given."""
    counts = counts or Counts()
    page = _Page(counts)
    page.feed(text)
    page.close()
    return counts


def counts_of_markdown(text: str) -> Counts:
    """Return what a document in Markdown holds, without its head."""
    counts = Counts()
    for token in (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(_plain_markdown(text))
    ):
        _count(token, counts)
    return counts


def _count(token: Any, counts: Counts) -> None:
    opened = {"heading_open": "headings", "list_item_open": "list items", "tr_open": "table rows", "image": "pictures"}
    if token.type in opened:
        counts.elements[opened[token.type]] += 1
    elif token.type == "link_open":
        counts.elements["links"] += 1
    elif token.type in {"fence", "code_block", "code_inline"} and token.content.strip():
        counts.elements["code"] += 1
        counts.add_text(token.content)
    elif token.type in {"html_block", "html_inline"}:
        counts_of_html(token.content, counts)
    if token.type == "text":
        counts.add_text(token.content)
    for child in token.children or ():
        _count(child, counts)


def _plain_markdown(text: str) -> str:
    """Return the text without what only other systems know; what they mean for the reader stays."""
    text = _HEAD.sub("", text.replace("\r\n", "\n"))
    parts: list[str] = []
    lines: list[str] = []
    closing = ""
    for line in text.split("\n"):  # nothing is taken off inside code
        match = _FENCE.match(line)
        if match and not closing:
            parts.append(_without_extras("\n".join(lines)))
            lines, closing = [line], match[1]
        elif match and closing and match[1].startswith(closing) and line.strip() == match[1]:
            parts.append("\n".join([*lines, line]))
            lines, closing = [], ""
        else:
            lines.append(line)
    parts.append("\n".join(lines) if closing else _without_extras("\n".join(lines)))
    return _out_of_boxes("\n".join(parts))


def _without_extras(text: str) -> str:
    for pattern in (_COMMENT, _SHORTCODE, _MDX, _COMPONENT, _COLONS, _ATTRIBUTES, _FOOTNOTE, _FOOTNOTE_MARK):
        text = pattern.sub("", text)
    text = _CALLOUT.sub(r"\1", text)
    return _WIKI.sub(
        lambda match: "![x](x)" if match[1] else f"[{match[3] or match[2].partition('#')[0] or match[2]}](x)", text
    )


def _out_of_boxes(text: str) -> str:
    """Take what is indented below ``!!! note`` or ``=== "Tab"`` out of its box."""
    lines: list[str] = []
    depth: list[int] = []
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        while depth and line.strip() and indent < depth[-1] + 4:
            depth.pop()
        if match := _BOX.match(line):
            depth.append(len(match[1].expandtabs(4)))
            lines.append("")
        else:
            lines.append(line[4 * len(depth) :] if line.strip() else line)
    return "\n".join(lines)


# Articles ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Result:
    """What became of the documents of a folder."""

    files: int = 0
    imported: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    elements: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    #: Documents that lost elements without a line in the report.
    silent: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0

    @property
    def share_of_files(self) -> float:
        return self.imported / max(self.files - sum(self.passed_over.values()), 1)

    @property
    def share_of_elements(self) -> float:
        """Return the share of elements that arrived; words count apart."""
        found = sum(number for kind, number in self.elements.items() if kind != "words")
        return 1 - sum(number for kind, number in self.lost.items() if kind != "words") / max(found, 1)

    @property
    def share_of_words(self) -> float:
        return 1 - self.lost["words"] / max(self.elements["words"], 1)


def compare(folder: Path, report: ImportReport) -> Result:
    """Return what of the documents in a folder arrived in the articles that an import made of them."""
    from faq.importing import Outcome  # noqa: PLC0415 - Django is set up by whoever calls
    from faq.models import ArticlePage, TopicPage  # noqa: PLC0415

    result = Result()
    for row in report.rows:
        result.files += 1
        if row.outcome in {Outcome.SKIPPED, Outcome.FAILED} or row.page_id is None:
            reasons = result.passed_over if row.outcome is Outcome.SKIPPED else result.refused
            reasons[next((problem.reason for problem in row.problems), "?")] += 1
            continue
        result.imported += 1
        path = folder / row.place if folder.is_dir() else folder
        if path.suffix.lower() not in {".md", ".mdx", ".markdown", ".html", ".txt"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        source = counts_of_html(text) if path.suffix == ".html" else counts_of_markdown(text)
        page = ArticlePage.objects.filter(pk=row.page_id).first()
        arrived = Counts()
        if page is None:
            topic = TopicPage.objects.get(pk=row.page_id)
            counts_of_html(f"<h1>{topic.title}</h1><p>{topic.intro}</p>", arrived)
        else:
            counts_of_html(f"<h1>{html.escape(page.title)}</h1><p>{html.escape(page.short_answer)}</p>", arrived)
            counts_of_html(page.body.render_as_block(), arrived)
        lost = source.missing(arrived)
        result.elements += source.total()
        result.lost += lost
        if sum(number for kind, number in lost.items() if kind != "words") and not row.problems:
            result.silent.append(f"{row.place}: {dict(lost)}")
    return result
