"""Signal receivers of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext as _

from portal.accounts import own_data

if TYPE_CHECKING:
    from django.http import HttpRequest

    from portal.accounts.models import User


def connect() -> None:
    """Connect all receivers; called once when the apps are ready."""
    user_logged_in.connect(keep_account, dispatch_uid="accounts.keep_account")


def keep_account(*, request: HttpRequest | None, user: User, **_kwargs: Any) -> None:
    """Keep the account of somebody who wanted it deleted and signs in again. One statement for everybody else."""
    if own_data.come_back(user) and hasattr(request, "_messages"):
        messages.success(request, _("Welcome back! Your account will not be deleted."))  # type: ignore[arg-type]
