"""Devices on which somebody has signed in before, so that a stranger's wrong passwords do not lock the owner out.

A signed cookie holds a random number and keyed hashes of the accounts, nothing a thief could sign in with: it only has wrong
passwords for these accounts counted apart from everybody else's.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

from portal.core.text import normalise_address

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

COOKIE: Final = "device"
_SALT: Final = "portal.accounts.devices"
_YEAR_SECONDS: Final = 60 * 60 * 24 * 365
#: Accounts a device remembers: those of a family.
_ACCOUNTS: Final = 5


def known_device(request: HttpRequest, email: str) -> str:
    """The number of this device if the account of `email` was signed in on it; else an empty text."""
    number, accounts = _read(request)
    return number if _account(email) in accounts else ""


def remember(request: HttpRequest, response: HttpResponseBase, email: str) -> None:
    """Note in the browser that the account of `email` was signed in on this device."""
    number, accounts = _read(request)
    account = _account(email)
    known = [account, *(other for other in accounts if other != account)][:_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps([number or secrets.token_urlsafe(9), known], salt=_SALT),
        max_age=_YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _account(email: str) -> str:
    return salted_hmac(_SALT, normalise_address(email) or email, algorithm="sha256").hexdigest()[:16]


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        number, accounts = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_YEAR_SECONDS)
    except signing.BadSignature:
        return "", []
    return number, accounts
