"""System checks of the search settings and of page types without a search document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name
from django.utils.module_loading import import_string
from wagtail.models import Page

from search import registry
from search.index.answering import DEFAULT_BACKEND
from search.meaning import model

_INDEX_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")


@register()
def check_backend(**_kwargs: Any) -> list[CheckMessage]:
    """Check that ``SEARCH_BACKEND`` names a class."""
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
def check_semantic_extra(**_kwargs: Any) -> list[CheckMessage]:
    """Check that the package that ``SEARCH_SEMANTIC=True`` requires is installed."""
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
def check_cluster(**_kwargs: Any) -> list[CheckMessage]:
    """Check that the settings of the search cluster are consistent. Whether it responds is not checked at start."""
    if not settings.ELASTICSEARCH_URL:
        return []
    found: list[CheckMessage] = []
    user, password, api_key = (
        settings.ELASTICSEARCH_USER,
        settings.ELASTICSEARCH_PASSWORD,
        settings.ELASTICSEARCH_API_KEY,
    )
    if bool(user) != bool(password):
        hint = "Set both or neither; a cluster that asks nobody needs neither."
        found.append(
            Error("ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD belong together.", hint=hint, id="search.E002")
        )
    if api_key and user:
        hint = "Set the key, or user and password."
        found.append(Error("There are two ways to sign in to the search cluster.", hint=hint, id="search.E003"))
    if ca := settings.ELASTICSEARCH_CA:
        if not Path(ca).is_file():
            hint = "Name a file of certificates (PEM) that the portal may read."
            found.append(Error(f"ELASTICSEARCH_CA is {ca!r}, and there is no such file.", hint=hint, id="search.E004"))
        elif not settings.ELASTICSEARCH_URL.startswith("https:"):
            hint = "Say https:// in ELASTICSEARCH_URL, or leave ELASTICSEARCH_CA out."
            found.append(Error("ELASTICSEARCH_CA is of no use without https.", hint=hint, id="search.E005"))
    if not _INDEX_NAME.fullmatch(settings.ELASTICSEARCH_PREFIX):
        hint = "Small letters, digits and hyphens, a letter first; at most 40."
        name = settings.ELASTICSEARCH_PREFIX
        found.append(Error(f"No index can be named {name!r} (ELASTICSEARCH_PREFIX).", hint=hint, id="search.E006"))
    return found


@register()
def check_every_page_type_can_be_found(**_kwargs: Any) -> list[CheckMessage]:
    """Check that every page type has a search document or declares that it needs none."""
    return [
        Warning(
            f"Pages of the type {model._meta.label} cannot be found by search.",  # noqa: SLF001 - Django's documented name
            hint="Declare a SearchDocument in search_documents.py, or say holds_answers = False in the page type.",
            obj=model,
            id="search.W001",
        )
        for model in apps.get_models()
        if issubclass(model, Page)
        and model is not Page
        and not registry.documents_of(model)
        and getattr(model, "holds_answers", True)
    ]
