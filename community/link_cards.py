"""Cards in posts: an address of the portal alone on its line becomes what it leads to, when the post is shown.

The stored HTML stays as it was cleaned, so a title that changes, or a page that is withdrawn, changes what is shown and no
post has to be rendered again. All posts of a page are looked at together.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from django.template.loader import render_to_string
from django.utils.translation import pgettext

from community.models import Thread
from community.rendering import is_own_address
from community.services.counting import line_scope
from portal.core.link_cards import LinkCard, Resolved, resolve
from portal.core.scopes import rests_on
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: A bare address that is a whole line of a paragraph, as `community.rendering` writes one of the portal: without ``rel``.
_ALONE: Final = re.compile(
    r'(?:(?<=<p dir="auto">)|(?<=<br>\n))<a href="(https?://[^"<>]+)"><bdi dir="ltr">[^<]*</bdi></a>(?=</p>|<br>)'
)
_THREAD: Final = re.compile(r"(?:/[a-z-]{2,7}/community)?/t/(\d{1,12})(?:/[^/]*)?/?\Z")


def with_cards(htmls: Mapping[int, str]) -> dict[int, str]:
    """Return the HTML of posts with cards, by the same keys. The page depends on what they show."""
    paths = {url: _path(url) for html in htmls.values() for url in _ALONE.findall(html)}
    resolved = resolve([path for path in paths.values() if path])
    rests_on(*resolved.scopes)
    if not resolved.cards:
        return dict(htmls)
    shown = {
        url: render_to_string("community/_link_card.html", {"url": unescape(url), "card": resolved.cards[path]}).strip()
        for url, path in paths.items()
        if path in resolved.cards
    }
    return {key: _ALONE.sub(lambda match: shown.get(match[1], match[0]), html) for key, html in htmls.items()}


def _path(url: str) -> str:
    """Return the path of an address of this portal; empty for one that leads elsewhere, or to one place in a page."""
    plain = unescape(url)
    if not is_own_address(plain):
        return ""
    parts = urlsplit(plain)
    return "" if parts.query else unquote(parts.path)


def cards_of_threads(paths: Collection[str]) -> Resolved:
    """Return the cards of public threads; one query, none for paths that lead elsewhere."""
    numbers = {path: row_number(match[1]) or 0 for path in paths if (match := _THREAD.match(path))}
    if not numbers:
        return Resolved()
    found = Thread.objects.visible_to(None).listed().in_bulk(set(numbers.values()))
    return Resolved(
        {path: _card(found[number]) for path, number in numbers.items() if number in found},
        tuple(line_scope(number) for number in dict.fromkeys(numbers.values())),
    )


def _card(thread: Thread) -> LinkCard:
    return LinkCard(
        kind=pgettext("kind of a page", "Community"),
        icon="messages-square",
        title=thread.title,
        text=thread.excerpt,
        language=thread.language,
    )
