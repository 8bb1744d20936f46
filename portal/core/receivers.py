"""Signal receivers that announce changed content by its scopes (`portal.core.scopes`) to all caches.

    touches(Product, "catalogue")         apps.py of the app that owns the model

Saving or deleting a row of a registered model touches the given scopes. Wagtail's own models, settings and snippets
touch everything unless registered otherwise; all other models touch nothing. Pages define their own scopes
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

from portal.core.models import BrandLink, SiteBrand, SupportSettings
from portal.core.pages import ARTICLES, PortalPage
from portal.core.scopes import EVERYTHING, content_changed

if TYPE_CHECKING:
    from django.db import models

#: Models that may be shown on any page.
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
    """Declare that saving or deleting a row of `model`, or of a subclass, changes these scopes."""
    _touched[model] = scopes
    scopes_of.cache_clear()


def connect() -> None:
    """Connect the receivers; called once when the apps are ready."""
    for model in (BrandLink, Redirect, SiteBrand, SupportSettings):
        touches(model, "site")
    for signal in (page_published, page_unpublished):
        signal.connect(page_changed, dispatch_uid="core.page_changed")
    for signal in (page_slug_changed, post_page_move):
        signal.connect(place_changed, dispatch_uid="core.place_changed")
    for signal in (post_save, post_delete):
        signal.connect(row_changed, dispatch_uid="core.row_changed")


def page_changed(*, instance: Page, **_kwargs: Any) -> None:
    """Announce that a page was published or unpublished."""
    content_changed(*(instance.changed_scopes if isinstance(instance, PortalPage) else (EVERYTHING,)))


def place_changed(*, instance: Page, **_kwargs: Any) -> None:
    """Announce that a page, and everything below it, has another address."""
    content_changed(ARTICLES if isinstance(instance, PortalPage) else EVERYTHING)


def row_changed(sender: type[models.Model], *, created: bool | None = None, **_kwargs: Any) -> None:
    """Announce that a row shown on pages was saved or deleted. A saved page is only a draft until it is published."""
    deleted = created is None
    scopes = ((EVERYTHING,) if deleted else ()) if issubclass(sender, Page) else scopes_of(sender)
    if scopes:
        content_changed(*scopes)


@cache
def scopes_of(model: type[models.Model]) -> tuple[str, ...]:
    """Return the scopes that change when a row of this model is saved or deleted; empty if no page shows it."""
    for known in model.__mro__:
        if known in _touched:
            return _touched[known]
    return (EVERYTHING,) if issubclass(model, _SHOWN_SOMEWHERE) or model in get_snippet_models() else ()
