"""The names of places within an article, by which links lead to its headings."""

from __future__ import annotations

import re
from typing import Final

from portal.core.text import slugify_unicode

#: Characters that GitHub, and most others, leave out of the name of a heading.
_PUNCTUATION: Final = re.compile(r"[^\w\s\u200c-]")
_LENGTH: Final = 60


def anchor_of(title: str, *, taken: dict[str, int] | None = None) -> str:
    """Return a readable id for a heading; with `taken`, one that is not among its keys yet, and is now.

    What a link from elsewhere calls the heading gives the same id as the heading itself. The prefix `s-` avoids collisions
    with ids of the page frame. The values are the numbers that were given last, so that thousands of equal headings take no
    longer than others.
    """
    base = f"s-{slugify_unicode(_PUNCTUATION.sub('', title), max_length=_LENGTH) or 'x'}"
    if taken is None:
        return base
    anchor, number = base, taken.get(base, 0)
    while anchor in taken:
        number += 1
        anchor = f"{base}-{number}"
    taken[anchor] = 1
    taken[base] = max(number, 1)
    return anchor
