"""Markup as a reader meets it."""

from __future__ import annotations

import re

_BETWEEN_TAGS = re.compile(r"(?<=>)\s+(?=<)|\s+(?=>)")
_WHITE_SPACE = re.compile(r"\s+")


def tidy(html: str) -> str:
    """`html` on one line, without the white space between tags and at their ends, which depends on how a template is written."""
    return _BETWEEN_TAGS.sub("", _WHITE_SPACE.sub(" ", html))
