"""Mails that became files because there is no mail server: reading them again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    import datetime as dt
    from email.message import EmailMessage

#: As Django's file backend names them; nothing else in the folder is read.
NAME: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{1,24}\.log")
#: How Django's file backend ends each mail of a file. A line like it in a text is followed by something else.
_END: Final = re.compile(rb"^-{79}\n(?=Content-Type: |\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FiledMail:
    """One mail of a file. Its texts were written by anybody."""

    name: str
    #: Its place among the mails of the file.
    number: int
    to: str
    sender: str
    subject: str
    sent_at: dt.datetime | None
    text: str
    html: str


def folder() -> Path | None:
    """Return where mails are kept as files; None if they are sent."""
    transport = import_string(settings.MAIL_TRANSPORT)
    is_filed = isinstance(transport, type) and issubclass(transport, EmailBackend)
    return Path(settings.EMAIL_FILE_PATH) if is_filed else None


def newest(limit: int) -> list[FiledMail]:
    """Return the newest mails, newest first; empty if mails are sent."""
    where = folder()
    if where is None or not where.is_dir():
        return []
    names = sorted((path.name for path in where.iterdir() if NAME.fullmatch(path.name)), reverse=True)
    found: list[FiledMail] = []
    for name in names:
        found += reversed(_mails_in(where / name))
        if len(found) >= limit:
            break
    return found[:limit]


def find(name: str, number: int) -> FiledMail | None:
    """Return one mail, or None."""
    where = folder()
    if where is None or not NAME.fullmatch(name):
        return None
    mails = _mails_in(where / name)
    return mails[number] if number < len(mails) else None


def _mails_in(path: Path) -> list[FiledMail]:
    try:
        content = path.read_bytes()
    except OSError:  # deleted meanwhile
        return []
    parts = [part for part in _END.split(content) if part.strip()]
    return [_read(path.name, number, part) for number, part in enumerate(parts)]


def _read(name: str, number: int, raw: bytes) -> FiledMail:
    mail: EmailMessage = message_from_bytes(raw, policy=policy.default)
    date = mail["Date"]
    return FiledMail(
        name=name,
        number=number,
        to=str(mail["To"] or ""),
        sender=str(mail["From"] or ""),
        subject=str(mail["Subject"] or ""),
        sent_at=getattr(date, "datetime", None),
        text=_part(mail, "plain"),
        html=_part(mail, "html"),
    )


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
