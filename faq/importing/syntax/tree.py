"""Questions about the tree of a text: what an element is, and what the places in it are called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from faq.anchors import anchor_of
from faq.blocks import HEADING_LENGTH
from faq.importing.syntax.dom import INLINE, Node
from faq.importing.syntax.elements import kind_of
from faq.importing.syntax.rich import escape
from faq.importing.syntax.words import names

if TYPE_CHECKING:
    from collections.abc import Sequence


_NOTE_CLASSES: Final = names("admonition alert callout note hint markdown-alert custom-block notice panel message")


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
    taken: dict[str, int] = {}
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


def has_blocks(node: Node) -> bool:
    return any(part.tag not in INLINE for part in node.walk() if part is not node) if node.children else False


def has_words(parts: Sequence[Node | str]) -> bool:
    """Return whether there are words directly in these, outside elements."""
    return any(isinstance(part, str) and part.strip() for part in parts)


def is_picture(node: Node) -> bool:
    """Return whether an element is a picture, or a link, picture element or the like around nothing but pictures."""
    if node.tag == "img":
        return True
    return node.tag in INLINE and bool(node.find("img")) and not node.text().strip()


def lines_of(children: Sequence[Node | str], *, keep_empty: bool = False) -> list[list[Node | str]]:
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
        if nodes and all(map(is_picture, nodes)) and not has_words(line):
            found.append(line)
            is_open = False
        elif is_open:
            found[-1] += [ends[place - 1], *line]
        else:
            found.append(list(line))
            is_open = True
    return found


def title_of_step(item: Node) -> tuple[Node, Node] | None:
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


def parts_of_table(node: Node) -> list[Node]:
    """Return the head, the bodies and the foot of a table."""
    return [child for child in node.elements() if child.tag in {"thead", "tbody", "tfoot"}] + (
        [node] if any(child.tag == "tr" for child in node.elements()) else []
    )


def grid(rows: list[list[Node]]) -> list[list[Node | None]]:
    """Return the cells by place; where a cell reaches over others, these are empty."""
    grid: list[list[Node | None]] = []
    below: dict[tuple[int, int], None] = {}
    for number, row in enumerate(rows):
        line: list[Node | None] = []
        for cell in row:
            while (number, len(line)) in below:
                line.append(None)
            across = min(whole_number(cell.attrs.get("colspan", ""), 1), 50)
            down = min(whole_number(cell.attrs.get("rowspan", ""), 1), 200)
            for offset in range(1, down):
                below.update({(number + offset, len(line) + column): None for column in range(across)})
            line += [cell, *[None] * (across - 1)]
        grid.append(line)
    return grid


def whole_number(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else default


def first_kind(classes: Sequence[str]) -> str:
    return next((name for name in classes if kind_of(name) or kind_of(name.removesuffix("-title"))), "")


def kind_of_classes(node: Node) -> str | None:
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


def source_of(node: Node) -> str:
    names = ("data-src", "src", "data-original", "data")
    return next((node.attrs[name].strip() for name in names if node.attrs.get(name, "").strip()), "")


def address_of(node: Node) -> str:
    return (node.attrs.get("data-href") or node.attrs.get("href") or "").strip()


def watchable(address: str) -> str:
    """Return the address of a film's page for that of its frame."""
    if address.startswith("//"):
        address = f"https:{address}"
    match = re.match(r"https://(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w-]+)", address)
    return f"https://www.youtube.com/watch?v={match[1]}" if match else address


def attribute(address: str) -> str:
    return escape(re.sub(r"\s", "%20", address)).replace('"', "%22")


def as_link(match: re.Match[str]) -> str:
    return f'<a href="{match[0]}">{match[0]}</a>'


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
