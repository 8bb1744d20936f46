"""Navigation entries of the community."""

from __future__ import annotations

from typing import Final

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from community.models import Area
from portal.core.memo import Memo
from portal.core.navigation import HEADER, TABBAR, NavItem, add_section, register


def connect() -> None:
    """Register the entries; called once when the app is ready."""
    register(
        NavItem("community", _("Community"), "messages-square", _index, "community", (HEADER, TABBAR), order=25),
        NavItem("ask", _("Ask a question"), "plus", _ask, "community", ("footer-community",), order=10),
        NavItem(
            "unanswered",
            _("Unanswered questions"),
            "clock",
            _unanswered,
            "community",
            ("footer-community",),
            order=20,
        ),
    )
    add_section("community", namespaces={"community"})


#: Whether anybody may read an area; kept until an area changes.
_is_open: Final[Memo[bool]] = Memo(max_size=1, scopes=("site",))


def _index(_language: str) -> str:
    """Return the address, empty while nobody has made a public area."""
    is_open = _is_open.get("", lambda: Area.objects.visible_to(None).exists())
    return reverse("community:index") if is_open else ""


def _ask(language: str) -> str:
    return reverse("community:ask") if _index(language) else ""


def _unanswered(language: str) -> str:
    return reverse("community:unanswered") if _index(language) else ""
