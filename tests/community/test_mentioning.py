"""Who is suggested after an @: people of the thread, then staff, then others who wrote something."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community import services
from community.queries import people_to_mention
from community.services import silence_member
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.queries")]


def named(people):
    return [person.handle for person in people]


@pytest.fixture
def thread():
    return ThreadFactory(author=MemberFactory(handle="مریم_گیلان"))


def test_people_of_the_thread_come_first_then_staff_then_others(thread):
    reader = MemberFactory(handle="reader")
    there, elsewhere, staff = MemberFactory(handle="sam_there"), MemberFactory(handle="sam_elsewhere"), moderator()
    staff.handle = "sam_staff"
    staff.save()
    PostFactory(thread=thread, author=there)
    PostFactory(author=elsewhere)
    PostFactory(author=staff)
    UserFactory(handle="sam_silent")

    assert named(people_to_mention(reader, thread, "sam")) == ["sam_there", "sam_staff", "sam_elsewhere"]
    assert named(people_to_mention(reader, thread, "@SAM_t")) == ["sam_there"]


def test_without_a_beginning_only_the_thread_and_staff_are_offered(thread):
    reader = MemberFactory()
    PostFactory(author=MemberFactory(handle="elsewhere"))

    assert named(people_to_mention(reader, thread, "")) == ["مریم_گیلان"]
    assert people_to_mention(reader, None, "") == []


@pytest.mark.parametrize("typed", ["مریم", "مريم", "@مریم_گ"])
def test_a_persian_name_is_found_in_any_spelling(thread, typed):
    assert named(people_to_mention(MemberFactory(), thread, typed)) == ["مریم_گیلان"]


def test_who_left_and_the_reader_are_not_offered(thread):
    reader, gone = MemberFactory(handle="zara_one"), MemberFactory(handle="zara_two")
    for author in (reader, gone):
        PostFactory(thread=thread, author=author)
    gone.is_active = False
    gone.save()

    assert people_to_mention(reader, thread, "zara") == []


def test_authors_of_hidden_posts_and_of_private_threads_are_not_told_of():
    reader, hidden, private = MemberFactory(), MemberFactory(handle="kim_hidden"), MemberFactory(handle="kim_private")
    thread = ThreadFactory()
    services.hide_post(post=PostFactory(thread=thread, author=hidden), by=moderator(), reason="spam")
    secret = ThreadFactory(area=AreaFactory(audience="partner"))
    PostFactory(thread=secret, author=private)

    assert people_to_mention(reader, thread, "kim") == []
    assert people_to_mention(reader, secret, "kim") == []


def test_the_number_of_queries_does_not_depend_on_that_of_people(thread):
    reader = MemberFactory()
    counts = []
    people_to_mention(reader, thread, "m")
    for people in (1, 3):
        for _number in range(people):
            PostFactory(thread=thread)
        with CaptureQueriesContext(connection) as queries:
            people_to_mention(reader, thread, "m")
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 4


def test_the_address_answers_members_only_and_any_input(client, thread):
    url = reverse("community:people")
    assert client.get(url).status_code == 302
    member = MemberFactory()
    client.force_login(member)
    PostFactory(thread=thread, author=MemberFactory(handle="nima_here"))

    assert "nima_here" in client.get(url, {"thread": thread.pk, "q": "nim"}).text
    for garbage in ("\0", "x", "-1", "9" * 40, "١٢"):
        assert client.get(url, {"thread": garbage, "q": garbage}).status_code == 200
    silence_member(user=member, by=moderator(), until=timezone.now() + dt.timedelta(days=1))
    assert client.get(url, {"q": "nim"}).status_code == 204
