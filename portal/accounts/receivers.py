"""Signal receivers of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.signals import email_confirmed
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext as _

from portal.accounts import own_data

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress
    from django.http import HttpRequest

    from portal.accounts.models import User


def connect() -> None:
    """Connect all receivers; called once when the apps are ready."""
    user_logged_in.connect(keep_account, dispatch_uid="accounts.keep_account")
    email_confirmed.connect(forget_password_of_strangers, dispatch_uid="accounts.forget_password_of_strangers")


def keep_account(*, request: HttpRequest | None, user: User, **_kwargs: Any) -> None:
    """Keep the account of somebody who wanted it deleted and signs in again. One statement for everybody else."""
    if own_data.come_back(user) and hasattr(request, "_messages"):
        messages.success(request, _("Welcome back! Your account will not be deleted."))  # type: ignore[arg-type]


def forget_password_of_strangers(*, request: HttpRequest, email_address: EmailAddress, **_kwargs: Any) -> None:
    """Forget the password of an account whose address is first confirmed by signing in with a code.

    Anybody can sign up with the address of somebody else and a password of their own. Who then comes in by the code in
    the mail has the address, but did not necessarily choose the password.
    """
    user: User = email_address.user
    came = request.resolver_match
    if came is None or came.view_name != "account_confirm_login_code" or not user.has_usable_password():
        return
    user.set_unusable_password()
    user.save(update_fields=["password"])
    if hasattr(request, "_messages"):
        text = _(
            "The password that was chosen before this address was confirmed is not valid. You can choose a new one."
        )
        messages.info(request, text)
