"""HTML as a small tree of known tags.

nh3 reads it as browsers do (unclosed and misplaced tags included) and leaves only tags and attributes of the lists below;
what comes of it is well-formed, so that Python's own reader can build the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

import nh3

from faq.importing.syntax.words import names

if TYPE_CHECKING:
    from collections.abc import Iterator

INLINE: Final = names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark q s samp small span "
    "strike strong sub sup time tt u var br wbr x-link"
)
_BLOCKS: Final = names(
    "address article aside blockquote body caption center col colgroup dd details dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main menu nav ol p picture pre section summary table "
    "tbody td tfoot th thead tr ul x-l x-note x-details x-tabs x-tab x-tabline x-ial x-product audio video source "
    "iframe embed object button"
)
#: Tags that run, hold data or draw: nothing in them is text for people.
DROPPED: Final = names("script style template svg math canvas noscript title select textarea map applet")
_ATTRIBUTES: Final = names(
    "href src alt title id name class type start value checked colspan rowspan width height lang dir open data-src "
    "data-original data-line data-kind data-title data-items data-language data-lang data-code data-href data-wiki "
    "data-after data-codes data-label"
)
#: The deepest nesting; what is deeper stands in the last level. Nobody writes so deep, and Python's stack is not endless.
MAX_DEPTH: Final = 60
_TAG: Final = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([A-Za-z][A-Za-z0-9-]*)", re.DOTALL)
#: Characters that HTML has no place for; nh3 takes no lone surrogates.
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_LINED: Final = names("p div li h1 h2 h3 h4 h5 h6 table tr pre ul ol dl dt dd img a blockquote details iframe figure")


@dataclass(slots=True)
class Node:
    """An element: its tag, its attributes, what is in it, and the line where it was written."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)
    line: int = 0

    @property
    def classes(self) -> list[str]:
        return self.attrs.get("class", "").lower().split()

    def elements(self) -> list[Node]:
        """Return the elements directly in it."""
        return [child for child in self.children if isinstance(child, Node)]

    def walk(self) -> Iterator[Node]:
        """Yield it and every element in it, in reading order."""
        yield self
        for child in self.elements():
            yield from child.walk()

    def find(self, *tags: str) -> Node | None:
        """Return the first element in it with one of these tags."""
        return next((node for node in self.walk() if node.tag in tags and node is not self), None)

    def text(self) -> str:
        """Return its words as they are written, with line breaks."""
        if self.tag in {"br", "img"}:
            return "\n" if self.tag == "br" else " "
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def line_of_text(self) -> str:
        """Return its words in one line."""
        return " ".join(self.text().split())


class _Reader(HTMLParser):
    """Builds the tree from well-formed HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("body")
        self._open = [self.root]
        self._skipped = 0
        self._line = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        line = found.pop("data-line", "")
        self._line = int(line) if line.isdecimal() and len(line) < 9 else self._line
        node = Node(tag, found, line=self._line)
        if len(self._open) <= MAX_DEPTH:
            self._open[-1].children.append(node)
        if tag in _VOID:
            return
        if len(self._open) > MAX_DEPTH:
            self._skipped += 1
        else:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self._skipped:
            self._skipped -= 1
        elif len(self._open) > 1:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


_VOID: Final = frozenset(["br", "hr", "img", "input", "col", "source", "embed", "wbr"])


def printable(text: str) -> str:
    """Return text with the line ends of Unix and without characters that no page can hold."""
    return _UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def unknown_tags(html: str, first_line: int) -> list[tuple[str, int]]:
    """Return the tags in HTML that are not kept, each with its line."""
    found = []
    for match in _TAG.finditer(html):
        name = (match[2] or "").lower()
        if name and not match[1] and name not in INLINE and name not in _BLOCKS and name not in _FRAME:
            found.append((name, first_line + html.count("\n", 0, match.start())))
    return found


_FRAME: Final = frozenset(["html", "head", "meta", "link", "base"])


def with_lines(html: str, first_line: int) -> str:
    """Return HTML in which every block has its line; for text that did not come from our parser."""
    place, line = 0, first_line

    def numbered(match: re.Match[str]) -> str:
        nonlocal place, line
        line += html.count("\n", place, match.start())
        place = match.start()
        if not match[2] or match[1] or match[2].lower() not in _LINED:
            return match[0]
        return f'{match[0]} data-line="{line}"'

    return _TAG.sub(numbered, html)


def parse(html: str) -> Node:
    """Return the tree of HTML: known tags with known attributes, and text."""
    clean = nh3.clean(
        html,
        tags=set(INLINE | _BLOCKS),
        clean_content_tags=set(DROPPED),
        attributes={"*": set(_ATTRIBUTES)},
        url_schemes={"http", "https", "mailto", "tel", "article", "upload", "post", "file", "data"},
        link_rel=None,
    )
    reader = _Reader()
    reader.feed(clean)
    reader.close()
    return reader.root
