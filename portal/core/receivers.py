"""Content that changes is announced by its scopes (`portal.core.scopes`): what shows it is forgotten.

    touches(Product, "catalogue")         apps.py of the app that owns the model

A row of a model that was said to be shown touches these scopes when it is saved or deleted. Wagtail's own models, settings
and snippets touch everything, unless something else was said of them; all other models nothing. Pages say for themselves
(`PortalPage.changed_scopes`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.db.models.signals import post_delete, post_save
from wagtail.contrib.redirects.models import Redirect
from wagtail.contrib.settings.models import BaseGenericSetting, BaseSiteSetting
from wagtail.documents.models import AbstractDocument
from wagtail.images.models import AbstractImage
from wagtail.models import Locale, Page, PageViewRestriction, Site
from wagtail.signals import page_published, page_slug_changed, page_unpublished, post_page_move
from wagtail.snippets.models import get_snippet_models

from portal.core.models import SiteBrand, SupportSettings
from portal.core.pages import ARTICLES, PortalPage
from portal.core.scopes import EVERYTHING, content_changed

if TYPE_CHECKING:
    from django.db import models

#: Shown by who knows which pages.
_SHOWN_SOMEWHERE: Final = (
    AbstractDocument,
    AbstractImage,
    BaseGenericSetting,
    BaseSiteSetting,
    Locale,
    PageViewRestriction,
    Site,
)
_touched: Final[dict[type[models.Model], tuple[str, ...]]] = {}


def touches(model: type[models.Model], *scopes: str) -> None:
    """Saving or deleting a row of `model`, or of one that extends it, changes these scopes."""
    _touched[model] = scopes
    scopes_of.cache_clear()


def connect() -> None:
    """Called once when the apps are ready."""
    for model in (Redirect, SiteBrand, SupportSettings):
        touches(model, "site")
    for signal in (page_published, page_unpublished):
        signal.connect(page_changed, dispatch_uid="core.page_changed")
    for signal in (page_slug_changed, post_page_move):
        signal.connect(place_changed, dispatch_uid="core.place_changed")
    for signal in (post_save, post_delete):
        signal.connect(row_changed, dispatch_uid="core.row_changed")


def page_changed(*, instance: Page, **_kwargs: Any) -> None:
    """A page became visible or vanished."""
    content_changed(*(instance.changed_scopes if isinstance(instance, PortalPage) else (EVERYTHING,)))


def place_changed(*, instance: Page, **_kwargs: Any) -> None:
    """A page, and with it all below it, has another address."""
    content_changed(ARTICLES if isinstance(instance, PortalPage) else EVERYTHING)


def row_changed(sender: type[models.Model], *, created: bool | None = None, **_kwargs: Any) -> None:
    """A row that pages show was saved or deleted. A saved page is a draft until it is published."""
    deleted = created is None
    scopes = ((EVERYTHING,) if deleted else ()) if issubclass(sender, Page) else scopes_of(sender)
    if scopes:
        content_changed(*scopes)


@cache
def scopes_of(model: type[models.Model]) -> tuple[str, ...]:
    """What a row of this model changes when it is saved or deleted; nothing for what no page shows."""
    for known in model.__mro__:
        if known in _touched:
            return _touched[known]
    return (EVERYTHING,) if issubclass(model, _SHOWN_SOMEWHERE) or model in get_snippet_models() else ()
