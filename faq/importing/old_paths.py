"""Addresses that articles had where they come from: whoever kept one is led to the article (Wagtail's redirects)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wagtail.contrib.redirects.models import Redirect

from portal.core.routing import is_taken
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

_SITE: Final = re.compile(r"^https?://[^/]+(?=/)")
#: Longest path that a redirect holds, and most of one article.
_LONGEST: Final = 255
_MOST: Final = 50
#: Heads have patterns for addresses, too, such as ``/:year/:title/``.
_PATTERN: Final = re.compile(r"[:{}*<>\s]")


def old_paths(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return the paths from the root among what a document says of its addresses, as redirects have them."""
    found: dict[str, None] = {}
    for address in addresses:
        path = _SITE.sub("", address.strip())
        if not path.startswith("/") or path.startswith("//") or _PATTERN.search(path):
            continue
        path = Redirect.normalise_path(path.partition("#")[0])
        if path not in {"", "/"} and len(path) <= _LONGEST:
            found[path] = None
    return tuple(found)[:_MOST]


def lead(wanted: Mapping[str, int]) -> None:
    """Have each path lead to a page, unless it leads somewhere already. Where something is, with or without the slash, it stays."""
    paths = sorted(wanted)
    known: set[str] = set()
    for start in range(0, len(paths), 500):
        known.update(
            Redirect.objects.filter(old_path__in=paths[start : start + 500]).values_list("old_path", flat=True)
        )
    new = [
        Redirect(old_path=path, redirect_page_id=wanted[path], is_permanent=True)
        for path in paths
        if path not in known and not is_taken(path)
    ]
    if new:
        Redirect.objects.bulk_create(new, batch_size=500)
        content_changed("site")


def leave(page_id: int, paths: Sequence[str], *, since: dt.datetime) -> None:
    """Take back what `lead` made for a page since then. The redirects of a page that is removed go with it."""
    made: Any = Redirect.objects.filter(redirect_page=page_id, old_path__in=list(paths), created_at__gte=since)
    if made.delete()[0]:
        content_changed("site")
