"""Addresses of troubleshooters for search engines: where each begins. Its steps are answers, not pages to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.sitemaps import Sitemap
from django.utils.translation import override

from portal.troubleshooters.models import Troubleshooter

if TYPE_CHECKING:
    import datetime as dt


class TroubleshooterSitemap(Sitemap):  # type: ignore[type-arg]  # generic only for type checkers
    """Public troubleshooters in each of their languages. One query."""

    def items(self) -> list[tuple[Troubleshooter, str]]:
        rows = Troubleshooter.objects.visible_to(None).in_order().select_related("live")
        return [(row, code) for row in rows for code in row.shown_languages]

    def location(self, item: tuple[Troubleshooter, str]) -> str:
        with override(item[1]):
            return item[0].get_absolute_url()

    def lastmod(self, item: tuple[Troubleshooter, str]) -> dt.datetime:
        return item[0].changed_at
