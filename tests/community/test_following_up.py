"""Whoever asked is asked whether it is solved: three times at most, each once, and only while it matters."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from community import services
from community.models import FollowUp, Thread
from community.notifications.loops import ACTION
from community.services import following_up
from portal.core import outbox
from portal.notifications.actions import action_url
from portal.notifications.models import Notification
from tests.community.notices import listed, reply
from tests.community.test_concurrency import at_once
from tests.factories.community import MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.services.following_up", "community.models.loops"),
]


def pass_time(**delta):
    FollowUp.objects.filter(asked_at=None).update(due_at=timezone.now() - dt.timedelta(**(delta or {"hours": 1})))


def ask():
    """Let the next step become due, and ask; returns how many were asked."""
    pass_time()
    asked = following_up.ask_askers()
    outbox.drain()
    return asked


def asked_of(person):
    return Notification.objects.filter(person=person, kind="community.did_it_solve").count()


@pytest.fixture
def answered(question, sara):
    reply(question, by=sara)
    return question


def link(thread, step=1):
    return action_url(ACTION, person_id=thread.author_id, argument=f"{thread.pk}:{step}")


def test_the_first_reply_of_another_begins_it_a_day_later(question, mina, sara, reza):
    reply(question, by=mina, body="چیز دیگری هم یادم آمد که بنویسم")
    assert not FollowUp.objects.exists()

    first = reply(question, by=sara)
    reply(question, by=reza)

    assert [(row.step, row.due_at) for row in FollowUp.objects.all()] == [
        (1, first.published_at + dt.timedelta(hours=24))
    ]
    assert not following_up.has_askers_to_ask()


def test_three_steps_are_asked_each_once_by_bell_and_mail(client, answered, mina, mailoutbox, settings):
    settings.NOTIFICATIONS_MAIL_MINUTES = 0  # the mail about the reply does not hold this one up
    before = len(mailoutbox)
    assert [ask() for _step in range(4)] == [1, 1, 1, 0]

    assert asked_of(mina) == 3
    assert list(FollowUp.objects.values_list("step", flat=True).order_by("step")) == [1, 2, 3]
    arrived = list(mailoutbox)[before:]
    assert [each.to for each in arrived] == [["mina@example.com"]] * 3
    address = re.search(r"https?://[^/]+(/fa/\S*)", arrived[0].body)
    assert address is not None
    client.logout()
    assert "تا حدی" in client.get(address[1], follow=True).text  # without signing in
    assert "را حل کرد؟" in listed(client, mina)


def test_the_steps_are_one_three_and_seven_days_after_the_first_reply(answered, monkeypatch):
    first = FollowUp.objects.get().due_at - dt.timedelta(hours=24)
    for hours in (24, 72, 168):
        monkeypatch.setattr(timezone, "now", lambda hours=hours: first + dt.timedelta(hours=hours, minutes=-1))
        assert not following_up.has_askers_to_ask()
        monkeypatch.setattr(timezone, "now", lambda hours=hours: first + dt.timedelta(hours=hours))
        assert following_up.ask_askers() == 1


def solved(thread):
    services.accept_solution(post=thread.posts.get(number=2), by=None)


def closed(thread):
    services.lock(thread=thread, by=moderator())


def hidden(thread):
    services.hide_post(post=thread.posts.get(number=1), by=None, reason="spam")


def silenced(thread):
    services.silence_member(user=thread.author, by=moderator(), until=timezone.now() + dt.timedelta(days=9))


def without_account(thread):
    Thread.objects.filter(pk=thread.pk).update(author=None)


def without_replies(thread):
    services.delete_post(post=thread.posts.get(number=2), by=moderator(), reason="spam")


@pytest.mark.parametrize("becomes", [solved, closed, hidden, silenced, without_account, without_replies])
def test_nobody_is_asked_when_it_does_not_matter_any_more(answered, mina, becomes):
    becomes(answered)

    assert ask() == 0
    assert asked_of(mina) == 0
    assert not following_up.has_askers_to_ask()


@pytest.mark.parametrize("becomes", [solved, closed, hidden, silenced])
def test_what_was_asked_disappears_from_the_bell_and_its_link_is_gone(client, answered, mina, becomes):
    ask()
    url = link(answered)
    assert client.get(url).status_code == 200

    becomes(answered)

    assert client.get(url).status_code == 410
    assert "را حل کرد؟" not in listed(client, mina)


def test_opening_the_link_changes_nothing_and_a_button_answers(client, answered):
    ask()
    before = list(FollowUp.objects.order_by("pk").values_list())
    assert "تا حدی" in client.get(link(answered)).text
    assert list(FollowUp.objects.order_by("pk").values_list()) == before

    response = client.post(link(answered), {"choice": "partly"})

    assert "باز می‌ماند" in response.text
    assert FollowUp.objects.get(step=1).answer == "partly"
    assert ask() == 1  # it stays open, and is asked again
    answered.refresh_from_db()
    assert not answered.is_solved


def test_yes_ends_it_and_offers_the_replies(client, answered, sara):
    ask()

    response = client.post(link(answered), {"choice": "yes"})

    post = answered.posts.get(number=2)
    assert f'name="detail" value="{post.pk}"' in response.text
    assert ask() == 0
    answered.refresh_from_db()
    assert not answered.is_solved
    client.post(link(answered), {"choice": "yes", "detail": str(post.pk)})
    answered.refresh_from_db()
    assert answered.solution_id == post.pk


def test_only_replies_that_were_offered_are_accepted(client, answered):
    ask()
    elsewhere = PostFactory()

    client.post(link(answered), {"choice": "yes", "detail": str(elsewhere.pk)})
    client.post(link(answered), {"choice": "yes", "detail": "x"})
    response = client.post(link(answered), {"choice": "yes", "detail": "none"})

    assert "خوشحالیم" in response.text
    assert not Thread.objects.solved().exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_workers_at_once_ask_once():
    thread = ThreadFactory(author=MemberFactory())
    FollowUp.objects.create(thread=thread, step=1, due_at=timezone.now())
    PostFactory(thread=thread)

    assert at_once([following_up.ask_askers] * 6, workers=6) == []

    outbox.drain()
    assert asked_of(thread.author) == 1
    assert list(FollowUp.objects.order_by("step").values_list("step", "asked_at"))[1:] == [(2, None)]
