"""What the outbox worker does with queued mails: handing them over, at most once, and tidying up.

The moment before the server is given the text of a mail is noted in the database. Where it refused, or went away before
that moment, it has not taken the mail, which is tried again. Where nobody knows, because no answer came or the worker was
killed, the mail is not sent a second time but shown to staff, who may send it again. Transports other than our SMTP do not
tell that moment: it is noted before they are called, and when they raise, they count as not having taken the mail.

While the server is away mails wait as long as they are worth anything; one is tried every few seconds, so that a worker is
not kept by each of them. docs/decisions/0016-mail.md says why.
"""

from __future__ import annotations

import logging
import smtplib
import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.core import vault
from portal.core.events import emit, handler_name
from portal.core.mail import PATIENCE, MailQueued, message_of
from portal.core.mail_transports import SmtpBackend
from portal.core.models import OutgoingMail, OutgoingMailQuerySet
from portal.core.outbox import NotNowError, describe, pause_after

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)

#: How long the row of a mail stays after its end; its key is known as long.
KEEP: Final = timedelta(days=30)
#: From when on a mail that waits is late.
LATE: Final = timedelta(minutes=1)
#: How long whoever handed a mail over may take to note the answer.
_ANSWER: Final = timedelta(minutes=5)
#: Pauses while the mail server is away double from the first to the longest.
_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(minutes=1)
#: Who was the reason of a pause is tried a little after the others: a mail that breaks the connection must not stop them.
_BEHIND_OTHERS: Final = timedelta(seconds=1)
#: What a server says of us, not of a mail: sign in first, or otherwise.
_SIGN_IN: Final = frozenset({530, 534, 535, 538})
_PERMANENT: Final = 500

State = OutgoingMail.State


class _Server:
    """What this process knows of the mail server: while it is away, only one mail in a while is tried."""

    def __init__(self) -> None:
        self._failures = 0
        self._away_until = 0.0

    def pause(self) -> timedelta:
        """How long nobody need try."""
        return timedelta(seconds=max(0.0, self._away_until - time.monotonic()))

    def failed(self, reason: str) -> timedelta:
        """It is away; how long to leave it alone. Said once in the log."""
        self._failures += 1
        if self._failures == 1:
            logger.error("The mail server is away (%s). Mails wait until it is back.", reason)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures - 1, 8))
        self._away_until = time.monotonic() + pause.total_seconds()
        return pause

    def answered(self) -> None:
        """It took or refused a mail."""
        if self._failures:
            logger.warning("The mail server is back.")
        self.forget()

    def forget(self) -> None:
        """Try at once; for tests."""
        self._failures, self._away_until = 0, 0.0


server: Final = _Server()


class _TakenError(Exception):
    """Somebody else is handing the mail over."""


def _begin(mail: OutgoingMail) -> None:
    """Note that the server may have the mail from now on; only one process can."""
    now = timezone.now()
    if not _ours(mail).update(handed_over_at=now):
        raise _TakenError
    mail.handed_over_at = now


def _ours(mail: OutgoingMail) -> OutgoingMailQuerySet:
    """The row, unless another process went on with it."""
    return OutgoingMail.objects.waiting().filter(pk=mail.pk, handed_over_at=mail.handed_over_at)


def deliver(event: MailQueued) -> None:
    """Hand over a mail that waits. Raises `NotNowError` where it must go on waiting."""
    mail = OutgoingMail.objects.waiting().filter(pk=event.mail_id).first()
    if mail is None:
        return
    now = timezone.now()
    if mail.handed_over_at is not None:
        if now < mail.handed_over_at + _ANSWER:
            raise NotNowError(_ANSWER)
        _end(mail, State.UNCERTAIN, "the worker ended before the answer came")
    elif now >= mail.expires_at:
        _end(mail, State.EXPIRED, mail.note)
    elif pause := server.pause():
        raise NotNowError(pause)
    else:
        try:
            message = message_of(mail)
        except vault.UnreadableError:
            _end(mail, State.REFUSED, "it was encrypted with a SECRET_KEY that is gone")
        else:
            _hand_over(mail, message)


DELIVER: Final = handler_name(deliver)


