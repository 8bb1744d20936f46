"""Navigation entries for the home page and the pages about this site."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.core.navigation import TABBAR, NavItem, home_url, register
from portal.home.queries import info_page_url


def connect() -> None:
    """Register the entries; called once when the app is ready."""
    register(
        NavItem("home", _("Home"), "house", home_url, "home", (TABBAR,), order=10, current="page"),
        NavItem(
            "privacy",
            _("Privacy"),
            "shield",
            lambda language: info_page_url(language, "privacy"),
            places=("footer-help",),
            order=80,
        ),
        NavItem(
            "accessibility",
            _("Accessibility"),
            "accessibility",
            lambda language: info_page_url(language, "accessibility"),
            places=("footer-help",),
            order=90,
        ),
    )
