"""Conversion of Markdown to the blocks of an article.

The rich text is built from the parsed tree, tag by tag, so it contains only the features of `faq.blocks` and needs no
cleaning afterwards. HTML in the source is an error and cannot bypass this.
"""

from __future__ import annotations

import html
import itertools
import json
import re
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.container import container_plugin

from faq.importing.errors import FileProblemError, RowError
from faq.importing.report import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTE_KINDS: Final = ("tip", "info", "warning", "danger")
_LINK: Final = re.compile(r"(?:https?://|mailto:|tel:|/(?!/))", re.IGNORECASE)
_ARTICLE_LINK: Final = re.compile(r"article:([A-Za-z0-9][A-Za-z0-9._:-]*)\Z")
_MEDIA: Final = re.compile(r"!\[\[(audio|video):([^\]|]+)(?:\|([^\]]+))?\]\]\Z")
HEADING_LENGTH: Final = 150
TITLE_LENGTH: Final = 200
_CAPTION_LENGTH: Final = 250

#: A Latin word, then anything without letters, then a Persian digit. Without a mark between them the number is
#: displayed as part of the Latin word: «X2، ۴ چراغ» would show the four on the wrong side. Tags between them do not
#: separate.
_LATIN_THEN_DIGIT: Final = re.compile(r"([A-Za-z](?:<[^>]*>|[،٪]|[^<>A-Za-z\u0590-\u06ef\u06fa-\u08ff۰-۹])*?)(?=[۰-۹])")
_RLM: Final = "\u200f"


def bidi_safe(text: str, language: str) -> str:
    """Return the text with a right-to-left mark where Persian digits follow a Latin word; only if it is Persian."""
    return _LATIN_THEN_DIGIT.sub(rf"\1{_RLM}", text) if language == "fa" else text


class Resolver(Protocol):
    """Finds or creates what the text names. Raises `FileProblemError` for files that cannot be used."""

    def page_id(self, article: str) -> int | None:
        """Return the page of the article with this id in the row's language, or None when there is no such article."""
        ...

    def picture_id(self, name: str) -> int: ...

    def media_id(self, kind: str, name: str, title: str) -> int: ...

    def product_id(self, code: str) -> int | None: ...


def _accept_any_link(url: str) -> bool:
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.validateLink = _accept_any_link  # type: ignore[method-assign]  # refused later, with a message
    container_plugin(parser, "box", validate=lambda params, _markup: bool(params.strip()))
    return parser


_PARSER: Final = _parser()


@dataclass(slots=True)
class Body:
    """A parsed body: the raw value of the StreamField, and notes for the report."""

    blocks: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def parse_body(text: str, *, language: str, key: str, resolver: Resolver, first_line: int = 0) -> Body:
    """Return the blocks of a Markdown text. Raises `RowError` with all problems, each with its line.

    `first_line` is the number of the file's line before the text. Block ids are derived from `key` and the content, so
    the same text gives the same blocks.
    """
    return Builder(text, language, key, resolver, first_line).build()


