"""Mails of notifications: at once, and as a digest once a day or once a week.

Rows are claimed by one conditional UPDATE in the transaction that queues the mail: any number of workers may run, and
one that is killed leaves nothing half done. The queue itself sends each mail at most once (`portal.core.mail`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from portal.accounts.models import User
from portal.core import vault
from portal.core.events import emit
from portal.core.formats import date_text
from portal.core.mail import mail_domain, said_in, send_mail
from portal.core.models import OutgoingMail
from portal.core.outbox import LONGEST_PAUSE, NotNowError, describe
from portal.core.preferences import preferences_in_use, preferences_of
from portal.notifications import queries
from portal.notifications.events import MailWanted
from portal.notifications.links import Unsubscription, absolute
from portal.notifications.models import Follow, Notification
from portal.notifications.registry import GROUPS, Group, Mail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

logger = logging.getLogger(__name__)

#: Rows of one mail. Older ones are left to the portal.
MOST_ROWS: Final = 200
#: Entries of a digest; what is more is counted.
MOST_ENTRIES: Final = 20
#: People looked at in one query.
_PORTION: Final = 200
#: A key of `_key`: the last part is the number of the newest row, or the day of a digest.
_KEY: Final = re.compile(r"notifications:(?P<person>\d+):\w+:(?P<mail>\w+):(?P<rest>[\d-]+)")
_CONFLICT_PAUSE: Final = timedelta(seconds=1)
#: So often a mail is made again because its words changed: a kind whose words change all the time is mailed, too.
_MOST_TIMES_MADE: Final = 5


@dataclass(frozen=True, slots=True)
class _Entry:
    """A notice as the mail shows it."""

    title: str
    text: str
    url: str


@contextmanager
def as_read_by(person: User) -> Iterator[None]:
    """Apply the person's own language, calendar, digits and time zone inside the block."""
    with override(queries.language_of(person)), preferences_in_use(preferences_of(person)):
        yield


# At once -------------------------------------------------------------------------------------------------------------


def send_waiting(event: MailWanted) -> None:
    """Mail what one person has to hear at once about one subject, as one mail.

    If they had a mail about it a short while ago, it waits for the rest of that time; what may still be taken back
    (`NotificationKind.mail_delay`) waits for its own. Raises `NotNowError`.
    """
    now = timezone.now()
    mine = Notification.objects.filter(person_id=event.person_id, subject=event.subject, mail=Mail.NOW.value)
    waiting = mine.to_mail()
    rows = list(waiting.filter(mail_at__lte=now).select_related("actor").order_by("-pk")[:MOST_ROWS])
    next_at = waiting.filter(mail_at__gt=now).aggregate(first=Min("mail_at"))["first"]
    if not rows:
        if next_at is not None:
            raise NotNowError(next_at - now)
        return
    with transaction.atomic():
        if next_at is not None:
            emit(event)  # for what is not due yet
        _claim(rows, now)
        earlier = mine.exclude(pk__in=[row.pk for row in rows]).aggregate(last=Max("mailed_at"))["last"]
        free_at = earlier + timedelta(minutes=settings.NOTIFICATIONS_MAIL_MINUTES) if earlier else now
        if now < free_at:
            raise NotNowError(min(free_at - now, LONGEST_PAUSE))
        if not _mail_now(event.person_id, rows):
            _give_up(rows)


def _claim(rows: Sequence[Notification], now: datetime) -> None:
    """Mark the rows as mailed. Raises `NotNowError` if another worker has some of them: everything is rolled back."""
    free = Notification.objects.filter(pk__in=[row.pk for row in rows], mailed_at=None)
    if free.update(mailed_at=now) != len(rows):
        raise NotNowError(_CONFLICT_PAUSE)


def _give_up(rows: Sequence[Notification]) -> None:
    """Have the rows not mailed at all: nobody may see them, or there is nowhere to send them."""
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(mailed_at=None, mail_at=None)


