"""Targets: names of what can be followed and of what a notification is about, such as ``community.thread:42``."""

from __future__ import annotations

import re
from typing import Final

from portal.notifications.models import TARGET_LENGTH

_TARGET: Final = re.compile(r"[a-z][a-z0-9_.]*:[\w-]+")


def checked(target: str) -> str:
    """Return the target. Raises `ValueError` for anything but a kind, a colon and a key."""
    if len(target) > TARGET_LENGTH or _TARGET.fullmatch(target) is None:
        raise ValueError(f"Not a target: {target!r}")
    return target
