"""Reported private messages: what moderators see, what they decide, and that every look is written down."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from community import services
from community.exceptions import NotAllowedError, OwnPostError, SilencedError
from community.models import AuditEntry, CommunityProfile, Message, MessageReport, Participant, ReviewItem, State
from community.services.moderating import UNDO
from community.services.reports import AROUND
from portal.core import outbox
from portal.notifications.models import Notification
from tests.community.notices import listed
from tests.community.test_notices_kinds import after_the_delay
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory, MessageFactory, PostFactory, moderator, reader_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.services.reports", "portal.desk.queries")]


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def desk(client):
    """A client signed in as a moderator; `desk.moderator` is the person."""
    client.moderator = moderator()
    client.force_login(client.moderator)
    return client


@pytest.fixture
def talk(db):
    """Eleven messages of one member to another, of which the seventh is reported as an insult."""
    author, recipient = MemberFactory(language="fa"), MemberFactory(language="fa")
    messages = [MessageFactory(author=author, recipient=recipient, body=f"متن‌{number}‌ام") for number in range(1, 12)]
    services.report_message(message=messages[6], user=recipient, reason="abuse", note="به من توهین کرد")
    return messages


def item_of(message) -> ReviewItem:
    return ReviewItem.objects.get(message=message)


def page_of(item) -> str:
    return reverse("desk:message", args=[item.pk])


def decide(client, item, act, **more):
    client.get(page_of(item))
    data = {"act": act, "version": 1, "reason": "abuse", **more}
    return client.post(reverse("desk:decide", args=[item.pk]), data, follow=True)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def state_of(message) -> str:
    return Message.objects.values_list("state", flat=True).get(pk=message.pk)


# Looking -------------------------------------------------------------------------------------------------------------


def test_the_queue_says_who_and_why_but_not_what(desk, talk):
    page = desk.get(reverse("desk:queue")).text

    assert (talk[0].author.handle in page, "توهین" in page) == (True, True)
    assert "متن‌" not in page
    assert page_of(item_of(talk[6])) in page
    assert actions() == []


def test_a_moderator_sees_the_message_and_a_few_around_it_and_the_log_says_so(desk, talk):
    page = desk.get(page_of(item_of(talk[6]))).text

    shown = [number for number in range(1, 12) if f"متن‌{number}‌ام" in page]
    assert shown == list(range(7 - AROUND, 7 + AROUND + 1))
    assert "به من توهین کرد" in page
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.member) == ("message.read", desk.moderator, talk[6].author)
    assert entry.details["message"] == talk[6].pk
    assert "خواندن پیام خصوصی گزارش‌شده" in desk.get(reverse("desk:log")).text


def test_only_a_person_who_sees_the_page_is_in_the_log_and_once(desk, talk):
    address = page_of(item_of(talk[6]))

    unseen = [desk.head(address), desk.get(address, headers={"sec-purpose": "prefetch;prerender"})]

    assert [(page.status_code, "متن‌" in page.text) for page in unseen] == [(204, False)] * 2
    assert (actions(), item_of(talk[6]).claimed_by) == ([], None)
    for _time in range(2):
        assert "متن‌7‌ام" in desk.get(address).text
    assert actions() == ["message.read"]


@pytest.mark.parametrize("act", ["approve", "hide"])
def test_nobody_decides_about_what_they_did_not_read(desk, talk, act):
    item = item_of(talk[6])
    services.look_at_report(item=item, by=moderator())

    said = desk.post(reverse("desk:decide", args=[item.pk]), {"act": act, "version": 1, "reason": "abuse"}, follow=True)

    assert "تصمیمی گرفته نشد" in said.text
    assert (state_of(talk[6]), item_of(talk[6]).decision) == (State.VISIBLE, "")


def test_what_the_reporter_deleted_before_is_shown_to_nobody(desk, talk):
    recipient = talk[6].conversation.other_than(talk[6].author_id)
    Participant.objects.filter(person=recipient).update(cleared_number=5)

    page = desk.get(page_of(item_of(talk[6]))).text

    assert [number for number in range(1, 12) if f"متن‌{number}‌ام" in page] == list(range(6, 7 + AROUND + 1))


def test_nobody_decides_in_their_own_cause(desk):
    """A moderator who reported a message leaves it to others."""
    message = MessageFactory(author=MemberFactory(), recipient=desk.moderator, body="متن‌من")
    services.report_message(message=message, user=desk.moderator, reason="abuse")
    item = item_of(message)

    answers = [desk.get(page_of(item)).status_code, decide(desk, item, "hide").status_code]

    assert answers[0] == 404
    assert state_of(message) == State.VISIBLE
    assert page_of(item) not in desk.get(reverse("desk:queue")).text


@pytest.mark.parametrize("person", [MemberFactory, lambda: UserFactory(staff=True)], ids=["member", "staff"])
def test_others_see_no_reported_message(client, talk, person):
    client.force_login(person())

    assert client.get(page_of(item_of(talk[6]))).status_code == 404
    assert actions() == []


def test_moderators_do_not_decide_about_what_they_wrote(desk):
    message = MessageFactory(author=desk.moderator, report="abuse")
    item = item_of(message)

    assert desk.get(page_of(item)).status_code == 404
    assert "data-queue-item" not in desk.get(reverse("desk:queue")).text
    decide(desk, item, "approve")
    for decided in (services.dismiss_report, services.look_at_report):
        with pytest.raises(NotAllowedError):
            decided(item=item, by=desk.moderator)
    assert ReviewItem.objects.get().decision == ""


def test_what_was_decided_is_not_read_again(desk, talk):
    item = item_of(talk[6])
    services.dismiss_report(item=item, by=reader_of(item))

    assert desk.get(page_of(item)).status_code == 404
    with pytest.raises(NotAllowedError):
        services.look_at_report(item=item, by=desk.moderator)
    with pytest.raises(NotAllowedError):
        services.hide_message(item=item, by=desk.moderator, reason="abuse")


def test_only_one_moderator_reads_at_a_time(desk, talk):
    item = item_of(talk[6])
    services.claim(item=item, by=moderator())

    assert desk.get(page_of(item)).url == reverse("desk:queue")
    assert actions() == []


@pytest.mark.parametrize("count", [1, 3])
def test_the_queue_costs_the_same_with_messages_and_posts(desk, count, django_assert_max_num_queries):
    for _time in range(count):
        MessageFactory(report="spam")
        PostFactory(held=True)
    desk.get(reverse("desk:queue"))

    with django_assert_max_num_queries(13):
        page = desk.get(reverse("desk:queue")).text

    assert page.count("data-queue-item") == 2 * count
    assert desk.get(reverse("desk:queue"), {"reason": "flags"}).text.count("data-queue-item") == count


# Deciding ------------------------------------------------------------------------------------------------------------


def test_a_hidden_message_is_gone_for_the_other_and_both_learn_of_it(desk, talk):
    message, recipient = talk[6], talk[6].conversation.other_than(talk[6].author_id)

    page = decide(desk, item_of(message), "hide", note="توهین نکنید").text
    after_the_delay()

    assert "پنهان شد: یک پیام خصوصی" in page
    assert state_of(message) == State.HIDDEN
    assert not Message.objects.visible_to(recipient).filter(pk=message.pk).exists()
    assert CommunityProfile.objects.get(user=message.author).penalised_at is not None
    told_author = listed(Client(), message.author)
    assert ("پیام‌های خصوصی شما پنهان شد" in told_author, "توهین نکنید" in told_author) == (True, True)
    assert "آن پیام دیگر نشان داده نمی‌شود" in listed(Client(), recipient)


def test_a_dismissed_report_leaves_the_message_and_tells_who_reported(desk, talk):
    message, recipient = talk[6], talk[6].conversation.other_than(talk[6].author_id)

    page = decide(desk, item_of(message), "approve").text
    after_the_delay()

    assert "رد شد: گزارش یک پیام خصوصی" in page
    assert (state_of(message), MessageReport.objects.get().outcome) == (State.VISIBLE, "disagreed")
    assert "آن پیام سر جایش می‌ماند" in listed(Client(), recipient)
    assert not Notification.objects.filter(person=message.author, kind="community.message_hidden").exists()


def test_hiding_needs_a_reason(desk, talk):
    decide(desk, item_of(talk[6]), "hide", reason="")

    assert state_of(talk[6]) == State.VISIBLE


@pytest.mark.parametrize("act", ["approve", "hide"])
def test_a_decision_is_undone_for_a_while(desk, talk, act):
    message, item = talk[6], item_of(talk[6])
    decide(desk, item, act)

    desk.post(reverse("desk:undo", args=[item.pk]))
    outbox.drain()

    assert (state_of(message), item_of(message).decision, MessageReport.objects.get().outcome) == ("visible", "", "")
    assert CommunityProfile.objects.get(user=message.author).penalised_at is None
    assert actions()[-1] == "review.undone"
    assert not Notification.objects.filter(kind__in=("community.message_hidden", "community.message_report_judged"))
    decide(desk, item, act)
    ReviewItem.objects.update(decided_at=timezone.now() - UNDO)
    desk.post(reverse("desk:undo", args=[item.pk]))
    assert item_of(message).decision != ""


def test_the_author_is_warned_from_the_page_of_the_message(desk, talk):
    author = talk[6].author
    page = desk.get(page_of(item_of(talk[6]))).text

    assert reverse("desk:member", args=[author.handle]) in page


# Reporting -----------------------------------------------------------------------------------------------------------


def test_a_report_is_one_until_it_is_judged_and_only_of_what_others_wrote(talk):
    message, recipient = talk[6], talk[6].conversation.other_than(talk[6].author_id)

    services.report_message(message=message, user=recipient, reason="spam")
    assert MessageReport.objects.count() == 1
    with pytest.raises(OwnPostError):
        services.report_message(message=message, user=message.author, reason="spam")
    services.dismiss_report(item=item_of(message), by=reader_of(item_of(message)))
    services.report_message(message=message, user=recipient, reason="spam")
    assert ReviewItem.objects.filter(decision="").count() == 1


def test_who_is_suspended_cannot_report(talk):
    recipient = talk[0].conversation.other_than(talk[0].author_id)
    CommunityProfile.objects.filter(user=recipient).update(suspended_until="2126-01-01T00:00Z")

    with pytest.raises(SilencedError):
        services.report_message(message=talk[0], user=recipient, reason="spam")


def test_members_report_by_the_form_and_not_their_own(client, talk):
    conversation = talk[0].conversation
    recipient = conversation.other_than(talk[0].author_id)
    address = reverse("community:message_report", args=[conversation.pk, 2])
    client.force_login(talk[0].author)
    assert client.post(address, {"reason": "spam"}).status_code == 403
    client.force_login(recipient)

    assert client.get(address).status_code == 200
    assert client.post(address, {}).status_code == 422
    assert "سپاس" in client.post(address, {"reason": "spam"}, follow=True).text
    assert ReviewItem.objects.filter(message=talk[1]).exists()
    assert Participant.objects.filter(person=recipient).exists()
