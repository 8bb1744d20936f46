"""Navigation items of search."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from portal.core.navigation import HEADER_TOOLS, TABBAR, NavItem, add_section, register


def connect() -> None:
    """Register the navigation items. Called once when the app is ready."""
    register(
        NavItem(
            "search",
            pgettext_lazy("verb", "Search"),
            "search",
            "search:results",
            "search",
            (HEADER_TOOLS, TABBAR, "footer-help"),
            order=30,
            current="page",
            hidden_in={HEADER_TOOLS: frozenset({"home", "search"})},
            is_spare=True,
        ),
        NavItem("suggest", "", "search", "search:suggest"),
    )
    add_section("search", namespaces={"search"})
