"""What members are told of the community, whom, once, and in which words."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community import services, telling
from community.models import Post
from portal.core import mail_delivery, outbox
from portal.core.models import OutboxMessage, OutgoingMail
from portal.notifications import mailing
from portal.notifications.models import Follow, Notification
from portal.notifications.queries import Choice, is_following
from portal.notifications.registry import Group, Mail
from portal.notifications.services import choose, follow, mute, unfollow
from tests.community.notices import ANSWER, listed, reply, target, told
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory, token

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.notifications.posts")]


# Replies -------------------------------------------------------------------------------------------------------------


def test_who_asked_hears_of_a_reply_in_the_bell_and_by_mail(client, question, mina, sara, mailoutbox):
    post = reply(question, by=sara)

    assert told() == [("مینا", "reply")]
    assert "\u2068سارا\u2069 در «\u2068چراغ سوم مودم قرمز است\u2069» به شما پاسخ داد" in listed(client, mina)
    (arrived,) = mailoutbox
    assert arrived.to == ["mina@example.com"]
    assert arrived.subject.strip("\u2068\u2069") == "چراغ سوم مودم قرمز است"
    assert ANSWER in arrived.body
    with_language = reverse("community:thread", args=[question.pk, question.slug])
    assert f"{with_language}#post-{post.number}" in arrived.body
    assert 'dir="rtl"' in arrived.alternatives[0].content


def test_a_follower_hears_of_a_reply_and_its_author_does_not(question, sara, reza):
    for person in (reza, sara):
        follow(person_id=person.pk, target=target(question))

    reply(question, by=sara)

    assert told() == [("رضا", "followed"), ("مینا", "reply")]


def test_a_reply_to_another_member_is_no_reply_to_who_asked(question, sara, reza):
    answer = reply(question, by=sara)
    Notification.objects.all().delete()

    reply(question, by=reza, reply_to=answer)

    assert told() == [("سارا", "reply"), ("مینا", "followed")]


def test_who_does_not_want_to_hear_of_replies_does_not(question, mina, sara):
    unfollow(person_id=mina.pk, target=target(question))

    reply(question, by=sara)

    assert told() == []


def test_a_muted_thread_is_silent_even_when_one_is_answered(question, mina, sara, reza):
    own = reply(question, by=mina)
    mute(person_id=mina.pk, target=target(question))

    reply(question, by=sara, reply_to=own)
    reply(question, by=reza)

    assert told() == []


def test_nobody_hears_of_what_was_there_when_they_began_to_follow(question, sara, reza):
    services.post_reply(author=sara, thread=question, body=ANSWER, token=token())
    follow(person_id=reza.pk, target=target(question))

    outbox.drain()

    assert told() == [("مینا", "reply")]


def test_a_held_reply_is_told_when_it_is_approved(question, sara, mina):
    services.post_reply(author=sara, thread=question, body=ANSWER, token=token(), suspicions=["too-fast"])
    outbox.drain()
    before = told()

    moderator = UserFactory(superuser=True)
    services.approve_post(post=Post.objects.get(author=sara), by=moderator)
    outbox.drain()

    assert before == []
    assert ("مینا", "reply") in told()


def test_replies_of_one_thread_are_shown_as_one(client, question, mina, sara):
    for _number in range(3):
        reply(question, by=sara)

    assert "۳ پاسخ تازه به شما در «\u2068چراغ سوم مودم قرمز است\u2069»" in listed(client, mina)


# Visibility ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["hide", "delete", "private"])
def test_what_one_may_not_see_is_neither_listed_nor_mailed(client, question, sara, mailoutbox, act):
    post = services.post_reply(author=sara, thread=question, body=ANSWER, token=token())
    moderator = UserFactory(superuser=True)
    if act == "hide":
        services.hide_post(post=post, by=moderator, reason="spam")
    elif act == "delete":
        services.delete_post(post=post, by=moderator, reason="spam")
    else:
        question.area.audience = "staff"
        question.area.save()

    outbox.drain()

    assert ("مینا", "reply") not in told()
    assert "پاسخ داد" not in listed(client, question.author)
    assert [arrived.to for arrived in mailoutbox if ANSWER in arrived.body] == []


def test_a_post_hidden_while_its_mail_waits_is_not_mailed(question, mina, sara, mailoutbox, settings):
    settings.NOTIFICATIONS_MAIL_MINUTES = 10
    reply(question, by=sara, body="پاسخ نخست من")
    second = reply(question, by=sara, body="آگهی فروش مودم")
    arrived = len(mailoutbox)

    services.hide_post(post=second, by=None, reason="spam")
    for row in Notification.objects.exclude(mailed_at=None):
        Notification.objects.filter(pk=row.pk).update(mailed_at=row.mailed_at - dt.timedelta(minutes=11))
    OutboxMessage.objects.filter(delivered_at=None).update(available_at=timezone.now())
    outbox.drain()

    assert arrived == 1
    assert not any("آگهی" in each.body for each in mailoutbox)


@pytest.mark.parametrize("mail", ["now", "daily"])
def test_a_mail_that_waits_for_the_mail_server_leaves_without_what_was_hidden_meanwhile(
    question, mina, sara, mailoutbox, mail
):
    choose(person_id=mina.pk, choices={Group.REPLIES: Choice(web=True, mail=Mail(mail))})
    services.post_reply(author=sara, thread=question, body="پاسخ نخست من", token=token())
    hidden = services.post_reply(author=sara, thread=question, body="آگهی فروش مودم", token=token())
    tell_but_send_nothing()

    services.hide_post(post=hidden, by=None, reason="spam")
    tell_but_send_nothing()
    outbox.drain()  # the server answers again
    tell_but_send_nothing()

    (arrived,) = [each for each in mailoutbox if each.to == ["mina@example.com"]]
    assert "پاسخ نخست من" in arrived.body
    assert "آگهی" not in arrived.body + arrived.alternatives[0].content


def test_a_mail_that_waits_is_not_sent_if_all_of_it_was_hidden(question, mina, sara, mailoutbox):
    hidden = services.post_reply(author=sara, thread=question, body="آگهی فروش مودم", token=token())
    tell_but_send_nothing()

    services.delete_post(post=hidden, by=UserFactory(superuser=True))
    outbox.drain()

    assert OutgoingMail.objects.get().state == OutgoingMail.State.REPLACED
    assert len(mailoutbox) == 0


def tell_but_send_nothing() -> None:
    """Queue all mails that are due, while the mail server is away."""
    outbox.drain(but_not=[mail_delivery.DELIVER])
    Notification.objects.to_mail().filter(mail="daily").update(mail_at=timezone.now())
    mailing.send_digests()


def test_a_moderator_is_not_told_of_what_is_hidden(client, question, sara):
    moderator = UserFactory(superuser=True, language="fa")
    follow(person_id=moderator.pk, target=target(question))
    post = reply(question, by=sara)
    before = listed(client, moderator)

    services.hide_post(post=post, by=None, reason="spam")

    assert "پاسخ داد" in before
    assert "پاسخ داد" not in listed(client, moderator)


# Following by itself -------------------------------------------------------------------------------------------------


def test_who_asks_and_who_replies_follows(client, question, sara):
    client.force_login(sara)

    client.post(reverse("community:reply", args=[question.pk]), {"body": ANSWER, "token": token(), "do": "post"})

    assert Post.objects.filter(thread=question, author=sara).exists()
    assert is_following(sara.pk, target(question))


def test_a_reply_does_not_end_a_mute(client, question, sara):
    mute(person_id=sara.pk, target=target(question))
    client.force_login(sara)

    client.post(reverse("community:reply", args=[question.pk]), {"body": ANSWER, "token": token(), "do": "post"})

    assert not is_following(sara.pk, target(question))
    assert Follow.objects.get(person=sara).muted


# Cost and quiet ------------------------------------------------------------------------------------------------------


def test_a_reply_costs_the_same_however_many_follow(client, question, sara, after_commit):
    client.force_login(sara)

    def cost(number: int) -> int:
        with CaptureQueriesContext(connection) as queries, after_commit():
            body = f"{ANSWER} راه {number} را هم بیازمایید."
            client.post(reverse("community:reply", args=[question.pk]), {"body": body, "token": token(), "do": "post"})
        # The index of search writes the words it does not know yet: how many depends on the text.
        return len([query for query in queries if "search_" not in query["sql"]])

    cost(0)  # what is read once
    with_one = min(cost(1), cost(2))  # what a process remembers may be forgotten, and read again, at any time
    for _number in range(2):
        follow(person_id=MemberFactory().pk, target=target(question))
    with_three = min(cost(3), cost(4))
    outbox.drain()

    assert with_one == with_three
    assert Notification.objects.filter(kind="community.followed").count() == 4


def test_what_is_brought_in_from_elsewhere_is_told_to_nobody(question, sara):
    with telling.quietly():
        reply(question, by=sara)

    assert told() == []
    reply(question, by=sara)
    assert len(told()) == 1
