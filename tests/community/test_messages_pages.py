"""Pages of private messages: as forms that work without JavaScript, in the reader's language, for the two people only."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from community import services
from community.forms import started_now
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
    Policy,
    State,
)
from portal.core import outbox
from portal.notifications.models import Notification
from portal.notifications.services import mute
from tests.community.notices import listed, told
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, MessageFactory, moderator, token

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.inbox", "community.notifications.messages")]

INBOX = "/fa/community/messages/"
SETTINGS = "/fa/community/messages/settings/"
BODY = "سلام، پاسخ شما کار کرد."


@pytest.fixture(autouse=True)
def _open_community(db):
    AreaFactory()


@pytest.fixture
def member(client):
    person = MemberFactory()
    client.force_login(person)
    return person


def to(person) -> str:
    return reverse("community:message_write", args=[person.handle])


def at(conversation_id, **query) -> str:
    return reverse("community:conversation", args=[conversation_id], query=query or None)


def typed(**changed):
    return {"body": BODY, "token": token(), "started": started_now(), "do": "post", **changed}


def conversation_with(member, messages=1, **how):
    """The conversation in which somebody wrote to the member, and that person."""
    other = MemberFactory(**how)
    made = [MessageFactory(author=other, recipient=member, body=f"پیام {number}") for number in range(1, messages + 1)]
    return made[0].conversation, other


def queries_of(client, address) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


# Writing -------------------------------------------------------------------------------------------------------------


def test_from_the_profile_to_the_answer_without_javascript(client, member, sara):
    profile = client.get(reverse("community:person", args=[sara.handle])).text
    assert to(sara) in profile
    form = client.get(to(sara)).text
    hidden = dict(re.findall(r'<input type="hidden" name="(token|started)" value="([^"]*)"', form))

    sent = client.post(to(sara), {"body": BODY, "do": "post", **hidden}, follow=True)
    client.force_login(sara)
    listed_to_sara = client.get("/en/community/messages/").text
    conversation = Conversation.objects.visible_to(sara).get()
    client.post(to(member), typed(body="خوشحالم!"))
    client.force_login(member)

    assert BODY in sent.text
    assert (member.handle in listed_to_sara, BODY in listed_to_sara) == (True, True)
    assert "خوشحالم!" in client.get(at(conversation.pk)).text


def test_nobody_is_offered_to_write_to_themselves_nor_visitors_to_anybody(client, member):
    assert "messages/to/" not in client.get(reverse("community:person", args=[member.handle])).text
    assert client.get(to(member)).status_code == 404
    other = MemberFactory()
    client.logout()

    assert to(other) not in client.get(reverse("community:person", args=[other.handle])).text


@pytest.mark.parametrize("why", ["blocked", "has blocked", "new", "wants none"])
def test_nobody_is_offered_what_would_be_refused(client, member, sara, why):
    if why == "blocked":
        services.block_person(user=sara, whom=member)
    elif why == "has blocked":
        services.block_person(user=member, whom=sara)
    elif why == "new":
        CommunityProfile.objects.filter(user=sara).update(level=Level.NEW, days_seen=0)
    else:
        services.accept_messages_from(user=sara, whom=MessagesFrom.MODERATORS)

    page = client.get(reverse("community:person", args=[sara.handle]))

    assert client.get(to(sara)).status_code == 403
    assert (page.status_code, to(sara) in page.text) == (200, False)


def test_the_same_form_sent_twice_makes_one_message(client, member):
    other, data = MemberFactory(), typed()

    answers = [client.post(to(other), data).url for _time in range(2)]

    assert answers[0] == answers[1]
    assert Message.objects.visible_to(member).count() == 1


def test_preview_draft_and_discarding(client, member):
    other = MemberFactory()

    preview = client.post(to(other), typed(body="**مهم**", do="preview")).text
    client.post(to(other), typed(do="draft"))
    again = client.get(to(other)).text
    by_script = client.post(reverse("community:draft"), {"place": f"to:{other.pk}", "body": "به دست اسکریپت"})

    assert "<strong>مهم</strong>" in preview
    assert (BODY in again, "پیش‌نویس شما" in again) == (True, True)
    assert by_script.json() == {"saved": True}
    assert Draft.objects.get(user=member).body == "به دست اسکریپت"
    client.post(to(other), typed(do="discard"))
    assert not Draft.objects.exists()
    assert not Message.objects.visible_to(member).exists()


def test_the_form_warns_of_personal_data_before_it_is_sent(client, member):
    other, data = MemberFactory(), typed(body="شمارهٔ من 0912 345 6789 است")

    warned = client.post(to(other), data).text
    assert "has_seen_warning" in warned
    assert "همه می‌توانند" not in warned
    assert not Message.objects.visible_to(member).exists()
    client.post(to(other), {**data, "has_seen_warning": "1"})

    assert Message.objects.visible_to(member).get().body == "شمارهٔ من [phone] است"
    assert "[شماره تلفن]" in client.get(at(Conversation.objects.visible_to(member).get().pk)).text


def test_a_text_that_is_too_long_is_refused_and_kept(client, member):
    body = "ب" * (MESSAGE_LENGTH + 1)

    answer = client.post(to(MemberFactory()), typed(body=body))

    assert (answer.status_code, body in answer.text, "۴٬۰۰۰" in answer.text) == (422, True, True)


def test_programs_are_refused(client, member):
    answer = client.post(to(MemberFactory()), typed(website="https://spam.example"))

    assert answer.status_code == 422
    assert not Message.objects.visible_to(member).exists()


def test_limits_hold_for_messages_and_for_conversations_and_keep_the_text(client, member):
    Policy(posts_per_hour=3, conversations_per_day=1).save()
    first, second = MemberFactory(), MemberFactory()
    assert client.post(to(first), typed()).status_code == 302
    refused = client.post(to(second), typed())
    assert (refused.status_code, BODY in refused.text) == (429, True)
    assert client.post(to(first), typed()).status_code == 302

    assert client.post(to(first), typed()).status_code == 429
    assert Message.objects.visible_to(member).count() == 2


def test_moderators_begin_as_many_conversations_as_they_have_to(client):
    Policy(conversations_per_day=0).save()
    client.force_login(moderator())

    assert [client.post(to(MemberFactory()), typed()).status_code for _time in range(3)] == [302] * 3


# Refusals ------------------------------------------------------------------------------------------------------------


def closed():
    person = MemberFactory()
    services.accept_messages_from(user=person, whom=MessagesFrom.MODERATORS)
    return person


REFUSED = {
    "newcomer": (lambda _member: MemberFactory(), {"level": Level.NEW, "days_seen": 0}, "اعضای تازه", "New members"),
    "to a newcomer": (lambda _member: MemberFactory(level=Level.NEW), {}, "تازه به اینجا آمده", "is new here"),
    "who wants none": (lambda _member: closed(), {}, "نمی‌پذیرد", "does not accept"),
    "own choice": (lambda _member: MemberFactory(), {"messages_from": "moderators"}, "فقط پیام ناظران", "You accept"),
    "silenced": (lambda _member: MemberFactory(), {"silenced_until": "2126-01-01T00:00Z"}, "نمایهٔ شما", "You cannot write"),
    "suspended": (lambda _member: MemberFactory(), {"suspended_until": "2126-01-01T00:00Z"}, "نمایهٔ شما", "You cannot write"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_why_in_the_language_of_the_reader_and_keep_the_text(client, member, case):
    make, changed, persian, english = REFUSED[case]
    CommunityProfile.objects.filter(user=member).update(**changed)
    address = to(make(member))

    in_english, page = client.get(address.replace("/fa/", "/en/")), client.get(address)
    sent = client.post(address, typed())

    assert (page.status_code, sent.status_code) == (403, 422)
    assert (persian in page.text, english in in_english.text) == (True, True)
    assert (persian in sent.text, BODY in sent.text) == (True, True)
    assert not Message.objects.visible_to(member).exists()


def test_blocked_people_cannot_write_and_who_blocked_them_unblocks_from_the_page(client, member):
    conversation, other = conversation_with(member)
    client.post(reverse("community:block", args=[other.handle]))
    assert other.handle in client.get(SETTINGS).text
    assert "رفع مسدودی" in client.get(to(other)).text
    assert "data-compose" not in client.get(at(conversation.pk)).text
    client.force_login(other)
    assert "نمی‌پذیرد" in client.post(to(member), typed()).text
    client.force_login(member)

    client.post(reverse("community:block", args=[other.handle]), {"on": "0"})

    assert not Block.objects.exists()
    assert client.get(to(other)).status_code == 200


def test_who_may_write_is_chosen_and_nonsense_is_refused(client, member):
    assert client.post(SETTINGS, {"messages_from": "nobody"}).status_code == 422
    client.post(SETTINGS, {"messages_from": "moderators"})

    assert CommunityProfile.objects.get(user=member).messages_from == MessagesFrom.MODERATORS
    assert re.search(r'value="moderators"[^>]*checked', client.get(SETTINGS).text)


# A conversation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stranger", [MemberFactory, moderator, lambda: UserFactory(superuser=True)])
def test_conversations_of_others_are_not_there(client, stranger):
    message = MessageFactory()
    client.force_login(stranger())

    for name, args in (
        ("conversation", [message.conversation_id]),
        ("conversation_delete", [message.conversation_id]),
        ("message_report", [message.conversation_id, 1]),
    ):
        address = reverse(f"community:{name}", args=args)
        assert client.get(address).status_code == 404
        assert client.post(address, {"reason": "spam"}).status_code in {404, 405}
    assert not MessageReport.objects.exists()


def test_visitors_sign_in_first(client):
    conversation = MessageFactory().conversation_id

    for address in (INBOX, SETTINGS, at(conversation), to(MemberFactory())):
        assert client.get(address).url.startswith("/fa/accounts/login/")


def test_pages_are_for_nobody_to_keep_or_to_index(client, member):
    conversation, other = conversation_with(member)

    for address in (INBOX, SETTINGS, at(conversation.pk), to(other)):
        answer = client.get(address)
        assert "no-store" in answer["Cache-Control"]
        assert '<meta name="robots" content="noindex">' in answer.text
    assert "community/messages" in client.get("/robots.txt").text


def test_a_page_has_twenty_messages_and_the_form_is_on_the_last(client, member):
    conversation, _other = conversation_with(member, messages=23)
    services.mark_conversation_read(user=member, conversation=conversation, number=23)

    last, first = client.get(at(conversation.pk)).text, client.get(at(conversation.pk, page=1)).text

    assert re.findall(r'id="message-(\d+)"', last) == ["21", "22", "23"]
    assert len(re.findall(r'id="message-\d+"', first)) == 20
    assert ("data-compose" in last, "data-compose" in first) == (True, False)
    for wrong in (0, 3, "x", "9" * 30):
        assert client.get(at(conversation.pk, page=wrong)).status_code == 404


def test_one_begins_to_read_at_the_first_unread_message(client, member):
    conversation, _other = conversation_with(member, messages=23)
    services.mark_conversation_read(user=member, conversation=conversation, number=5)
    row = client.get(INBOX).text
    assert f"{at(conversation.pk)}?page=1#message-6" in row
    assert "is-unread" in row

    page = client.get(at(conversation.pk)).text
    assert page.index("پیام‌های تازه") < page.index('id="message-6"') < page.index('id="message-20"')
    assert "is-unread" in client.get(INBOX).text  # three are on the next page
    client.get(at(conversation.pk, page=2))

    assert "is-unread" not in client.get(INBOX).text


def test_prefetching_reads_nothing(client, member):
    conversation, _other = conversation_with(member)
    client.get(at(conversation.pk), headers={"Sec-Purpose": "prefetch"})

    assert "is-unread" in client.get(INBOX).text


def test_pages_of_a_conversation_that_was_deleted_begin_where_it_goes_on(client, member):
    conversation, other = conversation_with(member, messages=22)
    client.post(reverse("community:conversation_delete", args=[conversation.pk]))
    assert client.get(at(conversation.pk)).status_code == 404
    assert at(conversation.pk) not in client.get(INBOX).text

    MessageFactory(author=other, recipient=member, body="دوباره")

    page = client.get(at(conversation.pk, page=1)).text
    assert re.findall(r'id="message-(\d+)"', page) == ["23"]
    assert client.get(reverse("community:message_report", args=[conversation.pk, 22])).status_code == 404


def test_names_and_markdown_are_shown_as_in_posts_and_nothing_runs(client, member, sara):
    MessageFactory(author=sara, recipient=member, body="<script>x</script> [a](javascript:alert(1)) **ب** @سارا")

    page = client.get(at(Conversation.objects.visible_to(member).get().pk)).text

    assert "<script>x" not in page
    assert 'href="javascript' not in page
    assert "<strong>ب</strong>" in page
    assert 'href="/u/' in page


def test_what_a_moderator_hid_is_a_line_for_the_other_and_has_its_reason_for_the_author(client, member):
    conversation, other = conversation_with(member)
    Message.objects.filter(author=other).update(state=State.HIDDEN, state_reason="abuse", state_note="مؤدب باشید")

    theirs = client.get(at(conversation.pk)).text
    client.force_login(other)
    own = client.get(at(conversation.pk)).text

    assert ("ناظر این پیام را پنهان کرده" in theirs, "پیام 1" in theirs) == (True, False)
    assert ("مؤدب باشید" in own, "پیام 1" in own) == (True, True)
    assert 'id="message-1"' in theirs


# Counts --------------------------------------------------------------------------------------------------------------


def test_pages_cost_the_same_with_one_and_with_three(client, member):
    conversation, other = conversation_with(member)
    MessageFactory(author=other, recipient=member, body=f"@{member.handle} یکی")
    one = [queries_of(client, address) for address in (INBOX, at(conversation.pk), SETTINGS)]
    for _time in range(2):
        MessageFactory(author=other, recipient=member, body=f"@{other.handle} دیگر")
        conversation_with(member)
        services.block_person(user=member, whom=MemberFactory())
    three = [queries_of(client, address) for address in (INBOX, at(conversation.pk), SETTINGS)]

    assert three == one


def test_the_header_and_the_account_say_how_many_conversations_have_news(client, member):
    for _time in range(2):
        conversation, _other = conversation_with(member, messages=2)
    header = re.compile(r'data-messages-link\s+aria-label="([^"]*)"')

    assert header.search(client.get(reverse("community:index")).text)[1] == "پیام‌های خصوصی: ۲ گفت‌وگو با پیام تازه"
    assert "۲ گفت‌وگو با پیام تازه" in client.get("/fa/account/").text
    client.get(at(conversation.pk))
    assert header.search(client.get(reverse("community:index")).text)[1] == "پیام‌های خصوصی: ۱ گفت‌وگو با پیام تازه"


# News ----------------------------------------------------------------------------------------------------------------


def test_a_message_is_told_folded_and_read_with_the_conversation(client, sara, mina):
    for _time in range(2):
        MessageFactory(author=sara, recipient=mina, body=BODY)
    outbox.drain()

    assert told() == [("مینا", "message")] * 2
    page = listed(client, mina)
    assert "۲ پیام خصوصی از \u2068سارا\u2069" in page
    assert page.count(BODY) == 1
    client.get(at(Conversation.objects.visible_to(mina).get().pk))
    assert not Notification.objects.unread().exists()


def test_the_mail_is_in_the_readers_language_quotes_the_beginning_and_has_its_list(sara, mina, mailoutbox):
    body = "سلام سارا جان، " + "این متن دراز است و همه‌اش در نامه نمی‌آید. " * 20
    message = MessageFactory(author=mina, recipient=sara, body=body)
    outbox.drain()

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["sara@example.com"], "\u2068A private message\u2069")
    assert "مینا\u2069 wrote to you" in mail.body
    assert ("سلام سارا جان" in mail.body, body[:300] in mail.body) == (True, False)
    headers = mail.extra_headers
    assert headers["List-Id"].startswith(f"<{message.conversation_id}.community.conversation.")
    assert headers["Message-ID"].startswith(f"<community.conversation.{message.conversation_id}.")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_nothing_is_told_of_whom_the_reader_blocked_meanwhile(sara, mina, mailoutbox):
    MessageFactory(author=mina, recipient=sara)
    services.block_person(user=sara, whom=mina)
    outbox.drain()

    assert (told(), mailoutbox) == ([], [])


def test_nothing_is_told_of_what_was_deleted_or_muted(client, sara, mina):
    mute(person_id=mina.pk, target="community.conversation:1")
    message = MessageFactory(author=sara, recipient=mina)
    services.delete_conversation(user=mina, conversation=message.conversation)
    outbox.drain()

    assert told() == []


def test_the_settings_have_a_row_for_messages(client, member):
    page = client.get("/fa/account/notifications/").text

    assert "کسی فقط به شما پیام می‌دهد." in page


@pytest.mark.parametrize(
    "place", ["0001-01-01T00:00:00%2B23:59_5", "9999-12-31T23:59:59-23:59_5", "x_1", "2026-01-01T00:00:00_1"]
)
def test_a_place_before_the_first_moment_or_after_the_last_begins_the_list(client, place):
    client.force_login(MemberFactory())

    assert client.get(f"{reverse('community:messages')}?after={place}").status_code == 200
