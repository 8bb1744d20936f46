"""System checks for mistakes of developers in recording activity."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_middleware(**_kwargs: Any) -> list[CheckMessage]:
    """insight.E001: facts of cached pages are only seen, and only removed, outside the page cache."""
    places = {name.rpartition(".")[2]: place for place, name in enumerate(settings.MIDDLEWARE)}
    cache, facts = places.get("PageCacheMiddleware"), places.get("PageFactsMiddleware")
    if cache is None or (facts is not None and facts < cache):
        return []
    return [
        Error(
            "PageFactsMiddleware must come before PageCacheMiddleware.",
            hint="Put portal.insight.middleware.PageFactsMiddleware above it in MIDDLEWARE.",
            id="insight.E001",
        )
    ]
