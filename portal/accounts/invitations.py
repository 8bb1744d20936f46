"""Colleagues are invited by mail: an address, a role, a language. No account exists before the link in it is used.

    invite(by=administrator, email=…, role="content-editors", language="fa")
    accept(token=…, name=…, password=…)         makes the account, with the role
    accept(token=…, account=user)               gives the role to an account with that address

A link works once, for a week, and as long as whoever sent it may invite; sending it again ends the one before.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from wagtail.log_actions import log

from portal.accounts.models import Invitation, User
from portal.accounts.one_time_links import digest_of, new_token, works
from portal.core.mail import forget_mails_about, send_mail
from portal.core.models import RoleGroup
from portal.core.roles import all_roles, group_of

if TYPE_CHECKING:
    from wagtail.log_actions import LogActionRegistry

VALID_FOR: Final = dt.timedelta(days=7)
#: Superusers; the other roles are those of `portal.core.roles`.
ADMINISTRATORS: Final = "administrators"
#: Name of the periodic job; stored, never changes.
JOB: Final = "accounts.forget_invitations"
INTERVAL: Final = dt.timedelta(days=1)
#: Afterwards nobody needs the address of somebody who did not come.
_KEPT_FOR: Final = dt.timedelta(days=30)
_MAIL: Final = "accounts/email/invitation"
_SENT, _WITHDRAWN, _ACCEPTED = "accounts.invite", "accounts.withdraw_invitation", "accounts.accept_invitation"


class InvitationError(Exception):
    """Raised with a message that may be shown."""


class InvitationIsOverError(InvitationError):
    """Raised when a link was used, withdrawn or replaced, is too old, or whoever sent it may not invite any more."""


class HasAccountError(InvitationError):
    """Raised when the address has an account, whose owner has to sign in first."""


def may_invite(user: User, role: str = "") -> bool:
    """Return whether the person may invite people (to this role). Only administrators make administrators."""
    if role == ADMINISTRATORS and not user.is_superuser:
        return False
    return user.is_active and user.has_perm("accounts.add_user")


def role_names() -> dict[str, str]:
    """Return the names of all roles by code, as administrators named them; one query."""
    groups = RoleGroup.objects.values_list("role", "group__name")
    named = {code: _(name) for code, name in groups}
    return {role.code: named[role.code] for role in all_roles() if role.code in named} | {
        ADMINISTRATORS: _("Administrators")
    }


@transaction.atomic
def invite(*, by: User, email: str, role: str, language: str) -> Invitation:
    """Invite somebody. Raises `InvitationError` when the address is invited already, or belongs to staff."""
    email = User.objects.normalize_email(email)
    if User.objects.filter(email=email, is_staff=True).exists():
        raise InvitationError(_("Whoever has this address works here already."))
    if User.objects.filter(email=email, is_active=False).exists():
        raise InvitationError(_("The account with this address is closed. Open it again before you invite its owner."))
    now = timezone.now()
    try:
        with transaction.atomic():
            invitation: Invitation = Invitation.objects.create(
                email=email,
                role=role,
                language=language,
                invited_by=by,
                digest=digest_of(new_token()),
                expires_at=now,
                sent_at=now,
            )
    except IntegrityError:
        raise InvitationError(_("This address is invited already. You can send the mail again.")) from None
    _send(invitation)
    log(instance=invitation, action=_SENT, user=by, data={"role": role})
    return invitation


@transaction.atomic
def resend(*, pk: int, by: User) -> bool:
    """Send an invitation again with a new link, in the name of `by`; returns whether it was still there."""
    invitation = Invitation.objects.select_for_update().filter(pk=pk).first()
    if invitation is None or not may_invite(by, invitation.role):
        return False
    invitation.invited_by = by
    _send(invitation)
    log(instance=invitation, action=_SENT, user=by, data={"role": invitation.role})
    return True


@transaction.atomic
def withdraw(*, pk: int, by: User) -> bool:
    """End an invitation, and its mail if that still waits; returns whether it was still there."""
    invitation = Invitation.objects.select_for_update().filter(pk=pk).first()
    if invitation is None or not may_invite(by, invitation.role):
        return False
    log(instance=invitation, action=_WITHDRAWN, user=by, data={"role": invitation.role})
    forget_mails_about(_beginning(invitation.pk))
    invitation.delete()
    return True


def opened_by(token: str) -> Invitation | None:
    """Return the invitation of a link that still works, to a role that is still there."""
    invitation = Invitation.objects.filter(works(token)).select_related("invited_by").first()
    if invitation is None or not may_invite(invitation.invited_by, invitation.role):
        return None
    return invitation if invitation.role in role_names() else None


def account_of(invitation: Invitation) -> User | None:
    """Return the account that has the address of an invitation."""
    return User.objects.filter(email=invitation.email).first()


@transaction.atomic
def accept(*, token: str, name: str = "", password: str | None = None, account: User | None = None) -> User:
    """Use the link: make the account, or take `account`, which has the address; it works here from now on.

    Without a password the owner signs in with a passkey or with codes by mail. Raises `InvitationIsOverError` and
    `HasAccountError`. Of two requests with the same link only one deletes it, and only that one goes on.
    """
    invitation = opened_by(token)
    if invitation is None or not Invitation.objects.filter(works(token)).delete()[0]:
        raise InvitationIsOverError
    if account is None:
        account = _make_account(invitation, name, password)
    elif account.email != invitation.email or not account.is_active:
        raise HasAccountError
    account.is_staff = True
    account.is_superuser = account.is_superuser or invitation.role == ADMINISTRATORS
    account.save(update_fields=["is_staff", "is_superuser"])
    if invitation.role != ADMINISTRATORS:
        account.groups.add(group_of(next(role for role in all_roles() if role.code == invitation.role)))
    data = {"role": invitation.role, "invited_by": invitation.invited_by_id}
    log(instance=account, action=_ACCEPTED, user=account, data=data)
    return account


def forget_old_invitations() -> int:
    """Delete invitations that nobody accepted a month after their time; returns how many. A periodic job."""
    deleted: int = Invitation.objects.filter(expires_at__lt=timezone.now() - _KEPT_FOR).delete()[0]
    return deleted


def has_old_invitations() -> bool:
    """Return whether `forget_old_invitations` has anything to do."""
    return Invitation.objects.filter(expires_at__lt=timezone.now() - _KEPT_FOR).exists()


def register_actions(actions: LogActionRegistry) -> None:
    """Register the lines of the log; for Wagtail's hook ``register_log_actions``."""
    actions.register_action(_SENT, gettext_lazy("Invite"), gettext_lazy("Invitation sent"))
    actions.register_action(_WITHDRAWN, gettext_lazy("Withdraw an invitation"), gettext_lazy("Invitation withdrawn"))
    actions.register_action(_ACCEPTED, gettext_lazy("Accept an invitation"), gettext_lazy("Invitation accepted"))


