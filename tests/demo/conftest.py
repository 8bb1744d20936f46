"""The demo, loaded once per module and rolled back at its end."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import override_settings

from portal.core import outbox
from portal.demo.loader import load
from search.activity.popular import renew_popular


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker, tmp_path_factory):
    """The report of the loader. Each test sees the demo; its changes are rolled back."""
    media = tmp_path_factory.mktemp("media")
    with override_settings(MEDIA_ROOT=str(media)), django_db_blocker.unblock(), transaction.atomic():
        report = load()
        outbox.drain()  # as after the commit of a real transaction
        renew_popular()  # the loader did that before anything was indexed
        yield report
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _no_page_cache(settings):
    """Disable the page cache: pages of different tests have the same URLs."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "PageCacheMiddleware" not in name]
