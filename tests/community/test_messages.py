"""Private messages: who may write to whom, numbers, what is unread, deleting, blocking, own data."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib import admin
from django.utils import timezone

from community import inbox, rules, services
from community.exceptions import BlockedTextError, EmptyTextError, MessageRefusedError, SilencedError, TextTooLongError
from community.models import (
    MESSAGE_LENGTH,
    Block,
    CommunityProfile,
    Conversation,
    Draft,
    Level,
    Message,
    MessageReport,
    MessagesFrom,
    Participant,
    Policy,
    ReviewItem,
    WatchedWord,
)
from community.services import members, reports
from portal.accounts import own_data
from portal.core.privacy import PHONE
from search.models import IndexedEntry
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory
from tests.factories.community import MemberFactory, MessageFactory, moderator, reader_of, token

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "community.inbox",
        "community.models.messages",
        "community.services.messages",
        "community.services.reports",
    ),
]


def again(person):
    """The person as the next request knows them."""
    return type(person).objects.get(pk=person.pk)


def why_not(user, to) -> str:
    return rules.why_no_message(again(user), again(to))


def texts_of(person, conversation) -> list[str]:
    found = Message.objects.visible_to(person).filter(conversation=conversation)
    return list(found.order_by("number").values_list("body", flat=True))


# Writing -------------------------------------------------------------------------------------------------------------


def test_messages_of_two_people_are_one_conversation_with_numbers():
    mina, sara = MemberFactory(), MemberFactory()

    first = MessageFactory(author=mina, recipient=sara)
    second = MessageFactory(author=sara, recipient=mina)

    assert (first.conversation_id, first.number) == (second.conversation_id, 1)
    assert second.number == 2
    assert Conversation.objects.get().highest_number == 2


def test_a_form_sent_twice_makes_one_message():
    mina, sara, once = MemberFactory(), MemberFactory(), token()

    made = [MessageFactory(author=mina, recipient=sara, token=once).pk for _time in range(2)]

    assert made == [made[0]] * 2
    assert Message.objects.count() == 1


def test_a_form_of_another_person_sends_what_it_says():
    mina, once = MemberFactory(), token()

    made = [MessageFactory(author=mina, recipient=MemberFactory(), token=once) for _time in range(2)]

    assert len({message.conversation_id for message in made}) == 2


def test_what_was_begun_is_forgotten_when_it_is_sent():
    mina, sara = MemberFactory(), MemberFactory()
    services.save_draft(user=mina, place=services.message_draft(sara.pk), body="سلام")

    MessageFactory(author=mina, recipient=sara)

    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    ("body", "error"), [("  \n", EmptyTextError), ("ا" * (MESSAGE_LENGTH + 1), TextTooLongError)], ids=["empty", "long"]
)
def test_texts_have_limits(body, error):
    with pytest.raises(error):
        MessageFactory(body=body)


@pytest.mark.parametrize("keeps", [False, True])
def test_personal_data_is_masked_unless_the_author_insists(keeps):
    message = MessageFactory(body="شمارهٔ من 0912 345 6789 است", keeps_personal_data=keeps)

    assert (PHONE in message.body) is not keeps


@pytest.mark.parametrize("action", ["block", "hold"])
def test_what_would_be_refused_or_held_in_a_post_is_refused(action):
    WatchedWord.objects.create(phrase="خرید فالوور", action=action)

    with pytest.raises(BlockedTextError):
        MessageFactory(body="خرید‌فالوور ارزان")
    assert not Conversation.objects.exists()


def test_words_are_masked_as_in_posts():
    WatchedWord.objects.create(phrase="احمق", action="mask")

    assert MessageFactory(body="ای احمق").body == "ای ****"


# Who may -------------------------------------------------------------------------------------------------------------


def test_members_write_to_members_and_to_colleagues():
    member = MemberFactory()

    assert why_not(member, MemberFactory()) == ""
    assert why_not(member, UserFactory(staff=True)) == ""
    assert why_not(UserFactory(staff=True), member) == ""


def test_newcomers_begin_no_conversation_and_receive_none():
    new, member = MemberFactory(level=Level.NEW), MemberFactory()

    assert "اعضای تازه" in why_not(new, member)
    assert "اعضای تازه" in why_not(new, UserFactory(staff=True))
    assert "تازه به اینجا آمده" in why_not(member, new)
    with pytest.raises(MessageRefusedError):
        MessageFactory(author=new, recipient=member)


@pytest.mark.parametrize("colleague", [lambda: UserFactory(staff=True), moderator], ids=["staff", "moderator"])
def test_newcomers_answer_colleagues_who_wrote_to_them(colleague):
    new, helper = MemberFactory(level=Level.NEW), colleague()
    if helper.has_perm("community.moderate"):
        MessageFactory(author=helper, recipient=new)
    else:
        CommunityProfile.objects.filter(user=new).update(level=Level.MEMBER)
        MessageFactory(author=helper, recipient=new)
        CommunityProfile.objects.filter(user=new).update(level=Level.NEW)

    assert MessageFactory(author=again(new), recipient=helper).number == 2


def test_verified_customers_are_no_newcomers():
    customer = UserFactory()
    OwnershipFactory(user=customer)

    assert why_not(customer, MemberFactory()) == ""
    assert why_not(MemberFactory(), customer) == ""
    assert MessageFactory(author=customer).number == 1
    assert CommunityProfile.objects.get(pk=customer.pk).level == Level.MEMBER


@pytest.mark.parametrize("kind", ["silenced_until", "suspended_until"])
def test_who_is_silenced_or_suspended_cannot_write_not_even_to_moderators(kind):
    person, boss = MemberFactory(), moderator()
    MessageFactory(author=boss, recipient=person)
    CommunityProfile.objects.filter(pk=person.pk).update(**{kind: timezone.now() + dt.timedelta(days=1)})

    assert why_not(person, MemberFactory())
    assert why_not(person, boss)
    with pytest.raises(SilencedError):
        MessageFactory(author=again(person), recipient=boss)


def test_who_accepts_messages_of_moderators_only_hears_of_nobody_else_and_begins_none():
    closed, member, boss = MemberFactory(), MemberFactory(), moderator()
    services.accept_messages_from(user=closed, whom=MessagesFrom.MODERATORS)

    assert "نمی‌پذیرد" in why_not(member, closed)
    assert "نمی‌پذیرد" in why_not(UserFactory(staff=True), closed)
    assert "تنظیم" in why_not(closed, member)
    assert why_not(boss, closed) == ""
    MessageFactory(author=boss, recipient=closed)
    assert why_not(closed, boss) == ""


def test_a_block_ends_messages_both_ways_and_does_not_show():
    mina, sara = MemberFactory(), MemberFactory()
    MessageFactory(author=sara, recipient=mina)
    services.block_person(user=mina, whom=sara)
    services.block_person(user=mina, whom=sara)

    assert why_not(sara, mina) == why_not_closed(sara, mina)
    assert "مسدود" in why_not(mina, sara)
    with pytest.raises(MessageRefusedError):
        MessageFactory(author=sara, recipient=mina)
    services.unblock_person(user=mina, whom=sara)
    assert why_not(sara, mina) == ""


def why_not_closed(user, to) -> str:
    """What is said of somebody who accepts no messages."""
    blocks = list(Block.objects.all())
    Block.objects.all().delete()
    CommunityProfile.objects.filter(pk=to.pk).update(messages_from=MessagesFrom.MODERATORS)
    said = why_not(user, to)
    CommunityProfile.objects.filter(pk=to.pk).update(messages_from=MessagesFrom.MEMBERS)
    Block.objects.bulk_create(blocks)
    return said


def test_moderators_reach_who_blocked_them_but_not_whom_they_blocked():
    member, boss = MemberFactory(), moderator()
    services.block_person(user=member, whom=boss)
    assert why_not(boss, member) == ""

    services.unblock_person(user=member, whom=boss)
    services.block_person(user=boss, whom=member)
    assert "مسدود" in why_not(boss, member)


def test_nobody_writes_to_themselves_or_to_who_is_gone():
    mina, gone = MemberFactory(), MemberFactory(is_active=False)

    for recipient in (mina, gone):
        with pytest.raises(MessageRefusedError):
            MessageFactory(author=mina, recipient=recipient)
    services.block_person(user=mina, whom=mina)
    assert not Block.objects.exists()


def test_without_a_limit_of_conversations_only_moderators_begin_them():
    mina, sara, reza = MemberFactory(), MemberFactory(), MemberFactory()
    MessageFactory(author=mina, recipient=sara)
    Policy(conversations_per_day=0).save()

    assert why_not(mina, reza)
    assert why_not(mina, sara) == ""
    assert why_not(moderator(), reza) == ""


# Reading -------------------------------------------------------------------------------------------------------------


def test_only_the_two_see_a_conversation():
    mina, sara = MemberFactory(), MemberFactory()
    message = MessageFactory(author=mina, recipient=sara)

    for person in (mina, sara):
        assert Conversation.objects.visible_to(person).count() == 1
        assert texts_of(person, message.conversation) == [message.body]
    for person in (None, MemberFactory(), moderator(), UserFactory(superuser=True)):
        assert not Conversation.objects.visible_to(person).exists()
        assert not Message.objects.visible_to(person).exists()


def test_messages_are_in_no_search_and_no_admin():
    MessageFactory(body="زبرجد")

    assert not IndexedEntry.objects.filter(body__contains="زبرجد").exists()
    assert not any(model in admin.site._registry for model in (Conversation, Message, MessageReport, Participant))


def test_reading_never_goes_back_and_writing_is_reading():
    mina, sara = MemberFactory(), MemberFactory()
    messages = [MessageFactory(author=mina, recipient=sara) for _time in range(3)]
    conversation = messages[0].conversation

    assert (inbox.unread_conversations(mina), inbox.unread_conversations(sara)) == (0, 1)
    for number in (2, 1):
        services.mark_conversation_read(user=sara, conversation=conversation, number=number)
    part = Participant.objects.get(person=sara)
    assert (part.last_read_number, part.first_unread, part.is_unread) == (2, 3, True)
    MessageFactory(author=sara, recipient=mina)
    assert (inbox.unread_conversations(mina), inbox.unread_conversations(sara)) == (1, 0)


def test_the_list_continues_where_the_page_before_ended(monkeypatch):
    monkeypatch.setattr("community.inbox.ROWS", 2)
    mina = MemberFactory()
    for number in range(5):
        MessageFactory(author=MemberFactory(), recipient=mina, body=f"پیام {number}")
    Participant.objects.update(last_at=timezone.now())  # equal times: the id decides

    found, after = [], ""
    for _page in range(3):
        page = inbox.conversations_of(mina, after=after)
        found += [row.excerpt for row in page.rows]
        after = page.after

    assert found == [f"پیام {number}" for number in (4, 3, 2, 1, 0)]
    assert after == ""


# Deleting ------------------------------------------------------------------------------------------------------------


def test_a_deleted_conversation_comes_back_with_new_messages_only():
    mina, sara = MemberFactory(), MemberFactory()
    old = MessageFactory(author=sara, recipient=mina, body="قدیم")
    services.delete_conversation(user=mina, conversation=old.conversation)

    assert not Conversation.objects.visible_to(mina).exists()
    assert texts_of(sara, old.conversation) == ["قدیم"]
    assert inbox.unread_conversations(mina) == 0
    MessageFactory(author=sara, recipient=mina, body="تازه")
    assert texts_of(mina, old.conversation) == ["تازه"]
    assert texts_of(sara, old.conversation) == ["قدیم", "تازه"]
    assert inbox.unread_conversations(mina) == 1


def test_what_both_have_deleted_is_gone_unless_moderators_are_to_decide():
    mina, sara = MemberFactory(), MemberFactory()
    message = MessageFactory(author=sara, recipient=mina, report="abuse")
    for person in (mina, sara):
        services.delete_conversation(user=person, conversation=message.conversation)
    item = ReviewItem.objects.get()

    assert Message.objects.exists()
    services.dismiss_report(item=item, by=reader_of(item))
    assert not reports.has_messages_to_tidy()  # it may be undone
    ReviewItem.objects.update(decided_at=timezone.now() - dt.timedelta(hours=1))
    assert reports.tidy_messages() == 1
    assert not Message.objects.exists()
    assert not reports.has_messages_to_tidy()


def test_deleted_by_both_without_a_report_is_gone_at_once():
    message = MessageFactory()
    for person in (message.author, message.conversation.other_than(message.author_id)):
        services.delete_conversation(user=person, conversation=message.conversation)

    assert not Message.objects.exists()


# Own data ------------------------------------------------------------------------------------------------------------


def test_the_copy_has_what_the_person_wrote_and_not_what_others_did():
    mina, sara = MemberFactory(), MemberFactory(handle="sara")
    MessageFactory(author=mina, recipient=sara, body="از من")
    MessageFactory(author=sara, recipient=mina, body="از او", report="spam")
    services.block_person(user=mina, whom=sara)

    rows = list(members.export_of(mina))

    kinds = dict(rows)
    assert [values["body"] for kind, values in rows if kind == "private message"] == ["از من"]
    assert kinds["blocked person"]["handle"] == "sara"
    assert kinds["report of a message"]["reason"] == "spam"
    assert kinds["profile"]["messages_from"] == "members"
    assert "از او" not in str(rows)


def test_messages_of_who_left_stay_for_the_other_without_a_name_and_go_when_both_left():
    mina, sara = MemberFactory(), MemberFactory()
    message = MessageFactory(author=mina, recipient=sara)

    own_data.erase(mina)

    assert Message.objects.visible_to(sara).get().author is None
    assert Conversation.objects.get().other_than(sara.pk) is None
    assert inbox.conversations_of(sara).rows[0].other.url == ""
    own_data.erase(sara)
    assert not Conversation.objects.filter(pk=message.conversation_id).exists()
