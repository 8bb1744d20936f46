"""Who reacts to which event; the only module that knows both sides."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.utils.translation import gettext_lazy as _
from wagtail.models import Locale, Site
from wagtail.signals import page_published, page_slug_changed, page_unpublished, post_page_move

from faq.events import FeedbackGiven
from faq.services import notify_owner_of_feedback
from portal.catalog.models import Product, Topic
from portal.core.events import subscribe
from portal.core.memo import forget_all
from portal.core.navigation import NavGroup, register_group
from portal.core.page_cache import invalidate_pages, keep_answers_at
from portal.core.robots import disallow


def forget_pages(**_kwargs: Any) -> None:
    """What anonymous visitors see has changed."""
    forget_all()
    invalidate_pages()


def connect() -> None:
    """Called once when the apps are ready."""
    subscribe(FeedbackGiven, notify_owner_of_feedback)

    register_group(NavGroup("footer-help", _("Help"), order=10))
    register_group(NavGroup("footer-account", _("My account"), order=20))

    keep_answers_at("search/")
    disallow("/admin/", "/django-admin/")

    for signal in (page_published, page_unpublished, page_slug_changed, post_page_move):
        signal.connect(forget_pages, dispatch_uid="portal.wiring.forget_pages")
    for model in (Product, Topic, Site, Locale):
        for change in (post_save, post_delete):
            change.connect(forget_pages, sender=model, dispatch_uid=f"portal.wiring.forget_pages:{model.__name__}")