def _leave_out(rows: Sequence[Notification], told: Sequence[queries.Told]) -> None:
    """Have only what a mail tells count as mailed."""
    mailed = frozenset[int]().union(*(each.ids for each in told))
    _give_up([row for row in rows if row.pk not in mailed])


def _mail_now(person_id: int, rows: Sequence[Notification]) -> bool:
    person = User.objects.get(pk=person_id)
    address = mailable_address(person)
    wanted = _wanted(person, rows)
    if not address or not wanted:
        return False
    with as_read_by(person):
        told = queries.fold(person, wanted)
        if not told:
            return False
        _leave_out(rows, told)
        subject = told[0].subject
        newest = told[0]
        is_optional = all(each.kind.is_optional for each in told)
        ways_out = _ways_out(person, {each.kind.group for each in told}, subject) if is_optional else []
        headers = _thread_headers(newest.id, subject) if newest.kind.is_conversation else {}
        if ways_out:
            headers |= _unsubscribe_headers(ways_out[0].token_of)
        number = send_mail(
            to=address,
            template="notifications/email/news",
            context={
                "person": person,
                "subject": newest.notice.mail_subject or newest.notice.title,
                "entries": [_entry(each) for each in told],
                "ways_out": ways_out,
                "settings_url": absolute(reverse("notifications:preferences")),
            },
            key=_key(person, address, f"now:{max(row.pk for row in rows)}"),
            headers=headers,
            says=_said(told),
        )
    return number is not None


def _entry(told: queries.Told) -> _Entry:
    return _Entry(told.notice.title, told.notice.text, absolute(told.notice.url))


