"""Content that changes outdates what is remembered of it, and the pages kept for visitors.

`portal.core.pages` sees to pages that are saved, moved or deleted; here is the rest.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models.signals import post_delete, post_save
from wagtail.contrib.redirects.models import Redirect
from wagtail.contrib.settings.models import BaseGenericSetting, BaseSiteSetting
from wagtail.images.models import AbstractImage
from wagtail.models import Locale, Page, Site
from wagtail.signals import page_published, page_slug_changed, page_unpublished, post_page_move
from wagtail.snippets.models import get_snippet_models

from portal.core.memo import content_changed

if TYPE_CHECKING:
    from django.db import models


def connect() -> None:
    """Called once when the apps are ready."""
    for signal in (page_published, page_unpublished, page_slug_changed, post_page_move):
        signal.connect(pages_changed, dispatch_uid="core.pages_changed")
    for signal in (post_save, post_delete):
        signal.connect(row_changed, dispatch_uid="core.row_changed")


def pages_changed(**_kwargs: Any) -> None:
    """A page became visible, vanished or moved."""
    content_changed()


def row_changed(sender: type[models.Model], *, created: bool | None = None, **_kwargs: Any) -> None:
    """A row that pages show was saved or deleted. A saved page is a draft until it is published."""
    deleted = created is None
    if _is_shown_on_pages(sender) or (deleted and issubclass(sender, Page)):
        pages_changed()


@cache
def _is_shown_on_pages(model: type[models.Model]) -> bool:
    shown = (AbstractImage, BaseGenericSetting, BaseSiteSetting, Locale, Redirect, Site)
    return issubclass(model, shown) or model in get_snippet_models()
