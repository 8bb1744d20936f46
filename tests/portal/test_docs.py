"""All pages of the documentation are in the index, and their links work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")

    missing = [
        str(page.relative_to(DOCS))
        for page in sorted(DOCS.rglob("*.md"))
        if page != DOCS / "README.md" and f"({page.relative_to(DOCS)})" not in index
    ]

    assert missing == [], "docs/README.md is the index: add these pages to it"


@pytest.mark.parametrize("file", sorted(ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=lambda file: file.name)
def test_links_between_pages_lead_somewhere(file):
    broken = [
        target for target in _LINK.findall(file.read_text(encoding="utf-8")) if not (file.parent / target).exists()
    ]

    assert broken == []


def test_no_two_decisions_have_the_same_number():
    numbers = [file.name[:4] for file in sorted((DOCS / "decisions").glob("*.md"))]

    assert numbers == sorted(set(numbers))
