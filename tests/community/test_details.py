"""Questions that need information: a helper asks for it, and what the asker writes ends it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from community import rules, services
from community.exceptions import CommunityError
from community.models import Area, CommunityProfile, Level, Post, State, Thread
from portal.core import outbox
from tests.community.notices import told
from tests.factories.community import AreaFactory, MemberFactory, ThreadFactory, moderator, token

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.services.details")]

MISSING = "مدل مودم و رنگ چراغ سوم را هم بنویسید."


@pytest.fixture
def helper():
    return MemberFactory(level=Level.HELPER)


@pytest.fixture
def asked(question, helper):
    """A question that needs information."""
    services.ask_for_details(thread=question, by=helper, body=MISSING, token=token())
    return question


def status_of(thread) -> str:
    return Thread.objects.get(pk=thread.pk).status


def test_a_helper_asks_on_the_page_once_however_often_it_is_sent(client, question, helper, mina):
    client.force_login(helper)
    url = reverse("community:manage", args=[question.pk])
    assert 'name="details-body"' in client.get(url).text
    form = {"act": "details", "details-body": MISSING, "details-token": token()}

    for _press in range(2):
        client.post(url, form)
    outbox.drain()

    assert [post.body for post in Post.objects.filter(thread=question, number__gt=1)] == [MISSING]
    assert status_of(question) == Thread.Status.NEEDS_INFO
    assert "اطلاعات" in client.get(reverse("community:index")).text
    assert (mina.handle, "reply") in told()


def test_the_same_form_sent_after_the_answer_asks_nothing_again(question, helper, mina):
    form = {"thread": question, "by": helper, "body": MISSING, "token": token()}
    services.ask_for_details(**form)
    services.post_reply(author=mina, thread=question, body="مودم X2 است.", token=token())

    services.ask_for_details(**form)

    assert status_of(question) == Thread.Status.OPEN


@pytest.mark.parametrize("writes", ["reply", "edit", "held reply that is approved"])
def test_what_the_asker_writes_ends_it(asked, mina, writes):
    if writes == "edit":
        first = asked.posts.get(number=1)
        services.edit_post(post=first, editor=mina, body=f"{first.body} مودم X2 است.", version=first.version)
    elif writes == "reply":
        services.post_reply(author=mina, thread=asked, body="مودم X2 است.", token=token())
    else:
        post = services.post_reply(
            author=mina, thread=asked, body="مودم X2 است.", token=token(), suspicions=["honeypot"]
        )
        assert (post.state, status_of(asked)) == (State.HELD, Thread.Status.NEEDS_INFO)
        services.approve_post(post=post, by=moderator())

    assert status_of(asked) == Thread.Status.OPEN


def test_others_and_moderators_who_edit_do_not_end_it(asked, sara):
    services.post_reply(author=sara, thread=asked, body="من هم همین مشکل را دارم.", token=token())
    first = asked.posts.get(number=1)
    services.edit_post(post=first, editor=moderator(), body=f"{first.body} (ویرایش)", version=first.version)

    assert status_of(asked) == Thread.Status.NEEDS_INFO


def test_a_solution_ends_it_and_a_revoked_one_leaves_the_question_open(asked, mina):
    answer = asked.posts.get(number=2)
    services.accept_solution(post=answer, by=mina)
    assert status_of(asked) == Thread.Status.SOLVED

    services.revoke_solution(post=answer, by=mina)
    assert status_of(asked) == Thread.Status.OPEN


def test_only_helpers_ask_and_only_about_open_questions_of_others(question, helper, sara, mina):
    assert [rules.can_ask_for_details(user, question) for user in (helper, moderator(), sara, mina, None)] == [
        *[True, True],
        *[False, False, False],
    ]
    CommunityProfile.objects.filter(pk=mina.pk).update(level=Level.HELPER)
    idea = ThreadFactory(area=AreaFactory(kind=Area.Kind.IDEAS))
    closed = services.lock(thread=ThreadFactory(), by=moderator())
    for thread, by in ((question, mina), (idea, helper), (closed, helper)):
        assert not rules.can_ask_for_details(by, thread)
        with pytest.raises(CommunityError):
            services.ask_for_details(thread=thread, by=by, body=MISSING, token=token())
        assert status_of(thread) != Thread.Status.NEEDS_INFO
