"""What blocks become where they cannot stand: a table in a note, a heading in a list. No word is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from faq.importing.syntax.rich import Piece, escape, join

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    #: The name of a block and its value. The value of a "paragraph" is its pieces until it is stored.
    Block: TypeAlias = tuple[str, Any]


def fitting(blocks: Iterable[Block], allowed: frozenset[str], *, is_note: bool = False) -> list[Block]:
    """Return blocks as they may stand in a place; what may not becomes what may. `is_note`: there are no headings."""
    found: list[Block] = []
    for name, value in blocks:
        if name == "paragraph":
            pieces = [piece for part in value for piece in (_plainer(part) if is_note else [part])]
            extend(found, [("paragraph", pieces)])
        elif name in allowed:
            extend(found, [(name, value)])
        else:
            extend(found, fitting(_lesser(name, value), allowed, is_note=is_note))
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
    if name == "newest_release":
        address = f"/d/{value['download']}/latest"
        return [("paragraph", [Piece("p", f'<a href="{escape(address)}">{escape(value["download"])}</a>')])]
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


def extend(found: list[Block], blocks: Iterable[Block]) -> None:
    """Add blocks; texts, questions and variants in a row are one block."""
    for name, value in blocks:
        if name in {"paragraph", "note", "heading"} and _is_empty(name, value):
            continue
        if found and found[-1][0] == name and name in {"paragraph", "accordion", "product_switch"}:
            found[-1] = (name, [*found[-1][1], *value])
        else:
            found.append((name, value))


def joined(blocks: Iterable[Block]) -> list[Block]:
    found: list[Block] = []
    extend(found, blocks)
    return found


def _is_empty(name: str, value: Any) -> bool:
    if name == "note":
        return not (value["text"] or value["title"] or value["more"])
    return not value


def unboxed(blocks: list[Block]) -> list[Block]:
    """Return what stands in a quotation, for a note around it."""
    if len(blocks) == 1 and blocks[0][0] == "note":
        value = blocks[0][1]
        pieces = [Piece("p", text) for text in re.findall(r"<p>(.*?)</p>", value["text"], re.DOTALL)]
        is_whole = join(pieces) == value["text"]
        return joined([("paragraph", pieces if is_whole else [Piece("list", value["text"])]), *value["more"]])
    return blocks


def text_and_more(blocks: list[Block]) -> tuple[str, list[Block]]:
    """Divide blocks into the text at the beginning and what follows it."""
    if blocks and blocks[0][0] == "paragraph":
        return join(blocks[0][1]), blocks[1:]
    return "", blocks


def is_simple(item: list[Block]) -> bool:
    """Return whether an item holds lines, then lists, and nothing else."""
    if len(item) != 1 or item[0][0] != "paragraph":
        return False
    kinds = [piece.kind for piece in item[0][1]]
    return "".join(kinds) == "p" * kinds.count("p") + "list" * kinds.count("list")


def list_line(item: list[Block]) -> str:
    pieces = item[0][1]
    lines = "<br/>".join(piece.html for piece in pieces if piece.kind == "p")
    return lines + "".join(piece.html for piece in pieces if piece.kind == "list")


def lines_of_piece(piece: Piece) -> list[str]:
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
