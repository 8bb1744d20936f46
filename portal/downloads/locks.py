"""Who may fetch the files of a download they see, and what keeps the others from it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from portal.core.audience import PARTNER, STAFF, Audience, audience_keys

if TYPE_CHECKING:
    from collections.abc import Collection

    from portal.downloads.models import AnyUser, Download


class Lock(StrEnum):
    """Why somebody may not fetch the files."""

    SIGN_IN = "sign-in"
    PARTNERS = "partners"
    OTHERS = "others"
    OWNERS = "owners"


def lock_of(download: Download, user: AnyUser, *, owned: Collection[str], products: Collection[str]) -> Lock | None:
    """Return what keeps the person from the files, or None. `owned`, `products`: codes, theirs and the download's."""
    keys = audience_keys(user)
    if STAFF in keys:
        return None
    is_known = user is not None and user.is_authenticated
    if not Audience.parse(download.files_for).admits(keys):
        if not is_known:
            return Lock.SIGN_IN
        return Lock.PARTNERS if download.files_for == PARTNER else Lock.OTHERS
    if download.is_for_owners and not set(owned) & set(products):
        return Lock.OWNERS if is_known else Lock.SIGN_IN
    return None


def platform_in(user_agent: str, hint: str = "") -> str:
    """Return the platform a browser states, in its client hint or else in its name; empty when it states none."""
    said = hint.strip('" ').lower()
    for word, platform in _HINTS.items():
        if said == word:
            return platform
    return next((platform for word, platform in _NAMES if word in user_agent), "")


_HINTS = {"windows": "windows", "macos": "macos", "linux": "linux", "android": "android", "ios": "ios"}
#: In this order: telephones name what they descend from as well.
_NAMES = (
    ("Android", "android"),
    ("iPhone", "ios"),
    ("iPad", "ios"),
    ("Windows", "windows"),
    ("Macintosh", "macos"),
    ("Linux", "linux"),
)
