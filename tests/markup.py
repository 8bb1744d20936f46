"""Helpers for comparing HTML."""

from __future__ import annotations

import re

_BETWEEN_TAGS = re.compile(r"(?<=>)\s+(?=<)|\s+(?=>)")
_WHITE_SPACE = re.compile(r"\s+")


def tidy(html: str) -> str:
    """`html` on one line, without white space between and inside tags, which depends on the layout of templates."""
    return _BETWEEN_TAGS.sub("", _WHITE_SPACE.sub(" ", html))
