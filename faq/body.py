"""Walking through an article's body, whatever it is nested in. Knows block values, no models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wagtail import blocks
from wagtail.contrib.typed_table_block.blocks import TypedTableBlock
from wagtail.images.models import AbstractImage
from wagtail.rich_text import RichText, get_text_for_indexing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wagtail.blocks import Block


def leaves(block: Block, value: Any) -> Iterator[tuple[Block, Any]]:
    """Every block that holds no other, with its value, in reading order."""
    inner = None if value is None else _children(block, value)
    if inner is None:
        if value is not None:
            yield block, value
        return
    for child_block, child in inner:
        yield from leaves(child_block, child)


def _children(block: Block, value: Any) -> list[tuple[Block, Any]] | None:
    """What a block holds, or none when it holds no blocks."""
    if isinstance(block, blocks.StreamBlock):
        return [(child.block, child.value) for child in value]
    if isinstance(block, blocks.ListBlock):
        return [(block.child_block, item) for item in value]
    if isinstance(block, blocks.StructBlock):
        return [(child_block, value.get(name)) for name, child_block in block.child_blocks.items()]
    if isinstance(block, TypedTableBlock):
        headings = [(_HEADING, column["heading"] or "") for column in value.columns]
        return [
            (_HEADING, value.caption or ""),
            *headings,
            *((cell.block, cell.value) for row in value.rows for cell in row),
        ]
    return None


_HEADING = blocks.CharBlock()


def words_of(body: Any) -> str:
    """The words a reader meets in the body, without markup: headings, texts, captions, tables, shared texts, transcripts.

    Titles of linked articles and names of files are left out: they are about something else.
    """
    found = (_words(block, value) for block, value in leaves(body.stream_block, body)) if body else ()
    return " ".join(filter(None, found))


def _words(block: Block, value: Any) -> str:
    if isinstance(value, RichText):
        return str(get_text_for_indexing(value.source))
    if isinstance(block, blocks.ChoiceBlock):
        return ""
    if isinstance(value, str):
        return value
    if hasattr(value, "transcript"):
        return f"{value.title} {value.transcript}".strip()
    shared = getattr(value, "body", None)
    if shared is not None and hasattr(shared, "stream_block") and not hasattr(value, "url_path"):
        return words_of(shared)
    return ""


def first_steps(body: Any) -> list[str]:
    """What to do in each of the first steps of the body, in order; none where it has no list of steps.

    Reads the stored values alone, so that no picture is fetched for it. Steps that differ by product are left out: which
    of them is meant depends on the reader.
    """
    steps: list[Any] = next(
        (block["value"] for block in (body.raw_data if body else ()) if block["type"] == "steps"), []
    )
    titles = (step.get("value", step).get("title") or "" for step in steps)
    return [title.strip() for title in titles if title.strip()]


def pictures_of(body: Any) -> list[AbstractImage]:
    """Every picture object in the body, shared texts included."""
    found: list[AbstractImage] = []
    for _block, value in leaves(body.stream_block, body) if body else ():
        if isinstance(value, AbstractImage):
            found.append(value)
        elif hasattr(value, "translation_key") and not hasattr(value, "url_path") and hasattr(value, "body"):
            found.extend(pictures_of(value.body))
    return found
