"""Sign-up and sign-in: what django-allauth may do here, and which providers an operator switched on."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from portal.settings.environment import env

#: allauth's backend is Django's own plus limits and the same effort for an unknown address. A second backend would
#: check every password twice and be a way around the limits.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_DISPLAY = "portal.accounts.adapter.user_display"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
#: Offered only to addresses without an account, so it would tell the two apart.
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = False
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
#: Six digits, three attempts a code. The limits below keep guessing under 100 attempts a day and address.
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 6}
ACCOUNT_RATE_LIMITS = {
    "request_login_code": "20/m/ip,5/10m/key,30/d/key",
    "reset_password": "20/m/ip,5/10m/key,20/d/key",
}
#: How many proxies in front of the portal append to X-Forwarded-For; the limits count the address they saw.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

ACCOUNT_FORMS = {
    "login": "portal.accounts.forms.LoginForm",
    "signup": "portal.accounts.forms.SignupForm",
    "add_email": "portal.accounts.forms.AddEmailForm",
    "change_email": "portal.accounts.forms.ChangeEmailForm",
    "change_password": "portal.accounts.forms.ChangePasswordForm",
    "set_password": "portal.accounts.forms.SetPasswordForm",
    "reset_password": "portal.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "portal.accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "portal.accounts.forms.ReauthenticateForm",
    "request_login_code": "portal.accounts.forms.RequestLoginCodeForm",
    "confirm_login_code": "portal.accounts.forms.ConfirmLoginCodeForm",
    "confirm_email_verification_code": "portal.accounts.forms.ConfirmEmailVerificationCodeForm",
    "confirm_password_reset_code": "portal.accounts.forms.ConfirmPasswordResetCodeForm",
}

MFA_ADAPTER = "portal.accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "authenticate": "portal.accounts.forms.AuthenticateForm",
    "reauthenticate": "portal.accounts.forms.MFAReauthenticateForm",
    "activate_totp": "portal.accounts.forms.ActivateTOTPForm",
    "add_webauthn": "portal.accounts.forms.AddWebAuthnForm",
    "edit_webauthn": "portal.accounts.forms.EditWebAuthnForm",
    "signup_webauthn": "portal.accounts.forms.SignupWebAuthnForm",
    "authenticate_webauthn": "portal.accounts.forms.AuthenticateWebAuthnForm",
    "login_webauthn": "portal.accounts.forms.LoginWebAuthnForm",
    "reauthenticate_webauthn": "portal.accounts.forms.ReauthenticateWebAuthnForm",
}

#: Staff pages open only to people with a second factor. A demonstration may switch it off; then the admin says so.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=True)

SOCIALACCOUNT_ADAPTER = "portal.accounts.adapter.SocialAccountAdapter"
SOCIALACCOUNT_FORMS = {"signup": "portal.accounts.forms.SocialSignupForm"}
#: The start of a sign-in elsewhere is a POST with a token, so that nobody can be signed in as somebody else by a link.
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10


def _providers() -> dict[str, dict[str, Any]]:
    """Providers from the environment.

    ``OIDC_PROVIDERS`` is a JSON list of objects with ``id``, ``name``, ``client_id``, ``secret`` and ``server_url``.
    """
    providers: dict[str, dict[str, Any]] = {}
    try:
        entries = json.loads(env.str("OIDC_PROVIDERS", default="[]"))
        apps = [
            {
                "provider_id": entry["id"],
                "name": entry["name"],
                "client_id": entry["client_id"],
                "secret": entry["secret"],
                "settings": {"server_url": entry["server_url"], "oauth_pkce_enabled": True},
            }
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(
            "OIDC_PROVIDERS must be a JSON list of objects with id, name, client_id, secret and server_url."
        ) from error
    if apps:
        providers["openid_connect"] = {"APPS": apps}
    for provider, scope in (("google", ["profile", "email"]), ("github", ["user:email"])):
        client_id = env.str(f"{provider.upper()}_CLIENT_ID", default="")
        secret = env.str(f"{provider.upper()}_CLIENT_SECRET", default="")
        if bool(client_id) != bool(secret):
            raise ImproperlyConfigured(f"Set both {provider.upper()}_CLIENT_ID and {provider.upper()}_CLIENT_SECRET.")
        if client_id:
            providers[provider] = {"APPS": [{"client_id": client_id, "secret": secret}], "SCOPE": scope}
    return providers


SOCIALACCOUNT_PROVIDERS = _providers()

#: Staff sign in through the same door, with the same second factor.
WAGTAILADMIN_LOGIN_URL = LOGIN_URL
WAGTAIL_FRONTEND_LOGIN_URL = LOGIN_URL

#: Addresses are unique whatever their letter case, by a constraint on ``lower(email)`` that this check cannot see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
