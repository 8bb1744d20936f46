"""Slugs of pages: whatever makes one, the same text gives the same slug."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from wagtail.models import Page

from portal.core.pages import clean_slug
from portal.home.models import HomePage
from portal.our_apps import OUR_FOLDERS

ROOT = Path(__file__).resolve().parents[2]
TYPED = "مودم\N{ZERO WIDTH NON-JOINER}هاي X٢ – راهنما"
SLUG = "مودم-های-x2-راهنما"


@pytest.mark.django_db
def test_a_page_that_is_only_named_gets_its_slug_by_the_same_rule():
    page = HomePage(title=TYPED)

    Page.objects.get(depth=2).add_child(instance=page)

    assert page.slug == SLUG


def test_a_translation_keeps_its_script():
    """Wagtail's translations made "x2" of it."""
    from wagtail_localize import models

    assert models.slugify("مودم-x2-راهنما") == "مودم-x2-راهنما"
    assert models.slugify(TYPED) == SLUG


def test_what_an_editor_types_is_made_a_slug_and_what_is_stored_stays():
    assert clean_slug(TYPED, "old") == SLUG
    assert clean_slug("old_Name", "old_Name") == "old_Name"
    assert clean_slug(None, "") == ""


def test_nothing_of_ours_makes_slugs_in_another_way():
    """Two of them make codes of topics, which are Latin on purpose."""
    found = [
        str(file.relative_to(ROOT))
        for folder in OUR_FOLDERS
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.text"
        if any(name.name == "slugify" for name in node.names)
    ]

    assert sorted(found) == ["faq/importing/topics.py", "faq/topic_admin.py"]
