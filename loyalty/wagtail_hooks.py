"""Registers the screens of `loyalty.admin` with Wagtail."""

from __future__ import annotations

from wagtail import hooks

from loyalty.admin import PointsGroup


@hooks.register("register_admin_viewset")
def points() -> PointsGroup:
    return PointsGroup()
