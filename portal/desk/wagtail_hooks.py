"""Wagtail hooks: the ways from the admin to the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from community.rules import can_moderate
from portal.core.admin_menu import menu_item_for
from portal.core.article_sources import may_make_articles

if TYPE_CHECKING:
    from portal.core.pages import AnyUser


def _only_makes_articles(user: AnyUser) -> bool:
    """Return whether somebody makes articles and does not moderate: moderators find the page on the desk."""
    return not can_moderate(user) and may_make_articles(user)


@hooks.register("register_admin_menu_item")
def to_be_articles() -> MenuItem:
    return menu_item_for(_only_makes_articles)(
        _("To be articles"), reverse("desk:articles"), icon_name="doc-full", order=115
    )


@hooks.register("register_admin_menu_item")
def community_desk() -> MenuItem:
    return menu_item_for(can_moderate)(
        _("Community desk"), reverse("desk:index"), icon_name="clipboard-list", order=115
    )
