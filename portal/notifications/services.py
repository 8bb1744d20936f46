"""Following, telling people of facts, and marking what they have read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import User
from portal.core.events import emit
from portal.core.mail import forget_mails_about
from portal.notifications import queries
from portal.notifications.events import MailWanted, NotificationWanted
from portal.notifications.mailing import keys_of
from portal.notifications.models import KEY_LENGTH, Follow, Notification, NotificationSetting
from portal.notifications.registry import Fact, Group, Mail, NotificationKind, groups_in_use, kind_called
from portal.notifications.targets import checked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

#: People told in one transaction.
PORTION: Final = 200


# Following -----------------------------------------------------------------------------------------------------------


def follow(*, person_id: int, target: str) -> Follow:
    """Have the person hear of news of the target from now on. Repeating it changes nothing; it ends a mute."""
    with transaction.atomic():
        followed, _is_new = Follow.objects.get_or_create(person_id=person_id, target=checked(target))
        if Follow.objects.filter(pk=followed.pk, muted=True).update(muted=False, since=timezone.now()):
            followed.refresh_from_db()
    return followed


def follow_by_taking_part(*, person_id: int, target: str) -> None:
    """Have somebody who takes part in something hear of it from now on, unless they have muted it. One query."""
    Follow.objects.bulk_create([Follow(person_id=person_id, target=checked(target))], ignore_conflicts=True)


def unfollow(*, person_id: int, target: str) -> None:
    """Forget that the person follows the target, or has muted it. Repeating it changes nothing."""
    Follow.objects.filter(person_id=person_id, target=checked(target)).delete()


def mute(*, person_id: int, target: str) -> None:
    """Tell the person nothing more about the target, by whatever route; what waits to be mailed is not."""
    with transaction.atomic():
        muted, is_new = Follow.objects.get_or_create(
            person_id=person_id, target=checked(target), defaults={"muted": True}
        )
        if not is_new:
            Follow.objects.filter(pk=muted.pk).update(muted=True)
        Notification.objects.filter(person_id=person_id, subject=target).to_mail().update(mail_at=None)


@transaction.atomic
def move_follows(*, source: str, target: str) -> None:
    """Have everybody who follows or muted one target do the same for another, into which it was merged.

    What was told about the one and is unread, or waits to be mailed, is about the other from then on: reading that
    marks it as read.
    """
    there = Follow.objects.of(checked(target)).values("person_id")
    Follow.objects.of(checked(source)).exclude(person_id__in=there).update(target=target)
    Follow.objects.of(source).delete()
    news = Notification.objects.filter(subject=source)
    waiting = set(news.to_mail().filter(mail=Mail.NOW.value).values_list("person_id", flat=True))
    news.filter(Q(read_at=None) | Q(mailed_at=None, mail_at__isnull=False)).update(subject=target)
    for person_id in sorted(waiting):
        emit(MailWanted(person_id=person_id, subject=target))


# Telling -------------------------------------------------------------------------------------------------------------


def notify(
    *,
    kind: str,
    key: str,
    subject: str,
    occurred_at: datetime,
    actor_id: int | None = None,
    recipients: Collection[int] = (),
    targets: Collection[str] = (),
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Tell people of a fact, in the caller's transaction: `recipients`, and whoever follows one of the `targets`.

    `key` names the fact (``community.post:88``): nobody hears of it twice, and of several routes the one whose kind
    ranks highest counts. `subject` is what it is about (``community.thread:42``). `payload` holds plain values for the
    kind. The actor is not told, nor who has muted the subject, nor who began to follow after `occurred_at`.

    Raises `registry.UnknownKindError`, `ValueError` for a bad target, and `TypeError` for a payload of other values.
    """
    kind_called(kind)
    if not 0 < len(key) <= KEY_LENGTH:
        raise ValueError(f"The key of a fact has 1 to {KEY_LENGTH} characters")
    wanted = NotificationWanted(
        kind=kind,
        key=key,
        subject=checked(subject),
        occurred_at=occurred_at,
        actor_id=actor_id,
        payload=json.dumps(dict(payload or {})),
    )
    people = sorted({*recipients} - {actor_id})
    for start in range(0, len(people), PORTION):
        emit(replace(wanted, recipients=people[start : start + PORTION]))
    if targets:
        emit(replace(wanted, targets=sorted({checked(target) for target in targets})))


@transaction.atomic
def write_notifications(event: NotificationWanted) -> None:
    """Write the rows of a fact. Followers are told in portions, each in a message of its own."""
    kind = kind_called(event.kind)
    people = set(event.recipients)
    if event.targets:
        follows = queries.followers_of(event.targets, at=event.occurred_at, after=event.after, limit=PORTION)
        people |= {person_id for _pk, person_id in follows}
        if len(follows) == PORTION:
            emit(replace(event, recipients=[], after=follows[-1][0]))
    people.discard(event.actor_id or 0)
    if kind.is_optional and people:
        silent = Follow.objects.of(event.subject).filter(muted=True, person_id__in=people)
        people -= set(silent.values_list("person_id", flat=True))
    if people:
        _tell(event, kind, people)


def _tell(event: NotificationWanted, kind: NotificationKind, people: Collection[int]) -> None:
    rows = _rows(event, kind, people)
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    _raise_rank(event, rows)
    at_once = Notification.objects.filter(
        person_id__in=[row.person_id for row in rows], key=event.key, mail=Mail.NOW.value
    )
    for person_id in at_once.to_mail().order_by("person_id").values_list("person_id", flat=True):
        emit(MailWanted(person_id=person_id, subject=event.subject))


