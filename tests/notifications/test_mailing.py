"""Mails of notifications: when, to whom, in which words, and with which headers. Uses a real SMTP socket once."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from email.headerregistry import Address

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from portal.accounts.models import User
from portal.core import mail_delivery, outbox
from portal.core.models import OutboxMessage, OutgoingMail
from portal.notifications import mailing, queries, services
from portal.notifications.events import MailWanted
from portal.notifications.models import Follow, Notification, NotificationSetting
from portal.notifications.registry import Group, Mail
from tests.factories.accounts import UserFactory
from tests.factories.notifications import NotificationFactory
from tests.notifications import kinds
from tests.smtp import MailServer

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.notifications.mailing", "portal.notifications.queries"),
]
THREAD = "forum.thread:42"
ROOT = "<forum.thread.42@noora.example>"


@pytest.fixture(autouse=True)
def _domain(settings):
    settings.DEFAULT_FROM_EMAIL = "help@noora.example"
    settings.BASE_URL = "https://noora.example"


def later(**passed) -> None:
    """Let time pass, for mails that were sent and messages that wait."""
    ago = dt.timedelta(**passed)
    for row in Notification.objects.exclude(mailed_at=None):
        Notification.objects.filter(pk=row.pk).update(mailed_at=row.mailed_at - ago)
    OutboxMessage.objects.filter(delivered_at=None).update(available_at=timezone.now())
    outbox.drain()


def make_due() -> None:
    """Have the morning come for all digests."""
    Notification.objects.filter(mail__in=["daily", "weekly"]).update(mail_at=timezone.now())


# At once -------------------------------------------------------------------------------------------------------------


def test_a_reply_is_mailed_at_once_in_the_language_and_digits_of_the_reader(forum, tell, mina, mailoutbox):
    sara = UserFactory(handle="sara", language="en")
    forum["42"] = "چراغ WAN مودم"

    tell("reply", recipients=[mina.pk], actor_id=sara.pk)

    (arrived,) = mailoutbox
    assert arrived.to == ["mina@example.com"]
    assert arrived.subject.strip("\u2068\u2069") == "چراغ WAN مودم"
    assert arrived.extra_headers["Content-Language"] == "fa"
    assert "\u2068sara\u2069 در \u2068چراغ \u2066WAN\u2069 مودم\u2069 به شما پاسخ داد" in arrived.body
    assert "https://noora.example/fa/t/42/" in arrived.body
    html = arrived.alternatives[0].content
    assert 'dir="rtl"' in html
    assert '<a href="https://noora.example/fa/t/42/"' in html


@pytest.mark.parametrize(("language", "word"), [("fa", "دیگر ایمیل خبر نفرستید"), ("en", "No more mails about news")])
def test_a_mail_speaks_the_language_of_its_reader_whoever_wrote(forum, tell, mailoutbox, language, word):
    path = f"/{language}/"
    person = UserFactory(language=language)

    tell("reply", recipients=[person.pk])

    assert word in mailoutbox[0].body
    assert f"https://noora.example{path}notifications/unsubscribe/" in mailoutbox[0].body
    assert f"https://noora.example{path}account/notifications/" in mailoutbox[0].body


def test_who_chose_no_language_reads_that_of_the_portal_not_that_of_the_writer(forum, tell, mailoutbox):
    person = UserFactory(language="")

    with override("en"):
        tell("reply", recipients=[person.pk])

    assert "/fa/account/notifications/" in mailoutbox[0].body
    assert 'lang="fa"' in mailoutbox[0].alternatives[0].content


def test_what_happens_within_some_minutes_is_one_mail_later(forum, tell, mina, mailoutbox, settings):
    settings.NOTIFICATIONS_MAIL_MINUTES = 10
    for post in (1, 2, 3, 4):
        tell("reply", recipients=[mina.pk], post=post)
    first = [arrived.body for arrived in mailoutbox]
    outbox.drain()
    still_one = len(mailoutbox)

    later(minutes=11)

    assert len(first) == still_one == 1
    assert len(mailoutbox) == 2
    assert "۳ پاسخ در" in mailoutbox[1].body
    assert mailoutbox[0].subject == mailoutbox[1].subject
    later(minutes=11)
    assert len(mailoutbox) == 2


def test_what_may_be_taken_back_waits_and_holds_up_nothing_else(forum, tell, mina, mailoutbox, monkeypatch, settings):  # noqa: PLR0917 - fixtures
    settings.NOTIFICATIONS_MAIL_MINUTES = 0
    monkeypatch.setattr(kinds.Mention, "mail_delay", dt.timedelta(minutes=1), raising=False)

    tell("mention", recipients=[mina.pk], post=1)
    at_once = [arrived.body for arrived in mailoutbox]
    tell("reply", recipients=[mina.pk], post=2)
    later(seconds=30)
    meanwhile = len(mailoutbox)
    Notification.objects.to_mail().update(mail_at=timezone.now())
    later(minutes=1)

    assert at_once == []
    assert meanwhile == 1
    assert "به شما پاسخ داد" in mailoutbox[0].body
    assert "از شما نام برد" not in mailoutbox[0].body
    assert "از شما نام برد" in mailoutbox[1].body
    assert len(mailoutbox) == 2


def test_another_subject_does_not_wait(forum, tell, mina, mailoutbox):
    forum["43"] = "وای‌فای کند است"

    tell("reply", recipients=[mina.pk])
    tell("reply", recipients=[mina.pk], post=2, thread=43)

    assert len(mailoutbox) == 2


def test_a_thread_that_became_private_is_not_mailed(forum, tell, mina, mailoutbox):
    tell("reply", recipients=[mina.pk])
    while_public = len(mailoutbox)
    tell("reply", recipients=[mina.pk], post=2)
    tell("followed", targets=[THREAD], post=3)
    del forum["42"]
    make_due()

    later(minutes=11)
    mailing.send_digests()

    assert while_public == len(mailoutbox) == 1
    assert not Notification.objects.to_mail().exists()


def test_what_was_read_meanwhile_is_not_mailed(forum, tell, mina, mailoutbox):
    tell("reply", recipients=[mina.pk])
    tell("reply", recipients=[mina.pk], post=2)
    services.mark_read(person_id=mina.pk, subject=THREAD)

    later(minutes=11)

    assert len(mailoutbox) == 1


def test_a_route_that_comes_after_the_mail_is_not_mailed_again(forum, tell, mina, mailoutbox):
    tell("reply", recipients=[mina.pk])
    tell("mention", recipients=[mina.pk])

    later(minutes=11)

    assert len(mailoutbox) == 1
    assert Notification.objects.get().kind == "forum.mention"


@pytest.mark.parametrize("trait", [{"confirmed": False}, {"is_active": False}])
def test_nothing_goes_to_an_address_that_is_not_confirmed_or_a_person_who_left(mailoutbox, trait):
    person = UserFactory(**trait)
    told = NotificationFactory(person=person)

    mailing.send_waiting(mailing_wanted(told))

    assert len(mailoutbox) == 0


def mailing_wanted(told):
    from portal.notifications.events import MailWanted

    return MailWanted(person_id=told.person_id, subject=told.subject)


# Digests -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "words"), [("fa", ("۳ پاسخ در", "خبرهای")), ("en", ("3 پاسخ در", "News of"))])
def test_a_digest_folds_and_speaks_as_its_reader(forum, tell, mailoutbox, language, words):
    count, more = words
    person = UserFactory(language=language)
    Follow.objects.create(person=person, target=THREAD)
    for post in (1, 2, 3):
        tell("followed", targets=[THREAD], post=post)
    too_early = mailing.send_digests()
    make_due()

    sent = mailing.send_digests()

    assert (too_early, sent, len(mailoutbox)) == (0, 1, 1)
    assert count in mailoutbox[0].body
    assert more in mailoutbox[0].subject
    assert mailing.send_digests() == 0


def test_there_is_one_digest_a_day_and_what_comes_late_is_in_the_next(forum, mina, mailoutbox):
    due = timezone.now()
    late = {"person": mina, "kind": "forum.followed", "group": "followed", "subject": THREAD, "mail": "daily"}
    NotificationFactory(**late, mail_at=due)
    mailing.send_digests()
    second = NotificationFactory(**late, mail_at=due)

    mailing.send_digests()

    second.refresh_from_db()
    assert len(mailoutbox) == 1
    assert second.mailed_at is None
    assert second.mail_at > timezone.now()


def test_an_empty_digest_is_not_sent(forum, tell, mina, mailoutbox):
    Follow.objects.create(person=mina, target=THREAD)
    tell("followed", targets=[THREAD])
    services.mark_all_read(person_id=mina.pk)
    make_due()

    assert not mailing.is_any_digest_due()
    assert mailing.send_digests() == 0


def test_a_kind_that_fails_spoils_only_the_digest_of_its_reader(forum, mina, mailoutbox, monkeypatch, caplog):
    from tests.notifications import kinds

    for person, subject in ((mina, THREAD), (UserFactory(email="other@example.com"), "forum.thread:43")):
        NotificationFactory(person=person, kind="forum.followed", group="followed", subject=subject, mail="daily")
    forum["43"] = "وای‌فای کند است"

    def fail(kind, facts, about):
        assert about == "وای‌فای کند است"
        return original(kind, facts, about)

    original = kinds.Followed.render
    monkeypatch.setattr(kinds.Followed, "render", fail)

    assert mailing.send_digests() == 1
    assert [arrived.to for arrived in mailoutbox] == [["other@example.com"]]
    assert "چراغ" not in caplog.text


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_time_send_one_digest_and_one_mail_at_once(forum, mina):
    NotificationFactory(person=mina, kind="forum.followed", group="followed", subject=THREAD, mail="daily")
    at_once = NotificationFactory(person=mina, kind="forum.reply", group="replies", subject=THREAD)

    def work(_number: int) -> None:
        try:
            mailing.send_digests()
            mailing.send_waiting(mailing_wanted(at_once))
        except outbox.NotNowError:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(work, range(8)))

    kinds = OutgoingMail.objects.order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["notifications/email/digest", "notifications/email/news"]


def test_a_row_that_another_worker_has_keeps_the_whole_mail_back(mina):
    rows = [NotificationFactory(person=mina, mailed_at=timezone.now()), NotificationFactory(person=mina)]

    with pytest.raises(outbox.NotNowError):
        mailing._claim(rows, timezone.now())


def test_a_worker_that_dies_while_it_makes_a_digest_leaves_it_to_the_next(forum, mina, mailoutbox, monkeypatch):
    NotificationFactory(person=mina, kind="forum.followed", group="followed", subject=THREAD, mail="daily")
    with monkeypatch.context() as patched:
        patched.setattr(mailing, "send_mail", lambda **_mail: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            mailing.send_digests()

    assert mailing.send_digests() == 1
    assert len(mailoutbox) == 1


def test_a_mail_switched_off_while_it_waited_is_not_sent(forum, tell, mina, mailoutbox):
    Follow.objects.create(person=mina, target=THREAD)
    tell("followed", targets=[THREAD])
    NotificationSetting.objects.create(person=mina, group="followed", mail="off")  # without the service
    make_due()

    assert mailing.send_digests() == 0
    assert len(mailoutbox) == 0


# On the wire ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(settings):
    server = MailServer()
    settings.MAIL_TRANSPORT = "portal.core.mail_transports.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    mail_delivery.server.forget()
    yield server
    server.close()


def test_mails_of_a_thread_are_one_conversation_and_end_by_one_click(forum, tell, mina, server):
    forum["42"] = "چراغ WAN مودم قرمز است و \u200cروشن نمی‌ماند " * 3
    tell("reply", recipients=[mina.pk])
    outbox.drain(handlers=[mail_delivery.DELIVER])
    tell("reply", recipients=[mina.pk], post=2)
    later(minutes=11)
    outbox.drain(handlers=[mail_delivery.DELIVER])

    first, second = server.mails

    assert first["To"].addresses == (Address(addr_spec="mina@example.com"),)
    assert first["Subject"] == second["Subject"]
    assert first["In-Reply-To"] == second["References"] == ROOT
    ids = [re.fullmatch(r"<forum\.thread\.42\.(\d+)@noora\.example>", each["Message-ID"]) for each in server.mails]
    assert ids[0][1] != ids[1][1]
    assert first["List-Id"] == "<42.forum.thread.noora.example>"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert first["Auto-Submitted"] == "auto-generated"
    address = re.fullmatch(
        r"<https://noora\.example(/fa/notifications/unsubscribe/\S+/)>", first["List-Unsubscribe"].strip()
    )
    browser = Client(enforce_csrf_checks=True)
    assert browser.get(address[1]).status_code == 200
    assert not Follow.objects.filter(muted=True).exists()  # a scanner's GET changes nothing
    assert browser.post(address[1], {"List-Unsubscribe": "One-Click"}).status_code == 200
    tell("reply", recipients=[mina.pk], post=3)
    later(minutes=11)
    outbox.drain(handlers=[mail_delivery.DELIVER])
    assert len(server.mails) == 2


def test_an_address_that_was_refused_gets_nothing_more_until_it_is_changed(forum, tell, mina, server):
    forum["43"] = forum["44"] = "وای‌فای کند است"
    server.mood = "550 unknown"
    tell("reply", recipients=[mina.pk])
    outbox.drain(handlers=[mail_delivery.DELIVER])
    server.mood = "well"

    tell("reply", recipients=[mina.pk], post=2, thread=43)
    outbox.drain(handlers=[mail_delivery.DELIVER])
    silent = len(server.mails)
    mina.email = "mina.rad@example.com"
    mina.save()
    EmailAddress.objects.filter(user=mina).update(email=mina.email)
    tell("reply", recipients=[mina.pk], post=3, thread=44)
    outbox.drain(handlers=[mail_delivery.DELIVER])

    assert silent == 0
    assert server.recipients == ["mina.rad@example.com"]


# Mails that wait -----------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(forum, mina):
    """A mail to mina about two replies, kept while the mail server is away."""
    Notification.objects.bulk_create(
        Notification(
            person=mina,
            key=f"p:{number}",
            kind="forum.reply",
            group=Group.REPLIES,
            rank=20,
            subject=THREAD,
            occurred_at=timezone.now(),
            mail="now",
            mail_at=timezone.now(),
        )
        for number in range(2)
    )
    mailing.send_waiting(MailWanted(person_id=mina.pk, subject=THREAD))
    return OutgoingMail.objects.get()


def deliver_all() -> list[OutgoingMail]:
    """Have the mail server come back; returns the mails that go out."""
    outbox.drain()
    return list(OutgoingMail.objects.filter(state="sent"))


def test_a_mail_that_waits_is_sent_if_nothing_changed(waiting):
    assert deliver_all() == [waiting]


@pytest.mark.parametrize("way", ["mute", "stop all", "leave", "gone"])
def test_a_mail_that_waits_is_not_sent_to_who_wants_none_or_has_left(waiting, mina, way):
    if way == "mute":
        services.mute(person_id=mina.pk, target=THREAD)
    elif way == "stop all":
        services.stop_mails(person_id=mina.pk)
    elif way == "leave":
        User.objects.filter(pk=mina.pk).update(is_active=False)
    else:
        Notification.objects.all().delete()

    assert deliver_all() == []
    assert OutgoingMail.objects.get().state == "replaced"
    assert not Notification.objects.to_mail().exists()


def test_a_mail_whose_words_were_changed_is_made_anew(waiting, forum, mailoutbox):
    forum["42"] = "چراغ مودم"  # what was longer held personal data

    (sent,) = deliver_all()

    assert sent != waiting
    (arrived,) = mailoutbox
    assert "چراغ مودم\u2069" in arrived.body
    assert "قرمز" not in arrived.body


def test_a_mail_goes_to_the_address_its_reader_has_when_it_leaves(waiting, mina, mailoutbox):
    User.objects.filter(pk=mina.pk).update(email="mina.rad@example.com")
    EmailAddress.objects.filter(user=mina).update(email="mina.rad@example.com")

    deliver_all()

    assert [arrived.to for arrived in mailoutbox] == [["mina.rad@example.com"]]


def test_a_kind_whose_words_change_all_the_time_is_mailed_all_the_same(waiting, monkeypatch, mailoutbox):
    numbers = itertools.count()
    monkeypatch.setattr(mailing, "_said", lambda _told: str(next(numbers)))

    deliver_all()

    assert len(mailoutbox) == 1


def test_the_key_of_a_mail_tells_nobody_the_address_and_outlives_a_change_of_the_secret(mina, settings):
    digest = hashlib.sha256(mina.email.encode()).hexdigest()
    key = mailing._key(mina, mina.email, "now:1")
    OutgoingMail.objects.create(
        key=key, kind="x", state="refused", expires_at=timezone.now(), note="SMTPRecipientsRefused 550"
    )

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key " * 5, [settings.SECRET_KEY]

    assert digest[:8] not in key
    assert mailing.mailable_address(mina) == ""
    settings.SECRET_KEY_FALLBACKS = []
    assert mailing.mailable_address(mina) == mina.email


# Tidying -------------------------------------------------------------------------------------------------------------


def test_what_was_read_long_ago_is_deleted_and_unread_ones_stay_longer(mina, settings):
    settings.NOTIFICATIONS_KEEP_DAYS = 90
    for name, created, read in (
        ("new", 10, 9),
        ("old", 100, 95),
        ("just read", 100, 1),
        ("unread", 100, 0),
        ("ancient", 400, 0),
    ):
        told = NotificationFactory(person=mina, key=name)
        ago = lambda days: timezone.now() - dt.timedelta(days=days) if days else None  # noqa: E731 - short
        Notification.objects.filter(pk=told.pk).update(created_at=ago(created), read_at=ago(read))

    assert mailing.tidy() == 2
    assert sorted(Notification.objects.values_list("key", flat=True)) == ["just read", "new", "unread"]
    assert not mailing.needs_tidying()


def test_stopping_all_mails_leaves_the_portal_and_security(mina):
    services.stop_mails(person_id=mina.pk)

    choices = queries.all_choices_of(mina.pk)
    assert {choice.mail for group, choice in choices.items() if group is not Group.SECURITY} == {Mail.OFF}
    assert choices[Group.REPLIES].web
    assert choices[Group.SECURITY].mail is Mail.NOW
