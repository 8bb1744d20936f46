"""Private messages of many people at once, with real threads and commits, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from community import inbox, services
from community.models import Conversation, Message, MessageReport, Participant, ReviewItem
from tests.community.test_concurrency import at_once
from tests.factories.community import MemberFactory, MessageFactory, token

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("community.services.messages", "community.services.reports", "community.inbox"),
]


def writing(author, recipient, sent_with=""):
    return lambda: services.send_message(
        author=type(author).objects.get(pk=author.pk),
        recipient=type(recipient).objects.get(pk=recipient.pk),
        body="سلام",
        token=sent_with or token(),
    )


def test_two_who_begin_the_same_conversation_at_once_get_one_with_numbers_in_a_row():
    mina, sara = MemberFactory(), MemberFactory()

    errors = at_once([writing(mina, sara), writing(sara, mina)] * 8)

    assert errors == []
    assert list(Message.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 17))
    assert Conversation.objects.get().highest_number == 16
    assert list(Participant.objects.values_list("last_number", flat=True)) == [16, 16]


def test_one_form_sent_many_times_at_once_makes_one_message():
    mina, sara, reza, once = MemberFactory(), MemberFactory(), MemberFactory(), token()

    errors = at_once([writing(mina, sara, once)] * 6 + [writing(mina, reza, once)] * 2)

    assert errors == []
    assert Message.objects.count() == 2
    assert Conversation.objects.count() == 2  # a token is bound to whom its form was made for


def test_reading_at_once_ends_at_the_highest_number():
    mina, sara = MemberFactory(), MemberFactory()
    messages = [MessageFactory(author=mina, recipient=sara) for _time in range(8)]
    conversation = messages[0].conversation

    errors = at_once(
        [
            lambda number=number: services.mark_conversation_read(user=sara, conversation=conversation, number=number)
            for number in (8, 3, 5, 1, 7, 2, 6, 4)
        ]
    )

    assert errors == []
    assert Participant.objects.get(person=sara).last_read_number == 8
    assert inbox.unread_conversations(sara) == 0


def test_a_message_reported_many_times_at_once_is_one_item():
    message = MessageFactory()
    recipient = message.conversation.other_than(message.author_id)

    errors = at_once([lambda: services.report_message(message=message, user=recipient, reason="abuse")] * 8)

    assert errors == []
    assert (MessageReport.objects.count(), ReviewItem.objects.count()) == (1, 1)
