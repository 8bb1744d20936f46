"""When somebody's ways into their account were last changed, for what a thief must not do right afterwards.

Noted at once, in the request that changes them: a message of the outbox would come seconds after the theft.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from allauth.socialaccount import signals as social_signals
from django.utils import timezone

from portal.accounts.models import AccessChange

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialAccount, SocialLogin

    from portal.accounts.models import User

What = AccessChange.What


def note_change(user: User, what: AccessChange.What) -> None:
    """Note that one of the ways into an account was changed now."""
    AccessChange.objects.update_or_create(user=user, defaults={"what": what, "at": timezone.now()})


def last_change_of(user: User) -> AccessChange | None:
    """Return the last change; None if there was none. One query."""
    return AccessChange.objects.filter(user=user).first()


def _password(*, user: User, **_kwargs: Any) -> None:
    note_change(user, What.PASSWORD)


def _address(*, user: User, **_kwargs: Any) -> None:
    note_change(user, What.ADDRESS)


def _factor(*, user: User, **_kwargs: Any) -> None:
    note_change(user, What.FACTOR)


def _company_added(*, sociallogin: SocialLogin, **_kwargs: Any) -> None:
    note_change(sociallogin.user, What.COMPANY)


def _company_removed(*, socialaccount: SocialAccount, **_kwargs: Any) -> None:
    note_change(socialaccount.user, What.COMPANY)


def connect() -> None:
    """Connect the receivers; called once when the apps are ready. Changes by staff are noted by their form."""
    for signal, receiver in (
        (account_signals.password_set, _password),
        (account_signals.password_changed, _password),
        (account_signals.password_reset, _password),
        (account_signals.email_changed, _address),
        (mfa_signals.authenticator_added, _factor),
        (mfa_signals.authenticator_removed, _factor),
        (mfa_signals.authenticator_reset, _factor),
        (social_signals.social_account_added, _company_added),
        (social_signals.social_account_removed, _company_removed),
    ):
        signal.connect(receiver, dispatch_uid="accounts.changes")
