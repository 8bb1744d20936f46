"""Registers the editors' screens of troubleshooters with Wagtail."""

from __future__ import annotations

from wagtail import hooks

from portal.troubleshooters.admin import TroubleshootersViewSet


@hooks.register("register_admin_viewset")
def troubleshooters() -> TroubleshootersViewSet:
    return TroubleshootersViewSet(add_to_admin_menu=True)
