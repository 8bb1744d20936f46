"""Reads: who follows what, what a person has been told, what they chose."""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from allauth.account.models import EmailAddress
from django.conf import settings
from django.utils import timezone

from portal.core.outbox import describe
from portal.core.preferences import JALALI
from portal.core.prepared import Prepared
from portal.notifications.models import Follow, Notification, NotificationSetting
from portal.notifications.registry import GROUPS, Fact, Group, Mail, Notice, NotificationKind, known_kinds
from portal.notifications.targets import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from django.db.models import QuerySet

    from portal.accounts.models import User

logger = logging.getLogger(__name__)

#: Rows read for one page of the list; several of one subject are shown as one.
PAGE_ROWS: Final = 40
#: Rows read at a time behind those of a page, when many of them are not visible to the person any more.
_PORTION: Final = 200
#: More are not looked at for one page; the next one goes on from there.
_MOST_LOOKED_AT: Final = 5000
#: Entries of the bell's list.
RECENT: Final = 8
#: More unread ones are not counted.
MOST_COUNTED: Final = 99

_SATURDAY, _MONDAY = 5, 0


# Following -----------------------------------------------------------------------------------------------------------


def followers_of(targets: Collection[str], *, at: datetime, after: int = 0, limit: int = 200) -> list[tuple[int, int]]:
    """Return number and person of the follows of any of the targets that were there at a time, in order.

    At most `limit`, from the one behind `after`. Somebody who follows several targets is there several times.
    """
    follows = Follow.objects.heard().filter(target__in=[checked(target) for target in targets], since__lte=at)
    return list(follows.filter(pk__gt=after).order_by("pk").values_list("pk", "person_id")[:limit])


def all_followers_of(target: str, *, at: datetime) -> list[int]:
    """Return everybody who followed a target at a time, in order. One query; for a target that goes."""
    follows = Follow.objects.heard().filter(target=checked(target), since__lte=at)
    return list(follows.order_by("person_id").values_list("person_id", flat=True))


def follows_of(person_id: int, targets: Collection[str]) -> dict[str, Follow]:
    """Return by target which of these the person follows or has muted. One query."""
    return {follow.target: follow for follow in Follow.objects.filter(person_id=person_id, target__in=targets)}


def is_following(person_id: int, target: str) -> bool:
    """Return whether the person hears of news of the target. One query."""
    return Follow.objects.heard().filter(person_id=person_id, target=checked(target)).exists()


# Choices -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """How a person is told of a group."""

    web: bool
    mail: Mail


def default_choice(group: Group) -> Choice:
    return Choice(GROUPS[group].web, GROUPS[group].mail)


def choices_of(people: Collection[int], group: Group) -> dict[int, Choice]:
    """Return for each of these people how they are told of a group. One query."""
    rows = NotificationSetting.objects.filter(person_id__in=people, group=group)
    chosen = {row.person_id: Choice(row.web, Mail(row.mail)) for row in rows}
    return {person_id: chosen.get(person_id, default_choice(group)) for person_id in people}


def all_choices_of(person_id: int) -> dict[Group, Choice]:
    """Return a person's choices for all groups. One query."""
    rows = NotificationSetting.objects.filter(person_id=person_id)
    chosen = {row.group: Choice(row.web, Mail(row.mail)) for row in rows}
    return {group: chosen.get(group, default_choice(group)) for group in Group}


def next_digest(person: User, mail: Mail, now: datetime) -> datetime:
    """Return when the person's next daily or weekly digest is due: at an hour of their own day.

    The week begins on Saturday for readers of the solar calendar, on Monday for others.
    """
    try:
        zone = ZoneInfo(person.time_zone) if person.time_zone else timezone.get_default_timezone()
    except (ZoneInfoNotFoundError, ValueError):
        zone = timezone.get_default_timezone()
    local = now.astimezone(zone)
    due = local.replace(hour=settings.NOTIFICATIONS_DIGEST_HOUR, minute=0, second=0, microsecond=0)
    if mail is Mail.WEEKLY:
        is_jalali = person.calendar == JALALI or (not person.calendar and language_of(person) == "fa")
        due += timedelta(days=((_SATURDAY if is_jalali else _MONDAY) - due.weekday()) % 7)
    return due if due > local else due + timedelta(days=7 if mail is Mail.WEEKLY else 1)


def language_of(person: User) -> str:
    """Return the language in which a person reads mails."""
    return person.language if person.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def confirmed_address(person: User) -> str:
    """Return the address to which mails may be sent, empty if it is not confirmed. One query."""
    addresses = EmailAddress.objects.filter(user_id=person.pk, email__iexact=person.email, verified=True)
    return person.email if person.is_active and person.email and addresses.exists() else ""


# What a person was told ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of a list: one notification, or several of one subject."""

    #: The newest row.
    id: int
    kind: NotificationKind
    subject: str
    notice: Notice
    count: int
    is_read: bool
    occurred_at: datetime
    #: All its rows.
    ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class ToldPage:
    """A page of the list, newest first. `before` is the key of the next one, None on the last."""

    entries: list[Told]
    before: int | None


#: Asked for the header of every page of somebody signed in.
_newest_unread: Final = Prepared(
    lambda person: Notification.objects.filter(person=person).on_web().unread().order_by("-id")[: MOST_COUNTED + 1],
    int,
)


