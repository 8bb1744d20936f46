"""Data of the security page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession

if TYPE_CHECKING:
    from portal.accounts.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityState:
    """Sign-in methods and second factors of one person."""

    has_password: bool
    passkeys: list[Authenticator] = field(default_factory=list)
    has_app: bool = False
    #: Number of unused recovery codes; None if there never were any.
    recovery_codes_left: int | None = None
    session_count: int = 0
    connection_count: int = 0

    @property
    def has_second_factor(self) -> bool:
        return self.has_app or bool(self.passkeys)


def security_state(user: User) -> SecurityState:
    """Return the security state of `user`. Three queries."""
    passkeys, has_app, codes_left = [], False, None
    for authenticator in Authenticator.objects.filter(user=user).order_by("created_at"):
        match authenticator.type:
            case Authenticator.Type.WEBAUTHN:
                passkeys.append(authenticator)
            case Authenticator.Type.TOTP:
                has_app = True
            case Authenticator.Type.RECOVERY_CODES:
                codes_left = len(authenticator.wrap().get_unused_codes())
    return SecurityState(
        has_password=user.has_usable_password(),
        passkeys=passkeys,
        has_app=has_app,
        recovery_codes_left=codes_left,
        session_count=UserSession.objects.filter(user=user).count(),
        connection_count=SocialAccount.objects.filter(user=user).count(),
    )
