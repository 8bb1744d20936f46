"""Navigation entries for the help pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from faq.queries import help_url
from portal.core.navigation import HEADER, TABBAR, NavItem, register


def connect() -> None:
    """Register the entries; called once when the app is ready."""
    register(
        NavItem("help", _("Help"), "life-buoy", help_url, "help", (HEADER, TABBAR), order=20),
        NavItem("topics", _("All topics"), "layout-grid", help_url, "help", ("footer-help",), order=20),
    )
