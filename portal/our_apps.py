"""Which apps are ours: the one list that settings, scripts, checks and tests read.

The standard library only: scripts read it before anything is installed. What cannot read Python (pyproject.toml, the
files in deploy/) is compared with it by tests/test_our_apps.py, whose messages say what to add. docs/extend.md adds
an app step by step.
"""

from __future__ import annotations

from typing import Final

#: As INSTALLED_APPS names them, in that order: templates and static files of an earlier app win.
OUR_APPS: Final = (
    "portal.core",
    "portal.accounts",
    "portal.catalog",
    "portal.insight",
    "portal.home",
    "portal.demo",
    "community",
    "faq",
    "loyalty",
    "search",
)

#: The folders at the top of the project that hold our code; `portal` also holds settings, addresses and wiring.
OUR_FOLDERS: Final = tuple(dict.fromkeys(["portal", *(name.partition(".")[0] for name in OUR_APPS)]))
