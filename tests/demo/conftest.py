"""The demo, loaded once per module and taken back at its end."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import override_settings

from portal.core import outbox
from portal.demo.loader import load
from search.activity.popular import renew_popular


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker, tmp_path_factory):
    """The report of loading; tests see the demo and may change it, each for itself."""
    media = tmp_path_factory.mktemp("media")
    with override_settings(MEDIA_ROOT=str(media)), django_db_blocker.unblock(), transaction.atomic():
        report = load()
        outbox.drain()  # what a real transaction does after its commit
        renew_popular()  # which load did before anything could be found
        yield report
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _no_page_cache(settings):
    """Kept pages would hide what these tests look at; a page of another test has the same address."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "PageCacheMiddleware" not in name]
