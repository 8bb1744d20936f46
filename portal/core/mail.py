"""Outgoing mail: queued in the transaction of the change it reports, sent by the outbox worker, at most once.

    send_mail(to=user.email, template="faq/email/feedback", context={…}, language=user.language, key="faq.feedback:7")

`send_mail` renders a plain and an HTML part and writes one row in the caller's transaction; mails of libraries go
through the same queue (`EMAIL_BACKEND` is `QueueBackend`). After the commit the worker hands the mail to
`MAIL_TRANSPORT` (`portal.core.mail_delivery`). No page and no transaction waits for a mail server.

A `key` identifies the fact a mail reports: a second mail with the same key is not queued. Mails contain codes and
addresses: they are stored encrypted, erased as soon as they are sent or obsolete, and never logged.
"""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime, formataddr, make_msgid, parseaddr
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language, get_language_bidi, override

from portal.core import vault
from portal.core.brand import brand, in_this_language, site_name
from portal.core.events import DomainEvent, emit
from portal.core.models import OutgoingMail, OutgoingMailQuerySet
from portal.core.runs import isolate_plain
from portal.core.text import isolate, normalise_address

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

#: How long delivery of a mail without an expiry of its own is retried; mail servers usually do the same.
PATIENCE: Final = timedelta(days=5)
_PURPOSE: Final = "mail"
#: Mails read at a time.
_PORTION: Final = 200


@dataclass(frozen=True, kw_only=True)
class MailQueued(DomainEvent):
    """A mail is waiting to be sent."""

    name: ClassVar[str] = "core.mail_queued"
    mail_id: int


def send_mail(
    *,
    to: str | Sequence[str],
    template: str,
    context: Mapping[str, Any],
    language: str = "",
    key: str = "",
    valid_for: timedelta | None = None,
    replaces: int | None = None,
    headers: Mapping[str, str] | None = None,
    says: str = "",
) -> int | None:
    """Queue the mail of ``<template>_subject.txt`` and ``<template>_message.txt``, in `language` or the active one.

    It is sent after the commit, or never. `key` identifies the fact, so that it is reported only once. `valid_for`: the
    mail is not sent later than this. `replaces`: number of an earlier mail that is now obsolete and is not sent if it
    is still waiting. `says` is kept with the content: whoever is asked before the mail is sent reads it by `said_in`.
    Returns the number of the mail, or None if the fact was already reported.
    """
    with override(language) if language in dict(settings.LANGUAGES) else nullcontext():
        message = _render(template, [to] if isinstance(to, str) else list(to), context)
    message.extra_headers |= headers or {}
    return queue(message, kind=template, key=key, valid_for=valid_for, replaces=replaces, says=says)


def _render(template: str, to: list[str], context: Mapping[str, Any]) -> EmailMultiAlternatives:
    """Render a plain part from the template and an HTML part from the same paragraphs, so that both agree.

    A paragraph that is only a code or an address is set apart; one of two lines, a text and an address, is a link with
    that text. The subject is isolated, so that it reads correctly in a
    list of mails of the opposite direction.
    """
    language = get_language() or settings.LANGUAGE_CODE
    about = {"site_name": site_name(), "base_url": brand().address or settings.BASE_URL}
    context = {**context, **about}
    subject = " ".join(render_to_string(f"{template}_subject.txt", context).split())
    text = render_to_string(f"{template}_message.txt", context)
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]
    parts = [
        {
            "text": paragraph,
            "is_code": paragraph == context.get("code"),
            "is_link": _is_link(paragraph),
            **_link_with_text(paragraph),
        }
        for paragraph in paragraphs
    ]
    direction = "rtl" if get_language_bidi() else "ltr"
    html = render_to_string(
        "email/message.html",
        {
            **about,
            "subject": subject,
            "language": language,
            "direction": direction,
            "parts": parts,
            "colours": brand().mail_colours,
            "logo": brand().shown.get("logo"),
        },
    )
    message = EmailMultiAlternatives(
        _isolated(subject),
        "\n\n".join(map(isolate_plain, paragraphs)) + "\n",
        _with_name(settings.DEFAULT_FROM_EMAIL),  # in the language of the mail, which is not that of its caller
        to=to,
        headers={"Content-Language": language},
    )
    message.attach_alternative(html, "text/html")
    return message


def _is_link(text: str) -> bool:
    return text.startswith(("http://", "https://")) and not any(character.isspace() for character in text)


def _link_with_text(paragraph: str) -> dict[str, str]:
    """Return the address of a paragraph that ends with one on its second line, and the text for it; else nothing."""
    text, _line, url = paragraph.partition("\n")
    return {"link_text": text, "url": url} if _is_link(url) and not _is_link(text) else {}


