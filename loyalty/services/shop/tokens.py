"""Tokens with which shops call the API: made here, shown once, stored as a digest."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.utils import timezone

from loyalty.exceptions import NoRightError
from loyalty.models.shop import ApiToken, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty.models import Programme
    from portal.accounts.models import User

#: Tokens begin with it, so that they are recognised where they do not belong.
PREFIX: Final = "lty_"
_SHOWN: Final = len(PREFIX) + 6
#: The last use is noted at most so often.
_NOTED_EVERY: Final = dt.timedelta(minutes=5)


def may_make_tokens(user: User) -> bool:
    """Return whether the person may make and revoke tokens of shops."""
    return user.is_active and user.has_perm("loyalty.add_apitoken")


def make_token(
    *, programme: Programme, name: str, source: str, scopes: Iterable[str], per_minute: int, by: User
) -> tuple[ApiToken, str]:
    """Make a token; return it and the secret, which nobody can read again. Raises `NoRightError`."""
    if not may_make_tokens(by):
        raise NoRightError
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        programme=programme,
        name=name,
        source=source,
        digest=_digest(secret),
        beginning=secret[:_SHOWN],
        scopes=[scope for scope in Scope.values if scope in set(scopes)],
        per_minute=per_minute,
        made_by=f"user:{by.pk}",
    )
    return token, secret


def revoke_token(token: ApiToken, *, by: User) -> None:
    """Have nobody use a token any more. Raises `NoRightError`."""
    if not may_make_tokens(by):
        raise NoRightError
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def token_of(secret: str) -> ApiToken | None:
    """Return the token with this secret, unless it was revoked, and note its use."""
    if not secret.startswith(PREFIX) or not secret.isascii():
        return None
    token = ApiToken.objects.select_related("programme").filter(digest=_digest(secret), revoked_at=None).first()
    if token is not None:
        now = timezone.now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _NOTED_EVERY)
        if token.last_used_at is None or token.last_used_at < now - _NOTED_EVERY:
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    return token


def _digest(secret: str) -> str:
    # The secret is random and long: a slow hash would add nothing.
    return hashlib.sha256(secret.encode()).hexdigest()
