"""Fixtures of the help pages' tests."""

from __future__ import annotations

import pytest

from tests.factories.faq import help_site


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")


@pytest.fixture(autouse=True)
def _no_page_cache(settings):
    """Disable the page cache: pages of different tests have the same URLs."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "PageCacheMiddleware" not in name]


@pytest.fixture
def site(db):
    """The lists of topics by language."""
    return help_site()
