"""Addresses of downloads for search engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.utils.translation import override

from portal.downloads.models import Download

if TYPE_CHECKING:
    import datetime as dt


class DownloadSitemap(Sitemap):  # type: ignore[type-arg]  # generic only for type checkers
    """Public downloads in each language. One query."""

    def items(self) -> list[tuple[Download, str]]:
        shown = list(Download.objects.visible_to(None).in_order().only("slug", "changed_at"))
        return [(download, code) for download in shown for code, _name in settings.LANGUAGES]

    def location(self, item: tuple[Download, str]) -> str:
        with override(item[1]):
            return item[0].get_absolute_url()

    def lastmod(self, item: tuple[Download, str]) -> dt.datetime:
        return item[0].changed_at
