"""Mails of the account: in both languages, with both parts, without words of the other language."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from allauth.account.adapter import get_adapter
from allauth.core import context
from django.utils import timezone, translation

from portal.accounts.models import User
from portal.core import mail_delivery
from portal.core.models import OutboxMessage, OutgoingMail
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

CODES = ["email_confirmation", "email_confirmation_signup", "login_code", "password_reset_code"]
NOTICES = [
    "account/email/password_changed",
    "account/email/password_set",
    "account/email/password_reset",
    "account/email/email_changed",
    "account/email/email_confirm",
    "account/email/email_deleted",
    "mfa/email/totp_activated",
    "mfa/email/totp_deactivated",
    "mfa/email/recovery_codes_generated",
    "mfa/email/webauthn_added",
    "mfa/email/webauthn_removed",
    "socialaccount/email/account_connected",
    "socialaccount/email/account_disconnected",
]
EXTRA = {
    "from_email": "old@example.com",
    "to_email": "new@example.com",
    "deleted_email": "old@example.com",
    "provider": "SSO",
}
#: Latin words that may occur in a Persian mail.
LATIN = {"http", "https", "localhost", "example", "com", "old", "new", "Firefox", "Windows", "SSO", "person"}


class Reader(HTMLParser):
    """The words of an HTML mail, and the tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags = "", []

    def handle_data(self, data):
        self.text += data + " "

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def request_in_context(rf):
    request = rf.get("/", headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"})
    with context.request_context(request):
        yield request


def html_of(mail) -> Reader:
    (body, kind), *rest = mail.alternatives
    assert (kind, rest) == ("text/html", [])
    reader = Reader()
    reader.feed(body)
    return reader


def foreign_words(text: str) -> set[str]:
    return {word for word in re.findall(r"[A-Za-z]{2,}", text) if not re.match(r"person\d*", word)} - LATIN


@pytest.mark.usefixtures("request_in_context")
@pytest.mark.parametrize("prefix", CODES)
@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_mail_with_a_code(mailoutbox, prefix, language):
    with translation.override(language):
        get_adapter().send_mail(f"account/email/{prefix}", "a@example.com", {"code": "123456"})

    mail, html = mailoutbox[0], html_of(mailoutbox[0])
    assert "\n\n123456\n\n" in mail.body
    assert ("span", "ltr") in [(tag, attrs.get("dir")) for tag, attrs in html.tags]
    assert "123456" in html.text
    assert html.tags[0] == ("html", {"lang": language, "dir": {"fa": "rtl", "en": "ltr"}[language]})
    assert re.fullmatch("\u2068[^\u2068\u2069]+\u2069", mail.subject)
    assert "123456" not in mail.subject
    assert mail.extra_headers["Content-Language"] == language


@pytest.mark.usefixtures("request_in_context")
@pytest.mark.parametrize("prefix", [*(f"account/email/{name}" for name in CODES), *NOTICES])
def test_a_persian_mail_has_no_english_in_either_part(mailoutbox, prefix):
    person = UserFactory(language="fa")

    with translation.override("fa"):
        if prefix in NOTICES:
            get_adapter().send_notification_mail(prefix, person, EXTRA)
        else:
            get_adapter().send_mail(prefix, person.email, {"code": "123456"})

    mail = mailoutbox[0]
    assert foreign_words(mail.subject) == set()
    assert foreign_words(mail.body) == set()
    assert foreign_words(html_of(mail).text) == set()


@pytest.mark.usefixtures("request_in_context")
@pytest.mark.parametrize("prefix", NOTICES)
def test_a_notice_comes_in_the_language_of_the_person_not_of_the_page(mailoutbox, prefix):
    person = UserFactory(language="en")

    with translation.override("fa"):
        get_adapter().send_notification_mail(prefix, person, EXTRA)

    mail = mailoutbox[0]
    assert "It was done with \u2068Firefox on Windows\u2069 from the address \u2068127.0.0.1\u2069." in mail.body
    assert not re.search(r"[\u0600-\u06ff]", mail.subject + mail.body + html_of(mail).text)


@pytest.mark.usefixtures("request_in_context")
def test_both_parts_say_the_same(mailoutbox):
    person = UserFactory(language="fa")
    get_adapter().send_notification_mail("account/email/email_changed", person, EXTRA)

    # What is in order by a mark in the text is so by an element in HTML.
    text, html = (
        said.translate(dict.fromkeys(map(ord, "\u2066\u2068\u2069")))
        for said in (mailoutbox[0].body, html_of(mailoutbox[0]).text)
    )
    body = [paragraph for paragraph in text.split("\n\n")[:-1] if paragraph]
    assert all(" ".join(paragraph.split()) in " ".join(html.split()) for paragraph in body)


@pytest.mark.usefixtures("request_in_context")
def test_an_address_is_a_link_of_its_own(mailoutbox):
    url = "http://testserver/fa/accounts/signup/"

    get_adapter().send_mail("account/email/unknown_account", "a@example.com", {"signup_url": url})

    assert f"\n\n{url}\n\n" in mailoutbox[0].body
    assert url in [attrs.get("href") for tag, attrs in html_of(mailoutbox[0]).tags if tag == "a"]


@pytest.mark.usefixtures("request_in_context")
def test_nothing_a_stranger_typed_becomes_markup_or_another_header(mailoutbox):
    person = UserFactory()
    extra = {**EXTRA, "provider": '<a href="https://evil.example">x</a>'}

    get_adapter().send_notification_mail("socialaccount/email/account_connected", person, extra)

    assert "https://evil.example" not in [attrs.get("href") for _tag, attrs in html_of(mailoutbox[0]).tags]


@pytest.mark.usefixtures("request_in_context")
def test_a_mail_loads_nothing_from_anywhere(mailoutbox):
    get_adapter().send_mail("account/email/login_code", "a@example.com", {"code": "123456"})

    html = mailoutbox[0].alternatives[0][0]
    assert not re.search(r"<(img|link|script|iframe|style)|url\(", html)


def test_mails_of_a_whole_sign_up_come_in_the_language_of_the_page(client, mailoutbox):
    for language, word in (("fa", "کد تأیید شما"), ("en", "Your confirmation code")):
        client.logout()
        client.post(
            f"/{language}/accounts/signup/", {"email": f"{language}@example.com", "password1": "سه-واژهٔ-بی-ربط"}
        )
        assert word in mailoutbox[-1].subject


def test_a_mail_server_that_is_away_is_told_once_it_is_known_and_loses_nothing(client, db, mailoutbox, settings):
    transport = settings.MAIL_TRANSPORT
    settings.MAIL_TRANSPORT = "portal.core.mail_transports.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # no server listens there

    first = sign_up(client, "kian@example.com")
    assert len(mailoutbox) == 0
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    client.logout()
    second = sign_up(client, "mina@example.com")
    reloaded = client.get("/fa/accounts/confirm-email/", headers={"Accept-Language": "fa"})

    assert [response.status_code for response in (first, second)] == [200, 200]
    assert ["Our e-mails are slow just now" in response.text for response in (first, second)] == [False, True]
    assert "toast toast--" not in second.text
    assert re.search(r'class="note note--warn">.*?ایمیل‌های ما فعلاً دیر می‌رسند', reloaded.text, re.DOTALL)
    assert User.objects.filter(email__in=["kian@example.com", "mina@example.com"]).count() == 2
    settings.MAIL_TRANSPORT = transport
    mail_delivery.server.forget()
    OutboxMessage.objects.update(available_at=timezone.now())
    assert sorted(mail.to[0] for mail in mailoutbox) == ["kian@example.com", "mina@example.com"]


def sign_up(client, address: str):
    return client.post("/en/accounts/signup/", {"email": address, "password1": "a-Long-enough-1"}, follow=True)
