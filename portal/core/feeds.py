"""Atom feeds. Whoever asks, they hold what everybody may read: feed readers sign in nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language

from portal.core.http import public_address
from portal.core.text import without_controls

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Entries of a feed.
ENTRIES: Final = 30
#: For how long readers and caches may keep it.
SECONDS: Final = 300


def new_feed(request: HttpRequest, *, title: str, path: str) -> Atom1Feed:
    """Return an empty feed of the page at `path`, in the active language."""
    return Atom1Feed(
        title=title,
        link=public_address(path),
        description=title,
        language=get_language(),
        feed_url=public_address(request.path),
    )


def answer(feed: Atom1Feed) -> HttpResponse:
    """Return the feed without what XML cannot contain: one old or imported text must not take all of it away."""
    for entry in (feed.feed, *feed.items):
        entry.update({name: without_controls(value) for name, value in entry.items() if isinstance(value, str)})
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
