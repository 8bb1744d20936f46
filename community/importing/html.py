"""From the HTML of another forum to our Markdown.

nh3 first reduces it to an allow-list of tags and makes it well-formed; then it is written as Markdown, text escaped, so
that nothing in it becomes a mark by accident. No library of the portal does this, and those that do know nothing of
our renderer. The result goes through `community.rendering` like everything that members type: this module is no
boundary of security, it only keeps what the text means.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

import nh3

_ALIASES: Final = {
    "b": "strong",
    "i": "em",
    "del": "s",
    "strike": "s",
    "tt": "code",
    "kbd": "code",
    "samp": "code",
    "h1": "h3",
    "h2": "h3",
}
_BLOCKS: Final = frozenset(
    {"p", "div", "pre", "blockquote", "ul", "ol", "li", "h3", "h4", "h5", "h6", "hr", "table", "tr", "td", "th", "dl"}
)
_TAGS: Final = {*_BLOCKS, *_ALIASES, "strong", "em", "s", "code", "a", "img", "br", "thead", "tbody", "dt", "dd"}
_ATTRIBUTES: Final = {
    "a": {"href"},
    "img": {"src", "alt"},
    "code": {"class"},
    "pre": {"class"},
    "ol": {"start"},
}
_HEADINGS: Final = {"h3": 1, "h4": 2, "h5": 3, "h6": 4}
_MARKS: Final = {"strong": "**", "em": "*", "s": "~~"}
#: What would be a mark of Markdown anywhere in a line.
_SPECIAL: Final = re.compile(r"[\\`*\[\]<>|~]|(?<!\w)_|_(?!\w)")
#: What would be one at its beginning.
_LINE_START: Final = re.compile(r"^([ \t]*)(#{1,6}(?=\s|$)|[-+=](?=\s|$|-|=)|\d{1,9}(?=[.)]))", re.MULTILINE)
_LANGUAGE: Final = re.compile(r"(?:lang|language)-([a-z0-9+#.-]{1,20})")
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
#: Lists and quotes in others beyond this are part of those around them: each level is written before every line.
_MAX_DEPTH: Final = 20
#: Tags that a parser of HTML opens again in every paragraph after them, unless they are the same ones.
_REOPENED: Final = re.compile(
    r"<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/][^>]{0,200}>", re.IGNORECASE
)
_MAX_REOPENED: Final = 50
#: A link with a very long address, which it would open again with it.
_LONG_LINK: Final = re.compile(r"<a(?=\s[^>]{2000})", re.IGNORECASE)


def to_markdown(html: str) -> str:
    """Return the text as Markdown. What is not allowed is dropped, and its text kept; scripts and styles go whole."""
    html = html.encode("utf-8", "replace").decode()  # a lone surrogate is no text for nh3
    html = _LONG_LINK.sub("<no-link", html)
    if sum(1 for _tag in _REOPENED.finditer(html)) > _MAX_REOPENED:  # with attributes: else they are the same
        html = _REOPENED.sub(r"<\1>", html)
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags={"script", "style"},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
        strip_comments=True,
    )
    writer = _Writer()
    writer.feed(clean)
    writer.close()
    return writer.result()


class _Writer(HTMLParser):
    """Writes well-formed HTML as Markdown. Blocks are lists of lines; containers indent those of their content."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        #: For each open container the finished blocks in it; the first is the document.
        self._blocks: list[list[str]] = [[]]
        self._line: list[str] = []
        self._has_text = False
        #: For each list, item and quote that is open whether it is a container, or too deep for one.
        self._is_container: list[bool] = []
        self._marked: set[str] = set()
        #: Their tags and where they begin in the line; -1 for one in another of the same kind.
        self._open_marks: list[tuple[str, int]] = []
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []
        self._code: list[str] | None = None
        self._is_pre = False
        self._language = ""
        self._heading = 0

    # Parsing --------------------------------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = _ALIASES.get(tag, tag)
        values = {name: value or "" for name, value in attrs}
        if self._is_pre:
            if tag in {"code", "pre"}:
                self._note_language(values)
            elif tag == "br" and self._code is not None:
                self._code.append("\n")
            return
        if tag in _BLOCKS:
            self._end_line()
        if tag in _MARKS:
            self._open_marks.append((tag, -1 if tag in self._marked else len(self._line)))
            self._marked.add(tag)
        elif tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag in {"ul", "ol", "li", "blockquote"}:
            self._begin_container(tag, values)
        else:
            self._begin(tag, values)

    def _begin(self, tag: str, values: dict[str, str]) -> None:
        match tag:
            case "pre":
                self._is_pre, self._code, self._language = True, [], ""
                self._note_language(values)
            case "code":
                self._code = []
            case "br":
                self._line.append("\\\n" if self._has_text else "")
            case "hr":
                self._blocks[-1].append("---")
            case "a":
                self._links.append((values.get("href", ""), len(self._line)))
            case "img":
                self._show_picture(values)

    def _begin_container(self, tag: str, values: dict[str, str]) -> None:
        self._is_container.append(len(self._blocks) <= _MAX_DEPTH)
        if not self._is_container[-1]:
            return
        self._blocks.append([])
        if tag == "ul":
            self._lists.append(None)
        elif tag == "ol":
            start = values.get("start", "")
            self._lists.append(int(start) if start.isdecimal() and len(start) < 9 else 1)

    def handle_endtag(self, tag: str) -> None:
        tag = _ALIASES.get(tag, tag)
        if self._is_pre:
            if tag == "pre":
                self._end_pre()
            return
        if tag in _BLOCKS:
            self._end_line()
        if tag in _MARKS:
            self._end_mark(tag)
        elif tag in {"ul", "ol", "li", "blockquote"}:
            self._end_of(tag)
        elif tag == "code":
            self._end_code()
        elif tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self._code is not None:
            self._code.append(data)
            return
        self._write(_SPECIAL.sub(r"\\\g<0>", _SPACE.sub(" ", data)))

    def result(self) -> str:
        if self._is_pre:
            self._end_pre()
        self._end_line()
        while len(self._blocks) > 1:
            self._end_container("", "")
        return "\n\n".join(self._blocks[0])

    # Writing --------------------------------------------------------------------------------------------------------

    def _note_language(self, values: dict[str, str]) -> None:
        if match := _LANGUAGE.search(values.get("class", "")):
            self._language = match[1]

    def _write(self, text: str) -> None:
        self._line.append(text)
        self._has_text = self._has_text or bool(text.strip())

    def _end_line(self) -> None:
        """End the paragraph or heading that is being written, if any."""
        while self._open_marks:
            self._end_mark(self._open_marks[-1][0])
        while self._links:
            self._end_link()
        if self._code is not None and not self._is_pre:
            self._end_code()
        text = "".join(self._line).strip().removesuffix("\\")
        text = "\n".join(line.strip() for line in text.split("\n"))
        self._line, self._has_text = [], False
        if text:
            text = _LINE_START.sub(_escape_start, text)
            if self._heading:
                text = f"{'#' * self._heading} {text.replace(chr(92) + chr(10), ' ')}"
            self._blocks[-1].append(text)
        self._heading = 0

    def _end_pre(self) -> None:
        content = "".join(self._code or []).strip("\n")
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", content)), default=0))
        self._blocks[-1].append(f"{fence}{self._language}\n{content}\n{fence}")
        self._is_pre, self._code = False, None

    def _end_code(self) -> None:
        content = _SPACE.sub(" ", "".join(self._code or []))
        self._code = None
        if not content.strip():
            self._line.append(content)
            return
        fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", content)), default=0))
        pad = " " if content.startswith("`") or content.endswith("`") else ""
        self._write(f"{fence}{pad}{content}{pad}{fence}")

    def _end_mark(self, tag: str) -> None:
        for place in range(len(self._open_marks) - 1, -1, -1):
            if self._open_marks[place][0] == tag:
                _tag, start = self._open_marks.pop(place)
                if start < 0:
                    return
                self._marked.discard(tag)
                text = "".join(self._line[start:])
                del self._line[start:]
                self._line.append(_around(text, _MARKS[tag]))
                return

    def _end_link(self) -> None:
        if not self._links:
            return
        url, start = self._links.pop()
        text = "".join(self._line[start:])
        del self._line[start:]
        if not url:
            self._line.append(text)
        elif not text.strip():
            self._write(f"<{_address(url)}>" if url.startswith("http") else "")
        else:
            self._line.append(f"[{text.strip()}](<{_address(url)}>)")

    def _show_picture(self, values: dict[str, str]) -> None:
        """Pictures of other sites are not shown, so that reading a post tells nobody: they become links."""
        url, alt = values.get("src", ""), _SPACE.sub(" ", values.get("alt", "")).strip()
        alt = _SPECIAL.sub(r"\\\g<0>", alt)
        if self._links or not url.startswith("http"):
            self._write(alt)
        else:
            text = alt or _SPECIAL.sub(r"\\\g<0>", url)
            self._write(f"[{text}](<{_address(url)}>)")

    def _end_of(self, tag: str) -> None:
        if not (self._is_container and self._is_container.pop()):
            return
        if tag == "blockquote":
            self._end_container("> ", "> ")
        elif tag == "li":
            self._end_item()
        else:
            self._end_list()

    def _end_container(self, first: str, others: str) -> None:
        if len(self._blocks) == 1:
            return
        blocks = self._blocks.pop()
        if blocks:
            self._blocks[-1].append(_indented("\n\n".join(blocks), first, others))

    def _end_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        marker = "- " if number is None else f"{number}. "
        self._end_container(marker, " " * len(marker))

    def _end_list(self) -> None:
        if self._lists:
            self._lists.pop()
        if len(self._blocks) == 1:
            return
        items = self._blocks.pop()
        if items:
            self._blocks[-1].append("\n".join(items))


def _escape_start(match: re.Match[str]) -> str:
    space, mark = match[1], match[2]
    return f"{space}{mark}\\" if mark.isdecimal() else f"{space}\\{mark}"


def _around(text: str, mark: str) -> str:
    """Return the text between marks, which must touch its first and last letter."""
    inner = text.strip()
    if not inner or "\n" in inner:
        return text
    start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{start}{mark}{inner}{mark}{end}"


def _address(url: str) -> str:
    return re.sub(r"[<>\s\\]", lambda match: f"%{ord(match[0]):02X}", url)


def _indented(text: str, first: str, others: str) -> str:
    lines = text.split("\n")
    rest = [f"{others}{line}" if line or others.strip() else "" for line in lines[1:]]
    return "\n".join([f"{first}{lines[0]}", *rest])
