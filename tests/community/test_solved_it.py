"""Readers say that the solution of a thread helped them: without an account, once each, from cached pages."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from community import services
from community.events import SolvedItSaid
from community.exceptions import NotVisibleError, OwnPostError
from community.models import SolvedIt, ThreadLoops
from community.reconcile import find_drift
from portal.core import page_cache
from portal.core.events import subscribed
from portal.core.visitors import Origin
from tests.community.test_concurrency import at_once, members
from tests.factories.community import MemberFactory, PostFactory, ThreadFactory, moderator

BOTH = pytest.mark.both_databases("community.services.loops", "community.models.loops")
pytestmark = [pytest.mark.django_db, BOTH]
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def solved_thread():
    thread = ThreadFactory()
    services.accept_solution(post=PostFactory(thread=thread), by=None)
    thread.refresh_from_db()
    return thread


def address(thread):
    return reverse("community:solved_it", args=[thread.pk])


def say(thread, number, network=None):
    origin = Origin(network=f"n{number if network is None else network}", sector=number % 32)
    return services.say_solved_it(thread=thread, visitor=f"{number:024x}", origin=origin)


def counted(thread):
    return ThreadLoops.objects.filter(pk=thread.pk).values_list("solved_it_count", "solved_it_shown").first()


def test_what_was_said_of_an_answer_is_not_said_of_the_next():
    thread = solved_thread()
    first = thread.solution
    say(thread, 1)
    services.revoke_solution(post=first, by=moderator())
    assert counted(thread) == (0, 0)
    services.accept_solution(post=PostFactory(thread=thread), by=None)
    assert counted(thread) == (0, 0)

    assert say(thread, 1)  # of the other answer
    services.accept_solution(post=first, by=None)

    assert counted(thread) == (1, 0)
    assert list(find_drift()) == []


def test_a_visitor_says_it_on_a_cached_page_without_javascript(client):
    thread = solved_thread()
    page = client.get(thread.get_absolute_url())
    assert address(thread) in page.text
    assert "csrfmiddlewaretoken" not in page.text
    assert len(page_cache.store) == 1

    response = client.post(address(thread), headers=SAME_ORIGIN, follow=True)

    again = f"{thread.get_absolute_url()}?thanks=solved"
    assert response.redirect_chain == [(f"{again}#solved-it", 302)]
    assert "سپاس. دیگران می‌فهمند" in response.text
    assert "گفته‌اید که این پاسخ مشکلتان را حل کرد" in response.text
    assert address(thread) not in client.get(again).text  # also when it is loaded again
    assert address(thread) in Client().get(again, headers={"user-agent": "another"}).text  # an address is no proof
    assert counted(thread) == (1, 0)
    client.post(address(thread), headers=SAME_ORIGIN)  # by the cookie
    del client.cookies["helped"]
    client.post(address(thread), headers=SAME_ORIGIN)  # by the day's key
    assert counted(thread) == (1, 0)


def test_another_site_cannot_say_it_for_a_reader(client):
    thread = solved_thread()

    assert client.post(address(thread), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get(address(thread)).status_code == 302
    assert counted(thread) is None


def test_a_script_gets_the_thanks_in_place_of_the_button(client):
    thread = solved_thread()

    response = client.post(address(thread), headers={**SAME_ORIGIN, "HX-Request": "true"})

    assert response.headers["HX-Replace-Url"] == f"{thread.get_absolute_url()}?thanks=solved"
    assert "<form" not in response.text
    assert 'role="status"' in response.text


def test_members_count_once_and_those_of_the_thread_not_at_all(client):
    thread, member = solved_thread(), MemberFactory()
    with subscribed(SolvedItSaid, lambda event: None, name="tests.said"):
        assert services.say_solved_it(thread=thread, user=member)
        assert not services.say_solved_it(thread=thread, user=member)
    for own in (thread.author, thread.solution.author):
        with pytest.raises(OwnPostError):
            services.say_solved_it(thread=thread, user=own)
        client.force_login(own)
        assert address(thread) not in client.get(thread.get_absolute_url()).text
    client.force_login(member)
    text = client.get(thread.get_absolute_url()).text
    assert address(thread) not in text
    assert "گفته‌اید که این پاسخ مشکلتان را حل کرد" in text
    assert [kind for kind, _values in services.export_of(member) if kind == "this solved it"] == ["this solved it"]
    member.delete()
    assert list(find_drift()) == []


def test_only_a_solution_that_is_there_can_have_helped(client):
    unsolved, hidden = ThreadFactory(), solved_thread()
    services.hide_post(post=hidden.posts.get(number=1), by=None, reason="spam")

    for thread in (unsolved, hidden):
        with pytest.raises(NotVisibleError):
            say(thread, 1)
    assert address(unsolved) not in client.get(unsolved.get_absolute_url()).text
    assert client.post(address(unsolved), headers=SAME_ORIGIN).status_code == 302
    assert client.post(address(hidden), headers=SAME_ORIGIN).status_code == 404


def test_the_number_is_shown_once_it_comes_from_five_networks_and_none_outweighs_the_others(client):
    thread = solved_thread()
    for number in range(4):
        say(thread, number)
    assert counted(thread) == (4, 0)
    assert "نفر می‌گو" not in client.get(thread.get_absolute_url()).text

    for number in range(4, 6):
        say(thread, number)
    for number in range(1, 9):  # one sector
        services.say_solved_it(thread=thread, visitor=f"x{number}", origin=Origin("n0", 0))

    page_cache.store.clear()
    assert counted(thread) == (14, 8)
    assert "۸ نفر می‌گویند این پاسخ مشکلشان را حل کرد" in client.get(thread.get_absolute_url()).text


def test_few_of_an_hour_at_one_address_and_some_of_a_day_in_its_range(client):
    thread = solved_thread()

    def ask(number, address_of_client):
        client.cookies.clear()
        headers = {**SAME_ORIGIN, "User-Agent": f"Browser {number}"}
        return client.post(address(thread), headers=headers, REMOTE_ADDR=address_of_client).status_code

    assert [ask(number, "192.0.2.1") for number in range(4)] == [302, 302, 302, 429]
    codes = [ask(number, f"192.0.2.{number}") for number in range(10, 30)]
    assert codes.count(302) == 17
    assert counted(thread) == (20, 0)


def test_what_was_said_comes_along_when_threads_are_merged():
    thread, into = solved_thread(), solved_thread()
    for number in range(6):
        say(thread, number)
    say(into, 0)
    say(into, 7)

    services.merge_threads(thread=thread, into=into, by=moderator())

    assert counted(into) == (2, 0)  # of its own solution
    assert counted(thread) == (0, 0)
    assert list(find_drift()) == []
    into.refresh_from_db()
    services.revoke_solution(post=into.solution, by=moderator())
    assert counted(into) == (6, 6)  # of that of the merged question


def test_a_suspended_member_is_refused_and_visitors_touch_no_page(client, after_commit):
    thread, member = solved_thread(), MemberFactory()
    client.get(thread.get_absolute_url())
    page = next(iter(page_cache.store._pages.values()))
    with after_commit():
        say(thread, 1)
    assert page.stamp.is_current_for_others()

    services.suspend_member(user=member, by=moderator(), until=timezone.now() + dt.timedelta(days=1))
    client.force_login(member)
    assert client.post(address(thread), headers=SAME_ORIGIN).status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_many_readers_at_once_are_counted_exactly():
    thread, people = solved_thread(), members(12)
    tasks = [lambda number=number: say(thread, number % 20) for number in range(40)]
    tasks += [lambda person=person: services.say_solved_it(thread=thread, user=person) for person in people * 2]

    assert at_once(tasks) == []
    assert counted(thread)[0] == SolvedIt.objects.filter(thread=thread).count() == 32
    assert list(find_drift()) == []
