"""Wagtail hooks: the way from the admin to the desk."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from community.rules import can_moderate
from portal.core.admin_menu import menu_item_for


@hooks.register("register_admin_menu_item")
def community_desk() -> MenuItem:
    return menu_item_for(can_moderate)(
        _("Community desk"), reverse("desk:index"), icon_name="clipboard-list", order=115
    )