def _rows(event: NotificationWanted, kind: NotificationKind, people: Collection[int]) -> list[Notification]:
    """Return the rows for those of the people who want to hear of this kind, and may see it now.

    Who may not see it now is not told later either: a thread that became private would fill the lists of its followers
    with what they never see.
    """
    now = timezone.now()
    choices = queries.choices_of(people, kind.group)
    payload = json.loads(event.payload)
    known_actors = User.objects.filter(pk=event.actor_id).exists() if event.actor_id else False
    fact = Fact(id=0, kind=kind.name, subject=event.subject, actor="", occurred_at=event.occurred_at, payload=payload)
    rows = []
    for person in User.objects.filter(pk__in=people, is_active=True).order_by("pk"):
        choice = choices[person.pk]
        mail = choice.mail if kind.is_mailed else Mail.OFF
        if not choice.web and mail is Mail.OFF:
            continue
        if fact.id not in kind.visible_to(person, [fact]):
            continue
        rows.append(
            Notification(
                person=person,
                key=event.key,
                kind=kind.name,
                group=kind.group.value,
                rank=kind.rank,
                subject=event.subject,
                actor_id=event.actor_id if known_actors else None,
                payload=payload,
                occurred_at=event.occurred_at,
                web=choice.web,
                mail=mail.value,
                mail_at=_mail_at(person, mail, now + kind.mail_delay),
            )
        )
    return rows


def _mail_at(person: User, mail: Mail, now: datetime) -> datetime | None:
    if mail is Mail.OFF:
        return None
    return now if mail is Mail.NOW else queries.next_digest(person, mail, now)


def _raise_rank(event: NotificationWanted, rows: Sequence[Notification]) -> None:
    """Have those who heard of the fact by a lesser route hear of this one instead. What was mailed stays mailed."""
    wanted = {row.person_id: row for row in rows}
    lesser = Notification.objects.filter(person_id__in=wanted, key=event.key)
    if rows:
        lesser = lesser.filter(rank__lt=rows[0].rank)
    for pk, person_id in lesser.values_list("pk", "person_id"):
        row = wanted[person_id]
        now_it_is = {name: getattr(row, name) for name in ("kind", "group", "rank", "subject", "payload", "web")}
        if Notification.objects.filter(pk=pk, rank__lt=row.rank).update(**now_it_is):
            unmailed = Notification.objects.filter(pk=pk, mailed_at=None)
            unmailed.update(mail=row.mail, mail_at=row.mail_at)


# Reading -------------------------------------------------------------------------------------------------------------


def mark_read(*, person_id: int, subject: str, up_to: int | None = None) -> int:
    """Mark what the person was told about a subject as read, as when they visit it; `up_to` the number of a row.

    Returns how many were unread. Nothing is written when there are none.
    """
    unread = Notification.objects.filter(person_id=person_id, subject=subject).unread()
    return _mark(unread if up_to is None else unread.filter(pk__lte=up_to))


def mark_one_read(*, person_id: int, number: int) -> int:
    """Mark one row as read. Returns how many were unread."""
    return _mark(Notification.objects.filter(person_id=person_id, pk=number).unread())


def mark_all_read(*, person_id: int, up_to: int | None = None) -> int:
    """Mark everything as read, or what was there when the person saw the list. Returns how many were unread."""
    unread = Notification.objects.filter(person_id=person_id).unread()
    return _mark(unread if up_to is None else unread.filter(pk__lte=up_to))


def _mark(unread: Any) -> int:
    return int(unread.update(read_at=timezone.now())) if unread.exists() else 0


# Choices -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def choose(*, person_id: int, choices: Mapping[Group, queries.Choice]) -> None:
    """Store how a person wants to be told of these groups. What waits for a mail that is now off is not mailed."""
    NotificationSetting.objects.bulk_create(
        [
            NotificationSetting(person_id=person_id, group=group.value, web=choice.web, mail=choice.mail.value)
            for group, choice in choices.items()
        ],
        update_conflicts=True,
        unique_fields=["person", "group"],
        update_fields=["web", "mail"],
    )
    off = [group.value for group, choice in choices.items() if choice.mail is Mail.OFF]
    Notification.objects.filter(person_id=person_id, group__in=off).to_mail().update(mail_at=None)


@transaction.atomic
def stop_mails(*, person_id: int, groups: Collection[Group] | None = None) -> None:
    """Stop mails of these groups, or of all but those about the security of the account."""
    stopped = [group for group in Group if group is not Group.SECURITY] if groups is None else groups
    known = queries.all_choices_of(person_id)
    choose(person_id=person_id, choices={group: queries.Choice(known[group].web, Mail.OFF) for group in stopped})


# One person's data ---------------------------------------------------------------------------------------------------


def export_of(*, person_id: int) -> dict[str, Any]:
    """Return everything stored here about a person, as plain values."""
    return {
        "follows": list(Follow.objects.filter(person_id=person_id).order_by("pk").values("target", "since", "muted")),
        "settings": [
            {"group": group.value, "web": choice.web, "mail": choice.mail.value}
            for group, choice in queries.all_choices_of(person_id).items()
            if group in groups_in_use()
        ],
        "notifications": list(
            Notification.objects.filter(person_id=person_id)
            .order_by("pk")
            .values("kind", "subject", "payload", "occurred_at", "read_at", "mailed_at")
        ),
    }


@transaction.atomic
def erase(*, person_id: int) -> None:
    """Delete everything stored here about a person, and their name from what others were told."""
    Follow.objects.filter(person_id=person_id).delete()
    Follow.objects.of(f"person:{person_id}").delete()
    forget_mails_about(keys_of(person_id))
    NotificationSetting.objects.filter(person_id=person_id).delete()
    Notification.objects.filter(person_id=person_id).delete()
    Notification.objects.filter(actor_id=person_id).update(actor=None)
