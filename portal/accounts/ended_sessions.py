"""Sessions that ended: what a browser was signed in with, and from which address, is deleted once a day.

Django and allauth delete such rows only when they happen to be asked for: `clearsessions` is a command, and the list
of devices forgets when its owner opens it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Name of the periodic job; stored, never changes.
JOB: Final = "accounts.forget_sessions"
INTERVAL: Final = dt.timedelta(days=1)
#: Rows deleted at a time, so that nobody who signs in has to wait.
_BATCH: Final = 500
#: A browser that signs in is listed a moment before its session is stored.
_AT_LEAST: Final = dt.timedelta(hours=1)


def forget_ended_sessions() -> int:
    """Delete expired sessions, and the browsers of sessions that are gone. Returns how many rows."""
    return _delete(_expired()) + _delete(_gone())


def has_ended_sessions() -> bool:
    """Return whether `forget_ended_sessions` has anything to do."""
    return _expired().exists() or _gone().exists()


def _expired() -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=timezone.now())


def _gone() -> QuerySet[UserSession]:
    stored = Exists(Session.objects.filter(session_key=OuterRef("session_key")))
    gone: QuerySet[UserSession] = UserSession.objects.filter(~stored, created_at__lt=timezone.now() - _AT_LEAST)
    return gone


def _delete(rows: QuerySet[Session] | QuerySet[UserSession]) -> int:
    deleted = 0
    while keys := list(rows.values_list("pk", flat=True)[:_BATCH]):
        deleted += rows.filter(pk__in=keys).delete()[0]
    return deleted
