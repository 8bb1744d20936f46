"""Traversal of an article's body, at any level of nesting. Knows block values, but no models."""

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
    """Yield every block that contains no other block, with its value, in reading order."""
    inner = None if value is None else _children(block, value)
    if inner is None:
        if value is not None:
            yield block, value
        return
    for child_block, child in inner:
        yield from leaves(child_block, child)


def _children(block: Block, value: Any) -> list[tuple[Block, Any]] | None:
    """Return the blocks inside a block, or None when it is a leaf."""
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
    """Return the readable words of the body without markup: headings, texts, captions, tables, shared texts,
    transcripts.

    Titles of linked articles and file names are left out: they are about something else.
    """
    found = (_words(block, value) for block, value in leaves(body.stream_block, body)) if body else ()
    return " ".join(filter(None, found))


def _words(block: Block, value: Any) -> str:
    if isinstance(value, RichText):
        return str(get_text_for_indexing(value.source))
    if isinstance(block, blocks.ChoiceBlock) or getattr(block, "has_no_words", False):
        # Some values only name what is shown.
        return str(block.words_of(value)) if hasattr(block, "words_of") else ""
    if isinstance(value, str):
        return value
    if hasattr(value, "transcript"):
        return f"{value.title} {value.transcript}".strip()
    shared = getattr(value, "body", None)
    if shared is not None and hasattr(shared, "stream_block") and not hasattr(value, "url_path"):
        return words_of(shared)
    return ""


def first_steps(body: Any) -> list[str]:
    """Return the titles of the first list of steps in the body, in order; empty when it has none.

    Reads stored values only, so that no picture is fetched. Steps that differ by product are left out, because which of
    them apply depends on the reader.
    """
    steps: list[Any] = next(
        (block["value"] for block in (body.raw_data if body else ()) if block["type"] == "steps"), []
    )
    titles = (step.get("value", step).get("title") or "" for step in steps)
    return [title.strip() for title in titles if title.strip()]


def pictures_of(body: Any) -> list[AbstractImage]:
    """Return every picture object in the body, including those in shared texts."""
    found: list[AbstractImage] = []
    for _block, value in leaves(body.stream_block, body) if body else ():
        if isinstance(value, AbstractImage):
            found.append(value)
        elif hasattr(value, "translation_key") and not hasattr(value, "url_path") and hasattr(value, "body"):
            found.extend(pictures_of(value.body))
    return found
