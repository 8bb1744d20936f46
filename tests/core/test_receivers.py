from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from wagtail.models import Page, Site
from wagtail.signals import page_published, page_unpublished

from portal.core.receivers import page_changed, row_changed
from portal.core.scopes import stamp

pytestmark = pytest.mark.django_db


@pytest.fixture
def is_outdated(settings, tmp_path, after_commit):
    """Return a function that tells whether an action invalidates cached pages of these scopes, or of any by default."""
    settings.DATA_DIR = tmp_path
    settings.REDIS_URL = ""

    def ask(change, *scopes: str) -> bool:
        page = stamp(*scopes)
        with after_commit():
            change()
        return not page.is_current_for_others()

    return ask


@pytest.fixture
def modem_page() -> Page:
    return Page.objects.get(depth=1).add_child(title="مودم", slug="modem")


def test_publishing_and_unpublishing_outdate_kept_pages(is_outdated, modem_page):
    assert is_outdated(lambda: modem_page.save_revision().publish())
    assert is_outdated(modem_page.unpublish)


@pytest.mark.parametrize("signal", [page_published, page_unpublished])
def test_the_signals_of_pages_are_heard(signal, is_outdated, modem_page):
    assert is_outdated(lambda: signal.send(Page, instance=modem_page))


def test_deleting_a_page_outdates_kept_pages(is_outdated, modem_page):
    assert is_outdated(modem_page.delete)


def test_a_page_that_is_saved_or_made_is_a_draft_and_outdates_nothing(is_outdated):
    assert not is_outdated(lambda: row_changed(Page, created=False))
    assert not is_outdated(lambda: row_changed(Page, created=True))


def test_a_site_that_changes_outdates_kept_pages(is_outdated, modem_page):
    assert is_outdated(lambda: Site.objects.create(hostname="other.example", root_page=modem_page))


def test_rows_no_page_shows_outdate_nothing(is_outdated):
    assert not is_outdated(lambda: ContentType.objects.create(app_label="x", model="y"))


def test_hearing_twice_is_harmless(is_outdated, modem_page):
    assert is_outdated(lambda: (page_changed(instance=modem_page), page_changed(instance=modem_page)))