def _isolated(subject: str) -> str:
    """Return `subject` isolated as a whole; isolates inside it stay if their marks are balanced."""
    return f"\u2068{subject}\u2069" if subject.count("\u2068") == subject.count("\u2069") else isolate(subject)


@transaction.atomic
def queue(
    message: EmailMessage,
    *,
    kind: str = "other",
    key: str = "",
    valid_for: timedelta | None = None,
    replaces: int | None = None,
    says: str = "",
) -> int | None:
    """Queue a mail that is already rendered; see `send_mail`. Also returns None when it has no recipients.

    Raises whatever building the mail raises, such as `BadHeaderError`, and `TypeError` for parts other than texts and
    files.
    """
    if replaces is not None:
        waiting = OutgoingMail.objects.waiting().filter(pk=replaces, handed_over_at=None)
        waiting.update(state=OutgoingMail.State.REPLACED, ended_at=timezone.now(), content="")
    if not message.recipients():
        return None
    content = _content_of(message) | {"says": says}
    _restored(content).message()  # a mail that cannot be built fails here, in the code that wrote it
    now = timezone.now()
    row, is_new = OutgoingMail.objects.get_or_create(
        key=key or uuid.uuid4().hex,
        defaults={
            "kind": kind[:100],
            "content": vault.encrypt(json.dumps(content), purpose=_PURPOSE),
            "created_at": now,
            "expires_at": now + (PATIENCE if valid_for is None else valid_for),
            "is_perishable": valid_for is not None,
        },
    )
    if not is_new:
        return None
    emit(MailQueued(mail_id=row.pk))
    return row.pk


def _content_of(message: EmailMessage) -> dict[str, Any]:
    """Return the mail as JSON values, with the recommended headers. A second attempt sends the same Message-ID."""
    headers = {str(name): str(value) for name, value in message.extra_headers.items()}
    known = {name.lower() for name in headers}
    ours = {
        "Date": format_datetime(timezone.now()),
        "Message-ID": make_msgid(domain=mail_domain(message.from_email)),
        "Auto-Submitted": "auto-generated",
    }
    reply_to = message.reply_to or ([settings.REPLY_TO_EMAIL] if settings.REPLY_TO_EMAIL else [])
    return {
        "subject": _encodable(message.subject),
        "body": _encodable(message.body),
        "subtype": message.content_subtype,
        "from": _with_name(message.from_email),
        "to": [_in_one_form(str(each)) for each in message.to],
        "cc": [_in_one_form(str(each)) for each in message.cc],
        "bcc": [_in_one_form(str(each)) for each in message.bcc],
        "reply_to": [str(each) for each in reply_to],
        "headers": headers | {name: value for name, value in ours.items() if name.lower() not in known},
        "alternatives": [[_encodable(_text(part[0])), part[1]] for part in getattr(message, "alternatives", [])],
        "attachments": [_file(part) for part in message.attachments],
    }


_questions: dict[str, Callable[[OutgoingMail], bool]] = {}


def ask_before_sending(kind: str, is_wanted: Callable[[OutgoingMail], bool]) -> None:
    """Have `is_wanted` asked whenever a mail of a template is about to be handed over; called in `ready()`.

    A mail may wait for days while the server is away. One that says what its reader must not see any more is not sent;
    whoever answers may queue another one instead. It is asked with no transaction open.
    """
    _questions[kind] = is_wanted


def is_wanted(mail: OutgoingMail) -> bool:
    """Return whether whoever queued the mail still wants it sent."""
    question = _questions.get(mail.kind)
    return question is None or question(mail)


def said_in(mail: OutgoingMail) -> str:
    """Return what a kept mail says, in the words of `send_mail(says=…)`. Raises `vault.UnreadableError`."""
    return str(_kept(mail).get("says", ""))


def mail_domain(sender: str = "") -> str:
    """Return the domain for the Message-ID of a mail: that of its sender, by default of `DEFAULT_FROM_EMAIL`."""
    address = parseaddr(sender or settings.DEFAULT_FROM_EMAIL)[1]
    domain = address.rpartition("@")[2] or urlsplit(settings.BASE_URL).hostname or "localhost"
    return domain.encode("idna").decode()


def _encodable(text: object) -> str:
    """Return the text with a question mark for each lone surrogate, which no mail can contain but JSON may."""
    return str(text).encode(errors="replace").decode()


def _in_one_form(recipient: str) -> str:
    """Return the recipient with the canonical address; sending libraries would interpret some domains differently.

    A name is made encodable, an address is not: it would be somebody else's.
    """
    name, address = parseaddr(recipient)
    if address.isascii():
        return _encodable(recipient)
    return formataddr((_encodable(name), normalise_address(address) or address))


def _with_name(sender: str) -> str:
    """Return the sender with the portal's name, unless it has a name already."""
    name, address = parseaddr(sender)
    return sender if name or not address else formataddr((in_this_language(brand().senders) or site_name(), address))


