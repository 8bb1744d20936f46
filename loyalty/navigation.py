"""Navigation entry of the member's points: in the header and among the cards of the account, while a programme is open."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty.own_points import is_open
from portal.core.navigation import HEADER_FOR_SOME, For, NavItem, add_section, register


def connect() -> None:
    """Register the entry; called once when the app is ready."""
    register(
        NavItem(
            "points",
            _("My points"),
            "gift",
            "loyalty:index",
            "loyalty",
            (HEADER_FOR_SOME, "footer-account"),
            For.SIGNED_IN,
            order=20,
            admits=is_open,
            text=_("What you have, what is coming, and how to earn more"),
        ),
    )
    add_section("loyalty", namespaces={"loyalty"})
