"""``/sitemap.xml``: addresses for search engines.

It lists every live public page in each language it exists in. Apps add addresses that are not pages:

    sitemaps.register("threads", ThreadSitemap)          apps.py
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.sitemaps import Sitemap, views
from django.utils.functional import cached_property

from portal.core.pages import page_kinds, page_url

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.response import TemplateResponse


class PageSitemap(Sitemap):  # type: ignore[type-arg]  # generic only for type checkers
    """One entry per page and language, each naming its translations. One query per kind of page."""

    def items(self) -> list[Any]:
        return self._pages

    @cached_property
    def _pages(self) -> list[Any]:
        pages: list[Any] = []
        for kind in page_kinds():
            rows = kind.objects.visible_to(None).select_related("locale")
            pages.extend(
                rows.only(
                    "path",
                    "depth",
                    "url_path",
                    "translation_key",
                    "last_published_at",
                    "latest_revision_created_at",
                    "locale__language_code",
                )
            )
        return sorted(pages, key=lambda page: page.path)

    def get_urls(self, page: int | str = 1, site: Any = None, protocol: str | None = None) -> list[dict[str, Any]]:
        root = f"{protocol or 'https'}://{self.get_domain(site)}"
        family: dict[Any, list[tuple[str, str]]] = defaultdict(list)
        for item in self.items():
            family[item.translation_key].append((item.locale.language_code, root + page_url(item)))
        return [
            {
                "item": item,
                "location": root + page_url(item),
                "lastmod": item.last_published_at or item.latest_revision_created_at,
                "changefreq": None,
                "priority": "",
                "alternates": _alternates(family[item.translation_key]),
            }
            for item in self.paginator.page(page).object_list
        ]


def _alternates(versions: list[tuple[str, str]]) -> list[dict[str, str]]:
    """Return the address in every language, and that in the site's default language for everybody else."""
    if len(versions) < 2:
        return []
    found = [{"lang_code": code, "location": url} for code, url in sorted(versions)]
    default = dict(versions).get(settings.LANGUAGE_CODE)
    return [*found, {"lang_code": "x-default", "location": default}] if default else found


_sections: Final[dict[str, type[Sitemap[Any]]]] = {"pages": PageSitemap}


def register(section: str, entries: type[Sitemap[Any]]) -> None:
    """Add a section; like the pages, it must list public addresses only."""
    _sections[section] = entries


def sitemap(request: HttpRequest) -> TemplateResponse:
    """Return all sections as one list."""
    return views.sitemap(request, sitemaps=dict(_sections))
