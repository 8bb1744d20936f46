"""Mail is queued in the transaction that causes it, and sent by the worker at most once. Uses a real SMTP socket."""

from __future__ import annotations

import logging
import os
import re
import signal
import stat
import subprocess
import sys
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as configured
from django.core import mail as django_mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.mail import BadHeaderError, EmailMessage, EmailMultiAlternatives, mail_admins, send_mail
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import override
from wagtail.admin.mail import send_mail as wagtail_send_mail

from portal.core import health, mail, mail_delivery, outbox
from portal.core.forms import MailAddressField
from portal.core.mail_transports import TIMEOUTS_FOR_A_MAIL, FileBackend
from portal.core.models import OutboxMessage, OutgoingMail
from tests.outbox import at_work, is_settled, until
from tests.smtp import MailServer

State = OutgoingMail.State

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.core.mail", "portal.core.mail_delivery", "portal.core.models"),
]


@pytest.fixture
def server(settings):
    """A mail server that is used by the worker of this process."""
    made = MailServer()
    settings.MAIL_TRANSPORT = "portal.core.mail_transports.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", made.port, 0.5
    yield made
    made.close()


def queue_one(address: str = "mina@example.com", **options) -> int:
    pk = mail.queue(EmailMessage("موضوع", "متن", to=[address]), **options)
    assert pk is not None
    return pk


def work() -> None:
    """Make everything due, and run the worker once."""
    mail_delivery.server._away_until = 0.0
    OutboxMessage.objects.pending().update(available_at=timezone.now())
    outbox.drain(handlers=[mail_delivery.DELIVER])


def state(pk: int) -> str:
    return OutgoingMail.objects.get(pk=pk).state


# The queue ----------------------------------------------------------------------------------------------------------


def test_a_mail_waits_for_the_worker_and_arrives_in_both_parts_with_the_headers_a_good_sender_sets(server, settings):
    settings.DEFAULT_FROM_EMAIL, settings.REPLY_TO_EMAIL = "help@noora.example", "support@noora.example"
    context = {"code": "123456"}
    mail.send_mail(to="mina@example.com", template="account/email/login_code", context=context, language="fa")
    assert server.texts == []

    work()

    (arrived,) = server.mails
    plain, html = arrived.get_body(("plain",)), arrived.get_body(("html",))
    assert "123456" in plain.get_content()
    assert '<html lang="fa" dir="rtl">' in html.get_content()
    assert arrived["To"] == "mina@example.com"
    assert arrived["From"].endswith(" <help@noora.example>")
    assert len(arrived["From"]) > len("<help@noora.example>") + 2  # including the name of the portal
    assert arrived["Reply-To"] == "support@noora.example"
    assert arrived["Message-ID"].endswith("@noora.example>")
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["Content-Language"] == "fa"
    assert abs(parsedate_to_datetime(arrived["Date"]) - timezone.now()) < timedelta(minutes=1)
    assert [name for name in arrived if name.startswith(("List-", "X-Mailer", "Precedence"))] == []


@pytest.mark.parametrize(("language", "direction", "word"), [("fa", "rtl", "سلام"), ("en", "ltr", "Hello")])
def test_a_mail_comes_in_the_language_asked_for_whatever_the_page_speaks(mailoutbox, language, direction, word):
    with override("en" if language == "fa" else "fa"):
        mail.send_mail(
            to="a@example.com", template="account/email/login_code", context={"code": "1"}, language=language
        )

    html = mailoutbox[0].alternatives[0].content
    assert word in mailoutbox[0].body
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert word in html


TEMPLATES = configured.BASE_DIR / "templates"
KINDS = sorted(
    path.relative_to(TEMPLATES).as_posix().removesuffix("_subject.txt") for path in TEMPLATES.rglob("*_subject.txt")
)


