"""What belongs to one person, in all apps: a copy of it, and taking the person out of what stays.

    own_data.register("community", export_of=…, erase=…, remains=_("…"))      `ready()` of the app that stores it

`write_copy` asks every app in turn. An account is deleted in two steps: `ask_to_erase` notes the wish and signs the
person out; whoever signs in within `DAYS_TO_RETURN` has changed their mind; then a job calls `erase`.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from wagtail.models import ModelLogEntry

from portal.accounts.models import AccessChange, AudienceMembership, ErasureRequest, Invitation, User, person_scope
from portal.core.brand import site_name
from portal.core.mail import forget_mails_to, send_mail
from portal.core.outbox import describe
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from django.utils.functional import _StrPromise

    Rows = Iterable[tuple[str, Mapping[str, Any]]]

logger = logging.getLogger(__name__)

#: Signing in within these days undoes the wish to delete an account.
DAYS_TO_RETURN: Final = 14
#: Name of the periodic job; stored, never changes.
JOB: Final = "accounts.erase_who_left"
INTERVAL: Final = dt.timedelta(minutes=10)
#: Accounts erased in one run of the job: its lease is a quarter of an hour.
_IN_ONE_RUN: Final = 20


class Writable(Protocol):
    """Something text can be written to."""

    def write(self, text: str, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Part:
    """What one app stores about people."""

    name: str
    export_of: Callable[[User], Rows]
    erase: Callable[[User], object]
    #: One sentence for the person: what becomes of it when the account is deleted. Empty if it simply goes.
    remains: str | _StrPromise


_parts: dict[str, Part] = {}


def register(
    name: str,
    *,
    export_of: Callable[[User], Rows],
    erase: Callable[[User], object],
    remains: str | _StrPromise = "",
) -> None:
    """Declare what an app stores about people.

    `export_of` yields everything as (kind, values), a few rows at a time. `erase` runs before the account is deleted;
    it must be safe to repeat, since it is called again after an interruption, and opens its own transactions.
    """
    _parts[name] = Part(name, export_of, erase, remains)


def parts() -> list[Part]:
    """Return what all apps declared, by name."""
    return [_parts[name] for name in sorted(_parts)]


def forget(name: str) -> None:
    """Unregister; for tests."""
    _parts.pop(name, None)


# The copy -----------------------------------------------------------------------------------------------------------


def write_copy(person: User, stream: Writable) -> int:
    """Write everything the portal stores about a person as JSON; returns the number of rows. Memory does not grow."""
    head = {"portal": site_name("en"), "made_at": timezone.now()}
    stream.write(_json(head).rstrip("}"))
    count = 0
    for part in parts():
        stream.write(f",\n{_json(part.name)}: [")
        for number, (kind, values) in enumerate(part.export_of(person)):
            stream.write(f"{',' if number else ''}\n {_json({'kind': kind, **values})}")
            count += 1
        stream.write("]")
    stream.write("}\n")
    return count


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


# Leaving ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_to_erase(person: User) -> ErasureRequest:
    """Note that a person wants their account deleted, end their sessions, and mail them how to come back.

    Safe to repeat: the first day counts. The caller signs out the browser that asked.
    """
    now = timezone.now()
    request, is_new = ErasureRequest.objects.get_or_create(
        user=person, defaults={"asked_at": now, "due_at": now + dt.timedelta(days=DAYS_TO_RETURN)}
    )
    _end_sessions(person)
    if is_new:
        send_mail(
            to=person.email,
            template="accounts/email/erasure_asked",
            context={"due_at": request.due_at, "days": DAYS_TO_RETURN},
            language=person.language,
        )
    return request


def come_back(person: User) -> bool:
    """Undo the wish of somebody who signed in again; returns whether there was one that has not been carried out."""
    deleted, _rows = ErasureRequest.objects.filter(user=person, begun_at=None).delete()
    return bool(deleted)


def is_anybody_leaving() -> bool:
    """Return whether the days of somebody are over; one query."""
    return ErasureRequest.objects.due().exists()


def erase_who_left() -> int:
    """Erase the people whose days are over; returns how many. A periodic job; one that fails does not stop others."""
    erased = 0
    for user_id in list(
        ErasureRequest.objects.due().order_by("due_at").values_list("user_id", flat=True)[:_IN_ONE_RUN]
    ):
        person = _begin(user_id)
        if person is None:
            continue
        try:
            erase(person)
        except Exception as error:  # noqa: BLE001 - the others have a right to it, too; the next run tries again
            logger.error("Account %s could not be erased: %s", user_id, describe(error))  # noqa: TRY400 - no values
        else:
            erased += 1
    return erased


@transaction.atomic
def _begin(user_id: int) -> User | None:
    """From here on there is no way back: nobody signs in to an account that is half erased. None if they came back."""
    request = ErasureRequest.objects.due().select_for_update(no_key=True).filter(user=user_id).first()
    if request is None:
        return None
    if request.begun_at is None:
        request.begun_at = timezone.now()
        request.save(update_fields=["begun_at"])
        User.objects.filter(pk=user_id).update(is_active=False)
        content_changed(person_scope(user_id))
    return User.objects.get(pk=user_id)


def erase(person: User) -> None:
    """Take a person out of everything and delete the account. After an interruption call it again."""
    for part in parts():
        part.erase(person)
    with transaction.atomic():
        _end_sessions(person)
        _forget_in_logs(person)
        forget_mails_to({person.email, *EmailAddress.objects.filter(user=person).values_list("email", flat=True)})
        person.delete()


def _end_sessions(person: User) -> None:
    sessions = UserSession.objects.filter(user=person)
    Session.objects.filter(session_key__in=list(sessions.values_list("session_key", flat=True))).delete()
    sessions.delete()


def _forget_in_logs(person: User) -> None:
    """Both admins quote the name of what was edited in their logs."""
    about = {"content_type": ContentType.objects.get_for_model(User), "object_id": str(person.pk)}
    LogEntry.objects.filter(**about).update(object_repr="", change_message="")
    ModelLogEntry.objects.filter(**about).update(label="", data={})


# What this app itself stores ----------------------------------------------------------------------------------------


def export_account(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the account: details, addresses, ways to sign in (without their secrets), devices."""
    fields = (
        *("email", "handle", "name", "phone", "language", "calendar", "digits", "theme", "time_zone"),
        *("date_joined", "last_login"),
    )
    yield "account", {name: getattr(person, name) for name in fields}
    for address in EmailAddress.objects.filter(user=person).order_by("pk"):
        yield "address", {"email": address.email, "verified": address.verified, "primary": address.primary}
    for account in SocialAccount.objects.filter(user=person).order_by("pk"):
        yield (
            "account elsewhere",
            {
                "provider": account.provider,
                "uid": account.uid,
                "data": account.extra_data,
                "since": account.date_joined,
            },
        )
    for factor in Authenticator.objects.filter(user=person).order_by("pk"):
        name = factor.data.get("name", "") if isinstance(factor.data, dict) else ""
        yield (
            "second factor",
            {"type": factor.type, "name": name, "created_at": factor.created_at, "last_used_at": factor.last_used_at},
        )
    for change in AccessChange.objects.filter(user=person):
        yield "last change of the ways to sign in", {"what": change.what, "at": change.at}
    for session in UserSession.objects.filter(user=person).order_by("pk"):
        yield (
            "device",
            {
                "browser": session.user_agent,
                "address": session.ip,
                "since": session.created_at,
                "last_seen": session.last_seen_at,
            },
        )
    for invitation in Invitation.objects.filter(email=person.email):
        yield "invitation to work here", {"role": invitation.role, "sent_at": invitation.sent_at}
    for key in AudienceMembership.objects.filter(user=person).order_by("pk").values_list("key", flat=True):
        yield "group", {"key": key}


def erase_account_data(person: User) -> None:
    """Delete the invitations to the person; all else goes with the account, in one transaction."""
    Invitation.objects.filter(email=person.email).delete()
