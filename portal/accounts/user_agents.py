"""Short descriptions of browsers, so that people recognise their own device in a list."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _

#: The first match wins: nearly every browser also claims to be Safari, and Edge claims to be Chrome.
_BROWSERS: Final = (
    (re.compile(r"\bEdgA?(?:iOS)?/"), "Edge"),
    (re.compile(r"\b(?:OPR|Opera)/"), "Opera"),
    (re.compile(r"\bSamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"\b(?:Firefox|FxiOS)/"), "Firefox"),
    (re.compile(r"\b(?:Chrome|CriOS|Chromium)/"), "Chrome"),
    (re.compile(r"\bVersion/[\d.]+ .*Safari/"), "Safari"),
)
_SYSTEMS: Final = (
    (re.compile(r"\biPhone\b"), "iPhone"),
    (re.compile(r"\biPad\b"), "iPad"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bMac OS X\b|\bMacintosh\b"), "Mac"),
    (re.compile(r"\bLinux\b"), "Linux"),
)


def describe_user_agent(text: str) -> str:
    """Return browser and device of a User-Agent header, such as "Firefox on Windows"; empty when both are unknown."""
    browser = next((name for pattern, name in _BROWSERS if pattern.search(text)), "")
    system = next((name for pattern, name in _SYSTEMS if pattern.search(text)), "")
    if browser and system:
        return _("%(browser)s on %(device)s") % {"browser": browser, "device": system}
    return browser or system
