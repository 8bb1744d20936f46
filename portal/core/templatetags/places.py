"""Template tags and filters about a page's place in the site: ``{% load places %}``. See `portal.core.places`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from wagtail.models import Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.core.places import Crumb

register = template.Library()

_JSON_ESCAPES: Final = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@register.filter
def default_address(alternates: Iterable[tuple[str, str]]) -> str:
    """Return the address for readers of unsupported languages: that of the site's default language."""
    return dict(alternates).get(settings.LANGUAGE_CODE, "")


@register.simple_tag(takes_context=True)
def crumbs_json_ld(context: Any, page: Any, crumbs: Iterable[Crumb]) -> SafeString:
    """Return the breadcrumbs of a page, or of what has this title, as structured data."""
    site_address = context["site_address"]
    title = page.title if isinstance(page, Page) else str(page)
    items: list[dict[str, Any]] = [
        {"@type": "ListItem", "position": place, "name": crumb.title, "item": urljoin(site_address, crumb.url)}
        for place, crumb in enumerate(crumbs, start=1)
    ]
    items.append({"@type": "ListItem", "position": len(items) + 1, "name": title})
    return json_ld({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items})


def json_ld(data: dict[str, Any]) -> SafeString:
    """Return structured data without empty values; a ``</script>`` in a title is escaped and cannot end the element."""
    known = {key: value for key, value in data.items() if value not in (None, "")}
    text = json.dumps(known, ensure_ascii=False).translate(_JSON_ESCAPES)
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(text))  # noqa: S308 - escaped above
