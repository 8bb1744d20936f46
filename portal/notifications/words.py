"""The number of unread notifications as the bell shows it."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.core.formats import format_number
from portal.notifications.queries import MOST_COUNTED


def shown_count(unread: int) -> str:
    """Return the number beside the bell: empty for none, and the upper limit with a plus sign."""
    if not unread:
        return ""
    return format_number(unread) + ("+" if unread >= MOST_COUNTED else "")


def count_in_words(unread: int) -> str:
    """Return the name of the bell for screen readers."""
    if not unread:
        return _("Notifications")
    text = ngettext("Notifications: %(count)s new", "Notifications: %(count)s new", unread)
    return text % {"count": shown_count(unread)}
