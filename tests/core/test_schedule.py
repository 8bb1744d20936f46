"""Pages are published and unpublished at the times editors set."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from wagtail.models import Page, Revision

from portal.core import jobs
from portal.core.schedule import INTERVAL, JOB, carry_out_schedule
from tests.factories.faq import ArticlePageFactory

pytestmark = pytest.mark.django_db


def _schedule(page: Page) -> None:
    """Schedule a page for tomorrow, and let a day and a second pass."""
    page.go_live_at = timezone.now() + timedelta(days=1)
    page.save_revision().publish()
    revision = Revision.objects.filter(object_id=str(page.pk)).exclude(approved_go_live_at=None).get()
    revision.approved_go_live_at = timezone.now() - timedelta(seconds=1)
    revision.content["go_live_at"] = revision.approved_go_live_at.isoformat()
    revision.save()


def _expire(page: Page) -> None:
    Page.objects.filter(pk=page.pk).update(expire_at=timezone.now() - timedelta(seconds=1))


def _is_live(page: Page) -> bool:
    return Page.objects.values_list("live", flat=True).get(pk=page.pk)


@pytest.fixture
def draft() -> Page:
    return ArticlePageFactory(draft=True)


def test_a_page_goes_live_when_its_time_has_come(draft):
    _schedule(draft)

    assert (_is_live(draft), carry_out_schedule(), _is_live(draft)) == (False, 1, True)


def test_a_page_whose_time_has_not_come_stays_a_draft(draft):
    draft.go_live_at = timezone.now() + timedelta(days=1)
    draft.save_revision().publish()

    assert (carry_out_schedule(), _is_live(draft)) == (0, False)


def test_a_page_is_taken_down_when_it_has_expired():
    page = ArticlePageFactory()
    _expire(page)

    assert (_is_live(page), carry_out_schedule(), _is_live(page)) == (True, 1, False)
    assert Page.objects.get(pk=page.pk).expired


def test_a_page_that_expired_before_it_could_go_live_is_not_shown_at_all(draft):
    _schedule(draft)
    revision = Revision.objects.exclude(approved_go_live_at=None).get()
    revision.content["expire_at"] = (timezone.now() - timedelta(seconds=1)).isoformat()
    revision.save()

    assert (carry_out_schedule(), _is_live(draft), carry_out_schedule()) == (1, False, 0)
    assert Page.objects.get(pk=draft.pk).expired


def test_doing_it_twice_changes_nothing_more(draft):
    _schedule(draft)
    carry_out_schedule()

    assert (carry_out_schedule(), _is_live(draft)) == (0, True)


def test_a_page_that_cannot_be_published_holds_nobody_up(draft, monkeypatch, caplog):
    other = ArticlePageFactory(draft=True)
    for page in (draft, other):
        _schedule(page)
    publish = Revision.publish

    def refuse_the_first(revision, **options):
        if revision.object_id == str(draft.pk):
            raise ValueError("شمارهٔ کارت 6037-9911")
        return publish(revision, **options)

    monkeypatch.setattr(Revision, "publish", refuse_the_first)

    assert (carry_out_schedule(), _is_live(draft), _is_live(other)) == (1, False, True)
    assert "ValueError" in caplog.text
    assert "6037" not in caplog.text


def test_it_is_done_every_minute():
    assert jobs._jobs[JOB].interval == INTERVAL <= timedelta(minutes=1)
