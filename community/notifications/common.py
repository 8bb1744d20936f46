"""What all kinds of news of the community share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from community.models import Flag
from community.people import person_of
from community.rendering import MENTION, first_direction
from portal.core.formats import format_number
from portal.core.privacy import translate_placeholders
from portal.core.text import is_persian, isolate, without_bidi_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.notifications.registry import Fact


def thread_target(thread_id: int) -> str:
    """Return the name under which a thread is followed, and which is the subject of news about it."""
    return f"community.thread:{thread_id}"


def area_target(area_id: int) -> str:
    """Return the name under which an area is followed; that of the areas inside it is heard as well."""
    return f"community.area:{area_id}"


def tag_target(tag_id: int) -> str:
    """Return the name under which a tag is followed."""
    return f"community.tag:{tag_id}"


def product_target(product_id: int) -> str:
    """Return the name under which a product of the catalogue is followed."""
    return f"community.product:{product_id}"


def person_target(person_id: int) -> str:
    """Return the name under which a member is followed."""
    return f"person:{person_id}"


def number_in(fact: Fact, name: str) -> int:
    """Return an id in the payload of a fact."""
    return int(fact.payload[name])


def quoted(text: str) -> str:
    """Return what a member wrote, as plain text that reads in its own direction in every list and mail.

    A name at the beginning says nothing about it: ``@sara نسخهٔ شما چند است؟`` is Persian. The mark in front decides for
    pages (``dir="auto"``), the isolate for mails in the other direction.
    """
    text = translate_placeholders(without_bidi_controls(text))
    direction = "rtl" if is_persian(text) else first_direction(MENTION.sub("", text))
    if not direction:
        return text
    mark, isolate_in = ("\u200f", "\u2067") if direction == "rtl" else ("\u200e", "\u2066")
    return f"{mark}{isolate_in}{text}\u2069"


def isolated_title(title: str) -> str:
    """Return a title for the middle of a sentence; a Persian one may begin with a Latin word."""
    if is_persian(title) and first_direction(title) == "ltr":
        return f"\u2067{without_bidi_controls(title)}\u2069"
    return isolate(title)


def values_of(facts: Sequence[Fact], title: str) -> dict[str, str]:
    """Return what the words of facts about a thread are filled with: ``actor``, ``title``, ``count``."""
    return {
        "actor": isolate(facts[0].actor or person_of(None).name),
        "title": isolated_title(title),
        "count": format_number(len(facts)),
    }


def because(code: str) -> str:
    """Return a reason a moderator chose in words; empty for others."""
    reasons = {known: str(label) for known, label in Flag.Reason.choices}
    return _("Reason: %(reason)s.") % {"reason": reasons[code]} if code in reasons else ""