def _make_account(invitation: Invitation, name: str, password: str | None) -> User:
    try:
        with transaction.atomic():
            user: User = User.objects.create_user(
                invitation.email, password, name=name, language=invitation.language, is_staff=True
            )
    except IntegrityError:
        raise HasAccountError from None
    user.confirm_address()  # the link came there
    return user


def _send(invitation: Invitation) -> None:
    """Give the invitation a new link, and mail it; an earlier mail that still waits is not sent any more."""
    token = new_token()
    now = timezone.now()
    invitation.digest, invitation.sent_at, invitation.expires_at = digest_of(token), now, now + VALID_FOR
    invitation.save()
    forget_mails_about(_beginning(invitation.pk))
    with override(invitation.language):
        url = f"{settings.BASE_URL}{reverse('accounts:invitation', args=[token])}"
        role = role_names().get(invitation.role, invitation.role)
    send_mail(
        to=invitation.email,
        template=_MAIL,
        context={"inviter": invitation.invited_by, "role": role, "url": url, "days": VALID_FOR.days},
        language=invitation.language,
        key=f"{_beginning(invitation.pk)}{invitation.digest[:16]}",
        valid_for=VALID_FOR,
    )


def _beginning(pk: int) -> str:
    return f"accounts.invitation:{pk}:"
