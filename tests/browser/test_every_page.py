"""Every page in both languages, both themes and two widths: accessible, not too wide, no requests to other sites."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.axe import sideways, violations
from tests.browser.pages import account_pages, moderating_pages, public_pages, writing_pages
from tests.browser.people import sign_in

PICTURES = os.environ.get("PICTURES")  # a folder for screenshots of all pages


@pytest.fixture(scope="module")
def pages(portal) -> dict[tuple[str, str], str]:
    return public_pages(portal)


def _picture(page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(PICTURES) / f"{name.replace(' ', '-')}.png"), full_page=True)


#: Types into every text field and computes the contrast ratio of the text to its background (WCAG 2.2).
_FIELDS_HARD_TO_READ = """() => {
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colour, below) => {
    pixel.clearRect(0, 0, 1, 1);
    if (below) { pixel.fillStyle = `rgb(${below.join(" ")})`; pixel.fillRect(0, 0, 1, 1); }
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const ground = (element) => {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    return chain.reduce((below, colour) => over(colour, below), over("Canvas"));
  };
  const luminance = (rgb) => rgb.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const other = ["button", "checkbox", "color", "file", "hidden", "image", "radio", "range", "reset", "submit"];
  const poor = [];
  let typed = 0;
  for (const field of document.querySelectorAll("input, textarea, select")) {
    if (other.includes(field.type) || field.disabled) continue;
    if (field.tagName !== "SELECT") field.value = field.type === "number" ? "12" : field.type === "date" ? "2026-01-02" : "نورا Ag";
    typed += 1;
    const below = ground(field);
    const [dark, light] = [over(getComputedStyle(field).color, below), below].map(luminance).sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) poor.push(`${field.tagName} ${field.name}: ${ratio.toFixed(2)}`);
  }
  return [typed, poor];
}"""


def _hard_to_read(page) -> tuple[int, list[str]]:
    """The number of fields typed into, and those with too little contrast."""
    typed, poor = page.evaluate(_FIELDS_HARD_TO_READ)
    return typed, [f"{page.url}: typed text with a contrast below 4.5 in {field}" for field in poor]


#: Forms whose button is refused, unless a script sends the token in a header.
_WITHOUT_TOKEN = """() => [...document.querySelectorAll("form[method=post]")]
  .filter((form) => !form.querySelector("[name=csrfmiddlewaretoken]")?.value)
  .map((form) => form.outerHTML.slice(0, 200))"""


def _walk(page, pages, language, look, *, is_signed_in=True) -> list[str]:
    found, fields = [], 0
    for (code, name), path in pages.items():
        if code != language:
            continue
        page.goto(path)
        found += violations(page)
        typed, poor = _hard_to_read(page)
        fields += typed
        found += poor
        if sideways(page) > 0:
            found.append(f"{path}: wider than the window by {sideways(page)} px")
        if is_signed_in:  # kept pages have none for visitors; `same_origin_post` protects what receives their forms
            found += [f"{path}: a form without a token: {form}" for form in page.evaluate(_WITHOUT_TOKEN)]
        if page.locator("h1").count() != 1:
            found.append(f"{path}: {page.locator('h1').count()} h1")
        _picture(page, f"{code}-{name}-{look}")
    assert fields
    return found


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["fa", "en"])
def test_public_pages_are_accessible(visit, pages, language, dark, width):
    page = visit(f"/{language}/", width=width, dark=dark)

    assert _walk(page, pages, language, f"{'dark' if dark else 'light'}-{width}", is_signed_in=False) == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["fa", "en"])
def test_account_pages_are_accessible(visit, language, dark, width):
    page = visit(f"/{language}/", width=width, dark=dark)
    sign_in(page, "sara@noora.example", language)

    assert _walk(page, account_pages(), language, f"{'dark' if dark else 'light'}-{width}") == []


@pytest.mark.parametrize("look", [("fa", False, 390), ("en", True, 1280), ("fa", True, 1280)], ids=str)
@pytest.mark.parametrize(
    ("person", "found"),
    [("sara", writing_pages), ("community", moderating_pages)],
    ids=["writing", "moderating"],
)
def test_pages_of_the_community_are_accessible(portal, visit, person, found, look):
    language, dark, width = look
    # Wagtail's bar checks the page as well, and writes what it found to the console.
    page = visit(f"/{language}/", width=width, dark=dark, watch=found is writing_pages)
    sign_in(page, f"{person}@noora.example", language)

    assert _walk(page, found(portal), language, f"{'dark' if dark else 'light'}-{width}") == []


@pytest.mark.parametrize("language", ["fa", "en"])
def test_no_page_scrolls_sideways_on_the_narrowest_phone(visit, pages, language):
    page = visit(f"/{language}/", width=320, height=600)
    wide = []

    for (code, name), path in pages.items():
        if code == language:
            page.goto(path)
            if sideways(page) > 0:
                wide.append(f"{name}: {sideways(page)} px")

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
