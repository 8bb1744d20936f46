"""Lists of threads and pages of posts follow an index to their end, whoever reads: no sorting, no counting of rows."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from community import listing
from community.models import Post, Thread
from community.notifications import KINDS
from portal.catalog.models import validate_icon
from portal.notifications.services import follow
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, ThreadFactory, moderator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.models.thread", "community.models.post"),
]


def plan_of(rows):
    """How the database would find the rows, if there were very many of them."""
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN {sql}", params)
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def _is_used(name, plan):
    """Whether the plan uses the index; PostgreSQL may find that of all areas equally good in a small table."""
    names = [name] if connection.vendor == "sqlite" else [name, name.replace("_area_", "_")]
    return any(f"{each} " in f"{plan} " for each in names)


LISTS = {
    "thread_latest": lambda rows, _area: rows.recent_first(),
    "thread_area_latest": lambda rows, area: rows.filter(area=area).recent_first_in_area(),
    "thread_hot": lambda rows, _area: rows.popular(),
    "thread_area_hot": lambda rows, area: rows.filter(area=area).popular(),
    "thread_unanswered": lambda rows, _area: rows.unanswered().recent_first(),
    "thread_area_unanswered": lambda rows, area: rows.filter(area=area).unanswered().recent_first(),
    "thread_solved": lambda rows, _area: rows.solved().recent_first(),
    "thread_area_solved": lambda rows, area: rows.filter(area=area).solved().recent_first(),
    "thread_area_votes": lambda rows, area: rows.filter(area=area).most_voted(),
}
READERS = {
    "visitor": lambda: None,
    "member": MemberFactory,
    "partner": lambda: UserFactory(partner=True),
    "moderator": moderator,
}


@pytest.mark.parametrize("reader", sorted(READERS))
def test_each_list_follows_its_index(reader):
    area = AreaFactory()
    AreaFactory(audience="partner")
    user = READERS[reader]()

    plans = {name: plan_of(order(Thread.objects.visible_to(user).listed(), area)[:21]) for name, order in LISTS.items()}

    assert {name: plan for name, plan in plans.items() if not _is_used(name, plan)} == {}
    assert {name: plan for name, plan in plans.items() if "TEMP B-TREE" in plan or "Sort" in plan} == {}


@pytest.mark.parametrize("is_pinned", [True, False])
def test_what_is_followed_in_an_area_follows_its_index(is_pinned):
    reader, area = MemberFactory(), AreaFactory()

    plan = plan_of(listing._newest_in(Thread.objects.visible_to(reader).listed(), area.pk, is_pinned=is_pinned))

    # PostgreSQL finds both indexes equally good in an empty table.
    assert "thread_area_latest" in plan or (connection.vendor == "postgresql" and "thread_latest" in plan)
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_pages_of_what_is_followed_miss_and_repeat_nothing(monkeypatch):
    monkeypatch.setattr(listing, "ROWS", 3)
    reader, areas = MemberFactory(), [AreaFactory() for _each in range(3)]
    now = timezone.now()
    threads = ThreadFactory.create_batch(22, area=areas[2])
    for number, thread in enumerate(threads):  # some at the same moment
        thread.area, thread.last_post_at = areas[number % 3], now - dt.timedelta(minutes=number // 2)
        thread.is_pinned = number % 5 == 0
        thread.save()
    for target in (areas[0], areas[1], threads[2], threads[5], threads[0]):
        follow(person_id=reader.pk, target=f"community.{target._meta.model_name}:{target.pk}")
    expected = sorted(
        [thread for thread in threads if thread.area in areas[:2] or thread in (threads[2], threads[5])],
        key=lambda thread: (thread.last_post_at, thread.pk),
        reverse=True,
    )
    found, after = [], ""
    while True:
        page = listing.threads_in(reader, tab=listing.Tab.FOLLOWING, after=after)
        found += [row.thread for row in page.rows]
        after = page.after
        if not after:
            break
    assert found == expected


@pytest.mark.parametrize("reader", sorted(READERS))
def test_page_of_posts_is_a_range_of_an_index(reader):
    thread = ThreadFactory()

    plan = plan_of(Post.objects.visible_to(READERS[reader]()).filter(thread=thread).in_numbers(4981, 5000))

    assert "post_number_unique" in plan or "(thread_id=? AND number>?" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_pages_by_keyset_miss_and_repeat_nothing():
    area, now = AreaFactory(), timezone.now()
    threads = ThreadFactory.create_batch(7, area=area)
    for number, thread in enumerate(threads):  # some at the same moment
        Thread.objects.filter(pk=thread.pk).update(last_post_at=now - dt.timedelta(minutes=number // 3))

    seen, after = [], None
    while True:
        rows = Thread.objects.visible_to(None).listed().recent_first()
        if after is not None:
            earlier = rows.filter(last_post_at__lt=after.last_post_at)
            rows = earlier | rows.filter(last_post_at=after.last_post_at, pk__lt=after.pk)
        page = list(rows[:2])
        if not page:
            break
        seen += page
        after = page[-1]

    assert sorted(thread.pk for thread in seen) == sorted(thread.pk for thread in threads)
    assert len(seen) == 7


@pytest.mark.parametrize("state", ["held", "hidden", "deleted"])
def test_what_is_not_visible_is_in_no_list_even_of_its_author_or_a_moderator(state):
    thread = ThreadFactory(state=state)

    for user in (thread.author, moderator()):
        assert not Thread.objects.visible_to(user).listed().exists()


def test_every_badge_and_every_kind_of_news_has_an_icon_that_exists():
    badges = [*listing._STATUSES.values(), listing._SOLVED, listing._NEEDS_REPLY]

    for icon in [*(badge.icon for badge in badges), *(kind.icon for kind in KINDS)]:
        validate_icon(icon)


def test_members_see_what_is_new_since_they_were_here_before(client):
    threads = [ThreadFactory() for _number in range(3)]
    for hours, thread in enumerate(reversed(threads), 1):
        Thread.objects.filter(pk=thread.pk).update(last_post_at=timezone.now() - dt.timedelta(hours=hours))
    mark, index = "tlist__line", reverse("community:index")
    assert mark not in client.get(index).text
    client.force_login(MemberFactory())

    def page(*, last_visit_hours: float | None = None) -> str:
        if last_visit_hours is not None:
            session = client.session
            moment = timezone.now() - dt.timedelta(hours=last_visit_hours)
            session["community_visit"] = (None, moment.timestamp())
            session.save()
        return client.get(index).text

    assert mark not in page(), "the first visit"
    for _time in range(2):  # the same visit
        text = page(last_visit_hours=1.5) if not _time else page()
        assert text.count(mark) == 1
        assert text.index(threads[2].title) < text.index(mark) < text.index(f"/t/{threads[1].pk}/")
    assert mark not in page(last_visit_hours=9), "all of it is new"
    assert mark not in page(last_visit_hours=0.6), "nothing is"
    page(last_visit_hours=1.5)
    assert mark not in client.get(reverse("community:popular")).text


def test_other_pages_show_the_newest_threads_in_their_language():
    persian = ThreadFactory(title="اینترنت ندارم", body="چراغ سوم قرمز مانده است.")
    english = ThreadFactory(title="No internet", body="The third light has been red since noon.")

    for reader in (MemberFactory(), AnonymousUser()):
        with override("fa"):
            assert [row.thread for row in listing.fresh_threads(reader)] == [persian]
        with override("en"):
            assert [row.thread for row in listing.fresh_threads(reader)] == [english]
