"""Navigation entries of the community."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from community.inbox import MOST_COUNTED, unread_conversations
from community.models import Area
from portal.core.formats import format_number
from portal.core.memo import Memo
from portal.core.navigation import (
    ACCOUNT,
    HEADER,
    HEADER_OWN_WIDE,
    TABBAR,
    For,
    NavBadge,
    NavItem,
    add_section,
    register,
)

if TYPE_CHECKING:
    from portal.accounts.models import User


def connect() -> None:
    """Register the entries; called once when the app is ready."""
    register(
        NavItem("community", _("Community"), "messages-square", _index, "community", (HEADER, TABBAR), order=25),
        NavItem(
            "messages",
            _("Private messages"),
            "mail",
            _messages,
            "",
            (HEADER_OWN_WIDE, ACCOUNT, "footer-account"),
            For.SIGNED_IN,
            order=10,
            badge=_unread,
            text=_("What other members write to you alone"),
        ),
        NavItem(
            "own-posts",
            _("My posts"),
            "messages-square",
            _own_posts,
            "",
            (ACCOUNT, "footer-account"),
            For.SIGNED_IN,
            order=11,
            text=_("What you wrote in the community, and what became of it"),
        ),
        NavItem(
            "bookmarks",
            _("Bookmarks"),
            "bookmark",
            _bookmarks,
            "",
            (ACCOUNT, "footer-account"),
            For.SIGNED_IN,
            order=12,
            text=_("Posts that you want to find again"),
        ),
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


def _messages(language: str) -> str:
    return reverse("community:messages") if _index(language) else ""


def _own_posts(language: str) -> str:
    return reverse("community:own_posts") if _index(language) else ""


def _bookmarks(language: str) -> str:
    return reverse("community:bookmarks") if _index(language) else ""


def _unread(person: User) -> NavBadge:
    """Return how many conversations have something new, at the entry of private messages. One query."""
    count = unread_conversations(person)
    if not count:
        return NavBadge("", str(_("Private messages")))
    shown = format_number(count) + ("+" if count >= MOST_COUNTED else "")
    words = ngettext(
        "Private messages: %(count)s conversation with news",
        "Private messages: %(count)s conversations with news",
        count,
    )
    return NavBadge(shown, words % {"count": shown})