def _hand_over(mail: OutgoingMail, message: EmailMessage) -> None:
    tells_when = False
    try:
        connection = get_connection(settings.MAIL_TRANSPORT)
        if isinstance(connection, SmtpBackend):
            tells_when = True
            connection.before_text = partial(_begin, mail)
        else:
            _begin(mail)
        connection.send_messages([message])
    except _TakenError:
        raise NotNowError(_ANSWER) from None
    except (smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
        _refused(mail, error)
    except Exception as error:  # noqa: BLE001 - whatever a transport raises
        name = type(error).__name__
        if tells_when and mail.handed_over_at is not None:
            server.failed(name)
            _end(mail, State.UNCERTAIN, f"no answer ({name})")
        elif tells_when and not isinstance(error, OSError):  # smtplib's errors are OSErrors, too
            _end(mail, State.REFUSED, describe(error))
        else:
            _wait(mail, server.failed(name) + _BEHIND_OTHERS, name)
    else:
        server.answered()
        _end(mail, State.SENT, "")


def _refused(
    mail: OutgoingMail, error: smtplib.SMTPDataError | smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused
) -> None:
    """The server said no: for ever, or for now."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = min(code for code, _said in error.recipients.values())
    else:
        code = error.smtp_code
    reason = f"{type(error).__name__} {code}"
    if code in _SIGN_IN:
        _wait(mail, server.failed(reason) + _BEHIND_OTHERS, reason)
    server.answered()
    if code >= _PERMANENT:
        _end(mail, State.REFUSED, reason)
    else:
        _wait(mail, pause_after(mail.tries + 1), reason)


def _wait(mail: OutgoingMail, pause: timedelta, note: str) -> None:
    """The server has not taken the mail: try again later, at the latest to find that it is worthless now."""
    _ours(mail).update(handed_over_at=None, tries=F("tries") + 1, note=note)
    raise NotNowError(max(timedelta(seconds=1), min(pause, mail.expires_at - timezone.now())))


def _end(mail: OutgoingMail, state: State, note: str) -> None:
    """Nothing more happens to the mail by itself. It is kept only where staff can still send it."""
    kept = {} if state in State.shown() and not mail.is_perishable else {"content": ""}
    if not _ours(mail).update(state=state, note=note, ended_at=timezone.now(), **kept):
        return
    if state in State.shown():
        logger.error(
            "Mail %s (%s) could not be sent, %s: %s", mail.pk, mail.kind, state.value, note or "it waited too long"
        )


# For staff and operators --------------------------------------------------------------------------------------------


@transaction.atomic
def send_again(pks: Collection[int]) -> int:
    """Have mails that could not be sent tried anew; how many. One whose fate nobody knows may arrive twice then."""
    mails = OutgoingMail.objects.select_for_update().filter(pk__in=pks, state__in=State.shown()).exclude(content="")
    again = list(mails.values_list("pk", flat=True))
    OutgoingMail.objects.filter(pk__in=again).update(
        state=State.WAITING,
        handed_over_at=None,
        ended_at=None,
        tries=0,
        expires_at=timezone.now() + PATIENCE,
    )
    for pk in again:
        emit(MailQueued(mail_id=pk))
    return len(again)


def is_late() -> bool:
    """Whether mails wait longer than they should; one query."""
    return OutgoingMail.objects.waiting().filter(created_at__lt=timezone.now() - LATE).exists()


def health() -> str:
    """For `/health/`: ``ok``; ``waiting`` when a mail is late; ``failing`` when one could not be sent since yesterday."""
    if is_late():
        return "waiting"
    yesterday = timezone.now() - timedelta(days=1)
    return "failing" if OutgoingMail.objects.could_not_be_sent().filter(ended_at__gt=yesterday).exists() else "ok"


def tidy() -> int:
    """Delete rows of mails that ended long ago, and end those whose time is over while nobody delivers. How many."""
    now = timezone.now()
    deleted, _by_model = OutgoingMail.objects.filter(ended_at__lt=now - KEEP).delete()
    forgotten = list(_forgotten(now))
    for mail in forgotten:
        _end(mail, State.EXPIRED, mail.note)
    return deleted + len(forgotten)


def needs_tidying() -> bool:
    """Whether `tidy` has anything to do."""
    now = timezone.now()
    return OutgoingMail.objects.filter(ended_at__lt=now - KEEP).exists() or _forgotten(now).exists()


def _forgotten(now: datetime) -> OutgoingMailQuerySet:
    return OutgoingMail.objects.waiting().filter(expires_at__lt=now - timedelta(hours=1))
