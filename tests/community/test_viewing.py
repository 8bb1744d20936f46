"""Views of threads: who counts, once a day, exactly, and without a write or a cold page."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from community import viewing
from community.models import Thread, ThreadView
from community.reconcile import find_drift, mend
from portal.insight.recorder import recorder
from tests.factories.community import AreaFactory, MemberFactory, ThreadFactory, moderator

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases("community.viewing", "community.reconcile"),
]

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def _afresh():
    recorder.forget()
    cache.clear()
    yield
    recorder.forget()


@pytest.fixture
def thread(db):
    return ThreadFactory(title="مودم وصل نمی‌شود")


def look(thread, *, address="203.0.113.1", agent=BROWSER, client=None, **headers):
    """Have a visitor get the page; nothing is stored yet."""
    return (client or Client()).get(
        thread.get_absolute_url(), REMOTE_ADDR=address, headers={"User-Agent": agent, **headers}
    )


def counted(thread) -> int:
    recorder.flush()
    return Thread.objects.values_list("view_count", flat=True).get(pk=thread.pk)


def view(thread, address="203.0.113.1", at=None):
    return viewing.Viewed(at=at or timezone.now(), address=address, user_agent=BROWSER, thread_id=thread.pk)


def test_a_visitor_counts_once_a_day_also_on_a_kept_page(thread):
    for address in ("203.0.113.1", "203.0.113.1", "203.0.113.2"):
        assert look(thread, address=address).status_code == 200

    assert counted(thread) == 2
    assert counted(thread) == 2


def test_another_day_is_another_view(thread):
    now = timezone.now()

    for days in (1, 0, 0):
        viewing.store_views([view(thread, at=now - dt.timedelta(days=days))])

    assert counted(thread) == 2


def test_robots_prefetching_and_staff_do_not_count(thread):
    staff = Client()
    staff.force_login(moderator())
    look(thread, agent="Googlebot/2.1 (+http://www.google.com/bot.html)")
    look(thread, **{"Sec-Purpose": "prefetch"})
    look(thread, client=staff)
    Client().head(thread.get_absolute_url(), headers={"User-Agent": BROWSER})

    assert counted(thread) == 0


def test_members_count(thread):
    client = Client()
    client.force_login(MemberFactory())
    look(thread, client=client)

    assert counted(thread) == 1


@pytest.mark.parametrize("which", ["held", "private", "nothing"])
def test_what_one_does_not_see_is_not_counted(which):
    hidden = ThreadFactory(held=True) if which == "held" else ThreadFactory(area=AreaFactory(audience="partner"))
    if which == "nothing":
        Thread.objects.filter(pk=hidden.pk).update(slug="x")
        hidden.pk += 1
    assert look(hidden).status_code == 404

    recorder.flush()

    assert not ThreadView.objects.exists()


def test_a_kept_page_costs_no_query_and_no_write(thread):
    look(thread)
    with CaptureQueriesContext(connection) as queries:
        look(thread, address="203.0.113.9")

    assert [each["sql"] for each in queries if "community_" in each["sql"]] == []
    assert ThreadView.objects.count() == 0


def test_storing_makes_no_page_cold(thread):
    look(thread)
    counted(thread)
    with CaptureQueriesContext(connection) as queries:
        look(thread, address="203.0.113.9")

    assert [each["sql"] for each in queries if "community_" in each["sql"]] == []


def test_a_batch_that_is_tried_again_counts_once(thread):
    batch = [view(thread), view(thread), view(thread, "203.0.113.2")]

    for _attempt in range(3):
        viewing.store_views(batch)

    assert counted(thread) == 2


def test_a_batch_that_fails_half_way_counts_nothing_until_it_is_repeated(thread, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(viewing, "Counter", None)
        with pytest.raises(TypeError):
            viewing.store_views([view(thread)])
    assert (counted(thread), ThreadView.objects.count()) == (0, 0)

    viewing.store_views([view(thread)])

    assert counted(thread) == 1


def test_a_thread_that_is_gone_spoils_nothing(thread):
    other = ThreadFactory()
    gone = view(other)
    other.posts.all().delete()
    Thread.objects.filter(pk=other.pk).delete()

    viewing.store_views([gone, view(thread)])

    assert counted(thread) == 1


def test_rows_do_not_tell_who_read_what_and_go_after_two_days(thread):
    other, now = ThreadFactory(), timezone.now()
    viewing.store_views([view(thread), view(other), view(thread, at=now - dt.timedelta(days=2))])
    assert len(set(ThreadView.objects.values_list("visitor", flat=True))) == 3

    assert (viewing.has_old_views(), viewing.forget_views(), viewing.has_old_views()) == (True, 1, False)
    assert counted(thread) == 2


def test_a_counter_below_the_rows_is_found_and_mended(thread):
    viewing.store_views([view(thread)])
    Thread.objects.filter(pk=thread.pk).update(view_count=0)

    assert [drift.field for drift in find_drift()] == ["view_count"]
    mend()

    assert (counted(thread), list(find_drift())) == (1, [])


@pytest.mark.parametrize(("language", "shown"), [("fa", "۱٬۲۳۴ بازدید"), ("en", "1,234 views")])
def test_the_number_is_shown_in_the_readers_digits(language, shown):
    thread = ThreadFactory()
    Thread.objects.filter(pk=thread.pk).update(view_count=1234)
    address = thread.get_absolute_url().replace("/fa/", f"/{language}/")

    assert shown in " ".join(Client().get(address).text.split())
    # The thread is in one language; lists begin with that of the page.
    assert shown.split()[0] in Client().get(f"/{language}/community/", {"lang": "all"}).text
