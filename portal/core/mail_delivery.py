"""Delivery of queued mails by the outbox worker: handing them over, at most once, and tidying up.

The database records the moment before the text of a mail is given to the server. If the server refused the mail, or
went away before that moment, it has not accepted the mail and delivery is retried. If the outcome is unknown, because
there was no answer or the worker was killed, the mail is not sent a second time but shown to staff, who may send it
again. Transports other than our SMTP backend do not report that moment: it is recorded before they are called, and
when they raise, the mail counts as not accepted.

While the server is away mails wait until they expire; only one is tried every few seconds, so that the worker is not
blocked by each of them. For the reasons see docs/decisions/0016-mail.md.
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
from portal.core.mail import PATIENCE, MailQueued, is_wanted, message_of, narrow
from portal.core.mail_transports import SmtpBackend
from portal.core.models import OutgoingMail, OutgoingMailQuerySet
from portal.core.outbox import NotNowError, describe, pause_after

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)

#: How long the row of a mail is kept after its end; its key is remembered for the same time.
KEEP: Final = timedelta(days=30)
#: Age from which a waiting mail counts as late.
LATE: Final = timedelta(minutes=1)
#: How long a process that handed a mail over may take to record the answer.
_ANSWER: Final = timedelta(minutes=5)
#: Pauses while the mail server is away double, from the first to the longest.
_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(minutes=1)
#: Extra delay of the mail that caused a pause, so that one that breaks the connection does not block the others.
_BEHIND_OTHERS: Final = timedelta(seconds=1)
#: SMTP codes about our sign-in rather than about a mail.
SIGN_IN_CODES: Final = frozenset({530, 534, 535, 538})
#: The first codes of refusals for now and for good.
_TEMPORARY: Final = 400
_PERMANENT: Final = 500

State = OutgoingMail.State


class _Server:
    """State of the mail server as this process knows it: while it is away, a mail is tried only now and then."""

    def __init__(self) -> None:
        self._failures = 0
        self._away_until = 0.0

    def pause(self) -> timedelta:
        """Return how long to wait before the next attempt."""
        return timedelta(seconds=max(0.0, self._away_until - time.monotonic()))

    def failed(self, reason: str) -> timedelta:
        """Record that the server is away and return how long to wait. Logged once per outage."""
        self._failures += 1
        if self._failures == 1:
            logger.error("The mail server is away (%s). Mails wait until it is back.", reason)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures - 1, 8))
        self._away_until = time.monotonic() + pause.total_seconds()
        return pause

    def answered(self) -> None:
        """Record that the server accepted or refused a mail."""
        if self._failures:
            logger.warning("The mail server is back.")
        self.forget()

    def forget(self) -> None:
        """Forget the outage; for tests."""
        self._failures, self._away_until = 0, 0.0


server: Final = _Server()


class _TakenError(Exception):
    """Raised when another process is handing the mail over."""


def _begin(mail: OutgoingMail) -> None:
    """Record that the server may have the mail from now on; only one process succeeds, others get `_TakenError`."""
    now = timezone.now()
    if not _ours(mail).update(handed_over_at=now):
        raise _TakenError
    mail.handed_over_at = now


def _ours(mail: OutgoingMail) -> OutgoingMailQuerySet:
    """Return the row, unless another process has changed it since."""
    return OutgoingMail.objects.waiting().filter(pk=mail.pk, handed_over_at=mail.handed_over_at)


def deliver(event: MailQueued) -> None:
    """Hand over a waiting mail. Raises `NotNowError` when it has to wait longer."""
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
    elif not is_wanted(mail):
        _end(mail, State.REPLACED, "")
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
        if isinstance(connection, SmtpBackend) and connection.refused:
            narrow(mail, list(connection.refused))
            _refused(mail, smtplib.SMTPRecipientsRefused(connection.refused))
            return
        server.answered()
        _end(mail, State.SENT, "")


def _refused(
    mail: OutgoingMail, error: smtplib.SMTPDataError | smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused
) -> None:
    """Handle a refusal by the server, permanent or temporary."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = min(code for code, _said in error.recipients.values())
    else:
        code = error.smtp_code
    reason = f"{type(error).__name__} {code}"
    if isinstance(error, smtplib.SMTPDataError) and code < _TEMPORARY and mail.handed_over_at is not None:
        # No refusal but an answer that was cut off or makes no sense, and the server has the text.
        _end(mail, State.UNCERTAIN, "no answer (SMTPDataError)")
        return
    if code in SIGN_IN_CODES:
        _wait(mail, server.failed(reason) + _BEHIND_OTHERS, reason)
    server.answered()
    if code >= _PERMANENT:
        _end(mail, State.REFUSED, reason)
    else:
        _wait(mail, pause_after(mail.tries + 1), reason)


def _wait(mail: OutgoingMail, pause: timedelta, note: str) -> None:
    """Postpone a mail that the server has not accepted; at the latest until its expiry."""
    _ours(mail).update(handed_over_at=None, tries=F("tries") + 1, note=note)
    raise NotNowError(max(timedelta(seconds=1), min(pause, mail.expires_at - timezone.now())))


def _end(mail: OutgoingMail, state: State, note: str) -> None:
    """Finish the mail in `state`. Its content is kept only if staff can still send it."""
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
    """Queue unsent mails again and return how many. A mail whose state is uncertain may then arrive twice."""
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
    """Return whether mails wait longer than they should; one query."""
    return OutgoingMail.objects.waiting().filter(created_at__lt=timezone.now() - LATE).exists()


def health() -> str:
    """Return for `/health/`: ``ok``; ``waiting`` when a mail is late; ``failing`` when one failed since yesterday."""
    if is_late():
        return "waiting"
    yesterday = timezone.now() - timedelta(days=1)
    return "failing" if OutgoingMail.objects.could_not_be_sent().filter(ended_at__gt=yesterday).exists() else "ok"


def tidy() -> int:
    """Delete rows of mails that ended long ago, and end expired mails that nothing delivers. Returns how many."""
    now = timezone.now()
    deleted, _by_model = OutgoingMail.objects.filter(ended_at__lt=now - KEEP).delete()
    forgotten = list(_forgotten(now))
    for mail in forgotten:
        _end(mail, State.EXPIRED, mail.note)
    return deleted + len(forgotten)


def needs_tidying() -> bool:
    """Return whether `tidy` has anything to do."""
    now = timezone.now()
    return OutgoingMail.objects.filter(ended_at__lt=now - KEEP).exists() or _forgotten(now).exists()


def _forgotten(now: datetime) -> OutgoingMailQuerySet:
    return OutgoingMail.objects.waiting().filter(expires_at__lt=now - timedelta(hours=1))
