"""Navigation entries: the bell, and a link among those of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from portal.core.navigation import HEADER_OWN, For, NavBadge, NavItem, add_section, register
from portal.notifications.queries import unread_count
from portal.notifications.words import count_in_words, shown_count

if TYPE_CHECKING:
    from portal.accounts.models import User


def _badge(person: User) -> NavBadge:
    unread = unread_count(person)
    return NavBadge(shown_count(unread), count_in_words(unread))


def connect() -> None:
    """Register the entries; called once when the app is ready."""
    register(
        NavItem(
            "notifications",
            _("Notifications"),
            "bell",
            "notifications:list",
            "notifications",
            (HEADER_OWN, "footer-account"),
            For.SIGNED_IN,
            order=15,
            badge=_badge,
        ),
    )
    add_section("notifications", namespaces={"notifications"})
