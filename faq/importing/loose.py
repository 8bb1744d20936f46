"""Conversion of what people write in the community to blocks: lines stay lines, and HTML is text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faq.importing.markdown import Body, parse_body

if TYPE_CHECKING:
    from faq.importing.markdown import Resolver


def parse_loosely(text: str, *, language: str, key: str, resolver: Resolver) -> Body:
    """Return the blocks of a text, whatever it holds. Block ids are derived from `key` and the content."""
    return parse_body(text, language=language, key=key, resolver=resolver, form="post")