def _said(told: Sequence[queries.Told]) -> str:
    """Return a mark of the words of a mail. Addresses are left out: some are signed anew each time."""
    words = [[each.notice.title, each.notice.text, each.notice.mail_subject] for each in told]
    return hashlib.sha256(json.dumps([[str(word) for word in each] for each in words]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _WayOut:
    """A link that ends these mails; in words, by what it ends."""

    token_of: Unsubscription
    is_subject: bool = False
    group: str = ""

    @property
    def url(self) -> str:
        return absolute(self.token_of.path)


def _ways_out(person: User, groups: set[Group], subject: str) -> list[_WayOut]:
    """Return the links, the narrowest first: this subject, this group, all mails."""
    ways = [_WayOut(Unsubscription(person.pk, subject=subject), is_subject=True)] if subject else []
    if len(groups) == 1:
        (group,) = groups
        ways.append(_WayOut(Unsubscription(person.pk, group=group), group=str(GROUPS[group].label)))
    return [*ways, _WayOut(Unsubscription(person.pk))]


def _unsubscribe_headers(unsubscription: Unsubscription) -> dict[str, str]:
    """Return the headers of RFC 2369 and RFC 8058: the mail program's own button posts to this address."""
    return {
        "List-Unsubscribe": f"<{absolute(unsubscription.path)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _thread_headers(number: int, subject: str) -> dict[str, str]:
    """Return headers by which mail programs show all mails of one subject as one conversation."""
    kind, _colon, key = subject.partition(":")
    root = f"<{kind}.{key}@{mail_domain()}>"
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return {
        "Message-ID": f"<{kind}.{key}.{number}@{mail_domain()}>",
        "In-Reply-To": root,
        "References": root,
        "List-Id": f"<{key}.{kind}.{host}>",
    }


def _wanted(person: User, rows: Sequence[Notification]) -> list[Notification]:
    """Return the rows that the person still wants to have mailed: they may have unsubscribed since."""
    choices = queries.all_choices_of(person.pk)
    muted = set(
        Follow.objects.filter(person=person, muted=True, target__in={row.subject for row in rows}).values_list(
            "target", flat=True
        )
    )
    return [row for row in rows if choices[Group(row.group)].mail is not Mail.OFF and row.subject not in muted]


# Mails that wait -----------------------------------------------------------------------------------------------------


def is_still_true(mail: OutgoingMail) -> bool:
    """Return whether a queued mail is as it would be made now; asked before it is sent.

    It is not if its reader must not see all of it any more, wants less, has another address, or if its words were
    changed. Then what is left of it is queued again, as another mail; nothing, if the reader's account is gone.
    """
    named = _KEY.fullmatch(mail.key)
    if named is None:
        return True
    rows = _rows_of(mail, named)
    if not rows:
        return False
    person = rows[0].person
    with as_read_by(person):
        told = queries.fold(person, _wanted(person, rows))
        said = _said(told)
    visible = frozenset[int]().union(*(each.ids for each in told))
    if len(visible) == len(rows) and _is_to(mail, person) and _is_in_these_words(mail, said):
        return True
    with transaction.atomic():
        mail.key = f"{mail.key}:replaced:{mail.pk}"  # the old one is that of the mail which says what is left
        mail.save(update_fields=["key"])
        _leave_out(rows, told)
        Notification.objects.filter(pk__in=visible).update(mailed_at=None, mail_at=timezone.now())
        for subject in sorted({row.subject for row in rows if row.pk in visible and row.mail == Mail.NOW}):
            emit(MailWanted(person_id=person.pk, subject=subject))
    return False


def _is_to(mail: OutgoingMail, person: User) -> bool:
    """Return whether a queued mail goes to the address that the person has now."""
    address = queries.confirmed_address(person)
    return bool(address) and mail.key.startswith(tuple(_keys(person, address)))


def _is_in_these_words(mail: OutgoingMail, said: str) -> bool:
    try:
        is_same = said_in(mail) == said
    except vault.UnreadableError:  # the key is lost, but not what the mail said
        return False
    return is_same or OutgoingMail.objects.filter(key__startswith=f"{mail.key}:replaced:").count() >= _MOST_TIMES_MADE


def _rows_of(mail: OutgoingMail, named: re.Match[str]) -> list[Notification]:
    """Return what a queued mail tells: what was claimed together for it. See `_key`."""
    mailed = Notification.objects.filter(
        person_id=int(named["person"]), mail=named["mail"], mailed_at__lte=mail.created_at
    )
    if named["mail"] == Mail.NOW:
        mailed = mailed.filter(subject__in=mailed.filter(pk=int(named["rest"])).values("subject"))
    last = mailed.aggregate(last=Max("mailed_at"))["last"]
    return list(mailed.filter(mailed_at=last).select_related("person", "actor").order_by("-pk"))


# Addresses -----------------------------------------------------------------------------------------------------------


def mailable_address(person: User) -> str:
    """Return the person's address; empty if it is not confirmed, or the mail server refused it within a month."""
    address = queries.confirmed_address(person)
    if not address:
        return ""
    theirs = Q()
    for beginning in _keys(person, address):
        theirs |= Q(key__startswith=beginning)
    refused = OutgoingMail.objects.filter(
        theirs,
        state=OutgoingMail.State.REFUSED,
        note__startswith="SMTPRecipientsRefused",
    )
    return "" if refused.exists() else address


def _key(person: User, address: str, rest: str) -> str:
    """Return the key of a mail. It holds a mark of the address, so that a new address begins without a record."""
    return f"{_keys(person, address)[0]}{rest}"


def _keys(person: User, address: str) -> list[str]:
    """Return how the keys of mails to an address begin; with several after ``SECRET_KEY`` was changed."""
    marks = vault.marks_of(address, purpose="mailed address")
    return [f"{keys_of(person.pk)}{mark[:16]}:" for mark in marks]


def keys_of(person_id: int) -> str:
    """Return how the keys of all mails to a person begin."""
    return f"notifications:{person_id}:"


# Digests -------------------------------------------------------------------------------------------------------------


def send_digests() -> int:
    """Queue every digest that is due and return how many. One that fails does not keep the others from being sent."""
    sent = 0
    for mail in (Mail.DAILY, Mail.WEEKLY):
        after = 0
        while people := _people_due(mail, after):
            for person_id in people:
                try:
                    sent += _send_digest(person_id, mail)
                except Exception as error:  # noqa: BLE001 - whatever a kind raises concerns this person only
                    logger.error("A digest could not be made: %s", describe(error))  # noqa: TRY400 - no values in the log
            after = people[-1]
    return sent


def is_any_digest_due() -> bool:
    """Return whether `send_digests` has anything to do. One query."""
    return bool(_due(timezone.now()).exists())


def _due(now: datetime) -> Any:
    return Notification.objects.to_mail().filter(mail__in=[Mail.DAILY.value, Mail.WEEKLY.value], mail_at__lte=now)


def _people_due(mail: Mail, after: int) -> list[int]:
    due = _due(timezone.now()).filter(mail=mail.value, person_id__gt=after)
    return list(due.order_by("person_id").values_list("person_id", flat=True).distinct()[:_PORTION])


@transaction.atomic
def _send_digest(person_id: int, mail: Mail) -> bool:
    """Queue the digest of one person, unless there is nothing to say or another worker does it."""
    now = timezone.now()
    due = _due(now).filter(person_id=person_id, mail=mail.value)
    rows = list(due.select_related("actor").order_by("-pk")[:MOST_ROWS])
    try:
        _claim(rows, now)
    except NotNowError:
        return False
    person = User.objects.get(pk=person_id)
    address = mailable_address(person)
    wanted = _wanted(person, rows)
    if not address or not wanted:
        _give_up(rows)
        return False
    period = max(row.mail_at for row in rows if row.mail_at is not None)
    with as_read_by(person):
        told = queries.fold(person, wanted)
        if not told:
            _give_up(rows)
            return False
        _leave_out(rows, told)
        ways_out = _ways_out(person, {each.kind.group for each in told}, "")
        host = urlsplit(settings.BASE_URL).hostname or "localhost"
        number = send_mail(
            to=address,
            template="notifications/email/digest",
            context={
                "person": person,
                "is_weekly": mail is Mail.WEEKLY,
                "shown_day": date_text(timezone.localdate(now)),
                "entries": [_entry(each) for each in told[:MOST_ENTRIES]],
                "more": max(0, len(told) - MOST_ENTRIES),
                "all_url": absolute(reverse("notifications:list")),
                "ways_out": ways_out,
                "settings_url": absolute(reverse("notifications:preferences")),
            },
            key=_key(person, address, f"{mail.value}:{timezone.localdate(period).isoformat()}"),
            headers={"List-Id": f"<digest.{host}>", **_unsubscribe_headers(ways_out[0].token_of)},
            says=_said(told),
        )
    if number is None:  # the digest of this period was sent, and these rows came late
        later = queries.next_digest(person, mail, now)
        Notification.objects.filter(pk__in=[row.pk for row in rows]).update(mailed_at=None, mail_at=later)
        return False
    return True


# Tidying -------------------------------------------------------------------------------------------------------------


def tidy() -> int:
    """Delete what was read long ago, and what nobody has read for four times as long. Returns how many rows."""
    deleted = 0
    while pks := list(_old().values_list("pk", flat=True)[:1000]):
        deleted += Notification.objects.filter(pk__in=pks).delete()[0]
    return deleted


def needs_tidying() -> bool:
    """Return whether `tidy` has anything to do. One query."""
    return bool(_old().exists())


def _old() -> Any:
    kept = timedelta(days=settings.NOTIFICATIONS_KEEP_DAYS)
    now = timezone.now()
    read = Notification.objects.filter(created_at__lt=now - kept, read_at__lt=now - kept)
    return read | Notification.objects.filter(created_at__lt=now - 4 * kept)
