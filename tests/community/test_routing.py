"""Questions that wait are brought to members who may know the answer, by the portal itself."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.utils import timezone

from community import routing, services
from community.models import AuditEntry, CallForHelp, Policy
from portal.core import outbox
from portal.notifications.models import Notification
from tests.desk.test_index import ago, answer, helper, question
from tests.factories.community import AreaFactory, moderator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.routing", "community.waiting")]


@pytest.fixture
def area():
    return AreaFactory()


def let_pass(hours: int) -> None:
    CallForHelp.objects.update(asked_at=timezone.now() - dt.timedelta(hours=hours))


def test_one_after_the_other_is_asked_and_told_three_at_most(area):
    people = {helper(area=area).pk for _each in range(5)}
    thread = question(area=area, when=ago(hours=13))
    assert routing.has_questions_to_route()

    asked = []
    for _hour in range(5):
        asked.append(routing.ask_helpers())
        assert routing.ask_helpers() == 0, "not before the first had the time"
        let_pass(13)

    assert asked == [1, 1, 1, 0, 0]
    called = list(CallForHelp.objects.filter(thread=thread))
    assert len({call.helper_id for call in called} & people) == 3
    assert {call.asked_by for call in called} == {None}
    outbox.drain()
    assert Notification.objects.filter(kind="community.asked_for_help").count() == 3
    assert set(AuditEntry.objects.filter(action="helper.asked").values_list("actor", flat=True)) == {None}


def test_all_are_asked_evenly_and_nobody_more_than_twice_a_week(area):
    for _each in range(2):
        helper(area=area)
    for _each in range(6):
        question(area=area, when=ago(hours=13))

    assert routing.ask_helpers() == 4

    assert sorted(Counter(CallForHelp.objects.values_list("helper", flat=True)).values()) == [2, 2]
    assert routing.ask_helpers() == 0


def fresh(thread):
    type(thread).objects.filter(pk=thread.pk).update(last_post_at=ago(hours=11))


def old(thread):
    type(thread).objects.filter(pk=thread.pk).update(last_post_at=ago(days=15))


def closed(thread):
    services.lock(thread=thread, by=moderator())


def hidden(thread):
    services.hide_post(post=thread.posts.get(), by=moderator(), reason="spam")


def private(thread):
    services.move_thread(thread=thread, area=AreaFactory(audience="partner"), by=moderator())


def asked_by_a_moderator(thread):
    services.call_for_help(thread=thread, helper=helper(area=thread.area), by=moderator())


def switched_off(_thread):
    Policy(asks_after_hours=0).save()


@pytest.mark.parametrize("becomes", [fresh, old, answer, closed, hidden, private, asked_by_a_moderator, switched_off])
def test_nobody_is_asked_when_it_is_too_early_or_does_not_help(area, becomes):
    helper(area=area)
    thread = question(area=area, when=ago(hours=13))
    assert routing.has_questions_to_route()
    becomes(thread)

    assert not routing.has_questions_to_route()
    assert routing.ask_helpers() == 0


def test_a_question_that_nobody_can_answer_keeps_no_other_from_being_asked(area):
    question(area=AreaFactory(), when=ago(days=3))
    person = helper(area=area)
    thread = question(area=area, when=ago(hours=13))

    assert routing.ask_helpers() == 1
    assert CallForHelp.objects.get().helper == person
    assert CallForHelp.objects.get().thread == thread
