"""Pseudonymous keys that distinguish people without an account for one day, without revealing who they are.

A visitor's key is a hash of address and browser with a random salt of the day. The salt is stored for its day only:
afterwards nobody can tell whose key it was, not even with the database and a list of all addresses. Each *purpose*
("activity", "feedback") has its own keys, so that data stored for one cannot be joined with data stored for another.

`visitor_of`      the key of the sender of a request
`visitor_hash`    the same, for code that recorded address and browser earlier
`counted_visitor` the same for figures: one address is a few visitors at the most
`VisitorCookie`   a key that outlives the day, for people who did something that must count only once
`origin_of`       the part of the net it came from, so that one address counts as one voice, whatever browsers it invents
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
from django.utils.crypto import salted_hmac

from portal.core.limits import client_address, network_of
from portal.core.models import VisitSalt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

#: Characters of a key: 96 bits, enough to avoid collisions within a day.
VISITOR_LENGTH: Final = 24


class _Salts:
    """The salts cached in this process: those of one day. A forked process starts without any."""

    def __init__(self) -> None:
        self.start_afresh()

    def start_afresh(self) -> None:
        self.lock = threading.Lock()  # another thread may have held the old one at the time of the fork
        self.of: dict[dt.date, bytes] = {}


_salts: Final = _Salts()
os.register_at_fork(after_in_child=_salts.start_afresh)


def visitor_of(request: HttpRequest, purpose: str, day: dt.date | None = None) -> str:
    """Return the key of the sender of a request, valid for one day (today by default); see `visitor_hash`."""
    address, user_agent = client_address(request), request.headers.get("User-Agent", "")
    return visitor_hash(purpose, address, user_agent, day or timezone.localdate())


def visitor_hash(purpose: str, address: str, user_agent: str, day: dt.date) -> str:
    """Return the same key for the same purpose, address, browser and day, and a different one if any of them differs.

    Must be called outside a transaction, otherwise raises `RuntimeError`: the first call of a day stores the salt, and
    if that is rolled back, this process keeps producing keys that no other process produces.
    """
    who = f"{purpose}\n{address}\n{user_agent}".encode("utf-8", "replace")
    return hmac.new(_salt(day), who, hashlib.sha256).hexdigest()[:VISITOR_LENGTH]


#: Visitors that one address can be in a day, for one purpose: a household, not a crowd.
BROWSERS: Final = 8


def counted_visitor(purpose: str, address: str, user_agent: str, day: dt.date) -> str:
    """Return a key for figures of how many came: those of one address are at most `BROWSERS`, whatever browsers it invents.

    An address of IPv6 is its whole network, from which one customer chooses at will. Not inside a transaction: see
    `visitor_hash`.
    """
    where = network_of(address) if ":" in address else address
    browser = hashlib.sha256(user_agent.encode("utf-8", "replace")).digest()[0] % BROWSERS
    return visitor_hash(purpose, where, str(browser), day)


def _salt(day: dt.date) -> bytes:
    """Return the day's salt; read once per process and day. The day's first visitor creates it and deletes old ones."""
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
    """Delete the salts of days before `before` (today by default) and return how many there were. Safe to repeat."""
    deleted, _by_model = VisitSalt.objects.filter(day__lt=before or timezone.localdate()).delete()
    return deleted


def has_old_salts() -> bool:
    """Return whether `forget_salts` would delete any."""
    return VisitSalt.objects.filter(day__lt=timezone.localdate()).exists()


def forget_remembered_salts() -> None:
    """Make this process read the salt again; for tests."""
    _salts.of.clear()


#: Number of networks below which nothing is offered as popular and nothing rises in a list.
ENOUGH_NETWORKS: Final = 5
#: Number of sectors; a few, so that none says where a request came from.
SECTORS: Final = 32
#: Actions of one sector that always count; of more, only as many as a quarter of those of all others.
_ALWAYS_COUNTED: Final = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """The part of the net that something came from.

    `network` is a key like a visitor's, of an address range and a *subject*, valid for a day: different ones are
    different networks.
    `sector` is one of `SECTORS` numbers, the same on every day for a network and a subject. Networks of different
    sectors are different; that a sector occurs twice says little, because every 32nd network has it, and others have it
    for another subject.
    """

    network: str
    sector: int


def origin_of(address: str, subject: str, day: dt.date) -> Origin:
    """Return where something about `subject` came from. Must be called outside a transaction: see `visitor_hash`."""
    network = network_of(address)
    digest = salted_hmac("portal.core.visitors.sector", f"{subject}\n{network}", algorithm="sha256").digest()
    return Origin(network=visitor_hash(f"network:{subject}", network, "", day), sector=digest[0] % SECTORS)


def counted(sizes: Iterable[int]) -> list[int]:
    """Return how many of the actions of each sector count, from the numbers of its actions.

    A sector with very many counts at most a fifth of everything, so that one network cannot outweigh all others.
    """
    known = list(sizes)
    total = sum(known)
    return [min(size, max(_ALWAYS_COUNTED, (total - size) // 4)) for size in known]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorCookie:
    """A visitor's key for one purpose, stored in a cookie that is set only for people who did something.

    Reading a page never sets it.
    """

    name: str
    purpose: str
    max_age_seconds: int

    def key_of(self, request: HttpRequest) -> str:
        """Return the key in the cookie, else today's. The same request sent twice has the same key."""
        known = request.COOKIES.get(self.name, "")
        return known if _KEY.match(known) else visitor_of(request, self.purpose)

    def remember(self, response: HttpResponse, key: str) -> None:
        """Store the key in the visitor's browser."""
        response.set_cookie(
            self.name,
            key,
            max_age=self.max_age_seconds,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )


#: Valid values of the cookie. Earlier versions made keys of 32 characters, which readers still have.
_KEY: Final = re.compile(rf"(?:[0-9a-f]{{{VISITOR_LENGTH}}}|[0-9a-f]{{32}})\Z")
