"""Navigation entry of the downloads: in the header, and in the footer for telephones, once visitors find something."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.core.navigation import HEADER, NavItem, add_section, register
from portal.downloads.queries import is_anything_public


def connect() -> None:
    """Register the entry; called once when the app is ready."""
    register(
        NavItem("downloads", _("Downloads"), "download", _index, "downloads", (HEADER, "footer-help"), order=22),
    )
    add_section("downloads", namespaces={"downloads"})


def _index(_language: str) -> str:
    return reverse("downloads:index") if is_anything_public() else ""
