"""What a developer could get wrong about recording activity."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_middleware(**_kwargs: Any) -> list[CheckMessage]:
    """Pages out of the page cache are heard of outside it only, and nobody else takes their facts off."""
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
