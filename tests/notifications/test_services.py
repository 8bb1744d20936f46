"""Who is told of what, once, and by which route."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from portal.core import outbox
from portal.notifications import queries, registry, services
from portal.notifications.models import Follow, Notification
from portal.notifications.registry import Group, Mail, UnknownKindError
from portal.notifications.services import follow, mute, notify, unfollow
from tests.factories.accounts import UserFactory
from tests.factories.notifications import FollowFactory, NotificationFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.notifications.services", "portal.notifications.models"),
]
THREAD = "forum.thread:42"


def told() -> list[tuple[str, str]]:
    """Who was told by which kind, in the order of names."""
    rows = Notification.objects.order_by("person__handle", "pk").values_list("person__handle", "kind")
    return [(handle, kind.removeprefix("forum.")) for handle, kind in rows]


# Following -----------------------------------------------------------------------------------------------------------


def test_following_twice_keeps_the_first_day(mina):
    first = follow(person_id=mina.pk, target=THREAD)

    again = follow(person_id=mina.pk, target=THREAD)

    assert (again.pk, again.since) == (first.pk, first.since)
    assert queries.is_following(mina.pk, THREAD)


def test_muting_and_following_again_begins_anew(mina):
    first = follow(person_id=mina.pk, target=THREAD)
    mute(person_id=mina.pk, target=THREAD)
    mute(person_id=mina.pk, target=THREAD)
    was_following = queries.is_following(mina.pk, THREAD)

    again = follow(person_id=mina.pk, target=THREAD)

    assert not was_following
    assert not again.muted
    assert again.since > first.since
    unfollow(person_id=mina.pk, target=THREAD)
    unfollow(person_id=mina.pk, target=THREAD)
    assert not Follow.objects.exists()


def test_the_database_knows_one_follow_per_person_and_target(mina):
    FollowFactory(person=mina, target=THREAD)

    with pytest.raises(IntegrityError), transaction.atomic():
        FollowFactory(person=mina, target=THREAD)


@pytest.mark.parametrize(
    "target", ["", "forum.thread", "Forum:1", "forum.thread:", "forum.thread:1 2", f"a:{'x' * 90}"]
)
def test_a_target_is_a_kind_and_a_key(mina, target):
    with pytest.raises(ValueError, match="Not a target"):
        follow(person_id=mina.pk, target=target)


def test_followers_move_to_the_thread_theirs_was_merged_into(mina):
    other = UserFactory()
    for person, target in ((mina, "forum.thread:1"), (mina, THREAD), (other, "forum.thread:1")):
        follow(person_id=person.pk, target=target)

    services.move_follows(source="forum.thread:1", target=THREAD)

    assert sorted(Follow.objects.values_list("person", "target")) == sorted([(mina.pk, THREAD), (other.pk, THREAD)])


# Telling -------------------------------------------------------------------------------------------------------------


def test_a_kind_must_be_declared(mina):
    with pytest.raises(UnknownKindError):
        notify(kind="forum.nothing", key="p:1", subject=THREAD, occurred_at=timezone.now(), recipients=[mina.pk])


@pytest.mark.parametrize("order", [["mention", "reply", "followed"], ["followed", "reply", "mention"]])
def test_by_several_routes_one_hears_once_by_the_most_specific(forum, tell, mina, order):
    follow(person_id=mina.pk, target=THREAD)
    sara = UserFactory(handle="سارا")
    follow(person_id=sara.pk, target="forum.area:7")
    ways = {
        "mention": {"recipients": [mina.pk]},
        "reply": {"recipients": [mina.pk, sara.pk]},
        "followed": {"targets": [THREAD, "forum.area:7"]},
    }

    for kind in order:
        tell(kind, **ways[kind])

    assert told() == [("سارا", "reply"), ("مینا", "mention")]
    assert Notification.objects.get(person=mina).group == "mentions"


def test_nobody_hears_of_their_own_act(forum, tell, mina):
    follow(person_id=mina.pk, target=THREAD)
    FollowFactory(target=THREAD, person__handle="سارا")

    tell("followed", targets=[THREAD], actor_id=mina.pk)
    tell("mention", recipients=[mina.pk], actor_id=mina.pk, post=2)

    assert told() == [("سارا", "followed")]


def test_nobody_hears_of_what_was_there_before_they_followed(forum, tell, mina):
    before = timezone.now()
    follow(person_id=mina.pk, target=THREAD)

    tell("followed", targets=[THREAD], occurred_at=before)
    early = told()
    tell("followed", targets=[THREAD], post=2)

    assert early == []
    assert told() == [("مینا", "followed")]


def test_a_muted_thread_is_silent_by_every_route(forum, tell, mina):
    mute(person_id=mina.pk, target=THREAD)
    follow(person_id=mina.pk, target="forum.area:7")

    tell("followed", targets=[THREAD, "forum.area:7"])
    tell("mention", recipients=[mina.pk])
    silent = told()
    forum["43"] = "وای‌فای کند است"
    tell("mention", recipients=[mina.pk], thread=43)

    assert silent == []
    assert told() == [("مینا", "mention")]


def test_who_has_left_or_wants_nothing_is_not_told(forum, tell, mina):
    gone = UserFactory(is_active=False)
    services.choose(person_id=mina.pk, choices={Group.REPLIES: queries.Choice(web=False, mail=Mail.OFF)})

    tell("reply", recipients=[mina.pk, gone.pk, 10**9])
    nobody = told()
    tell("mention", recipients=[mina.pk, gone.pk], post=2)

    assert nobody == []
    assert told() == [("مینا", "mention")]


def test_many_followers_are_told_in_portions(forum, tell, monkeypatch):
    monkeypatch.setattr(services, "PORTION", 2)
    people = UserFactory.create_batch(5)
    for person in people:
        follow(person_id=person.pk, target=THREAD)

    tell("followed", targets=[THREAD])
    outbox.drain()

    assert sorted(Notification.objects.values_list("person", flat=True)) == sorted(person.pk for person in people)


def test_the_database_knows_one_row_per_person_and_fact(mina):
    NotificationFactory(person=mina, key="x")

    with pytest.raises(IntegrityError), transaction.atomic():
        NotificationFactory(person=mina, key="x")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_routes_that_arrive_at_the_same_time_give_one_row_of_the_most_specific(forum, mina):
    from portal.notifications.events import NotificationWanted

    def deliver(kind: str) -> None:
        wanted = NotificationWanted(
            kind=f"forum.{kind}", key="p:1", subject=THREAD, occurred_at=timezone.now(), recipients=[mina.pk]
        )
        try:
            services.write_notifications(wanted)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=3) as pool:
        list(pool.map(deliver, ["followed", "mention", "reply"] * 4))

    assert told() == [("مینا", "mention")]


# Reading and choosing ------------------------------------------------------------------------------------------------


def test_visiting_a_thread_marks_what_was_said_about_it(forum, tell, mina, django_assert_num_queries):
    forum["43"] = "وای‌فای کند است"
    for post, thread in ((1, 42), (2, 42), (3, 43)):
        tell("reply", recipients=[mina.pk], post=post, thread=thread)

    assert services.mark_read(person_id=mina.pk, subject=THREAD) == 2
    with django_assert_num_queries(1):
        assert services.mark_read(person_id=mina.pk, subject=THREAD) == 0
    assert services.mark_all_read(person_id=mina.pk, up_to=0) == 0
    assert services.mark_all_read(person_id=mina.pk) == 1


def test_export_tells_everything_and_erasure_leaves_nothing(forum, tell, mina):
    other = UserFactory()
    follow(person_id=mina.pk, target=THREAD)
    follow(person_id=other.pk, target=f"person:{mina.pk}")
    tell("reply", recipients=[mina.pk])
    tell("reply", recipients=[other.pk], actor_id=mina.pk, post=2)

    export = services.export_of(person_id=mina.pk)
    services.erase(person_id=mina.pk)

    assert [row["target"] for row in export["follows"]] == [THREAD]
    assert [row["subject"] for row in export["notifications"]] == [THREAD]
    assert {row["group"] for row in export["settings"]} == {group.value for group in registry.groups_in_use()}
    assert not Follow.objects.exists()
    assert list(Notification.objects.values_list("person", "actor")) == [(other.pk, None)]


def test_what_a_person_may_not_see_is_not_told(forum, tell, mina):
    forum.pop("42")

    tell("reply", recipients=[mina.pk])

    assert not Notification.objects.exists()


def test_behind_much_that_became_invisible_the_list_goes_on_and_agrees_with_the_count(forum, mina):
    rows = [
        Notification(
            person=mina,
            key=f"p:{number}",
            kind="forum.reply",
            group=Group.REPLIES,
            rank=20,
            subject=THREAD if number < 50 else "forum.thread:43",
            occurred_at=timezone.now(),
        )
        for number in range(170)
    ]
    Notification.objects.bulk_create(rows)  # the newest 120 are about a thread that became private

    page = queries.page_of_notices(mina)

    assert queries.unread_count(mina) == 50
    assert [entry.count for entry in page.entries] == [50]
    assert page.before is None
    assert len(queries.recent(mina)) == 1


def test_a_page_goes_on_where_the_one_before_ended(forum, mina, monkeypatch):
    monkeypatch.setattr(queries, "_MOST_LOOKED_AT", 3)
    for number in range(6):
        NotificationFactory(person=mina, kind="forum.reply", subject="forum.thread:43" if number > 1 else THREAD)

    first = queries.page_of_notices(mina, rows=3)
    second = queries.page_of_notices(mina, rows=3, before=first.before)

    assert first.entries == []
    assert [entry.count for entry in second.entries] == [2]
    assert second.before is None


@pytest.mark.parametrize(
    ("language", "mail", "due"),
    [
        ("fa", Mail.DAILY, "2026-11-30 08:00"),
        ("fa", Mail.WEEKLY, "2026-12-05 08:00"),  # a Saturday
        ("en", Mail.WEEKLY, "2026-11-30 08:00"),  # a Monday
    ],
)
def test_a_digest_is_due_in_the_morning_of_the_persons_own_day(language, mail, due):
    person = UserFactory(language=language, time_zone="Asia/Tehran")
    evening = dt.datetime(2026, 11, 29, 20, 0, tzinfo=dt.UTC)  # half past eleven in Tehran

    found = queries.next_digest(person, mail, evening)

    assert found.strftime("%Y-%m-%d %H:%M") == due
    assert str(found.tzinfo) == "Asia/Tehran"