class Builder:
    """Builds blocks from the parsed tree; what is not allowed is a problem, with its line."""

    parser: ClassVar[MarkdownIt] = _PARSER

    def __init__(self, text: str, language: str, key: str, resolver: Resolver, first_line: int) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._language = language
        self._key = key
        self._resolver = resolver
        self._first_line = first_line
        self._problems: list[Problem] = []
        self._notes: list[Problem] = []
        self._seen: Counter[str] = Counter()

    def build(self) -> Body:
        try:
            root = SyntaxTreeNode(self.parser.parse(self._text))
        except (RecursionError, ValueError) as error:
            raise RowError([Problem(_("The text cannot be read as Markdown."), field="body")]) from error
        blocks = self._blocks(root.children)
        if self._problems:
            raise RowError(self._problems)
        return Body([self._with_id(name, value) for name, value in blocks], self._notes)

    # Places and problems ------------------------------------------------------------------------------------------

    def _line(self, node: SyntaxTreeNode) -> int:
        at: SyntaxTreeNode | None = node
        while at is not None and not at.is_root:
            if at.map:
                return self._first_line + at.map[0] + 1
            at = at.parent
        return self._first_line + 1

    def _complain(self, node: SyntaxTreeNode, message: str) -> None:
        problem = Problem(message, field="body", line=self._line(node))
        if problem not in self._problems:
            self._problems.append(problem)

    def _limited(self, node: SyntaxTreeNode, text: str, limit: int) -> str:
        if len(text) > limit:
            message = _("“%(start)s…” has %(length)d characters; at most %(limit)d are allowed here.")
            self._complain(node, message % {"start": text[:30], "length": len(text), "limit": limit})
        return text

    def _with_id(self, name: str, value: Any) -> dict[str, Any]:
        content = json.dumps([name, value], ensure_ascii=False, sort_keys=True)
        self._seen[content] += 1
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{self._key}|{content}|{self._seen[content]}")
        return {"type": name, "value": value, "id": str(identity)}

    def _items(self, values: Sequence[Any]) -> list[dict[str, Any]]:
        return [self._with_id("item", value) for value in values]

    # Blocks ---------------------------------------------------------------------------------------------------------

    def _blocks(self, nodes: Sequence[SyntaxTreeNode], *, inside: str = "") -> list[tuple[str, Any]]:
        """Convert nodes to (block name, value); adjacent nodes of one kind form one block. `inside` names the box."""
        blocks: list[tuple[str, Any]] = []
        for name, run in itertools.groupby(nodes, lambda node: self._run_of(node, inside)):
            found = list(run)
            if name == "paragraph":
                blocks.append((name, "".join(map(self._rich, found))))
            elif name == "accordion":
                blocks.append((name, self._items([self._accordion_item(node) for node in found])))
            elif name == "product_switch":
                if len(found) < 2:
                    message = _("One “product” box alone: write at least two in a row, or plain text.")
                    self._complain(found[0], message)
                blocks.append((name, self._items([self._variant(node) for node in found])))
            else:
                for node in found:
                    blocks.extend(self._single(node, inside))
        return blocks

    def _run_of(self, node: SyntaxTreeNode, inside: str) -> str:
        """Return the block that this node forms with its neighbours; empty for a node that is a block of its own."""
        if node.type == "container_box" and not inside:
            return {"details": "accordion", "product": "product_switch"}.get(_box_kind(node), "")
        return "paragraph" if self._is_rich_text(node) and not self._is_steps(node) else ""

    def _single(self, node: SyntaxTreeNode, inside: str) -> list[tuple[str, Any]]:
        """Convert a node that is a block (or several, or none) of its own."""
        found: list[tuple[str, Any]] = []
        if self._is_steps(node):
            found = [("steps", self._items([self._step(item) for item in node.children]))]
        elif node.type == "heading" and not inside:
            found = [("heading", self._limited(node, self._plain(node), HEADING_LENGTH))]
        elif node.type == "table" and not inside:
            found = [("table", self._table(node))]
        elif node.type == "paragraph":
            media = self._media(node)
            found = [("media", media)] if media else [("picture", self._picture(part)) for part in self._images(node)]
            if media and inside:
                self._refuse(node, _("A picture or sound"), inside)
        elif node.type == "blockquote":
            found = [("note", {"kind": "info", "title": "", "text": self._fragment(node.children, headings=False)})]
        elif node.type == "container_box":
            found = self._box(node, inside)
        elif node.type == "html_block":
            self._refuse_html(node)
        elif node.type != "hr":
            self._refuse(node, _name_of(node), inside)
        return found

    def _box(self, node: SyntaxTreeNode, inside: str) -> list[tuple[str, Any]]:
        kind = _box_kind(node)
        self._check_closed(node)
        if kind in NOTE_KINDS:
            return [("note", self._note(node, kind))]
        if kind in {"details", "product"}:
            self._refuse(node, f"::: {kind}", inside)
        else:
            message = _("The box “%(name)s” is not known. Allowed: %(allowed)s.")
            allowed = ", ".join((*NOTE_KINDS, "details", "product"))
            self._complain(node, message % {"name": kind[:40], "allowed": allowed})
        return []

    def _refuse(self, node: SyntaxTreeNode, what: str, inside: str) -> None:
        message = _("%(what)s cannot stand inside %(box)s.")
        self._complain(node, message % {"what": what, "box": f"“{inside}”" if inside else _("the text")})

    def _refuse_html(self, node: SyntaxTreeNode) -> None:
        self._complain(node, _("HTML is not allowed. Write Markdown, or `code` for something literal."))

    def _check_closed(self, node: SyntaxTreeNode) -> None:
        end = node.map[1] if node.map else 0
        closing = self._lines[end].strip() if end < len(self._lines) else ""
        if not closing or closing.strip(":"):
            self._complain(node, _("This “:::” box is not closed; write “:::” on a line of its own at its end."))

    def _note(self, node: SyntaxTreeNode, kind: str) -> dict[str, Any]:
        title = self._limited(node, self._safe(_box_title(node)), HEADING_LENGTH)
        return {"kind": kind, "title": title, "text": self._fragment(node.children, headings=False, inside=kind)}

    def _accordion_item(self, node: SyntaxTreeNode) -> dict[str, Any]:
        self._check_closed(node)
        question = self._limited(node, self._safe(_box_title(node)), TITLE_LENGTH)
        if not question:
            self._complain(node, _("Write the question after “::: details”."))
        return {"question": question, "answer": self._fragment(node.children, inside="details")}

    def _variant(self, node: SyntaxTreeNode) -> dict[str, Any]:
        self._check_closed(node)
        codes = re.split(r"[\s,،]+", _box_title(node)) if _box_title(node) else []
        products = []
        for code in codes:
            product = self._resolver.product_id(code)
            if product is None:
                self._complain(node, _("The product “%(code)s” is not known.") % {"code": code})
            else:
                products.append(product)
        if not codes:
            self._complain(node, _("Write the product's code after “::: product”."))
        content = [self._with_id(name, value) for name, value in self._blocks(node.children, inside="product")]
        return {"products": self._items(products), "content": content}

    def _table(self, node: SyntaxTreeNode) -> dict[str, Any]:
        head, *bodies = node.children
        columns = [
            {"type": "text", "heading": self._limited(cell, self._plain(cell), 255)}
            for cell in head.children[0].children
        ]
        rows = []
        for line in (row for body in bodies for row in body.children):
            cells = [f"<p>{self._inline(cell)}</p>" for cell in line.children]
            rows.append({"values": [cell if cell != "<p></p>" else "" for cell in cells]})
        return {"columns": columns, "rows": rows, "caption": ""}

    # Steps ----------------------------------------------------------------------------------------------------------

    def _is_steps(self, node: SyntaxTreeNode) -> bool:
        """Return whether the node is a numbered list of two or more items that all begin with a bold title."""
        if node.type != "ordered_list" or len(node.children) < 2:
            return False
        for item in node.children:
            first = item.children[0] if item.children else None
            inline = first.children[0].children if first and first.type == "paragraph" and first.children else []
            inline = [part for part in inline if part.type != "text" or part.content]
            if not inline or inline[0].type != "strong":
                return False
        return True

    def _step(self, item: SyntaxTreeNode) -> dict[str, Any]:
        first, *others = item.children
        bold, *rest = [part for part in first.children[0].children if part.type != "text" or part.content]
        title = self._safe(plain_text(bold)).strip().rstrip(".:،؛。 ")
        text = "".join(map(self._inline_node, rest)).strip().lstrip(":،—–- ").strip()
        step: dict[str, Any] = {
            "title": self._limited(first, title, TITLE_LENGTH),
            "text": "",
            "image": None,
            "alt": "",
        }
        parts = [f"<p>{self._marked(text)}</p>"] if text else []
        for node in others:
            images = self._images(node)
            if images:
                if step["image"] is not None or len(images) > 1:
                    self._complain(node, _("A step can have one picture."))
                picture = self._picture(images[0])
                step["image"], step["alt"] = picture["image"], picture["alt"]
            else:
                parts.append(self._fragment([node], inside=_("a step")))
        step["text"] = "".join(parts)
        return step

    # Pictures and sounds --------------------------------------------------------------------------------------------

    @staticmethod
    def _images(node: SyntaxTreeNode) -> list[SyntaxTreeNode]:
        """Return the pictures of a paragraph that contains nothing else."""
        if node.type != "paragraph" or not node.children:
            return []
        parts = [
            p
            for p in node.children[0].children
            if p.type not in {"softbreak", "hardbreak"} and (p.type != "text" or p.content.strip())
        ]
        return parts if parts and all(part.type == "image" for part in parts) else []

    def _picture(self, node: SyntaxTreeNode) -> dict[str, Any]:
        alt = self._safe(" ".join(plain_text(node).split()))
        caption = self._safe(" ".join(str(node.attrs.get("title") or "").split()))
        if not alt:
            self._complain(node, _("The picture needs a text in the square brackets: what is seen."))
        value = {
            "image": 0,
            "alt": self._limited(node, alt, _CAPTION_LENGTH),
            "caption": self._limited(node, caption, _CAPTION_LENGTH),
        }
        try:
            value["image"] = self._resolver.picture_id(html.unescape(str(node.attrs["src"])))
        except FileProblemError as error:
            self._complain(node, str(error))
        return value

    def _media(self, node: SyntaxTreeNode) -> dict[str, Any] | None:
        text = node.children[0].content.strip() if node.children else ""
        match = _MEDIA.match(text)
        if match is None:
            return None
        kind, name, title = match.groups(default="")
        value = {"media": 0, "caption": ""}
        try:
            value["media"] = self._resolver.media_id(kind, name.strip(), title.strip())
        except FileProblemError as error:
            self._complain(node, str(error))
        return value

    # Rich text ------------------------------------------------------------------------------------------------------

    def _is_rich_text(self, node: SyntaxTreeNode) -> bool:
        if node.type == "paragraph":
            return not self._images(node) and not _MEDIA.match(
                node.children[0].content.strip() if node.children else ""
            )
        if node.type == "heading":
            return node.tag not in {"h1", "h2"}
        return node.type in {"bullet_list", "ordered_list", "fence", "code_block"}

    def _fragment(self, nodes: Sequence[SyntaxTreeNode], *, headings: bool = True, inside: str = "") -> str:
        """Convert all nodes to rich text; anything that would be a block of its own is refused."""
        parts = []
        for node in nodes:
            if self._is_rich_text(node) and (headings or node.type != "heading"):
                parts.append(self._rich(node))
            elif node.type != "hr":
                self._refuse(node, _name_of(node), inside)
        return "".join(parts)

    def _rich(self, node: SyntaxTreeNode) -> str:
        if node.type == "paragraph":
            text = self._inline(node)
            if text.startswith(":::"):
                self._complain(node, _("This “:::” ends a box that was not begun."))
            return f"<p>{text}</p>" if text else ""
        if node.type == "heading":
            return f"<h3>{self._inline(node)}</h3>"
        if node.type in {"fence", "code_block"}:
            lines = node.content.rstrip("\n").split("\n")
            return "<p>" + "<br/>".join(f"<code>{html.escape(line)}</code>" for line in lines if line.strip()) + "</p>"
        tag = "ol" if node.type == "ordered_list" else "ul"
        return f"<{tag}>{''.join(self._list_item(item) for item in node.children)}</{tag}>"

    def _list_item(self, item: SyntaxTreeNode) -> str:
        lines: list[str] = []
        nested = ""
        for node in item.children:
            if node.type == "paragraph" and not self._images(node):
                lines.append(self._inline(node))
            elif node.type in {"bullet_list", "ordered_list"}:
                nested += self._rich(node)
            else:
                self._refuse(node, _name_of(node), _("a list"))
        return f"<li>{'<br/>'.join(lines)}{nested}</li>"

    def _inline(self, node: SyntaxTreeNode) -> str:
        """Convert the words of a paragraph, heading or cell to HTML with inline features."""
        return self._marked("".join(map(self._inline_node, node.children[0].children)).strip()) if node.children else ""

    def _inline_node(self, node: SyntaxTreeNode) -> str:
        found = ""
        if node.type == "text":
            found = html.escape(node.content, quote=False)
        elif node.type == "softbreak":
            found = " "
        elif node.type == "hardbreak":
            found = "<br/>"
        elif node.type == "code_inline":
            found = f"<code>{html.escape(node.content, quote=False)}</code>"
        elif node.type in {"strong", "em"}:
            tag = "b" if node.type == "strong" else "i"
            found = f"<{tag}>{self._children(node)}</{tag}>"
        elif node.type == "link":
            found = self._link(node)
        elif node.type == "image":
            self._complain(node, _("Put the picture on a line of its own."))
        elif node.type == "html_inline":
            self._refuse_html(node)
        return found

    def _children(self, node: SyntaxTreeNode) -> str:
        return "".join(map(self._inline_node, node.children))

    def _link(self, node: SyntaxTreeNode) -> str:
        text = self._children(node)
        address = str(node.attrs.get("href") or "")
        article = _ARTICLE_LINK.match(address)
        if article:
            page_id = self._resolver.page_id(article[1])
            if page_id is None:
                message = _("There is no article “%(id)s” in this language; the link became plain text.")
                self._notes.append(Problem(message % {"id": article[1]}, field="body", line=self._line(node)))
                return text
            return f'<a linktype="page" id="{page_id}">{text}</a>'
        if not _LINK.match(address) or len(address) > 2000:
            message = _("The address “%(address)s” is not allowed; use https:, mailto:, tel:, article:ID or /path.")
            self._complain(node, message % {"address": address[:60]})
            return text
        return f'<a href="{html.escape(address)}">{text}</a>'

    # Plain text -----------------------------------------------------------------------------------------------------

    def _plain(self, node: SyntaxTreeNode) -> str:
        for part in node.walk():
            if part.type == "html_inline":
                self._inline_node(part)
        return self._safe(" ".join(plain_text(node).split()))

    def _safe(self, text: str) -> str:
        return bidi_safe(text, self._language)

    def _marked(self, rich: str) -> str:
        return bidi_safe(rich, self._language)


def _box_kind(node: SyntaxTreeNode) -> str:
    return node.info.split(maxsplit=1)[0].lower()


def _box_title(node: SyntaxTreeNode) -> str:
    return " ".join(node.info.split()[1:])


def _name_of(node: SyntaxTreeNode) -> str:
    """Describe in words what is in the wrong place."""
    names = {
        "table": _("A table"),
        "heading": _("A heading"),
        "paragraph": _("A picture or sound"),
        "container_box": _("A “:::” box"),
        "blockquote": _("A quotation"),
        "html_block": _("HTML"),
    }
    return names.get(node.type, node.type)


def plain_text(node: SyntaxTreeNode) -> str:
    """Return the words of an inline node, without marks."""
    if node.type in {"text", "code_inline"}:
        return node.content
    if node.type in {"softbreak", "hardbreak"}:
        return " "
    return "".join(map(plain_text, node.children))
