"""From the tree of a text to the blocks of an article.

Every element becomes a block, and every block goes where it stands. Where a block cannot stand there (a table in a note, a
heading in a list), `fitting` turns it into what can: nothing is refused, and no word is lost.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote

from django.utils.translation import gettext as _

from faq.anchors import anchor_of
from faq.blocks import CAPTION_LENGTH, HEADING_LENGTH, TAB_LENGTH, TITLE_LENGTH
from faq.importing.errors import FileProblemError
from faq.importing.report import Problem
from faq.importing.syntax.dom import INLINE, Node
from faq.importing.syntax.elements import kind_of
from faq.importing.syntax.fitting import (
    extend,
    fitting,
    is_simple,
    joined,
    lines_of_piece,
    list_line,
    plain_marks,
    text_and_more,
    unboxed,
)
from faq.importing.syntax.rich import MARKS, Piece, bidi_safe, collapsed, escape, join, plain, tidy
from faq.importing.syntax.tree import (
    address_of,
    anchors_of,
    as_link,
    attribute,
    cut,
    first_kind,
    grid,
    has_blocks,
    has_words,
    is_picture,
    kind_of_classes,
    lines_of,
    parts_of_table,
    source_of,
    title_of_step,
    watchable,
    whole_number,
)
from portal.core import releases

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faq.importing.markdown import Resolver

    #: The name of a block and its value. The value of a "paragraph" is its pieces until it is stored.
    Block: TypeAlias = tuple[str, Any]

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,:;!?…،؛؟)\]}»*_]")
_LINK: Final = re.compile(r"(?:https?://|mailto:|tel:|/(?!/))", re.IGNORECASE)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LONGEST_ADDRESS: Final = 2000
_COLUMN_LENGTH: Final = 255
_TITLE_END: Final = ".:،؛。 "
_CALLOUT: Final = re.compile(r"\s*\[!([^\]\n|]+)(?:\|[^\]\n]*)?\]([+-]?)[ \t]*")
_TASK: Final = re.compile(r"\s*\[([ xX])\]\s+")
_MEDIA_FILE: Final = re.compile(r"(?:(audio|video):)?(.+)\Z", re.DOTALL)
#: What may stand inside a note, a step, an answer; an item; a tab; a variant for a product. Everything may in an article.
_MORE: Final = frozenset({"paragraph", "code", "table", "picture"})
_ITEM: Final = _MORE | {"note"}
_TAB: Final = _ITEM | {"steps", "items", "accordion"}
_VARIANT: Final = _ITEM | {"steps", "items"}
_LISTS: Final = frozenset({"ul", "ol", "menu", "dir"})
_FRAMES: Final = {"iframe", "embed", "object", "video", "audio"}


class Builder:
    """Builds the blocks of one text."""

    def __init__(self, root: Node, *, language: str, key: str, resolver: Resolver, breaks: bool = False,
                 anchor_in: Callable[[str, str], str] | None = None) -> None:  # fmt: skip
        self._root = root
        self._language = language
        self._key = key
        self._resolver = resolver
        self._breaks = breaks
        self._anchor_in = anchor_in
        self._notes: list[Problem] = []
        self._seen: Counter[str] = Counter()
        self._anchors = anchors_of(root)
        self._pictures: list[Block] = []
        self._variants: dict[int, Node] = {}

    def build(self) -> tuple[list[dict[str, Any]], list[Problem], dict[str, str]]:
        """Return the blocks, the notes, and the anchor on the page for every one in the text."""
        found: list[Block] = []
        for name, value in self._blocks(self._root.children):
            extend(
                found, self._lone_variant(value[0]) if name == "product_switch" and len(value) == 1 else [(name, value)]
            )
        blocks = [self._stored(name, value) for name, value in found]
        return blocks, self._notes, self._anchors

    # Notes and ids ------------------------------------------------------------------------------------------------------

    def _note(self, node: Node, message: str) -> None:
        problem = Problem(message, field="body", line=node.line)
        if problem not in self._notes:
            self._notes.append(problem)

    def _stored(self, name: str, value: Any) -> dict[str, Any]:
        """Return a block as it is stored. Its id is made of its content, so that the same text gives the same blocks."""
        value = self._value(name, value)
        content = json.dumps([name, value], ensure_ascii=False, sort_keys=True)
        self._seen[content] += 1
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{self._key}|{content}|{self._seen[content]}")
        return {"type": name, "value": value, "id": str(identity)}

    def _value(self, name: str, value: Any) -> Any:
        if name == "paragraph":
            return join(value)
        if name in {"note", "step", "answer"}:
            return {**value, "more": [self._stored(*block) for block in value["more"]]}
        if name in {"tab", "variant"}:
            return {**value, "content": [self._stored(*block) for block in value["content"]]}
        if name in {"steps", "accordion", "tabs", "product_switch"}:
            part = {"steps": "step", "accordion": "answer", "tabs": "tab", "product_switch": "variant"}[name]
            return [self._item(self._value(part, item)) for item in value]
        if name == "items":
            return {**value, "items": [self._item([self._stored(*b) for b in item]) for item in value["items"]]}
        return value

    def _item(self, value: Any) -> dict[str, Any]:
        return {**self._stored("item", value)}

    # Flow ---------------------------------------------------------------------------------------------------------------

    def _blocks(self, children: Sequence[Node | str]) -> list[Block]:
        """Convert what stands in an element. Text and inline elements between blocks are paragraphs."""
        found: list[Block] = []
        words: list[Node | str] = []
        marker: Node | None = None
        before = ""
        for child in children:
            if isinstance(child, str) or (child.tag in INLINE and not has_blocks(child)):
                words.append(child)
                continue
            if any(not isinstance(part, str) or part.strip() for part in words):
                before = ""
            extend(found, self._paragraph(words))
            words = []
            if child.tag == "x-ial":
                if child.attrs.get("data-after") and kind_of(first_kind(child.classes)) and found:
                    found[-1:] = self._as_note(child, [found[-1]])
                else:
                    marker = child if first_kind(child.classes) else None
                continue
            blocks = self._element(child)
            if child.tag == "x-tab" == before and found[-1][0] == blocks[0][0] == "tabs":
                found[-1] = ("tabs", [*found[-1][1], *blocks.pop(0)[1]])
            before = child.tag
            if marker is not None and child.tag != "x-l":
                blocks = self._as_note(marker, unboxed(blocks) if child.tag == "blockquote" else blocks)
                marker = None
            extend(found, blocks)
        extend(found, self._paragraph(words))
        return found

    def _element(self, node: Node) -> list[Block]:  # noqa: C901, PLR0911, PLR0912 - one branch for every kind of element
        tag = node.tag
        if re.fullmatch(r"h[1-6]", tag):
            return self._heading(node)
        if tag in _LISTS:
            return self._list(node)
        if tag == "pre":
            return self._code(node)
        if tag == "table":
            return self._table(node)
        if tag == "blockquote":
            return self._quotation(node)
        if tag == "x-note":
            return self._callout(node, node.attrs.get("data-kind", "info"), node.attrs.get("data-title", ""))
        if tag in {"details", "x-details"}:
            return self._details(node)
        if tag in {"x-tabs", "x-tab"}:
            return self._tabs(node)
        if tag == "x-product":
            return self._variant(node)
        if tag == "dl":
            return self._definitions(node)
        if tag == "figure":
            return self._figure(node)
        if tag == "hr":
            return [] if "footnotes-sep" in node.classes else [("paragraph", [Piece("hr")])]
        if tag in _FRAMES:
            return self._frame(node)
        if tag == "form":
            self._note(node, _("A form cannot be shown; its text is kept."))
        if tag == "x-link":
            heading = Node(
                "a", {"data-href": node.attrs.get("data-href", "")}, [node.attrs.get("data-title", "")], node.line
            )
            return [*self._paragraph([heading]), *self._blocks(node.children)]
        if tag in {"div", "aside", "section", "p"} and (kind := kind_of_classes(node)):
            return self._styled_note(node, kind)
        if tag == "p":
            return self._paragraph(node.children)
        return self._blocks(node.children)

    def _heading(self, node: Node) -> list[Block]:
        words = self._safe(node.line_of_text())
        if not words and not node.find("img"):
            return []
        pictures = [self._picture(image) for image in node.walk() if image.tag == "img"]
        blocks: list[Block] = [block for found in pictures for block in found]
        if node.tag in {"h1", "h2"} and 0 < len(words) <= HEADING_LENGTH:
            self._note_marks(node)
            return [("heading", words), *blocks]
        rich, more = self._line(node.children)
        return [("paragraph", [Piece("h3", rich)]) if rich else ("paragraph", []), *more]

    def _note_marks(self, node: Node) -> None:
        """Say what of a heading is not kept besides its words."""
        marks = {MARKS.get(inner.tag, inner.tag) for inner in node.walk()}
        if "code" in marks:
            self._note(node, _("Headings are plain text; the code in this one is kept as words."))
        if any(inner.tag == "a" and inner.attrs.get("data-href") and inner.line_of_text() for inner in node.walk()):
            self._note(node, _("Headings are plain text; of the link in this one, the words are kept."))

    def _paragraph(self, children: Sequence[Node | str]) -> list[Block]:
        """Convert a paragraph: pictures on lines of their own stand where they are, others follow it."""
        found: list[Block] = []
        for line in lines_of(children):
            images = [part for part in line if isinstance(part, Node)]
            if images and all(is_picture(part) for part in images) and not has_words(line):
                for part in images:
                    found += self._linked_picture(part)
            else:
                rich, pictures = self._line(line)
                if rich:
                    found.append(("paragraph", [Piece("p", rich)]))
                found += pictures
        return found

    def _line(self, children: Sequence[Node | str]) -> tuple[str, list[Block]]:
        """Return inline elements as rich text, and the pictures amid them."""
        before, self._pictures = self._pictures, []
        rich = tidy(self._marked("".join(self._inline(child) for child in children)))
        found, self._pictures = self._pictures, before
        return rich, found

    # Lists --------------------------------------------------------------------------------------------------------------

    def _list(self, node: Node) -> list[Block]:
        items = [self._list_item(child) for child in node.elements()] if node.elements() else []
        items = [item for item in items if item]
        stray = [child for child in node.children if isinstance(child, str) and child.strip()]
        if stray:
            items.insert(0, [("paragraph", [Piece("p", tidy(escape(collapsed(" ".join(stray)))))])])
        if not items:
            return []
        is_numbered = node.tag == "ol"
        start = whole_number(node.attrs.get("start", ""), 1)
        if is_numbered and start == 1 and (steps := self._steps(node)):
            return [("steps", steps)]
        if start == 1 and all(map(is_simple, items)):
            lines = "".join(f"<li>{list_line(item)}</li>" for item in items)
            return [
                (
                    "paragraph",
                    [Piece("list", f"<{'ol' if is_numbered else 'ul'}>{lines}</{'ol' if is_numbered else 'ul'}>")],
                )
            ]
        content = [fitting(item, _ITEM) for item in items]
        return [("items", {"numbered": is_numbered, "start": start, "items": content})]

    def _list_item(self, node: Node) -> list[Block]:
        """Return the blocks of an item; the box of a task is a sign before its words."""
        children = list(node.children)
        box = next((part for part in node.walk() if part.tag == "input"), None)
        if box is not None:
            children.insert(0, "☑ " if "checked" in box.attrs else "☐ ")
        holder = node
        first = next((child for child in children if not isinstance(child, str) or child.strip()), None)
        if isinstance(first, Node) and first.tag == "p" and first.children:
            holder = first
        if holder.children and isinstance(holder.children[0], str) and (task := _TASK.match(holder.children[0])):
            text = ("☐ " if task[1] == " " else "☑ ") + holder.children[0][task.end() :]
            rest = [text, *holder.children[1:]]
            children = (
                rest if holder is node
                else [Node("p", holder.attrs, rest, holder.line) if child is first else child for child in children]
            )  # fmt: skip
        return self._blocks(children)

    def _steps(self, node: Node) -> list[dict[str, Any]]:
        """Return the steps of a numbered list of two or more items that all begin with a bold title; else nothing."""
        titles = [title_of_step(item) for item in node.elements()]
        if (
            len(titles) < 2
            or not all(titles)
            or any(len(title[0].line_of_text()) > TITLE_LENGTH for title in titles if title)
        ):
            return []
        return [self._step(item, *title) for item, title in zip(node.elements(), titles, strict=True) if title]

    def _step(self, item: Node, bold: Node, holder: Node) -> dict[str, Any]:
        title = self._safe(bold.line_of_text()).rstrip(_TITLE_END) or self._safe(bold.line_of_text())
        after = holder.children[holder.children.index(bold) + 1 :]
        if after and isinstance(after[0], str):
            after = [after[0].lstrip(" \n\t:،—–-"), *after[1:]]
        rest: list[Node | str] = [child for child in item.children if child is not holder]
        if holder is item:
            children: list[Node | str] = after
        else:
            children = [Node("p", {}, after, holder.line), *rest]
        blocks = fitting(self._blocks(children), _MORE)
        text, more = text_and_more(blocks)
        step: dict[str, Any] = {"title": title, "text": text, "image": None, "alt": "", "more": more}
        if more and more[0][0] == "picture" and sum(name == "picture" for name, _value in more) == 1:
            picture = more[0][1]
            if not picture["caption"]:
                step.update(image=picture["image"], alt=picture["alt"], more=more[1:])
        return step

    def _definitions(self, node: Node) -> list[Block]:
        found: list[Block] = []
        for child in node.elements():
            blocks = self._blocks(child.children)
            if child.tag == "dt":
                blocks = [(name, [Piece("p", f"<b>{plain_marks(p.html)}</b>") if p.kind == "p" else p for p in value])
                          if name == "paragraph" else (name, value) for name, value in blocks]  # fmt: skip
            extend(found, self._definitions(child) if child.tag == "div" else blocks)
        return found

    # Boxes --------------------------------------------------------------------------------------------------------------

    def _callout(self, node: Node, kind: str, title: str) -> list[Block]:
        return [self._note_block(kind, title, self._blocks(node.children))]

    def _note_block(self, kind: str, title: str, blocks: list[Block]) -> Block:
        title = self._safe(" ".join(title.split()))
        blocks = fitting(blocks, _MORE, is_note=True)
        if len(title) > HEADING_LENGTH:
            blocks = joined([("paragraph", [Piece("p", f"<b>{escape(title)}</b>")]), *blocks])
            title = ""
        text, more = text_and_more(blocks)
        return ("note", {"kind": kind, "title": title, "text": text, "more": more})

    def _styled_note(self, node: Node, kind: str) -> list[Block]:
        """Convert a box of HTML whose classes say that it is one; its first line may be its title."""
        title = ""
        children = list(node.children)
        for child in node.elements()[:2]:
            if any("title" in name or "heading" in name for name in child.classes):
                title = child.line_of_text()
                children.remove(child)
                break
        if kind_of(title) == kind and " " not in title:  # the name of its kind, written by a program
            title = "" if node.tag == "div" and "markdown-alert" in node.classes else title
        return [self._note_block(kind, title, self._blocks(children))]

    def _as_note(self, marker: Node, blocks: list[Block]) -> list[Block]:
        """Put what follows (or precedes) `{: .note }` into a note; other classes say nothing here."""
        name = first_kind(marker.classes)
        kind = kind_of(name.removesuffix("-title"))
        if kind is None or not blocks:
            return blocks
        title = marker.attrs.get("data-title", "")
        if name.endswith("-title") and blocks[0][0] == "paragraph" and blocks[0][1]:
            first, *others = blocks[0][1]
            title, blocks = plain(first.html), [("paragraph", others), *blocks[1:]] if others else blocks[1:]
        return [self._note_block(kind, title, blocks)]

    def _quotation(self, node: Node) -> list[Block]:
        """Convert a quotation; one that begins with `[!NOTE]` is a note of that kind, or a question to be opened."""
        first = next((child for child in node.children if not isinstance(child, str) or child.strip()), None)
        head = first.children[0] if isinstance(first, Node) and first.tag == "p" and first.children else first
        match = _CALLOUT.match(head) if isinstance(head, str) else None
        if match is None or not isinstance(first, Node):
            return [self._note_block("info", "", self._blocks(node.children))]
        lines = lines_of([str(head)[match.end() :], *first.children[1:]], keep_empty=True)
        title = Node("p", {}, lines[0]).line_of_text() if lines else ""
        rest: list[Node | str] = []
        for line in lines[1:]:
            rest += [*([Node("br")] if rest and self._breaks else ["\n"]), *line]
        after = node.children[node.children.index(first) + 1 :]
        children: list[Node | str] = (
            [Node("p", {}, rest, first.line), *after] if has_words(rest) or rest else list(after)
        )
        name = match[1].strip()
        if match[2]:
            return self._answer(title or name.capitalize(), self._blocks(children))
        kind = kind_of(name)
        label = title if kind or title else name.capitalize()
        return [self._note_block(kind or "info", label, self._blocks(children))]

    def _details(self, node: Node) -> list[Block]:
        summary = next((child for child in node.elements() if child.tag == "summary"), None)
        question = summary.line_of_text() if summary else node.attrs.get("data-title", "")
        blocks = self._blocks([child for child in node.children if child is not summary])
        pictures = [
            found for part in (summary.walk() if summary else ()) if part.tag == "img" for found in self._picture(part)
        ]
        return self._answer(question or _("Details"), [*pictures, *blocks])

    def _answer(self, question: str, blocks: list[Block]) -> list[Block]:
        question = self._safe(" ".join(question.split()))
        if len(question) > TITLE_LENGTH:
            blocks = [("paragraph", [Piece("p", f"<b>{escape(question)}</b>")]), *blocks]
            question = f"{question[: TITLE_LENGTH - 1]}…"
        text, more = text_and_more(fitting(blocks, _MORE))
        return [("accordion", [{"question": question, "answer": text, "more": more}])]

    def _tabs(self, node: Node) -> list[Block]:
        if node.tag == "x-tab":
            return [("tabs", [self._tab(node.attrs.get("data-title", ""), self._blocks(node.children), 1)])]
        labels = re.findall(r"[\"'`]([^\"'`]+)[\"'`]", node.attrs.get("data-items", ""))
        groups: list[tuple[str, list[Node | str]]] = []
        outside: list[Node | str] = []
        for child in node.children:
            if isinstance(child, Node) and child.tag in {"x-tab", "x-tabline"}:
                groups.append((child.attrs.get("data-title", ""), child.children if child.tag == "x-tab" else []))
                is_open = child.tag == "x-tabline"
            elif isinstance(child, Node) and child.tag == "pre" and not (groups and is_open):
                groups.append((child.attrs.get("data-title") or child.attrs.get("data-language", ""), [child]))
                is_open = False
            elif groups and is_open:
                groups[-1][1].append(child)
            else:
                outside.append(child)
        if not groups:
            return self._blocks(outside)
        tabs = []
        for number, (title, children) in enumerate(groups, start=1):
            label = title or (labels[number - 1] if number <= len(labels) else "")
            tabs.append(self._tab(label, self._blocks(children), number))
        return [*self._blocks(outside), ("tabs", tabs)]

    def _tab(self, title: str, blocks: list[Block], number: int) -> dict[str, Any]:
        title = self._safe(" ".join(title.split())) or str(number)
        if len(title) > TAB_LENGTH:
            blocks = [("paragraph", [Piece("p", f"<b>{escape(title)}</b>")]), *blocks]
            title = f"{title[: TAB_LENGTH - 1]}…"
        return {"title": title, "content": fitting(blocks, _TAB) or [("paragraph", [Piece("p", "…")])]}

    def _variant(self, node: Node) -> list[Block]:
        """Convert what differs by product; with no known product it is plain text."""
        codes = re.split(r"[\s,،]+", node.attrs.get("data-codes", "").strip())
        products = []
        for code in filter(None, codes):
            product = self._resolver.product_id(code)
            if product is None:
                self._note(
                    node,
                    _("The product “%(code)s” is not known; its text is shown to everybody.") % {"code": code[:60]},
                )
            else:
                products.append(product)
        blocks = self._blocks(node.children)
        if not products:
            return blocks
        content = fitting(blocks, _VARIANT) or [("paragraph", [Piece("p", "…")])]
        variant = {"products": [self._item(product) for product in products], "content": content}
        self._variants[id(variant)] = node
        return [("product_switch", [variant])]

    def _lone_variant(self, variant: dict[str, Any]) -> list[Block]:
        self._note(
            self._variants[id(variant)],
            _("One “product” box alone differs from nothing; its text is shown to everybody."),
        )
        return list(variant["content"])

    # Code and tables ----------------------------------------------------------------------------------------------------

    def _code(self, node: Node) -> list[Block]:
        inner = node.find("code") or node
        text = node.text()
        text = text.removesuffix("\n") if node.attrs.get("data-code") else text.strip("\n")
        if not text.strip():
            return []
        language = node.attrs.get("data-language", "") or next(
            (name.partition("-")[2] for holder in (inner, node) for name in holder.classes if name.startswith(("language-", "lang-"))), ""
        ) or node.attrs.get("data-lang", "")  # fmt: skip
        language = language if re.fullmatch(r"[\w+#.-]{1,30}", language) else ""
        title = " ".join(node.attrs.get("data-title", "").split())[:HEADING_LENGTH]
        if language == "mermaid":
            self._note(node, _("A diagram cannot be drawn here; its text is shown as code."))
        pictures = [block for image in node.walk() if image.tag == "img" for block in self._picture(image)]
        return [("code", {"title": title, "language": language, "code": text}), *pictures]

    def _table(self, node: Node) -> list[Block]:
        """Convert a table. Cells hold lines of text; pictures in them follow the table."""
        pictures: list[Block] = []
        caption = next((self._safe(part.line_of_text()) for part in node.walk() if part.tag == "caption"), "")
        rows = [
            (row, part.tag == "thead") for part in parts_of_table(node) for row in part.elements() if row.tag == "tr"
        ]
        cells = [[cell for cell in row.elements() if cell.tag in {"td", "th"}] for row, _in_head in rows]
        has_head = bool(rows) and (rows[0][1] or (bool(cells[0]) and all(cell.tag == "th" for cell in cells[0])))
        places = grid(cells)
        width = max(map(len, places), default=0)
        if not width:
            return self._paragraph([node.text()])
        texts = [[self._cell(cell, pictures) if cell else "" for cell in row] for row in places]
        texts = [row + [""] * (width - len(row)) for row in texts]
        headings = [plain(cell) for cell in texts[0]] if has_head else []
        if any(len(heading) > _COLUMN_LENGTH for heading in headings):
            headings = []
        body = texts[1:] if headings else texts
        columns = [{"type": "text", "heading": headings[place] if headings else ""} for place in range(width)]
        values = [{"values": row} for row in body if any(row) or len(body) > 1]
        before = [("paragraph", [Piece("p", f"<b>{escape(caption)}</b>")])] if caption else []
        return [
            *before,
            ("table", {"columns": columns, "rows": values, "caption": caption[:_COLUMN_LENGTH]}),
            *pictures,
        ]

    def _cell(self, cell: Node, pictures: list[Block]) -> str:
        lines = []
        for name, value in fitting(self._blocks(cell.children), frozenset({"paragraph", "picture"}), is_note=True):
            if name == "picture":
                pictures.append((name, value))
            else:
                lines += [line for piece in value for line in lines_of_piece(piece)]
        return "".join(f"<p>{line}</p>" for line in lines)

    # Pictures, sounds, frames -------------------------------------------------------------------------------------------

    def _figure(self, node: Node) -> list[Block]:
        caption = next((part for part in node.walk() if part.tag == "figcaption"), None)
        blocks = self._blocks([child for child in node.children if child is not caption])
        if caption is None:
            return blocks
        words = self._safe(caption.line_of_text())
        is_shown = words and len(words) <= CAPTION_LENGTH and not caption.find("a", "img")
        for place, (name, value) in enumerate(blocks):
            if is_shown and name == "picture" and not value["caption"]:
                blocks[place] = (name, {**value, "caption": words})
                return blocks
        return [*blocks, *self._blocks(caption.children)]

    def _linked_picture(self, node: Node) -> list[Block]:
        """Convert a picture; the address to which it leads stands below it."""
        if node.tag == "img":
            return self._picture(node)
        if node.tag != "a":
            return [block for image in node.walk() if image.tag == "img" for block in self._picture(image)]
        images = [image for image in node.walk() if image.tag == "img"]
        found = [block for image in images for block in self._picture(image)]
        address = address_of(node)
        if all(name == "picture" for name, _value in found) and address in {source_of(image) for image in images} | {
            ""
        }:
            return found
        if all(name == "picture" for name, _value in found) and re.search(
            r"\.(?:png|jpe?g|gif|webp|svg)(?:\?|\Z)", address, re.IGNORECASE
        ):
            return found
        words = " ".join(filter(None, (image.attrs.get("alt", "").strip() for image in images))) or address
        link = tidy(self._marked(self._link(node, escape(words))))
        return [*(block for block in found if block[0] == "picture"), ("paragraph", [Piece("p", link)])]

    def _picture(self, node: Node) -> list[Block]:
        """Return a picture. One that cannot be had leaves its words, or a link to where it is."""
        source = source_of(node)
        alt = self._safe(" ".join(node.attrs.get("alt", "").split()))
        caption = self._safe(" ".join(node.attrs.get("title", "").split()))
        if source.startswith("data:"):
            self._note(node, _("A picture inside the text itself cannot be taken over; its words are kept."))
            return self._words_of_picture(alt, caption)
        try:
            image = self._resolver.picture_id(source)
        except FileProblemError as error:
            self._note(node, str(error))
            if re.match(r"https?://", source) and len(source) <= _LONGEST_ADDRESS:
                link = f'<a href="{attribute(source)}">{escape(alt or source)}</a>'
                return [("paragraph", [Piece("p", link)]), *self._words_of_picture("", caption)]
            return self._words_of_picture(alt, caption)
        if not alt and not self._breaks:
            self._note(node, _("Nothing says what this picture shows; people who do not see it need a text."))
        more: list[Block] = []
        for words in (alt, caption):
            if len(words) > CAPTION_LENGTH:
                more += self._words_of_picture(words, "")
        value = {"image": image, "alt": cut(alt, CAPTION_LENGTH) or cut(caption, CAPTION_LENGTH) or "…",
                 "caption": cut(caption, CAPTION_LENGTH)}  # fmt: skip
        return [("picture", value), *more]

    def _words_of_picture(self, alt: str, caption: str) -> list[Block]:
        lines = [words for words in (alt, caption if caption != alt else "") if words]
        return [("paragraph", [Piece("p", f"<i>{escape(words)}</i>") for words in lines])] if lines else []

    def _frame(self, node: Node) -> list[Block]:
        """Convert a sound or video of ours; of what stands in a frame the address stays."""
        source = source_of(node) or next((source_of(part) for part in node.walk() if part.tag == "source"), "")
        if node.tag == "embed" and source.startswith("download:"):
            return self._newest_release(node, source.removeprefix("download:").strip())
        match = _MEDIA_FILE.match(source)
        is_own = node.tag in {"audio", "video"} and not re.match(r"(?:https?:)?//", source)
        title = " ".join((node.attrs.get("title") or node.line_of_text()).split())
        if match and is_own:
            try:
                media = self._resolver.media_id(match[1] or node.tag, match[2].strip(), title)
            except FileProblemError as error:
                self._note(node, str(error))
                words = title or match[2]
                return [("paragraph", [Piece("p", f"<i>{escape(words)}</i>")])]
            return [("media", {"media": media, "caption": ""})]
        address = watchable(source)
        if not _LINK.match(address):
            self._note(node, _("“<%(name)s>” cannot be shown and is left out.") % {"name": node.tag})
            return self._blocks(node.children)
        self._note(node, _("What another site shows in a frame becomes a link to it."))
        rich = f'<a href="{attribute(address)}">{escape(title or address)}</a>'
        return [("paragraph", [Piece("p", rich)])]

    def _newest_release(self, node: Node, slug: str) -> list[Block]:
        """Return the block with the newest release of a download of this portal."""
        if slug in dict(releases.choices()):
            return [("newest_release", {"download": slug})]
        self._note(node, _("There is no download “%(name)s” here; it is left out.") % {"name": slug[:60]})
        return []

    # Rich text ----------------------------------------------------------------------------------------------------------

    def _inline(self, child: Node | str, *, linked: bool = False) -> str:  # noqa: C901, PLR0911 - one return for every kind of tag
        if isinstance(child, str):
            text = escape(child)
            if not linked:
                text = _ADDRESS.sub(as_link, text)
            return collapsed(text)
        tag = child.tag
        if tag == "br":
            return "<br/>"
        if tag == "wbr":
            return ""
        if tag == "img":
            self._pictures += self._picture(child)
            return " "
        if tag in {"a", "x-link"} and not linked:
            return self._inline_link(child)
        if "footnote-ref" in child.classes:
            return f"<sup>{escape(child.text().strip('[] '))}</sup>"
        if tag in _FRAMES:
            self._pictures += self._frame(child)
            return ""
        if tag == "input":
            return ""
        inside = "".join(self._inline(part, linked=linked or tag in {"code", "tt", "samp"}) for part in child.children)
        if tag == "q":
            return f"«{inside}»" if self._language == "fa" else f"“{inside}”"
        mark = MARKS.get(tag)
        return f"<{mark}>{inside}</{mark}>" if mark and inside.strip() else inside

    def _inline_link(self, node: Node) -> str:
        if (
            "footnote-backref" in node.classes
            or "headerlink" in node.classes
            or ("anchor" in node.classes and not node.text().strip("#¶ "))
        ):
            return ""
        text = "".join(self._inline(part, linked=True) for part in node.children)
        if node.tag == "x-link" and node.attrs.get("data-title"):
            text = f"{escape(node.attrs['data-title'])} {text}".strip()
        if not plain(text):
            image = node.find("img")
            address = address_of(node)
            if image is None:
                text = (
                    ""
                    if not _LINK.match(address) or node.attrs.get("id") or node.attrs.get("name")
                    else escape(address)
                )
            elif address and not re.search(r"\.(?:png|jpe?g|gif|webp|svg)(?:\?|\Z)", address, re.IGNORECASE):
                text = escape(image.attrs.get("alt", "").strip() or address)
        return self._link(node, text) if plain(text) else text

    def _link(self, node: Node, text: str) -> str:
        """Return a link around rich text, or the text alone if there is nowhere to go."""
        wiki = node.attrs.get("data-wiki")
        address = wiki if wiki is not None else address_of(node)
        if not address:
            if node.tag == "a" and not ({"id", "name"} & node.attrs.keys()) and "data-href" not in node.attrs:
                self._note(node, _("A link without a usable address becomes plain text."))
            return text
        if address.startswith("#"):
            return self._link_within(node, address[1:], text)
        if wiki is None and _LINK.match(address) and not self._is_page(address):
            if len(address) > _LONGEST_ADDRESS:
                self._note(
                    node,
                    _("The address “%(address)s” is too long; the link becomes plain text.")
                    % {"address": address[:60]},
                )
                return text
            return f'<a href="{attribute(address)}">{text}</a>'
        if wiki is None and _SCHEME.match(address) and not address.startswith("article:"):
            message = _("The address “%(address)s” is not allowed; the link becomes plain text.")
            self._note(node, message % {"address": address[:60]})
            return text
        return self._link_to_page(node, address, text)

    def _is_page(self, address: str) -> bool:
        """Return whether an address from the root is that of a page of the same import."""
        return address.startswith("/") and self._page_id(address.partition("#")[0]) is not None

    def _page_id(self, name: str) -> int | None:
        return self._resolver.page_id(name)

    def _link_to_page(self, node: Node, address: str, text: str) -> str:
        name, _mark, anchor = address.partition("#")
        name = name.strip()
        page = self._page_id(name.removeprefix("article:") if name.startswith("article:") else name)
        if page is None:
            message = _("There is no article “%(id)s” in this language; the link becomes plain text.")
            self._note(node, message % {"id": name.removeprefix("article:")[:80]})
            return text
        anchor = unquote(anchor)
        found = self._anchor_in(name, anchor) if self._anchor_in and anchor else ""
        place = f' anchor="{attribute(found or anchor_of(anchor))}"' if anchor else ""
        return f'<a linktype="page" id="{page}"{place}>{text}</a>'

    def _link_within(self, node: Node, anchor: str, text: str) -> str:
        wanted = unquote(anchor)
        found = self._anchors.get(wanted) or self._anchors.get(anchor_of(wanted))
        if found:
            return f'<a href="#{attribute(found)}">{text}</a>'
        if wanted not in {"", "top"} and not wanted.startswith("^"):
            self._note(
                node,
                _("There is no place “#%(name)s” in this text; the link becomes plain text.") % {"name": wanted[:60]},
            )
        return text

    def _safe(self, text: str) -> str:
        return bidi_safe(text, self._language)

    def _marked(self, rich: str) -> str:
        return bidi_safe(rich, self._language)
