"""Who was helped is shown questions that still wait: about what they own and solved, visible to them, not their own."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community import services
from community.pay_forward import questions_for
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, TagFactory, ThreadFactory, moderator

pytestmark = [pytest.mark.django_db]
PAGE = "community:pay_forward"


def offered(person):
    return [row.thread.title for row in questions_for(person)]


def test_what_one_owns_and_solved_comes_before_what_is_new():
    person, x2, tag = MemberFactory(), ProductFactory(), TagFactory()
    OwnershipFactory(user=person, product=x2)
    solved = ThreadFactory(author=person, tags=[tag])
    services.accept_solution(post=PostFactory(thread=solved), by=person)
    ThreadFactory(title="دربارهٔ دستگاه من", products=[x2])
    ThreadFactory(title="برچسب من", tags=[tag])
    for number in range(3):
        ThreadFactory(title=f"تازه {number}")

    rows = questions_for(person)

    assert [row.thread.title for row in rows] == ["دربارهٔ دستگاه من", "برچسب من", "تازه 2"]
    assert [bool(row.because) for row in rows] == [True, True, False]


def test_nothing_is_offered_that_is_ones_own_private_closed_answered_or_in_another_language():
    person = MemberFactory(language="fa")
    ThreadFactory(title="خودم", author=person)
    ThreadFactory(title="برای کارکنان", area=AreaFactory(audience="staff"))
    ThreadFactory(title="ایده", idea=True)
    ThreadFactory(title="در انتظار", held=True)
    ThreadFactory(title="پنهان", hidden=True)
    services.lock(thread=ThreadFactory(title="بسته"), by=moderator())
    PostFactory(thread=ThreadFactory(title="پاسخ دارد"))
    ThreadFactory(title="The light is red", body="It has been red since yesterday, what can I do about it?")
    ThreadFactory(title="این یکی")

    assert offered(person) == ["این یکی"]


def test_nobody_who_must_not_write_is_asked_to():
    person = MemberFactory()
    ThreadFactory()
    services.silence_member(user=person, by=moderator(), until=timezone.now() + dt.timedelta(days=1))

    assert offered(person) == []


def test_the_number_of_queries_does_not_depend_on_that_of_questions():
    person, x2, tag = MemberFactory(), ProductFactory(), TagFactory()
    OwnershipFactory(user=person, product=x2)
    services.accept_solution(post=PostFactory(thread=ThreadFactory(author=person, tags=[tag])), by=person)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            questions_for(person)
        return len(captured)

    ThreadFactory(products=[x2], tags=[tag])
    queries()  # what is kept in memory is read once
    one = queries()
    for _number in range(3):
        ThreadFactory(products=[x2], tags=[tag])
    queries()  # a new thread drops what is kept
    assert queries() == one


def test_who_asked_is_led_there_after_accepting_and_back(client):
    person = MemberFactory()
    thread = ThreadFactory(author=person)
    answer = PostFactory(thread=thread)
    accept = reverse("community:accept", args=[answer.pk])
    client.force_login(person)
    assert client.post(accept, {"on": "1"}).headers["Location"] == answer.get_absolute_url()  # nothing to offer

    waiting = ThreadFactory(title="هنوز بی‌پاسخ")
    response = client.post(accept, {"on": "1"}, follow=True)

    assert response.redirect_chain == [(f"{reverse(PAGE)}?thread={thread.pk}", 302)]
    assert waiting.get_absolute_url() in response.text
    assert thread.get_absolute_url() in response.text


def test_others_who_accept_stay_with_the_answer(client):
    ThreadFactory()
    answer = PostFactory()
    client.force_login(moderator())

    response = client.post(reverse("community:accept", args=[answer.pk]), {"on": "1"})

    assert response.headers["Location"] == answer.get_absolute_url()


@pytest.mark.parametrize("thread", ["", "x", "999", "9" * 30, "-1"])
def test_any_query_shows_the_page(client, thread):
    client.force_login(MemberFactory())

    assert client.get(reverse(PAGE), {"thread": thread}).status_code == 200


def test_visitors_sign_in_first(client):
    assert client.get(reverse(PAGE)).status_code == 302
