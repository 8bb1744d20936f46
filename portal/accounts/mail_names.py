"""Names of the mails about accounts, for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_CONFIRMATION_CODE: Final = _("Confirmation code")
_PASSWORD_CHANGED: Final = _("The password was changed")

#: Templates of the mails about accounts → their names for staff.
MAIL_NAMES: Final[dict[str, _StrPromise]] = {
    "account/email/account_already_exists": _("Sign-up although there is an account"),
    "account/email/email_changed": _("The e-mail address was changed"),
    "account/email/email_confirm": _("The e-mail address was confirmed"),
    "account/email/email_confirmation": _CONFIRMATION_CODE,
    "account/email/email_confirmation_signup": _CONFIRMATION_CODE,
    "account/email/email_deleted": _("An e-mail address was removed"),
    "account/email/login_code": _("Sign-in code"),
    "account/email/password_changed": _PASSWORD_CHANGED,
    "account/email/password_reset": _PASSWORD_CHANGED,
    "account/email/password_reset_code": _("Code for a new password"),
    "account/email/password_set": _("The account has a password now"),
    "account/email/unknown_account": _("Sign-in although there is no account"),
    "accounts/email/erasure_asked": _("The account is to be deleted"),
    "accounts/email/invitation": _("Invitation to work here"),
    "mfa/email/recovery_codes_generated": _("New recovery codes"),
    "mfa/email/totp_activated": _("The second step is on"),
    "mfa/email/totp_deactivated": _("The authenticator app is off"),
    "mfa/email/webauthn_added": _("A passkey was added"),
    "mfa/email/webauthn_removed": _("A passkey was removed"),
    "socialaccount/email/account_connected": _("An account of another company was connected"),
    "socialaccount/email/account_disconnected": _("An account of another company was disconnected"),
}
