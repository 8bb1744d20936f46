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
    if value is None:
        return
    if isinstance(block, blocks.StreamBlock):
        for child in value:
            yield from leaves(child.block, child.value)
    elif isinstance(block, blocks.ListBlock):
        for item in value:
            yield from leaves(block.child_block, item)
    elif isinstance(block, blocks.StructBlock):
        for name, child_block in block.child_blocks.items():
            yield from leaves(child_block, value.get(name))
    elif isinstance(block, TypedTableBlock):
        for column in value.columns:
            yield block, column["heading"] or ""
        for row in value.rows:
            for cell in row:
                yield from leaves(cell.block, cell.value)
    else:
        yield block, value


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


def pictures_of(body: Any) -> list[AbstractImage]:
    """Every picture object in the body, shared texts included."""
    found: list[AbstractImage] = []
    for _block, value in leaves(body.stream_block, body) if body else ():
        if isinstance(value, AbstractImage):
            found.append(value)
        elif hasattr(value, "translation_key") and not hasattr(value, "url_path") and hasattr(value, "body"):
            found.extend(pictures_of(value.body))
    return found
