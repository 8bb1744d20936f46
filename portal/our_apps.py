"""List of our own apps, the only one that settings, scripts, checks and tests read.

Uses the standard library only: scripts read it before anything is installed. Files that cannot read Python
(pyproject.toml, the files in deploy/) are compared with it by tests/test_our_apps.py, whose messages say what to add.
docs/extend.md adds an app step by step.
"""

from __future__ import annotations

from typing import Final

#: As named in INSTALLED_APPS, in the same order: templates and static files of an earlier app take precedence.
OUR_APPS: Final = (
    "portal.core",
    "portal.accounts",
    "portal.catalog",
    "portal.insight",
    "portal.notifications",
    "portal.home",
    "portal.desk",
    "portal.demo",
    "portal.downloads",
    "portal.troubleshooters",
    "community",
    "faq",
    "loyalty",
    "search",
)

#: Top-level folders that contain our code; `portal` also contains settings, URLs and wiring.
OUR_FOLDERS: Final = tuple(dict.fromkeys(["portal", *(name.partition(".")[0] for name in OUR_APPS)]))
