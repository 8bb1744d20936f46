"""Telling people without an account apart for a day, without being able to say who they are.

A visitor's key is a hash of address and browser with a random salt of the day. The salt is in the database for its day
only: afterwards nobody can tell, not even with the database and a list of all addresses, whose key it was. Each *purpose*
has keys of its own ("activity", "feedback"), so that what is kept for one cannot be joined with what is kept for another.

`visitor_of`      the key of whoever sends a request
`visitor_hash`    the same, for those who noted address and browser earlier
`VisitorCookie`   a key that outlives the day, for those who did something that must count once
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import re
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.core.limits import client_address
from portal.core.models import VisitSalt

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

#: Characters of a key: 96 bits, so that no two visitors of a day meet.
VISITOR_LENGTH: Final = 24


class _Salts:
    """The salts this process remembers: those of one day. A forked process starts without any."""

    def __init__(self) -> None:
        self.start_afresh()

    def start_afresh(self) -> None:
        self.lock = threading.Lock()  # another thread may have held the old one at the time of the fork
        self.of: dict[dt.date, bytes] = {}


_salts: Final = _Salts()
os.register_at_fork(after_in_child=_salts.start_afresh)


def visitor_of(request: HttpRequest, purpose: str, day: dt.date | None = None) -> str:
    """The key of whoever sends the request, valid for one day (today by default); see `visitor_hash`."""
    address, user_agent = client_address(request), request.headers.get("User-Agent", "")
    return visitor_hash(purpose, address, user_agent, day or timezone.localdate())


def visitor_hash(purpose: str, address: str, user_agent: str, day: dt.date) -> str:
    """The same key for the same purpose, address, browser and day; a different one when any of them differs.

    Not inside a transaction: the first call of a day stores the salt, and a salt that is rolled back would leave this
    process with keys that no other process makes. Raises `RuntimeError` there.
    """
    who = f"{purpose}\n{address}\n{user_agent}".encode("utf-8", "replace")
    return hmac.new(_salt(day), who, hashlib.sha256).hexdigest()[:VISITOR_LENGTH]


def _salt(day: dt.date) -> bytes:
    """The day's salt; read once per process and day. The first visitor of a day makes it and destroys the older ones."""
    with _salts.lock:
        salt = _salts.of.get(day)
        if salt is None:
            with transaction.atomic(durable=True):
                row, created = VisitSalt.objects.get_or_create(day=day, defaults={"salt": secrets.token_hex(32)})
                if created:
                    forget_salts(before=day)
            salt = bytes.fromhex(row.salt)
            _salts.of.clear()
            _salts.of[day] = salt
        return salt


def forget_salts(*, before: dt.date | None = None) -> int:
    """Destroy the salts of earlier days (before today by default) and return how many there were. Repeatable."""
    deleted, _by_model = VisitSalt.objects.filter(day__lt=before or timezone.localdate()).delete()
    return deleted


def has_old_salts() -> bool:
    """Whether `forget_salts` would destroy any."""
    return VisitSalt.objects.filter(day__lt=timezone.localdate()).exists()


def forget_remembered_salts() -> None:
    """Make this process read the salt again; for tests."""
    _salts.of.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorCookie:
    """A visitor's key for one purpose that lasts as long as a cookie, which only those have who did something.

    Reading never sets it: who only reads has no cookie.
    """

    name: str
    purpose: str
    max_age_seconds: int

    def key_of(self, request: HttpRequest) -> str:
        """The key in the cookie, else today's. The same request sent twice has the same key."""
        known = request.COOKIES.get(self.name, "")
        return known if _KEY.match(known) else visitor_of(request, self.purpose)

    def remember(self, response: HttpResponse, key: str) -> None:
        """Have the browser keep the key."""
        response.set_cookie(
            self.name,
            key,
            max_age=self.max_age_seconds,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )


#: What a cookie may hold. Earlier versions made keys of 32 characters; readers still have them.
_KEY: Final = re.compile(rf"(?:[0-9a-f]{{{VISITOR_LENGTH}}}|[0-9a-f]{{32}})\Z")
