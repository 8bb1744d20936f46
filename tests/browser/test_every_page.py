"""Every page, in both languages, both themes and two widths: accessible, inside its width, and asking nobody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import account_pages, public_pages
from tests.browser.people import sign_in

PICTURES = os.environ.get("PICTURES")  # a folder: keep a picture of every page, to look at


@pytest.fixture(scope="module")
def pages(portal) -> dict[tuple[str, str], str]:
    return public_pages(portal)


def _picture(page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(PICTURES) / f"{name.replace(' ', '-')}.png"), full_page=True)


def _violations(page) -> list[str]:
    result = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{page.url} {violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for violation in result.response["violations"]
        for node in violation["nodes"]
    ]


def _sideways(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def _walk(page, pages, language, look) -> list[str]:
    found = []
    for (code, name), path in pages.items():
        if code != language:
            continue
        page.goto(path)
        found += _violations(page)
        if _sideways(page) > 0:
            found.append(f"{path}: wider than the window by {_sideways(page)} px")
        if page.locator("h1").count() != 1:
            found.append(f"{path}: {page.locator('h1').count()} h1")
        _picture(page, f"{code}-{name}-{look}")
    return found


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["fa", "en"])
def test_public_pages_are_accessible(visit, pages, language, dark, width):
    page = visit(f"/{language}/", width=width, dark=dark)

    assert _walk(page, pages, language, f"{'dark' if dark else 'light'}-{width}") == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["fa", "en"])
def test_account_pages_are_accessible(visit, language, dark, width):
    page = visit(f"/{language}/", width=width, dark=dark)
    sign_in(page, "sara@noora.example", language)

    assert _walk(page, account_pages(), language, f"{'dark' if dark else 'light'}-{width}") == []


@pytest.mark.parametrize("language", ["fa", "en"])
def test_no_page_scrolls_sideways_on_the_narrowest_phone(visit, pages, language):
    page = visit(f"/{language}/", width=320, height=600)
    wide = []

    for (code, name), path in pages.items():
        if code == language:
            page.goto(path)
            if _sideways(page) > 0:
                wide.append(f"{name}: {_sideways(page)} px")

    assert wide == []


@pytest.mark.parametrize("language", ["fa", "en"])
def test_links_inside_the_portal_lead_somewhere(visit, pages, language):
    page = visit(f"/{language}/", watch=False)
    links: set[str] = set()
    for (code, name), path in pages.items():
        if code == language and name != "not found":
            page.goto(path)
            links |= set(page.eval_on_selector_all("a[href^='/']", "els => els.map(el => el.getAttribute('href'))"))

    dead = [link for link in sorted(links) if page.request.get(link).status >= 400]

    assert links
    assert dead == []