def _text(part: object) -> str:
    if not isinstance(part, str):
        raise TypeError(f"A mail has alternatives of text, not of {type(part).__name__}")
    return part


def _file(part: object) -> list[str]:
    if not isinstance(part, tuple) or not isinstance(part[1], str | bytes):
        raise TypeError("Attach files by name and content")
    name, content, mimetype = part
    raw = content.encode() if isinstance(content, str) else content
    return [name or "", base64.b64encode(raw).decode(), mimetype or ""]


def message_of(mail: OutgoingMail) -> EmailMultiAlternatives:
    """Return the mail as it was queued. Raises `vault.UnreadableError` when its encryption key is lost."""
    return _restored(_kept(mail))


def _kept(mail: OutgoingMail) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(vault.decrypt(mail.content, purpose=_PURPOSE))
    return content


def narrow(mail: OutgoingMail, recipients: list[str]) -> None:
    """Have later attempts go to these recipients only, since the others have the mail. Its headers stay the same."""
    _keep(mail, _kept(mail) | {"envelope": recipients})


def _keep(mail: OutgoingMail, content: Mapping[str, Any]) -> None:
    kept = vault.encrypt(json.dumps(content), purpose=_PURPOSE)
    OutgoingMail.objects.filter(pk=mail.pk).exclude(content="").update(content=kept)  # erased mails stay so


# Forgetting ----------------------------------------------------------------------------------------------------------


def forget_mails_to(addresses: Collection[str]) -> int:
    """Take addresses out of all kept mails, waiting or not; returns of how many. Safe to repeat.

    A mail to nobody else is not sent any more, and its content goes. Only mails that wait or could not be sent have a
    content; who they are for is known only after decrypting it.
    """
    theirs = {_comparable(address) for address in addresses if address}
    kept = OutgoingMail.objects.exclude(content="").order_by("pk")
    forgotten, last = 0, 0
    while theirs and (some := list(kept.filter(pk__gt=last)[:_PORTION])):
        last = some[-1].pk
        forgotten += sum(_forget_addresses(mail, theirs) for mail in some)
    return forgotten


def _forget_addresses(mail: OutgoingMail, theirs: set[str]) -> bool:
    try:
        content = _kept(mail)
    except vault.UnreadableError:  # nobody can read or send it
        return False
    lists = {name: content.get(name) for name in ("to", "cc", "bcc", "envelope")}
    others = {
        name: [each for each in recipients if _comparable(parseaddr(each)[1]) not in theirs]
        for name, recipients in lists.items()
        if recipients is not None
    }
    if all(others[name] == lists[name] for name in others):
        return False
    if others["envelope"] if "envelope" in others else any(others.values()):
        _keep(mail, content | others)
    else:
        _empty(OutgoingMail.objects.filter(pk=mail.pk))
    return True


def forget_mails_about(beginning: str) -> int:
    """Forget the mails whose key begins so, keys and contents: none of them is sent any more. Returns how many."""
    mails = OutgoingMail.objects.filter(key__startswith=beginning)
    _empty(mails)
    pks = list(mails.values_list("pk", flat=True))
    for pk in pks:
        OutgoingMail.objects.filter(pk=pk).update(key=uuid.uuid4().hex)
    return len(pks)


def _empty(mails: OutgoingMailQuerySet) -> None:
    mails.waiting().update(state=OutgoingMail.State.REPLACED, ended_at=timezone.now())
    mails.update(content="")


def _comparable(address: str) -> str:
    return (normalise_address(address) or address).lower()


class _Message(EmailMultiAlternatives):
    """A mail whose recipients may be fewer than its headers name."""

    envelope: list[str] | None = None

    def recipients(self) -> list[str]:
        return super().recipients() if self.envelope is None else self.envelope


def _restored(content: Mapping[str, Any]) -> EmailMultiAlternatives:
    message = _Message(
        content["subject"],
        content["body"],
        content["from"],
        content["to"],
        bcc=content["bcc"],
        cc=content["cc"],
        reply_to=content["reply_to"],
        headers=content["headers"],
        alternatives=[(text, mimetype) for text, mimetype in content["alternatives"]],
    )
    message.content_subtype = content["subtype"]
    message.envelope = content.get("envelope")
    for name, encoded, mimetype in content["attachments"]:
        message.attach(name or None, base64.b64decode(encoded), mimetype or None)
    return message


class QueueBackend(BaseEmailBackend):
    """Backend for `EMAIL_BACKEND`: puts the mails of every library into the queue. It sends nothing itself."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue the mails and return how many. With `fail_silently` database errors are ignored."""
        try:
            return sum(queue(message) is not None for message in email_messages)
        except DatabaseError:
            if not self.fail_silently:
                raise
            return 0
