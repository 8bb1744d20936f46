"""Telling readers without an account apart, just enough to count a vote once.

The first vote makes a key from the address and the browser with a random salt that lasts a day and is never stored in the
database: nobody can go back from the key to the address. The key then lives in a cookie that only the vote sets.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from portal.core.limits import client_address

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

COOKIE: Final = "visitor"
_COOKIE_SECONDS: Final = 60 * 60 * 24 * 180
_SALT_SECONDS: Final = 60 * 60 * 24 * 2
_KEY: Final = re.compile(r"[0-9a-f]{32}\Z")


def visitor_key(request: HttpRequest) -> str:
    """The reader's key: of the cookie, else made. The same request sent twice makes the same key."""
    known = request.COOKIES.get(COOKIE, "")
    if _KEY.match(known):
        return known
    who = f"{client_address(request)}\n{request.headers.get('User-Agent', '')}"
    return hmac.new(_salt_of_today().encode(), who.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _salt_of_today() -> str:
    name = f"visitor-salt:{timezone.now():%Y-%m-%d}"
    salt: str | None = cache.get(name)
    if salt is None:
        cache.add(name, secrets.token_hex(32), _SALT_SECONDS)  # of several at once, the first stays
        salt = cache.get(name)
    return salt or settings.SECRET_KEY  # without a cache, still no plain hash


def remember_visitor(response: HttpResponse, key: str) -> None:
    response.set_cookie(
        COOKIE, key, max_age=_COOKIE_SECONDS, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
