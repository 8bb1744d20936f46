"""Registers the admin screens of points and rewards with Wagtail."""

from __future__ import annotations

from wagtail import hooks

from loyalty.admin import PointsGroup
from loyalty.offers_admin import OffersViewSet
from loyalty.rewards_admin import RewardsGroup


@hooks.register("register_admin_viewset")
def points() -> PointsGroup:
    return PointsGroup()


@hooks.register("register_admin_viewset")
def rewards() -> RewardsGroup:
    return RewardsGroup()


@hooks.register("register_admin_viewset")
def offers() -> OffersViewSet:
    return OffersViewSet(add_to_admin_menu=True)