@pytest.mark.parametrize("language", ["fa", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mail_has_both_parts_in_both_languages(mailoutbox, kind, language):
    """Recipient and event data are left out here, so that only our own texts remain."""
    context = {"code": "123456", "ip": "127.0.0.1"}

    mail.send_mail(to="a@example.com", template=kind, context=context, language=language)

    (arrived,) = mailoutbox
    html = arrived.alternatives[0].content
    letters = re.compile("[\u0600-\u06ff]" if language == "fa" else "[a-z]")
    others = re.compile("[a-z]{4}" if language == "fa" else "[\u0600-\u06ff]")
    words = re.sub(r"https?://\S+", "", arrived.subject + arrived.body)
    assert f'<html lang="{language}" dir="{"rtl" if language == "fa" else "ltr"}">' in html
    assert arrived.alternatives[0].mimetype == "text/html"
    assert all(letters.search(part) for part in (arrived.subject, arrived.body, re.sub("<[^>]*>", "", html)))
    assert not others.search(words.replace("localhost", ""))


def test_these_are_all_kinds_of_mail_there_are():
    assert len(KINDS) >= 20
    assert {"account/email/login_code", "mfa/email/webauthn_added", "faq/email/feedback"} <= set(KINDS)


def test_a_fact_is_told_once(mailoutbox):
    first = mail.queue(EmailMessage("a", "b", to=["a@example.com"]), key="fact:1")
    again = mail.queue(EmailMessage("a", "b", to=["a@example.com"]), key="fact:1")
    work()
    late = mail.queue(EmailMessage("a", "b", to=["a@example.com"]), key="fact:1")

    assert first is not None
    assert (again, late) == (None, None)
    assert len(mailoutbox) == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_undone_is_not_told(mailoutbox):
    with transaction.atomic():
        queue_one()
        transaction.set_rollback(True)

    assert mailoutbox == []
    assert not OutgoingMail.objects.exists()


def test_whatever_a_library_sends_comes_through_the_same_door(mailoutbox, settings):
    settings.ADMINS = [("", "admin@example.com")]
    send_mail("django", "text", None, ["a@example.com"])
    wagtail_send_mail("wagtail", "text", ["b@example.com"])
    mail_admins("trouble", "text", html_message="<p>text</p>")
    rich = EmailMultiAlternatives("rich", "text", to=["c@example.com"], cc=["d@example.com"], bcc=["e@example.com"])
    rich.attach("file.txt", "سلام", "text/plain")
    rich.attach("file.bin", b"\x00\xff", "application/octet-stream")
    rich.send()
    assert django_mail.outbox == []

    assert [each.recipients() for each in mailoutbox] == [
        ["a@example.com"], ["b@example.com"], ["admin@example.com"], ["c@example.com", "d@example.com", "e@example.com"]
    ]  # fmt: skip
    assert mailoutbox[2].alternatives[0].content == "<p>text</p>"
    assert [tuple(part) for part in mailoutbox[3].attachments] == [
        ("file.txt", "سلام", "text/plain"), ("file.bin", b"\x00\xff", "application/octet-stream")
    ]  # fmt: skip


def test_a_mail_to_nobody_is_none_and_one_with_another_header_in_its_subject_is_refused_at_once():
    assert mail.queue(EmailMessage("a", "b")) is None
    with pytest.raises(BadHeaderError):
        mail.queue(EmailMessage("a\nBcc: b@example.com", "b", to=["a@example.com"]))


def test_half_a_character_stops_no_mail(mailoutbox):
    message = EmailMultiAlternatives("subject \ud800", "body \udfff", to=["Mina \ud800 <mina@example.com>"])
    message.attach_alternative("html \ud800", "text/html")

    message.send()

    (arrived,) = mailoutbox
    assert (arrived.subject, arrived.body, arrived.alternatives[0].content) == ("subject ?", "body ?", "html ?")
    assert arrived.to == ["Mina ? <mina@example.com>"]


@pytest.mark.parametrize(
    "address",
    [
        "😀@x.org", "a@😀.org", "\ud800@x.org", "a@\ud800.org", "a b@x.org", "<a@x.org>", "a\0@x.org", "a@x.org\0", "a@x.org, b@x.org",
        "علی@x.org", "a@x..org", "a@xn--.org", "a" * 255 + "@x.org", "a@" + f"{'ä' * 50}." * 5 + "org",
    ],
)  # fmt: skip
def test_no_form_accepts_an_address_to_which_no_mail_can_be_sent(address):
    with pytest.raises(ValidationError):
        MailAddressField().clean(address)


@pytest.mark.parametrize("address", ['"a<\\"b"@x.org', "a@[127.0.0.1]", "a@xn--a.org", "a@مثال.ایران", "a'%+!@x.org"])
def test_what_a_form_accepts_can_be_queued(address):
    queue_one(MailAddressField().clean(address))


def test_what_rests_in_the_database_and_what_is_logged_tells_nobody_anything(server, caplog):
    caplog.set_level(logging.DEBUG)
    message = EmailMessage("Subject", "code 424242", to=["mina@example.com"])
    pk = mail.queue(message, kind="account/email/login_code", valid_for=timedelta(minutes=10))
    assert "424242" in mail.message_of(OutgoingMail.objects.get(pk=pk)).body  # it is there, but encrypted
    server.mood = "550 mina@example.com is unknown"

    work()

    rows = [*OutgoingMail.objects.values(), *OutboxMessage.objects.values()]
    said = str(rows) + caplog.text
    assert state(pk) == State.REFUSED
    assert "550" in said
    assert [secret for secret in ("424242", "mina", "Subject") if secret in said] == []


def test_a_mail_is_erased_when_it_is_sent_and_its_row_after_a_month(server):
    pk = queue_one(key="fact:1")
    assert OutgoingMail.objects.get(pk=pk).content
    work()
    row = OutgoingMail.objects.get(pk=pk)
    assert (row.state, row.content) == (State.SENT, "")
    assert not mail_delivery.needs_tidying()

    OutgoingMail.objects.update(ended_at=timezone.now() - timedelta(days=31))
    assert mail_delivery.needs_tidying()
    mail_delivery.tidy()

    assert not OutgoingMail.objects.exists()


# Codes --------------------------------------------------------------------------------------------------------------


def test_a_code_that_is_no_longer_valid_is_not_sent_late(server):
    server.mood = "silent"
    pk = queue_one(valid_for=timedelta(minutes=10))
    work()
    assert state(pk) == State.WAITING
    OutgoingMail.objects.update(expires_at=timezone.now())
    server.mood = "well"

    work()

    row = OutgoingMail.objects.get(pk=pk)
    assert (row.state, row.content, server.texts) == (State.EXPIRED, "", [])


def test_a_code_is_forgotten_when_its_time_is_over_even_if_nobody_delivers():
    pk = queue_one(valid_for=timedelta(minutes=10))
    OutgoingMail.objects.update(expires_at=timezone.now() - timedelta(hours=2))

    mail_delivery.tidy()

    row = OutgoingMail.objects.get(pk=pk)
    assert (row.state, row.content) == (State.EXPIRED, "")


def test_a_code_that_was_replaced_by_a_new_one_is_not_sent(client, server):
    address = {"email": "kian@example.com", "password1": "a-Long-enough-1"}
    server.mood = "silent"
    client.post("/en/accounts/signup/", address)
    work()
    cache.clear()  # ten seconds later
    client.post("/en/accounts/confirm-email/", {"action": "resend"})
    first, second = OutgoingMail.objects.order_by("pk")
    assert (first.state, first.content, second.state) == (State.REPLACED, "", State.WAITING)
    server.mood = "well"

    work()

    (arrived,) = server.mails
    code = next(
        line for line in arrived.get_body(("plain",)).get_content().split() if line.isdigit() and len(line) == 6
    )
    client.post("/en/accounts/confirm-email/", {"code": code})
    assert EmailAddress.objects.get(email="kian@example.com").verified


# A mail server that is down, refuses, or does not answer ------------------------------------------------------------


def test_a_server_that_hangs_is_tried_by_one_mail_in_a_while_and_gets_each_mail_once_when_it_recovers(server, caplog):
    server.mood = "silent"
    pks = [queue_one(f"{number}@example.com") for number in range(20)]

    began = time.monotonic()
    outbox.drain(handlers=[mail_delivery.DELIVER])
    assert time.monotonic() - began < 8  # not twenty timeouts
    assert server.connections == 1
    assert {state(pk) for pk in pks} == {State.WAITING}
    assert OutboxMessage.objects.pending().filter(attempts=0).count() == 20  # an outage does not use up attempts
    server.mood = "well"
    work()

    assert sorted(arrived["To"] for arrived in server.mails) == sorted(f"{number}@example.com" for number in range(20))
    assert len({arrived["Message-ID"] for arrived in server.mails}) == 20
    assert [record.getMessage() for record in caplog.records if record.name == "portal.core.mail_delivery"] == [
        "The mail server is away (SMTPServerDisconnected). Mails wait until it is back.",
        "The mail server is back.",
    ]


@pytest.mark.parametrize(("mood", "then"), [("drips", State.WAITING), ("drips 250", State.UNCERTAIN)])
def test_a_server_that_answers_byte_by_byte_holds_the_worker_for_a_few_time_outs_only(server, settings, mood, then):
    settings.EMAIL_TIMEOUT = 0.2
    server.mood = mood
    pk = queue_one()

    began = time.monotonic()
    work()

    assert time.monotonic() - began < 0.2 * (TIMEOUTS_FOR_A_MAIL + 5)
    assert state(pk) == then


def test_a_port_where_nobody_listens_and_a_name_nobody_knows_are_a_server_that_is_away(server, settings):
    pk = queue_one()
    for host, port in (("127.0.0.1", 9), ("", "no port")):
        settings.EMAIL_HOST, settings.EMAIL_PORT = host, port
        work()
        assert state(pk) == State.WAITING
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port

    work()

    assert state(pk) == State.SENT


def test_a_server_that_asks_to_sign_in_first_is_not_the_fault_of_the_mail(server):
    server.mood = "530 5.7.0 authentication required"
    pk = queue_one()
    work()
    assert state(pk) == State.WAITING
    assert mail_delivery.server.pause() > timedelta(0)


def test_a_mail_that_is_refused_for_now_is_tried_again_with_growing_pauses(server):
    server.mood = "451 greylisted"
    pk = queue_one()
    pauses = []
    for _ in range(3):
        work()
        pauses.append(OutboxMessage.objects.get().available_at - timezone.now())
    assert [round(pause.total_seconds(), -1) for pause in pauses] == [10, 20, 40]
    server.mood = "well"

    work()

    assert state(pk) == State.SENT
    assert len(server.texts) == 1


def test_a_mail_that_is_refused_for_good_is_not_tried_again_and_keeps_no_other_waiting(server):
    server.mood = "550 unknown"
    pk = queue_one()
    work()
    server.mood = "well"
    other = queue_one()

    work()

    assert [state(pk), state(other), len(server.texts)] == [State.REFUSED, State.SENT, 1]


@pytest.mark.parametrize("answer", ["550 unknown", "451 greylisted"])
def test_a_recipient_refused_among_others_is_not_lost_and_the_others_get_the_mail_once(server, answer):
    server.mood, server.refuses = answer, "bita"
    to, hidden = ["ali@example.com", "bita@example.com"], ["omid@example.com"]
    pk = mail.queue(EmailMessage("a", "b", to=to, bcc=hidden))
    work()
    row = OutgoingMail.objects.get(pk=pk)
    assert row.state == (State.REFUSED if answer[0] == "5" else State.WAITING)
    assert mail.message_of(row).recipients() == ["bita@example.com"]
    server.mood = "well"

    mail_delivery.send_again([pk])
    work()

    assert state(pk) == State.SENT
    assert server.recipients == ["ali@example.com", "omid@example.com", "bita@example.com"]
    assert [(arrived["To"], arrived["Bcc"]) for arrived in server.mails] == [(", ".join(to), None)] * 2
    assert len({arrived["Message-ID"] for arrived in server.mails}) == 1


def test_a_mail_the_server_surely_has_not_taken_is_tried_again(server):
    server.mood = "no 354"
    pk = queue_one()
    work()
    assert state(pk) == State.WAITING
    server.mood = "well"

    work()

    assert [state(pk), len(server.texts)] == [State.SENT, 1]


@pytest.mark.parametrize("mood", ["no 250", "breaks off", "cut 250"])
def test_a_mail_the_server_may_have_taken_is_not_sent_twice_but_shown_to_staff(server, mood):
    server.mood = mood
    pk = queue_one()
    work()
    server.mood = "well"

    work()

    row = OutgoingMail.objects.get(pk=pk)
    assert (row.state, len(server.texts)) == (State.UNCERTAIN, 1)
    assert row.content  # so that staff can send it again


def test_a_mail_that_was_taken_is_sent_however_the_server_says_goodbye(server):
    server.mood = "bad 221"
    pk = queue_one()

    work()

    assert [state(pk), len(server.texts)] == [State.SENT, 1]


def test_a_mail_is_given_up_after_five_days(server):
    server.mood = "451 later"
    pk = queue_one()
    OutgoingMail.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    work()
    assert state(pk) == State.WAITING
    OutgoingMail.objects.update(expires_at=timezone.now())

    work()

    assert state(pk) == State.EXPIRED
    assert server.texts == []


def test_staff_send_again_what_could_not_be_sent_but_no_code(server):
    server.mood = "550 unknown"
    notice, code = queue_one(), queue_one(valid_for=timedelta(minutes=10))
    work()
    server.mood = "well"

    assert mail_delivery.send_again([notice, code]) == 1
    assert mail_delivery.send_again([notice, code]) == 0
    work()

    assert [state(notice), state(code), len(server.texts)] == [State.SENT, State.REFUSED, 1]


def test_another_process_that_is_at_it_is_left_alone(server):
    pk = queue_one()
    OutgoingMail.objects.update(handed_over_at=timezone.now())
    work()
    assert state(pk) == State.WAITING
    OutgoingMail.objects.update(handed_over_at=timezone.now() - timedelta(minutes=6))  # the process must have died

    work()

    assert [state(pk), server.texts] == [State.UNCERTAIN, []]


def test_a_lost_secret_key_loses_a_mail_but_stops_none(server, settings):
    lost = queue_one()
    settings.SECRET_KEY = "another"
    other = queue_one()

    work()

    assert [state(lost), state(other)] == [State.REFUSED, State.SENT]


def test_a_transport_of_somebody_else_that_fails_counts_as_not_having_taken_the_mail(settings, monkeypatch):
    settings.MAIL_TRANSPORT = "django.core.mail.backends.dummy.EmailBackend"
    fails = [True]

    def send(self, messages):
        if fails:
            raise RuntimeError("no such recipient: mina@example.com")
        return len(messages)

    monkeypatch.setattr("django.core.mail.backends.dummy.EmailBackend.send_messages", send)
    pk = queue_one()
    work()
    row = OutgoingMail.objects.get(pk=pk)
    assert (row.state, row.handed_over_at, row.note) == (State.WAITING, None, "RuntimeError")
    fails.clear()

    work()

    assert state(pk) == State.SENT


def test_mails_in_files_can_be_read_by_their_owner_only(settings, tmp_path):
    settings.MAIL_TRANSPORT = "portal.core.mail_transports.FileBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    queue_one()

    work()

    (file,) = (tmp_path / "mail").iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert b"mina@example.com" in file.read_bytes()
    assert isinstance(FileBackend(), FileBackend)


def test_health_says_how_the_mail_is(client, server):
    assert client.get("/health/").json()["mail"] == "ok"
    queue_one()
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert health.reports()["mail"] == "waiting"
    server.mood = "550 unknown"
    work()
    assert health.reports()["mail"] == "failing"
    OutgoingMail.objects.update(ended_at=timezone.now() - timedelta(days=2))
    assert health.reports()["mail"] == "ok"


# Nothing waits for the mail server ----------------------------------------------------------------------------------


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_never_answers_keeps_no_page_and_no_writer_waiting_and_gets_one_mail(
    client, server, settings
):
    settings.EMAIL_TIMEOUT = 3
    server.mood = "silent"
    address = {"email": "kian@example.com", "password1": "a-Long-enough-1"}
    client.get("/en/accounts/signup/")
    with at_work():
        assert until(lambda: EmailAddress.objects.count() == 0)
        began = time.monotonic()
        response = client.post("/en/accounts/signup/", address)
        answered = time.monotonic() - began
        assert until(lambda: server.connections == 1)  # the worker is blocked now
        began = time.monotonic()
        with transaction.atomic():
            EmailAddress.objects.update(verified=False)
        written = time.monotonic() - began

        assert (response.status_code, response.url) == (302, "/en/accounts/confirm-email/")
        assert answered < 2
        assert written < 1
        assert OutgoingMail.objects.get().state == State.WAITING
        server.mood = "well"
        assert until(lambda: server.texts)
        assert until(is_settled)

    assert len(server.texts) == 1
    code = next(line for line in server.mails[0].get_body(("plain",)).get_content().split() if line.isdigit())
    client.post("/en/accounts/confirm-email/", {"code": code})
    assert EmailAddress.objects.get().verified


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_code_leaves_with_the_next_look_of_the_worker(server):
    with at_work(0.5):
        queue_one(valid_for=timedelta(minutes=10))

        assert until(lambda: server.texts, seconds=20)  # well before a look that was postponed


@pytest.fixture
def start(server):
    """Return a function that starts a worker as a separate process."""
    processes: list[subprocess.Popen[bytes]] = []
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        url = f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"

    def run(timeout: float = 5) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.core.mail_worker", str(server.port), str(timeout)],
            cwd=configured.BASE_DIR,
            env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "portal.settings.test"},
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("mood", "arrived"), [("no 354", 1), ("no 250", 0)])
def test_a_worker_that_is_killed_while_it_sends_doubles_no_mail(server, start, mood, arrived):
    """Before the text is handed over, the mail is sent again; afterwards the result is unknown, and staff are asked."""
    server.mood = mood
    pk = queue_one()
    first = start(60)
    given = OutgoingMail.objects.exclude(handed_over_at=None)
    assert until(lambda: server.connections and (mood == "no 354" or given.exists()))
    assert until(lambda: mood == "no 354" or server.texts)
    before = len(server.texts)
    first.send_signal(signal.SIGKILL)
    first.wait()
    server.mood = "well"
    OutboxMessage.objects.update(available_at=timezone.now())  # its lease has expired
    OutgoingMail.objects.exclude(handed_over_at=None).update(handed_over_at=timezone.now() - timedelta(minutes=6))

    start()

    assert until(is_settled)
    assert len(server.texts) - before == arrived
    assert len(server.texts) == 1
    assert state(pk) == (State.SENT if arrived else State.UNCERTAIN)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_mail_once(server, start):
    for number in range(30):
        queue_one(f"{number}@example.com")

    for _ in range(2):
        start()

    assert until(is_settled, 60)
    assert sorted(arrived["To"] for arrived in server.mails) == sorted(f"{number}@example.com" for number in range(30))
    assert set(OutgoingMail.objects.values_list("state", flat=True)) == {State.SENT}


