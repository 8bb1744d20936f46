"""What was masked in a text, while its author changes it or somebody quotes it: in the words of who writes.

A post is stored with ``[phone]``. A form shows the same in the reader's language, and what it sends is stored as before:
whoever reads the post later reads it in theirs.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext, override

from portal.core.privacy import PLACEHOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping


def in_own_words(source: str) -> str:
    """Return the Markdown of a stored text with its placeholders in the current language."""
    return _replaced(source, {each: gettext(each) for each in PLACEHOLDERS})


def as_stored(source: str) -> str:
    """Return typed Markdown with the placeholders of any language as they are stored."""
    return _replaced(source, _stored_ones())


@cache
def _stored_ones() -> dict[str, str]:
    found: dict[str, str] = {}
    for code, _name in settings.LANGUAGES:
        with override(code):
            found |= {gettext(each): each for each in PLACEHOLDERS}
    return found


def _replaced(source: str, by: Mapping[str, str]) -> str:
    """Replace what stands alone: the words of a link or of a picture in the same brackets are its author's."""
    either = "|".join(map(re.escape, by))
    return re.sub(rf"(?<!!)(?:{either})(?![(\[])", lambda match: by[match[0]], source)
