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
from faq.importing.syntax.rich import MARKS, Piece, bidi_safe, collapsed, escape, join, plain, tidy
from faq.importing.syntax.words import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
_NOTE_CLASSES: Final = names("admonition alert callout note hint markdown-alert custom-block notice panel message")
#: What may stand inside a note, a step, an answer; an item; a tab; a variant for a product. Everything may in an article.
_MORE: Final = frozenset({"paragraph", "code", "table", "picture"})
_ITEM: Final = _MORE | {"note"}
_TAB: Final = _ITEM | {"steps", "items", "accordion"}
_VARIANT: Final = _ITEM | {"steps", "items"}
_LISTS: Final = frozenset({"ul", "ol", "menu", "dir"})
_FRAMES: Final = {"iframe", "embed", "object", "video", "audio"}


class Builder:
    """Builds the blocks of one text."""

    def __init__(self, root: Node, *, language: str, key: str, resolver: Resolver, breaks: bool = False) -> None:
        self._root = root
        self._language = language
        self._key = key
        self._resolver = resolver
        self._breaks = breaks
        self._notes: list[Problem] = []
        self._seen: Counter[str] = Counter()
        self._anchors = anchors_of(root)
        self._pictures: list[Block] = []
        self._variants: dict[int, Node] = {}

    def build(self) -> tuple[list[dict[str, Any]], list[Problem], dict[str, str]]:
        """Return the blocks, the notes, and the anchor on the page for every one in the text."""
        found: list[Block] = []
        for name, value in self._blocks(self._root.children):
            _extend(
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
            if isinstance(child, str) or (child.tag in INLINE and not _has_blocks(child)):
                words.append(child)
                continue
            if any(not isinstance(part, str) or part.strip() for part in words):
                before = ""
            _extend(found, self._paragraph(words))
            words = []
            if child.tag == "x-ial":
                if child.attrs.get("data-after") and kind_of(_first_kind(child.classes)) and found:
                    found[-1:] = self._as_note(child, [found[-1]])
                else:
                    marker = child if _first_kind(child.classes) else None
                continue
            blocks = self._element(child)
            if child.tag == "x-tab" == before and found[-1][0] == blocks[0][0] == "tabs":
                found[-1] = ("tabs", [*found[-1][1], *blocks.pop(0)[1]])
            before = child.tag
            if marker is not None and child.tag != "x-l":
                blocks = self._as_note(marker, _unboxed(blocks) if child.tag == "blockquote" else blocks)
                marker = None
            _extend(found, blocks)
        _extend(found, self._paragraph(words))
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
            self._note(node, _("A form cannot be shown; its text was kept."))
        if tag == "x-link":
            heading = Node(
                "a", {"data-href": node.attrs.get("data-href", "")}, [node.attrs.get("data-title", "")], node.line
            )
            return [*self._paragraph([heading]), *self._blocks(node.children)]
        if tag in {"div", "aside", "section", "p"} and (kind := _kind_of_classes(node)):
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
            return [("heading", words), *blocks]
        rich, more = self._line(node.children)
        return [("paragraph", [Piece("h3", rich)]) if rich else ("paragraph", []), *more]

    def _paragraph(self, children: Sequence[Node | str]) -> list[Block]:
        """Convert a paragraph: pictures on lines of their own stand where they are, others follow it."""
        found: list[Block] = []
        for line in _lines_of(children):
            images = [part for part in line if isinstance(part, Node)]
            if images and all(_is_picture(part) for part in images) and not _words(line):
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
        start = _number(node.attrs.get("start", ""), 1)
        if is_numbered and start == 1 and (steps := self._steps(node)):
            return [("steps", steps)]
        if start == 1 and all(map(_is_simple, items)):
            lines = "".join(f"<li>{_list_line(item)}</li>" for item in items)
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
        titles = [_title_of_step(item) for item in node.elements()]
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
        text, more = _text_and_more(blocks)
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
            _extend(found, self._definitions(child) if child.tag == "div" else blocks)
        return found

    # Boxes --------------------------------------------------------------------------------------------------------------

    def _callout(self, node: Node, kind: str, title: str) -> list[Block]:
        return [self._note_block(kind, title, self._blocks(node.children))]

    def _note_block(self, kind: str, title: str, blocks: list[Block]) -> Block:
        title = self._safe(" ".join(title.split()))
        blocks = fitting(blocks, _MORE, is_note=True)
        if len(title) > HEADING_LENGTH:
            blocks = _joined([("paragraph", [Piece("p", f"<b>{escape(title)}</b>")]), *blocks])
            title = ""
        text, more = _text_and_more(blocks)
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
        name = _first_kind(marker.classes)
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
        lines = _lines_of([str(head)[match.end() :], *first.children[1:]], keep_empty=True)
        title = Node("p", {}, lines[0]).line_of_text() if lines else ""
        rest: list[Node | str] = []
        for line in lines[1:]:
            rest += [*([Node("br")] if rest and self._breaks else ["\n"]), *line]
        after = node.children[node.children.index(first) + 1 :]
        children: list[Node | str] = [Node("p", {}, rest, first.line), *after] if _words(rest) or rest else list(after)
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
        text, more = _text_and_more(fitting(blocks, _MORE))
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
            (row, part.tag == "thead") for part in _parts_of_table(node) for row in part.elements() if row.tag == "tr"
        ]
        cells = [[cell for cell in row.elements() if cell.tag in {"td", "th"}] for row, _in_head in rows]
        has_head = bool(rows) and (rows[0][1] or (bool(cells[0]) and all(cell.tag == "th" for cell in cells[0])))
        grid = _grid(cells)
        width = max(map(len, grid), default=0)
        if not width:
            return self._paragraph([node.text()])
        texts = [[self._cell(cell, pictures) if cell else "" for cell in row] for row in grid]
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
                lines += [line for piece in value for line in _flat(piece)]
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
        address = _address_of(node)
        if all(name == "picture" for name, _value in found) and address in {_source_of(image) for image in images} | {
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
        source = _source_of(node)
        alt = self._safe(" ".join(node.attrs.get("alt", "").split()))
        caption = self._safe(" ".join(node.attrs.get("title", "").split()))
        if source.startswith("data:"):
            self._note(node, _("A picture inside the text itself cannot be taken over; its words were kept."))
            return self._words_of_picture(alt, caption)
        try:
            image = self._resolver.picture_id(source)
        except FileProblemError as error:
            self._note(node, str(error))
            if re.match(r"https?://", source) and len(source) <= _LONGEST_ADDRESS:
                link = f'<a href="{_attribute(source)}">{escape(alt or source)}</a>'
                return [("paragraph", [Piece("p", link)]), *self._words_of_picture("", caption)]
            return self._words_of_picture(alt, caption)
        if not alt and not self._breaks:
            self._note(node, _("Nothing says what this picture shows; people who do not see it need a text."))
        more: list[Block] = []
        for words in (alt, caption):
            if len(words) > CAPTION_LENGTH:
                more += self._words_of_picture(words, "")
        value = {"image": image, "alt": _cut(alt, CAPTION_LENGTH) or _cut(caption, CAPTION_LENGTH) or "…",
                 "caption": _cut(caption, CAPTION_LENGTH)}  # fmt: skip
        return [("picture", value), *more]

    def _words_of_picture(self, alt: str, caption: str) -> list[Block]:
        lines = [words for words in (alt, caption if caption != alt else "") if words]
        return [("paragraph", [Piece("p", f"<i>{escape(words)}</i>") for words in lines])] if lines else []

    def _frame(self, node: Node) -> list[Block]:
        """Convert a sound or video of ours; of what stands in a frame the address stays."""
        source = _source_of(node) or next((_source_of(part) for part in node.walk() if part.tag == "source"), "")
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
        address = _watchable(source)
        if not _LINK.match(address):
            self._note(node, _("“<%(name)s>” cannot be shown and was left out.") % {"name": node.tag})
            return self._blocks(node.children)
        self._note(node, _("What another site shows in a frame became a link to it."))
        rich = f'<a href="{_attribute(address)}">{escape(title or address)}</a>'
        return [("paragraph", [Piece("p", rich)])]

    # Rich text ----------------------------------------------------------------------------------------------------------

    def _inline(self, child: Node | str, *, linked: bool = False) -> str:  # noqa: C901, PLR0911 - one return for every kind of tag
        if isinstance(child, str):
            text = escape(child)
            if not linked:
                text = _ADDRESS.sub(_as_link, text)
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
            address = _address_of(node)
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
        address = wiki if wiki is not None else _address_of(node)
        if not address:
            if node.tag == "a" and not ({"id", "name"} & node.attrs.keys()) and "data-href" not in node.attrs:
                self._note(node, _("A link without a usable address became plain text."))
            return text
        if address.startswith("#"):
            return self._link_within(node, address[1:], text)
        if wiki is None and _LINK.match(address) and not self._is_page(address):
            if len(address) > _LONGEST_ADDRESS:
                self._note(
                    node,
                    _("The address “%(address)s” is too long; the link became plain text.") % {"address": address[:60]},
                )
                return text
            return f'<a href="{_attribute(address)}">{text}</a>'
        if wiki is None and _SCHEME.match(address) and not address.startswith("article:"):
            message = _("The address “%(address)s” is not allowed; the link became plain text.")
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
            message = _("There is no article “%(id)s” in this language; the link became plain text.")
            self._note(node, message % {"id": name.removeprefix("article:")[:80]})
            return text
        place = f' anchor="{_attribute(anchor_of(unquote(anchor)))}"' if anchor else ""
        return f'<a linktype="page" id="{page}"{place}>{text}</a>'

    def _link_within(self, node: Node, anchor: str, text: str) -> str:
        wanted = unquote(anchor)
        found = self._anchors.get(wanted) or self._anchors.get(anchor_of(wanted))
        if found:
            return f'<a href="#{_attribute(found)}">{text}</a>'
        if wanted not in {"", "top"} and not wanted.startswith("^"):
            self._note(
                node,
                _("There is no place “#%(name)s” in this text; the link became plain text.") % {"name": wanted[:60]},
            )
        return text

    def _safe(self, text: str) -> str:
        return bidi_safe(text, self._language)

    def _marked(self, rich: str) -> str:
        return bidi_safe(rich, self._language)


# Fitting ------------------------------------------------------------------------------------------------------------------


def fitting(blocks: Iterable[Block], allowed: frozenset[str], *, is_note: bool = False) -> list[Block]:
    """Return blocks as they may stand in a place; what may not becomes what may. `is_note`: there are no headings."""
    found: list[Block] = []
    for name, value in blocks:
        if name == "paragraph":
            pieces = [piece for part in value for piece in (_plainer(part) if is_note else [part])]
            _extend(found, [("paragraph", pieces)])
        elif name in allowed:
            _extend(found, [(name, value)])
        else:
            _extend(found, fitting(_lesser(name, value), allowed, is_note=is_note))
    return found


def _plainer(piece: Piece) -> list[Piece]:
    if piece.kind == "h3":
        return [Piece("p", f"<b>{plain_marks(piece.html)}</b>")]
    return [] if piece.kind == "hr" else [piece]


def _bold(text: str) -> Block:
    return ("paragraph", [Piece("p", f"<b>{escape(text)}</b>")])


def _text(rich: str) -> list[Block]:
    """Return stored rich text as a block again."""
    return [("paragraph", [Piece("list", rich)])] if rich else []


def _lesser(name: str, value: Any) -> list[Block]:  # noqa: C901, PLR0911 - one return for every kind of block
    """Return what a block consists of, as simpler blocks."""
    if name == "heading":
        return [("paragraph", [Piece("h3", escape(value))])]
    if name == "note":
        return [*([_bold(value["title"])] if value["title"] else []), *_text(value["text"]), *value["more"]]
    if name == "code":
        lines = [f"<code>{escape(line)}</code>" for line in value["code"].split("\n") if line.strip()]
        title = [_bold(value["title"])] if value["title"] else []
        return [*title, ("paragraph", [Piece("p", "<br/>".join(lines))])]
    if name == "table":
        lines = ["".join(f"<b>{escape(column['heading'])}</b> " for column in value["columns"] if column["heading"])]
        lines += [
            " · ".join(re.sub(r"</p><p>", "<br/>", cell)[3:-4] for cell in row["values"] if cell)
            for row in value["rows"]
        ]
        return [("paragraph", [Piece("p", line.strip()) for line in lines if line.strip()])]
    if name == "accordion":
        return [block for item in value for block in (_bold(item["question"]), *_text(item["answer"]), *item["more"])]
    if name == "tabs":
        return [block for tab in value for block in (_bold(tab["title"]), *tab["content"])]
    if name == "product_switch":
        return [block for variant in value for block in variant["content"]]
    if name == "steps":
        return [block for number, step in enumerate(value, start=1) for block in _lesser_step(number, step)]
    if name == "items":
        found: list[Block] = []
        for number, item in enumerate(value["items"], start=value["start"]):
            found += _numbered(f"{number}. " if value["numbered"] else "• ", item)
        return found
    return []


def _lesser_step(number: int, step: dict[str, Any]) -> list[Block]:
    image: list[Block] = []
    if step["image"] is not None:
        image = [("picture", {"image": step["image"], "alt": step["alt"], "caption": ""})]
    return [_bold(f"{number}. {step['title']}"), *_text(step["text"]), *image, *step["more"]]


def _numbered(sign: str, item: list[Block]) -> list[Block]:
    """Return the blocks of an item with its number before its first words."""
    if item and item[0][0] == "paragraph" and item[0][1] and item[0][1][0].kind == "p":
        first, *others = item[0][1]
        return [("paragraph", [Piece("p", sign + first.html), *others]), *item[1:]]
    return [("paragraph", [Piece("p", sign.strip())]), *item]


def plain_marks(rich: str) -> str:
    """Return rich text without bold, for a place that is bold as a whole."""
    return re.sub(r"</?b>", "", rich)


def _extend(found: list[Block], blocks: Iterable[Block]) -> None:
    """Add blocks; texts, questions and variants in a row are one block."""
    for name, value in blocks:
        if name in {"paragraph", "note", "heading"} and _is_empty(name, value):
            continue
        if found and found[-1][0] == name and name in {"paragraph", "accordion", "product_switch"}:
            found[-1] = (name, [*found[-1][1], *value])
        else:
            found.append((name, value))


def _joined(blocks: Iterable[Block]) -> list[Block]:
    found: list[Block] = []
    _extend(found, blocks)
    return found


def _is_empty(name: str, value: Any) -> bool:
    if name == "note":
        return not (value["text"] or value["title"] or value["more"])
    return not value


def _unboxed(blocks: list[Block]) -> list[Block]:
    """Return what stands in a quotation, for a note around it."""
    if len(blocks) == 1 and blocks[0][0] == "note":
        value = blocks[0][1]
        pieces = [Piece("p", text) for text in re.findall(r"<p>(.*?)</p>", value["text"], re.DOTALL)]
        is_whole = join(pieces) == value["text"]
        return _joined([("paragraph", pieces if is_whole else [Piece("list", value["text"])]), *value["more"]])
    return blocks


def _text_and_more(blocks: list[Block]) -> tuple[str, list[Block]]:
    """Divide blocks into the text at the beginning and what follows it."""
    if blocks and blocks[0][0] == "paragraph":
        return join(blocks[0][1]), blocks[1:]
    return "", blocks


def _is_simple(item: list[Block]) -> bool:
    """Return whether an item holds lines, then lists, and nothing else."""
    if len(item) != 1 or item[0][0] != "paragraph":
        return False
    kinds = [piece.kind for piece in item[0][1]]
    return "".join(kinds) == "p" * kinds.count("p") + "list" * kinds.count("list")


def _list_line(item: list[Block]) -> str:
    pieces = item[0][1]
    lines = "<br/>".join(piece.html for piece in pieces if piece.kind == "p")
    return lines + "".join(piece.html for piece in pieces if piece.kind == "list")


def _flat(piece: Piece) -> list[str]:
    """Return a piece as lines with inline marks only; items of a list begin with a dot or number."""
    if piece.kind != "list":
        return [piece.html] if piece.html else []
    lines: list[str] = []
    counters: list[int | None] = []
    for match in re.finditer(
        r"<(/?)(ul|ol|li|p|h3|hr)/?>|((?:(?!</?(?:ul|ol|li|p|h3|hr)/?>).)+)", piece.html, re.DOTALL
    ):
        closes, tag, text = match.groups()
        if tag in {"ul", "ol"} and not closes:
            counters.append(0 if tag == "ol" else None)
        elif tag in {"ul", "ol"} and counters:
            counters.pop()
        elif tag == "li" and not closes and counters and (number := counters[-1]) is not None:
            counters[-1] = number + 1
        if text:
            count = counters[-1] if counters else -1
            sign = "" if count == -1 else "• " if count is None else f"{count}. "
            lines.append(sign + text)
    return lines


# Reading the tree ---------------------------------------------------------------------------------------------------------


def anchors_of(root: Node) -> dict[str, str]:
    """Return the anchors on the page by the names that the text has for them: ids, and headings as GitHub names them."""
    names: list[tuple[Node, bool]] = []
    waiting: list[str] = []
    ids: dict[str, int] = {}

    def visit(node: Node, *, is_top: bool) -> None:
        for child in node.elements():
            own = [
                value for key in ("id", "name") if (value := child.attrs.get(key)) and (key == "id" or child.tag == "a")
            ]
            if re.fullmatch(r"h[1-6]", child.tag) and child.line_of_text():
                own += [
                    part.attrs.get("id") or part.attrs.get("name", "")
                    for part in child.walk()
                    if part is not child and part.tag == "a"
                ]
                is_block = is_top and child.tag in {"h1", "h2"} and len(child.line_of_text()) <= HEADING_LENGTH
                names.append((child, is_block))
                for name in (*waiting, *own):
                    ids.setdefault(name, len(names) - 1)
                waiting.clear()
                continue
            waiting.extend(own)
            visit(child, is_top=is_top and child.tag in _TRANSPARENT)

    visit(root, is_top=True)
    taken: set[str] = set()
    anchors: dict[int, str] = {}
    for wants_block in (True, False):
        for place, (node, is_block) in enumerate(names):
            if is_block is wants_block:
                anchors[place] = anchor_of(node.line_of_text(), taken=taken)
    found = {name: anchors[place] for name, place in ids.items() if name}
    for place, (node, _is_block) in enumerate(names):
        found.setdefault(anchor_of(node.line_of_text()), anchors[place])
        found.setdefault(node.line_of_text(), anchors[place])
    return found


_TRANSPARENT: Final = frozenset({"div", "section", "article", "main", "header", "body", "center", "form"})


def _has_blocks(node: Node) -> bool:
    return any(part.tag not in INLINE for part in node.walk() if part is not node) if node.children else False


def _words(parts: Sequence[Node | str]) -> bool:
    """Return whether there are words directly in these, outside elements."""
    return any(isinstance(part, str) and part.strip() for part in parts)


def _is_picture(node: Node) -> bool:
    """Return whether an element is a picture, or a link, picture element or the like around nothing but pictures."""
    if node.tag == "img":
        return True
    return node.tag in INLINE and bool(node.find("img")) and not node.text().strip()


def _lines_of(children: Sequence[Node | str], *, keep_empty: bool = False) -> list[list[Node | str]]:
    """Divide a paragraph into lines only where a line is nothing but pictures; else it stays whole.

    With `keep_empty` it is divided at the first line break, whatever the lines hold.
    """
    lines: list[list[Node | str]] = [[]]
    ends: list[Node | str] = []
    for child in children:
        parts: list[Node | str] = [child]
        if isinstance(child, str):
            parts = [part for part in re.split(r"(\n)", child) if part]
        for part in parts:
            if part == "\n" or (isinstance(part, Node) and part.tag == "br"):
                ends.append(part)
                lines.append([])
            else:
                lines[-1].append(part)
    if keep_empty:
        return lines
    found: list[list[Node | str]] = []
    is_open = False
    for place, line in enumerate(lines):
        nodes = [part for part in line if isinstance(part, Node)]
        if nodes and all(map(_is_picture, nodes)) and not _words(line):
            found.append(line)
            is_open = False
        elif is_open:
            found[-1] += [ends[place - 1], *line]
        else:
            found.append(list(line))
            is_open = True
    return found


def _title_of_step(item: Node) -> tuple[Node, Node] | None:
    """Return the bold title at the beginning of an item, and the element it is in."""
    holder = item
    parts = [child for child in item.children if not isinstance(child, str) or child.strip()]
    if parts and isinstance(parts[0], Node) and parts[0].tag == "p":
        holder = parts[0]
        parts = [child for child in holder.children if not isinstance(child, str) or child.strip()]
    first = parts[0] if parts else None
    if not isinstance(first, Node) or first.tag not in {"strong", "b"} or not first.line_of_text():
        return None
    return None if first.find("img", "a", "code") else (first, holder)


def _parts_of_table(node: Node) -> list[Node]:
    """Return the head, the bodies and the foot of a table."""
    return [child for child in node.elements() if child.tag in {"thead", "tbody", "tfoot"}] + (
        [node] if any(child.tag == "tr" for child in node.elements()) else []
    )


def _grid(rows: list[list[Node]]) -> list[list[Node | None]]:
    """Return the cells by place; where a cell reaches over others, these are empty."""
    grid: list[list[Node | None]] = []
    below: dict[tuple[int, int], None] = {}
    for number, row in enumerate(rows):
        line: list[Node | None] = []
        for cell in row:
            while (number, len(line)) in below:
                line.append(None)
            across = min(_number(cell.attrs.get("colspan", ""), 1), 50)
            down = min(_number(cell.attrs.get("rowspan", ""), 1), 200)
            for offset in range(1, down):
                below.update({(number + offset, len(line) + column): None for column in range(across)})
            line += [cell, *[None] * (across - 1)]
        grid.append(line)
    return grid


def _number(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else default


def _first_kind(classes: Sequence[str]) -> str:
    return next((name for name in classes if kind_of(name) or kind_of(name.removesuffix("-title"))), "")


def _kind_of_classes(node: Node) -> str | None:
    """Return the kind of note that the classes of an element of HTML mean, if it is one."""
    names = node.classes
    if not names:
        return None
    words = [
        re.sub(
            r"^(?:alert|callout|admonition|markdown-alert|note|hint|notice|panel|is|message|theme|type|box|bs-callout)-+",
            "",
            name,
        )
        for name in names
    ]
    is_box = any(
        name in _NOTE_CLASSES or name.startswith(("alert-", "callout-", "admonition-", "markdown-alert-", "bs-callout"))
        for name in names
    )
    kinds = [kind for word in words if word not in _NOTE_CLASSES - {"note"} and (kind := kind_of(word))]
    alone = [
        kind
        for name in names
        if name in {"note", "tip", "warning", "danger", "caution", "important", "info"} and (kind := kind_of(name))
    ]
    if is_box:
        return next((kind for kind in kinds if kind != "info"), "info")
    return alone[0] if alone and len(names) <= 3 else None


def _source_of(node: Node) -> str:
    names = ("data-src", "src", "data-original", "data")
    return next((node.attrs[name].strip() for name in names if node.attrs.get(name, "").strip()), "")


def _address_of(node: Node) -> str:
    return (node.attrs.get("data-href") or node.attrs.get("href") or "").strip()


def _watchable(address: str) -> str:
    """Return the address of a film's page for that of its frame."""
    if address.startswith("//"):
        address = f"https:{address}"
    match = re.match(r"https://(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w-]+)", address)
    return f"https://www.youtube.com/watch?v={match[1]}" if match else address


def _attribute(address: str) -> str:
    return escape(re.sub(r"\s", "%20", address)).replace('"', "%22")


def _as_link(match: re.Match[str]) -> str:
    return f'<a href="{match[0]}">{match[0]}</a>'


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
