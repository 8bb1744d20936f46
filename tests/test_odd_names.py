"""What anybody writes becomes a header, a file name or a slug: it is made harmless or refused, never a server error."""

from __future__ import annotations

import re
from typing import Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMessage, get_connection
from django.test import Client
from django.urls import reverse
from wagtail.documents import get_document_model

from portal.core.files import _as_attachment
from portal.core.mail import message_of
from portal.core.models import OutgoingMail
from portal.core.text import slugify_unicode
from tests.factories.accounts import UserFactory
from tests.test_odd_texts import PIECES

#: As they come from a request: without lone surrogates, which no browser can send.
TEXTS: Final = [
    text.encode("utf-8", "replace").decode() for text in (*PIECES, "راهنما.pdf", "a\r\nSet-Cookie: x=1", "")
]
_HEADER: Final = re.compile(r"[\t\x20-\x7e]+")


def test_names_of_files_are_one_line_of_ascii_in_a_header():
    assert [text for text in TEXTS if not _HEADER.fullmatch(_as_attachment(text))] == []


def test_slugs_are_letters_digits_and_hyphens():
    assert [text for text in TEXTS if not re.fullmatch(r"(?:[^\W_]+(?:-[^\W_]+)*)?", slugify_unicode(text))] == []


@pytest.mark.django_db
def test_subjects_and_names_of_mails_are_one_line(settings):
    settings.EMAIL_BACKEND = "portal.core.mail.QueueBackend"
    for text in TEXTS:
        subject = " ".join(f"درباره {text}".split())
        get_connection().send_messages([EmailMessage(subject, text, to=["mina@example.com"])])

    for mail in OutgoingMail.objects.all():
        head = message_of(mail).message().as_bytes().partition(b"\n\n")[0]
        assert {b"Subject", b"From", b"To"} <= set(re.findall(rb"^([\w-]+):", head, re.MULTILINE))
        assert b"Set-Cookie:" not in head.replace(b" Set-Cookie:", b"")


@pytest.mark.django_db
def test_files_with_odd_names_are_stored_and_given_out(settings, tmp_path):
    settings.STAFF_SECOND_FACTOR, settings.MEDIA_ROOT = False, str(tmp_path)
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory(superuser=True))
    wrong = []
    for text in (text for text in TEXTS if len(text) < 500):
        before = get_document_model().objects.count()
        file = SimpleUploadedFile("x.pdf", b"%PDF-1.4")
        file._name = f"{text}.pdf"  # as a program sends it; the class would clean it
        status = client.post(reverse("wagtaildocs:add"), {"title": "فایل", "file": file}).status_code
        stored = get_document_model().objects.order_by("-pk")[: get_document_model().objects.count() - before]
        answers = [client.get(document.url) for document in stored]
        heads = [answer.headers.get("Content-Disposition", "") for answer in answers]
        if status >= 500 or any(a.status_code != 200 for a in answers) or not all(map(_HEADER.fullmatch, heads)):
            wrong.append((text, status, [a.status_code for a in answers], heads))

    assert wrong == []
    assert get_document_model().objects.count() > 10
