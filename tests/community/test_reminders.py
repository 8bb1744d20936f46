"""Bookmarks and their reminders: the page, and that a reminder arrives once, on time, and only what may be read."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community import events, services, telling
from community.models import Bookmark
from community.services import reading
from portal.core import outbox
from portal.notifications.models import Notification
from portal.notifications.queries import Choice
from portal.notifications.registry import Group, Mail
from portal.notifications.services import choose, mute
from tests.community.notices import TITLE, listed, target, told
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.services.reading", "community.notifications.bookmarks"),
]

REMINDER = "community.reminder"


def remember(person, thread, *, minutes=-1):
    """Have the person reminded of the first post of a thread; it was due a minute ago."""
    at = timezone.now() + dt.timedelta(minutes=minutes)
    return services.bookmark(user=person, post=thread.posts.get(number=1), remind_at=at)


def remind() -> int:
    """Run the job, and have the worker tell everybody."""
    reminded = reading.remind()
    outbox.drain()
    return reminded


def act(client, name, post, **data):
    return client.post(reverse(f"community:{name}", args=[post.pk]), data)


# What arrives --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "words"), [("fa", "یادآوری"), ("en", "Reminder")])
def test_a_reminder_comes_in_the_bell_and_by_mail_in_the_readers_language(
    client, question, mailoutbox, language, words
):
    reader = MemberFactory(language=language, email="reader@example.com")
    remember(reader, question)

    remind()

    (arrived,) = mailoutbox
    assert arrived.to == ["reader@example.com"]
    assert words in arrived.body
    assert TITLE in arrived.body
    assert words in listed(client, reader)


def test_a_reminder_comes_once_though_job_and_handler_run_again(question, reza, mailoutbox):
    row = remember(reza, question)
    at = row.remind_at

    assert [remind(), remind()] == [1, 0]
    telling.tell_of_bookmark(events.BookmarkDue(bookmark_id=row.pk, user_id=reza.pk, post_id=row.post_id, at=at))
    outbox.drain()

    assert told() == [("رضا", "reminder")]
    assert len(mailoutbox) == 1


def test_another_time_is_another_reminder(question, reza, mailoutbox):
    for _each in range(2):
        remember(reza, question)
        remind()

    assert told() == [("رضا", "reminder")] * 2


def test_nothing_comes_before_its_time(question, reza):
    remember(reza, question, minutes=5)

    assert (reading.has_reminders(), remind()) == (False, 0)


def test_after_a_downtime_everything_comes_that_was_missed(monkeypatch, reza):
    monkeypatch.setattr(reading, "_BATCH", 2)
    for minutes in range(5):
        remember(reza, ThreadFactory(), minutes=-100_000 - minutes)

    assert remind() == 5
    assert Notification.objects.filter(kind=REMINDER).count() == 5


def test_a_time_chosen_while_the_job_runs_is_kept(question, reza):
    row = remember(reza, question)
    later = timezone.now() + dt.timedelta(days=1)
    due_at = row.remind_at
    services.bookmark(user=reza, post=row.post, remind_at=later)

    assert reading._remind(row.pk, due_at) is False
    assert Bookmark.objects.get(pk=row.pk).remind_at == later


@pytest.mark.parametrize("gone", ["hidden", "private", "forgotten"])
def test_what_one_may_not_read_any_more_is_gone(client, question, reza, gone, mailoutbox):
    row = remember(reza, question)
    is_told = gone != "forgotten"
    if is_told:
        remind()
    before = len(mailoutbox)
    if gone == "hidden":
        services.hide_post(post=row.post, by=moderator(), reason="spam")
    elif gone == "private":
        services.move_thread(thread=question, area=AreaFactory(audience="partner"), by=moderator())
    else:
        services.remove_bookmark(user=reza, post=row.post)
    remind()

    assert TITLE not in listed(client, reza)
    assert Notification.objects.filter(kind=REMINDER).count() == is_told
    assert reza.email not in {address for mail in mailoutbox[before:] for address in mail.to}


def test_a_muted_thread_still_reminds_and_the_settings_decide_how(question, reza, mailoutbox):
    mute(person_id=reza.pk, target=target(question))
    choose(person_id=reza.pk, choices={Group.REMINDERS: Choice(web=True, mail=Mail.OFF)})
    remember(reza, question)

    remind()

    assert told() == [("رضا", "reminder")]
    assert mailoutbox == []


# The page ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(client, reza):
    client.force_login(reza)
    return reverse("community:bookmarks")


def test_the_page_sets_changes_and_removes_a_reminder(client, page, question, reza):
    post = question.posts.get(number=1)
    services.bookmark(user=reza, post=post)
    assert "یادآوری:" not in client.get(page).text

    assert act(client, "remind", post, when="tomorrow", before="").headers["Location"] == page
    tomorrow = Bookmark.objects.get().remind_at
    assert "یادآوری:" in client.get(page).text
    act(client, "remind", post, when="month", before="")
    assert Bookmark.objects.get().remind_at > tomorrow + dt.timedelta(days=20)
    act(client, "remind", post, when="", before="")

    assert Bookmark.objects.get().remind_at is None
    assert "یادآوری:" not in client.get(page).text


def test_a_morning_is_one_of_the_persons_own_day(client, question):
    person = MemberFactory(time_zone="America/New_York")
    client.force_login(person)
    act(client, "remind", question.posts.get(number=1), when="tomorrow")

    at = Bookmark.objects.get(user=person).remind_at.astimezone(zoneinfo.ZoneInfo("America/New_York"))
    assert (at.hour, at.minute) == (9, 0)


def test_remembering_again_keeps_the_reminder(client, page, question, reza):
    post = question.posts.get(number=1)
    act(client, "remind", post, when="week")
    before = Bookmark.objects.get().remind_at

    act(client, "bookmark", post, on="1")

    assert Bookmark.objects.get().remind_at == before is not None


def test_a_bookmark_is_removed_on_the_page(client, page, question, reza):
    post = question.posts.get(number=1)
    services.bookmark(user=reza, post=post)

    assert act(client, "bookmark", post, on="0", before="70").headers["Location"] == f"{page}?before=70"
    assert not Bookmark.objects.exists()


def test_an_unknown_time_changes_nothing_and_says_so(client, page, question, reza):
    row = remember(reza, question, minutes=9)

    response = act(client, "remind", row.post, when="someday")

    assert "انتخاب کنید" in client.get(response.headers["Location"]).text
    assert Bookmark.objects.get().remind_at == row.remind_at


def test_nobody_sets_a_reminder_for_what_they_may_not_see_or_while_suspended(client, page, reza):
    private = ThreadFactory(area=AreaFactory(audience="partner")).posts.get()
    assert act(client, "remind", private, when="week").status_code == 404
    services.suspend_member(user=reza, by=moderator(), until=timezone.now() + dt.timedelta(days=1))

    assert act(client, "remind", ThreadFactory().posts.get(), when="week").status_code == 403
    client.logout()
    assert act(client, "remind", ThreadFactory().posts.get(), when="week").status_code == 302
    assert not Bookmark.objects.exists()


def test_the_page_costs_the_same_for_many_bookmarks(client, page, reza):
    counts = []
    for number in (1, 12):
        for _each in range(number):
            remember(reza, PostFactory().thread, minutes=9)
        client.get(page)
        with CaptureQueriesContext(connection) as queries:
            client.get(page)
        counts.append(len(queries))

    assert counts[0] == counts[1]
