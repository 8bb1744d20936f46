"""Registers the editors' screens of downloads with Wagtail."""

from __future__ import annotations

from wagtail import hooks

from portal.downloads.admin import DownloadsViewSet


@hooks.register("register_admin_viewset")
def downloads() -> DownloadsViewSet:
    return DownloadsViewSet(add_to_admin_menu=True)
