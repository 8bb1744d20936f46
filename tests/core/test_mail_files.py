"""Mails that became files, read by administrators of a portal without a mail server."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.urls import reverse

from portal.core import mail_files
from portal.core.roles import COMMUNITY_MANAGERS
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

FILES = "portal.core.mail_transports.FileBackend"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.STAFF_SECOND_FACTOR = False
    settings.MAIL_TRANSPORT = FILES
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    return tmp_path / "mail"


def write(*subjects: str) -> None:
    """Write mails into one file, as a worker that sends several does."""
    mails = [
        EmailMultiAlternatives(subject, f"سلام {subject}\n" + "-" * 70, to=["sara@noora.example"])
        for subject in subjects
    ]
    for mail in mails:
        mail.attach_alternative(
            '<p onclick="x()">سلام<img src="https://evil.example/x.png"></p><script>x()</script>', "text/html"
        )
    get_connection(FILES).send_messages(mails)


@pytest.fixture
def administrator(client):
    client.force_login(UserFactory(superuser=True))
    return client


def test_mails_are_listed_and_read(administrator):
    write("یک", "دو")
    mails = mail_files.newest(10)

    assert [mail.subject for mail in mails] == ["دو", "یک"]
    page = administrator.get(reverse("filed_mails:index")).text
    address = reverse("filed_mails:mail", args=[mails[0].name, mails[0].number])
    assert address in page
    shown = administrator.get(address).text
    assert "سلام دو" in shown
    assert "سلام یک" not in shown
    assert "evil.example" not in shown


def test_a_line_in_a_text_does_not_begin_another_mail(folder):
    text = "سلام\n" + "-" * 79 + "\nSubject: forged\nFrom: boss@noora.example\n\nforged"
    get_connection(FILES).send_messages([EmailMultiAlternatives("یک", text, to=["sara@noora.example"])])

    (mail,) = mail_files.newest(10)
    assert mail.subject == "یک"


def test_html_is_shown_in_a_frame_that_runs_and_loads_nothing(administrator):
    write("یک")
    (mail,) = mail_files.newest(10)

    frame = administrator.get(reverse("filed_mails:html", args=[mail.name, mail.number]))

    assert frame.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
    )
    page = administrator.get(reverse("filed_mails:mail", args=[mail.name, mail.number])).text
    assert "<iframe" in page
    assert "sandbox\n" in page


def test_only_administrators_read_mails(client):
    write("یک")
    (mail,) = mail_files.newest(10)
    client.force_login(UserFactory(role=COMMUNITY_MANAGERS))

    for address in (reverse("filed_mails:index"), reverse("filed_mails:mail", args=[mail.name, 0])):
        assert client.get(address, headers={"x-requested-with": "XMLHttpRequest"}).status_code == 403


def test_there_is_no_such_screen_where_mails_are_sent(administrator, settings):
    write("یک")
    (mail,) = mail_files.newest(10)
    settings.MAIL_TRANSPORT = "portal.core.mail_transports.SmtpBackend"

    addresses = [
        reverse("filed_mails:index"),
        *(reverse(f"filed_mails:{n}", args=[mail.name, 0]) for n in ("mail", "html")),
    ]
    assert [administrator.get(address, follow=True).status_code for address in addresses] == [404, 404, 404]
    assert mail_files.newest(10) == []
    assert reverse("filed_mails:index") not in administrator.get(reverse("wagtailadmin_home")).text


def test_nothing_else_on_the_disk_is_read(administrator, folder):
    write("یک")
    (folder.parent / "secret.log").write_text("Subject: secret\n\nx")
    (folder / "notes.log").write_text("Subject: notes\n\nx")

    assert len(mail_files.newest(10)) == 1
    for name in ("notes.log", "..%2Fsecret.log", "20261130-010101-1.log"):
        assert administrator.get(f"/admin/reports/mails/{name}/0/").status_code == 404


@pytest.mark.parametrize("transport", [FILES, "portal.core.mail_transports.SmtpBackend"])
def test_who_waits_for_a_mail_is_told_where_it_is(client, settings, transport):
    settings.MAIL_TRANSPORT = transport
    settings.EMAIL_HOST = "localhost"

    page = client.post(reverse("account_request_login_code"), {"email": UserFactory().email}, follow=True).text

    assert 'name="code"' in page
    assert (reverse("filed_mails:index") in page) is (transport == FILES)
