"""Bodies of articles on their way out and in: every block in its complete form, what it refers to by another name.

The stored form of a body may leave out what Wagtail adds when it stores it again: ids of blocks, fields that came later. An
export has all of it, so that an export of what was taken in is the same. Nothing is looked up in the database.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Final, Protocol

import nh3
from wagtail import blocks
from wagtail.blocks.field_block import ChooserBlock
from wagtail.contrib.typed_table_block.blocks import TypedTableBlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from wagtail.blocks import Block

_NAMESPACE: Final = uuid.UUID("5f0a5f0e-6c58-4d0f-9b5e-0f7d5d9b1c11")
#: A link holds no other: where one begins again, the one before has no end.
_LINK: Final = re.compile(r"<a\b([^>]*)>((?:(?!<a\b).)*?)</a>", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r'([a-z-]+)="([^"]*)"')
_TAGS: Final = (
    "a|b|br|code|del|em|h[2-6]|hr|i|kbd|li|mark|ol|p|s|strike|strong|sub|sup|u|ul"  # what Wagtail's editor stores
)
#: Rich text as the editor stores it; anything else is cleaned, because it is shown as it is.
_STORED: Final = re.compile(
    rf'(?:[^<]|</(?:{_TAGS})>|<(?:{_TAGS})(?: (?:anchor|data-block-key|id|linktype)="[^"<>]*"'
    r'| href="(?:https?://|mailto:|tel:|/(?![/\\\s])|\#)[^"<>\x00-\x1f]*")*\s?/?>)*\Z'
)


class MalformedError(ValueError):
    """Raised for a body that no editor could have made."""


class Change(Protocol):
    """Gives what a body refers to another name: keys for numbers of rows, or the reverse. None: there is no such thing."""

    def choice(self, block: Block, value: Any) -> Any:
        """Return the other name of what a chooser refers to."""
        ...

    def link(self, kind: str, name: str) -> str | None:
        """Return the other name of what a link in a text leads to; `kind` is "page" or "document"."""
        ...

    def text(self, text: str) -> str:
        """Return a rich text as it may be stored, after its links were changed."""
        ...


def changed(block: Block, value: Any, change: Change, *, place: str, attributes: tuple[str, str]) -> Any:
    """Return a value in its complete form, with other names for what it refers to.

    `place` names the value, for ids of blocks that have none. `attributes`: how links call what they lead to before and after, "id" in
    the database, "ref" in an export. Raises `MalformedError`.
    """
    try:
        return _Walk(change, attributes).value(block, value, place)
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise MalformedError(str(error)) from error


class _Walk:
    def __init__(self, change: Change, attributes: tuple[str, str]) -> None:
        self._change = change
        self._before, self._after = attributes

    def value(self, block: Block, value: Any, place: str) -> Any:  # noqa: PLR0911 - one return for every kind of block
        if isinstance(block, blocks.StreamBlock):
            return [
                {
                    "type": item["type"],
                    "value": self.value(block.child_blocks[item["type"]], item["value"], f"{place}/{number}"),
                    "id": _id(item, f"{place}/{number}"),
                }
                for number, item in enumerate(value or [])
                if item["type"] in block.child_blocks
            ]
        if isinstance(block, blocks.ListBlock):
            return [self._item(block.child_block, item, f"{place}/{number}") for number, item in enumerate(value or [])]
        if isinstance(block, blocks.StructBlock):
            return {
                name: self.value(child, value[name] if name in value else _default(child), f"{place}/{name}")
                for name, child in block.child_blocks.items()
            }
        if isinstance(block, TypedTableBlock):
            return self._table(block, value, place)
        if isinstance(block, ChooserBlock):
            return None if value is None else self._change.choice(block, value)
        if isinstance(block, blocks.RichTextBlock):
            return self._change.text(rich_text(value or "", self._change.link, before=self._before, after=self._after))
        if not isinstance(value, str | int | float | bool | None):
            raise MalformedError(place)
        return value

    def _item(self, block: Block, item: Any, place: str) -> dict[str, Any]:
        is_wrapped = isinstance(item, dict) and item.get("type") == "item" and {"id", "value"} <= item.keys()
        return {
            "type": "item",
            "value": self.value(block, item["value"] if is_wrapped else item, place),
            "id": _id(item if is_wrapped else {}, place),
        }

    def _table(self, block: TypedTableBlock, value: Any, place: str) -> dict[str, Any]:
        if not value:
            return {"columns": [], "rows": [], "caption": ""}
        columns = [{"type": column["type"], "heading": column["heading"]} for column in value["columns"]]
        kinds = [block.child_blocks[column["type"]] for column in columns]
        rows = [
            {"values": [self.value(kind, cell, place) for kind, cell in zip(kinds, row["values"], strict=False)]}
            for row in value["rows"]
        ]
        return {"columns": columns, "rows": rows, "caption": value.get("caption", "")}


def _default(block: Block) -> Any:
    return block.get_prep_value(block.get_default())


def _id(item: dict[str, Any], place: str) -> str:
    found = item.get("id")
    return found if isinstance(found, str) and found else str(uuid.uuid5(_NAMESPACE, place))


def rich_text(text: str, link: Callable[[str, str], str | None], *, before: str, after: str) -> str:
    """Return a text with other names for what its links lead to; a link that leads nowhere becomes its words."""

    def replaced(match: re.Match[str]) -> str:
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        if "linktype" not in attributes:
            return match[0]
        name = link(attributes["linktype"], attributes.get(before, ""))
        if name is None:
            return match[2]
        # Only the name says what it leads to: a number beside it would be one of another portal.
        written = re.sub(rf' {after}="[^"]*"', "", match[1])
        written = written.replace(f'{before}="{attributes[before]}"', f'{after}="{name}"')
        return f"<a{written}>{match[2]}</a>"

    if not isinstance(text, str):
        raise MalformedError(type(text).__name__)
    return _LINK.sub(replaced, text)


def is_safe(text: str) -> bool:
    """Return whether a rich text is one that the editor could have stored."""
    return _STORED.match(text) is not None


def cleaned(text: str) -> str:
    """Return a rich text without whatever the editor would not store."""
    return nh3.clean(
        text,
        tags={*_TAGS.replace("h[2-6]", "h2|h3|h4|h5|h6").split("|")},
        attributes={"a": {"anchor", "href", "id", "linktype"}},
        link_rel=None,
        url_schemes={"http", "https", "mailto", "tel"},
    )
