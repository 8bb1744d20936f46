"""What kind of mail it was and why it was not sent, in words for staff."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.core.mail_delivery import SIGN_IN_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

#: Templates of mails → their names; every app adds its own.
_kinds: dict[str, _StrPromise] = {"other": gettext_lazy("Other mail")}

_REFUSAL: Final = re.compile(r"(SMTP(?:Recipients|Sender)Refused|SMTPDataError) (\d{3})")
#: Notes of `portal.core.mail_delivery` other than refusals → the sentences for them.
_REASONS: Final[tuple[tuple[re.Pattern[str], _StrPromise], ...]] = (
    (
        re.compile(r"no answer \(\w+\)|TimeoutError|the worker ended before the answer came"),
        gettext_lazy("The mail server did not answer in time"),
    ),
    (
        re.compile(r"(Connection\w+|BrokenPipe|OS|SMTPConnect|SMTPHelo|gai)(Error|error)|SMTPServerDisconnected"),
        gettext_lazy("The mail server could not be reached"),
    ),
    (
        re.compile(r"SSL\w*Error|SMTPNotSupportedError"),
        gettext_lazy("There was no secure connection to the mail server"),
    ),
    (
        re.compile("SMTPAuthenticationError"),
        gettext_lazy("The mail server does not accept the portal’s user name and password"),
    ),
    (
        re.compile(".*SECRET_KEY.*"),
        gettext_lazy("The mail cannot be read any more, because the SECRET_KEY was changed"),
    ),
    (
        re.compile("the database was restored from a backup"),
        gettext_lazy("The portal was restored from a backup; the mail was probably sent before"),
    ),
    (re.compile(r"\S+ in .*"), gettext_lazy("The mail could not be built")),  # as `outbox.describe` writes it
)


def name_mails(names: Mapping[str, _StrPromise]) -> None:
    """Give mails names for staff, by the template they are rendered from; called by apps when they are ready."""
    _kinds.update(names)


def kind_in_words(kind: str) -> str:
    """Return the name of a kind of mail in the active language; an unknown kind as it is."""
    return str(_kinds.get(kind, kind))


def reason_in_words(note: str) -> str:
    """Return `OutgoingMail.note` as a sentence in the active language; an unknown one as it is."""
    if refusal := _REFUSAL.fullmatch(note):
        return _refusal(refusal[1], int(refusal[2]))
    return next((str(text) for pattern, text in _REASONS if pattern.fullmatch(note)), note)


def _refusal(error: str, code: int) -> str:
    if code in SIGN_IN_CODES:
        text = _("The mail server does not accept the portal’s user name and password (%(code)d)")
    elif error == "SMTPRecipientsRefused":
        text = _("The mail server refused the recipient (%(code)d)")
    elif error == "SMTPSenderRefused":
        text = _("The mail server refused the portal’s own address (%(code)d)")
    else:
        text = _("The mail server refused the mail (%(code)d)")
    return text % {"code": code}
