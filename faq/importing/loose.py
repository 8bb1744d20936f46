"""Conversion of what people write in Markdown to blocks: nothing is refused, what has no block becomes text.

The importer of files tells an editor what to correct. Nobody can correct what was written elsewhere, so here a picture
in the middle of a sentence follows it, code in a list stays, and a table in a quotation becomes lines.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from markdown_it import MarkdownIt

from faq.importing.errors import FileProblemError, RowError
from faq.importing.markdown import HEADING_LENGTH, TITLE_LENGTH, Body, Builder, plain_text
from faq.importing.report import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.tree import SyntaxTreeNode

    from faq.importing.markdown import Resolver

#: An address in escaped text, without the punctuation behind it.
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,:;!?…،؛؟)\]}»*_]")


def _any_link(url: str) -> bool:
    return True


def _parser() -> MarkdownIt:
    """Return a parser that reads what the one of the community reads; HTML is text."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.validateLink = _any_link  # type: ignore[method-assign]  # others become text later
    return parser


def parse_loosely(text: str, *, language: str, key: str, resolver: Resolver) -> Body:
    """Return the blocks of a text, whatever it holds. Block ids are derived from `key` and the content."""
    try:
        return LooseBuilder(text, language, key, resolver, 0).build()
    except RowError:  # too deep to be read as Markdown
        lines = "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in text.split("\n") if line.strip())
        return Body([{"type": "paragraph", "value": lines}] if lines else [])


class LooseBuilder(Builder):
    """Builds blocks and finds nothing wrong."""

    parser: ClassVar[MarkdownIt] = _parser()

    def _complain(self, node: SyntaxTreeNode, message: str) -> None:
        pass

    def _limited(self, _node: SyntaxTreeNode, text: str, limit: int) -> str:
        return text if len(text) <= limit else f"{text[: limit - 1]}…"

    def _blocks(self, nodes: Sequence[SyntaxTreeNode], *, inside: str = "") -> list[tuple[str, Any]]:
        """Convert nodes; pictures amid other things follow the block they are in."""
        blocks: list[tuple[str, Any]] = []
        run: list[SyntaxTreeNode] = []
        for node in nodes:
            run.append(node)
            is_done = self._images(node) or self._is_steps(node)
            if pictures := [] if is_done else [part for part in node.walk() if part.type == "image"]:
                blocks += super()._blocks(run, inside=inside)
                blocks += self._pictures(pictures)
                run = []
        blocks += super()._blocks(run, inside=inside)
        return [(name, value) for name, value in blocks if not _is_empty(name, value)]

    def _single(self, node: SyntaxTreeNode, inside: str) -> list[tuple[str, Any]]:
        if pictures := self._images(node):
            return self._pictures(pictures)
        return super()._single(node, inside)

    def _pictures(self, nodes: Sequence[SyntaxTreeNode]) -> list[tuple[str, Any]]:
        found = (self._picture(node) for node in nodes)
        return [("picture", value) for value in found if value["image"] is not None]

    def _picture(self, node: SyntaxTreeNode) -> dict[str, Any]:
        """Return a picture; without an id if it cannot be used."""
        alt = self._limited(node, self._safe(" ".join(plain_text(node).split())), TITLE_LENGTH)
        try:
            image: int | None = self._resolver.picture_id(str(node.attrs.get("src") or ""))
        except FileProblemError as error:
            self._notes.append(Problem(str(error), field="body", line=self._line(node)))
            image = None
        return {"image": image, "alt": alt or "…", "caption": ""}

    def _media(self, _node: SyntaxTreeNode) -> dict[str, Any] | None:
        return None

    # Rich text ------------------------------------------------------------------------------------------------------

    def _is_rich_text(self, node: SyntaxTreeNode) -> bool:
        if node.type == "paragraph":
            return not self._images(node)
        if node.type == "heading" and len(self._plain(node)) > HEADING_LENGTH:
            return True
        return super()._is_rich_text(node)

    def _is_steps(self, node: SyntaxTreeNode) -> bool:
        """Return whether it is a list of steps as an article has them: a short title each, one picture at the most."""
        if not super()._is_steps(node):
            return False
        for item in node.children:
            all_pictures = sum(1 for part in item.walk() if part.type == "image")
            alone = sum(len(self._images(part)) for part in item.children)
            if all_pictures > 1 or all_pictures != alone or len(plain_text(item.children[0])) > TITLE_LENGTH:
                return False
        return True

    def _fragment(self, nodes: Sequence[SyntaxTreeNode], *, headings: bool = True, inside: str = "") -> str:
        return "".join(
            self._rich(node)
            if self._is_rich_text(node) and (headings or node.type != "heading")
            else "".join(f"<p>{line}</p>" for line in self._lines_of(node))
            for node in nodes
        )

    def _list_item(self, item: SyntaxTreeNode) -> str:
        lines: list[str] = []
        nested = ""
        for node in item.children:
            if node.type in {"bullet_list", "ordered_list"}:
                nested += self._rich(node)
            else:
                lines += self._lines_of(node)
        return f"<li>{'<br/>'.join(lines)}{nested}</li>"

    def _lines_of(self, node: SyntaxTreeNode) -> list[str]:
        """Return what a node holds as lines with inline marks only."""
        if node.type in {"fence", "code_block"}:
            return [f"<code>{html.escape(line)}</code>" for line in node.content.split("\n") if line.strip()]
        if node.children and node.children[0].type == "inline":
            return [line] if (line := self._inline(node)) else []
        return [line for child in node.children for line in self._lines_of(child)]

    def _inline_node(self, node: SyntaxTreeNode) -> str:
        if node.type == "text":
            return _ADDRESS.sub(_linked, super()._inline_node(node))
        if node.type == "softbreak":
            return "<br/>"
        if node.type == "image":
            return ""
        if node.type == "s":
            return self._children(node)
        return super()._inline_node(node)

    def _link(self, node: SyntaxTreeNode) -> str:
        """Return a link, or its words; an address in them is no link of its own."""
        text = html.escape(plain_text(node), quote=False)
        linked = super()._link(node)
        return f"{linked[: linked.index('>') + 1]}{text}</a>" if linked.startswith("<a ") else text


def _linked(match: re.Match[str]) -> str:
    return f'<a href="{match[0]}">{match[0]}</a>'


def _is_empty(name: str, value: Any) -> bool:
    if name == "paragraph":
        return not value
    if name == "note":
        return not value["text"]
    return name == "heading" and not value
