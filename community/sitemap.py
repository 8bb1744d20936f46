"""Addresses of threads for search engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.sitemaps import Sitemap
from django.utils.translation import override

from community.models import Thread

if TYPE_CHECKING:
    import datetime as dt

#: The protocol allows 50,000 addresses in a file; the newest threads come first.
_MOST: Final = 20_000


class ThreadSitemap(Sitemap):  # type: ignore[type-arg]  # generic only for type checkers
    """Public threads, each in the language it is written in. One query."""

    def items(self) -> list[Thread]:
        threads = Thread.objects.visible_to(None).listed().recent_first()
        return list(threads.only("pk", "slug", "language", "last_post_at")[:_MOST])

    def location(self, item: Thread) -> str:
        with override(item.language):
            return item.get_absolute_url()

    def lastmod(self, item: Thread) -> dt.datetime:
        return item.last_post_at
