"""Registers the screens of `search.editors` with Wagtail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import path
from django.utils.html import format_html
from wagtail import hooks
from wagtail.snippets.models import register_snippet

from search.editors.admin import SearchGroup
from search.editors.pin_admin import PinCreateView, PinEditView, PinIndexView
from search.editors.report_admin import GapsPanel

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from wagtail.admin.menu import MenuItem
    from wagtail.admin.ui.components import Component

register_snippet(SearchGroup)


@hooks.register("register_admin_urls", order=-1)  # before Wagtail's own, which have the same URLs
def pin_screens() -> list[Any]:
    return [
        path("searchpicks/", PinIndexView.as_view()),
        path("searchpicks/results/", PinIndexView.as_view(results_only=True)),
        path("searchpicks/add/", PinCreateView.as_view()),
        path("searchpicks/<int:query_id>/", PinEditView.as_view()),
    ]


@hooks.register("construct_settings_menu")
def pins_once(request: HttpRequest, menu_items: list[MenuItem]) -> None:
    """Remove Wagtail's menu item for promotions: pinned answers are in our own group."""
    menu_items[:] = [item for item in menu_items if item.name != "promoted-search-results"]


@hooks.register("construct_reports_menu")
def no_empty_report(request: HttpRequest, menu_items: list[MenuItem]) -> None:
    """Remove Wagtail's report of search terms, which would always be empty: we record nothing in its tables."""
    menu_items[:] = [item for item in menu_items if item.name != "search-terms"]


@hooks.register("construct_homepage_panels")
def gaps_panel(request: HttpRequest, panels: list[Component]) -> None:
    panels.append(GapsPanel())


@hooks.register("insert_global_admin_css")
def report_style() -> SafeString:
    return format_html('<link rel="stylesheet" href="{}">', static("search/admin.css"))