# Forgetting ---------------------------------------------------------------------------------------------------------


def test_nothing_goes_to_an_address_that_is_forgotten_and_others_still_get_theirs(server):
    waiting, refused = queue_one("Mina@Example.com"), queue_one("mina@example.com")
    OutgoingMail.objects.filter(pk=refused).update(state=State.REFUSED, ended_at=timezone.now())
    other = queue_one("reza@example.com")
    together = mail.queue(EmailMessage("s", "t", to=["Mina <mina@example.com>", "sara@example.com"]))
    copied = mail.queue(EmailMessage("s", "t", to=["mina@example.com"], bcc=["ali@example.com"]))
    partly = mail.queue(EmailMessage("s", "t", to=["mina@example.com", "amir@example.com"]))
    mail.narrow(OutgoingMail.objects.get(pk=partly), ["mina@example.com"])  # the other one has it
    assert None not in (together, copied)

    assert mail.forget_mails_to(["mina@example.com", ""]) == 5
    assert mail.forget_mails_to(["mina@example.com"]) == 0

    assert [state(pk) for pk in (waiting, refused, partly)] == [State.REPLACED, State.REFUSED, State.REPLACED]
    assert set(OutgoingMail.objects.filter(pk__in=[waiting, refused, partly]).values_list("content", flat=True)) == {""}
    assert mail_delivery.send_again([waiting, refused, partly]) == 0
    work()
    assert state(other) == State.SENT
    assert sorted(server.recipients) == ["ali@example.com", "reza@example.com", "sara@example.com"]
    assert not any(b"mina" in text.lower() for text in server.texts)


def test_a_mail_nobody_can_decrypt_does_not_keep_others_from_being_forgotten(settings):
    OutgoingMail.objects.create(key="x", kind="x", content="lost", expires_at=timezone.now())
    queue_one("mina@example.com")

    assert mail.forget_mails_to(["mina@example.com"]) == 1


def test_mails_about_somebody_are_forgotten_with_their_keys(server):
    sent, waiting = queue_one(key="news:7:sent"), queue_one(key="news:7:waiting")
    OutgoingMail.objects.filter(pk=sent).update(state=State.SENT, content="")
    other = queue_one(key="news:77:x")

    assert mail.forget_mails_about("news:7:") == 2

    work()
    assert [state(pk) for pk in (sent, waiting, other)] == [State.SENT, State.REPLACED, State.SENT]
    assert not OutgoingMail.objects.filter(key__startswith="news:7:").exists()


def test_what_a_mail_says_is_kept_with_it_and_goes_with_it():
    pk = queue_one(says="a mark")
    kept = OutgoingMail.objects.get(pk=pk)

    assert mail.said_in(kept) == "a mark"
    assert "a mark" not in kept.content
