"""Entry of the navigation: in the footer, and as an address where pages offer help, once visitors find something."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.core.navigation import NavItem, add_section, register
from portal.troubleshooters.queries import listed


def connect() -> None:
    """Register the entry; called once when the app is ready."""
    register(
        NavItem("troubleshooters", _("Step-by-step help"), "route", _index, "help", ("footer-help",), order=24),
    )
    add_section("help", namespaces={"troubleshooters"})


def _index(language: str) -> str:
    return reverse("troubleshooters:index") if listed(None, language) else ""