def unread_count(person: User) -> int:
    """Return how many visible notifications are unread, at most `MOST_COUNTED`.

    One query if there are none; with some, also what their kinds need to know who may see them.
    """
    newest = _newest_unread.rows(person.pk)
    if len(newest) <= MOST_COUNTED:
        return len(_visible(person, newest, is_tolerant=True))
    found = Notification.objects.filter(person=person).on_web().unread().order_by("-id")
    return min(MOST_COUNTED, len(_read_on(person, found, MOST_COUNTED).visible))


def page_of_notices(person: User, *, group: str = "", before: int | None = None, rows: int = PAGE_ROWS) -> ToldPage:
    """Return one page of what the person was told and may see, in the active language. Two queries, and the kinds'.

    Rows the person may not see do not count: they are passed over, in portions of two more queries.
    """
    found = Notification.objects.filter(person=person).on_web().select_related("actor").order_by("-id")
    if group:
        found = found.filter(group=group)
    if before is not None:
        found = found.filter(id__lt=before)
    read = _read_on(person, found, rows)
    entries = _fold(read.rows, read.visible, apart=lambda row: row.read_at is None, is_tolerant=True)
    return ToldPage(entries, read.before)


@dataclass(frozen=True, slots=True)
class _Read:
    """The newest rows, what their kinds say about those that are visible, and behind which row there are more."""

    rows: list[Notification]
    visible: Mapping[int, Any]
    before: int | None


def _read_on(person: User, found: QuerySet[Notification], wanted: int) -> _Read:
    """Return the newest rows, among them `wanted` that the person may see, or all there are."""
    rows: list[Notification] = []
    visible: dict[int, Any] = {}
    while True:
        size = _PORTION if rows else wanted
        some = list((found.filter(id__lt=rows[-1].pk) if rows else found)[: size + 1])
        portion = some[:size]
        visible |= _visible(person, portion, is_tolerant=True)
        rows += portion
        if len(some) <= size:
            return _Read(rows, visible, None)
        if len(visible) >= wanted or len(rows) >= _MOST_LOOKED_AT:
            return _Read(rows, visible, rows[-1].pk)


def recent(person: User) -> list[Told]:
    """Return the newest entries, for the bell."""
    return page_of_notices(person).entries[:RECENT]


def fold(
    person: User,
    rows: Sequence[Notification],
    *,
    apart: Callable[[Notification], object] = lambda _row: None,
    is_tolerant: bool = False,
) -> list[Told]:
    """Return what the person may see of these rows, newest first, in words; several of one subject become one.

    With `is_tolerant` whatever a kind raises is logged and its facts are left out: one that cannot be shown must not
    take the page down.
    """
    return _fold(rows, _visible(person, rows, is_tolerant=is_tolerant), apart=apart, is_tolerant=is_tolerant)


def _fold(
    rows: Sequence[Notification],
    visible: Mapping[int, Any],
    *,
    apart: Callable[[Notification], object],
    is_tolerant: bool,
) -> list[Told]:
    together: dict[Any, list[Notification]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.pk, reverse=True):
        if row.pk in visible:
            kind = known_kinds()[row.kind]
            together[row.kind, row.subject, apart(row), 0 if kind.folds else row.pk].append(row)
    entries = []
    for same in together.values():
        with _tolerance(is_tolerant, same[0].kind):
            entries.append(_told(same, visible[same[0].pk]))
    return entries


@contextmanager
def _tolerance(is_tolerant: bool, kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_tolerant:
            raise
        logger.error("Notifications of the kind %s cannot be shown: %s", kind, describe(error))  # noqa: TRY400 - no values in the log


def _told(rows: Sequence[Notification], about: Any) -> Told:
    newest = rows[0]
    kind = known_kinds()[newest.kind]
    return Told(
        id=newest.pk,
        kind=kind,
        subject=newest.subject,
        notice=kind.render([fact_of(row) for row in rows], about),
        count=len(rows),
        is_read=newest.read_at is not None,
        occurred_at=newest.occurred_at,
        ids=frozenset(row.pk for row in rows),
    )


def fact_of(row: Notification) -> Fact:
    """Return the stored fact; reads `actor`."""
    return Fact(
        id=row.pk,
        kind=row.kind,
        subject=row.subject,
        actor=row.actor.handle if row.actor is not None else "",
        occurred_at=row.occurred_at,
        payload=row.payload,
    )


def _visible(person: User, rows: Iterable[Notification], *, is_tolerant: bool) -> Mapping[int, Any]:
    """Return what each kind says about those of the rows the person may see; of a kind that is gone, none."""
    by_kind: dict[str, list[Fact]] = defaultdict(list)
    for row in rows:
        if row.kind in known_kinds():
            by_kind[row.kind].append(_bare(row))
    visible: dict[int, Any] = {}
    for name, facts in by_kind.items():
        with _tolerance(is_tolerant, name):
            visible |= known_kinds()[name].visible_to(person, facts)
    return visible


def _bare(row: Notification) -> Fact:
    """Return the fact without its actor, for which one more table would have to be read."""
    return Fact(
        id=row.pk,
        kind=row.kind,
        subject=row.subject,
        actor="",
        occurred_at=row.occurred_at,
        payload=row.payload,
    )
