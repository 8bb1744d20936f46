"""What axe finds on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page


def violations(page: Page) -> list[str]:
    """Return what makes the page hard to use for some people, a line for each place."""
    result = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{page.url} {violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for violation in result.response["violations"]
        for node in violation["nodes"]
        if "w-theme-system" not in node["html"]  # Wagtail's bar, for staff only
    ]


def sideways(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
