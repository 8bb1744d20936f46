"""Navigation entries of the club: for members, while a programme is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from loyalty.own_points import header_pill, is_open
from portal.core.formats import format_number
from portal.core.navigation import ACCOUNT, HEADER, HEADER_PILL, TABBAR, For, NavBadge, NavItem, add_section, register

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.accounts.models import User


def connect() -> None:
    """Register the entries; called once when the app is ready."""
    club = pgettext_lazy("navigation", "Club")
    register(
        NavItem("club", club, "gift", _while_open("index"), "loyalty", (HEADER, TABBAR), For.SIGNED_IN, order=28),
        NavItem(
            "points-pill",
            _("My points"),
            "gem",
            _while_open("index"),
            "",
            (HEADER_PILL,),
            For.SIGNED_IN,
            badge=_pill,
        ),
        NavItem(
            "points",
            _("My points"),
            "gift",
            _while_open("index"),
            "",
            (ACCOUNT, "footer-account"),
            For.SIGNED_IN,
            order=20,
            text=_("What you have, what is coming, and how to earn more"),
        ),
        NavItem(
            "consents",
            _("What you agree to"),
            "shield",
            _while_open("consents"),
            "",
            (ACCOUNT, "footer-account"),
            For.SIGNED_IN,
            order=60,
            text=_("What offers are chosen by, and whether they are chosen for you"),
        ),
    )
    add_section("loyalty", namespaces={"loyalty"})


def _pill(person: User) -> NavBadge:
    points = header_pill(person)
    if points is None:
        return NavBadge("", "")
    words = ngettext("%(count)s point to spend", "%(count)s points to spend", points)
    return NavBadge(format_number(points), words % {"count": format_number(points)})


def _while_open(name: str) -> Callable[[str], str]:
    """An address that there is while members see a programme."""
    return lambda _language: reverse(f"loyalty:{name}") if is_open() else ""
