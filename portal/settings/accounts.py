"""Sign-up and sign-in: settings of django-allauth, and the providers that an operator configured."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from portal.settings.environment import env

#: allauth's backend is Django's own plus rate limits and equal effort for unknown addresses. A second backend would
#: check every password twice and bypass the limits.
AUTHENTICATION_BACKENDS = ["portal.accounts.backends.AuthenticationBackend"]

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
#: Offered only to addresses without an account, so it would reveal which addresses have one.
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
#: Six digits, three attempts per code. The limits below allow fewer than 100 guesses per day and address.
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 6}
ACCOUNT_RATE_LIMITS = {
    "request_login_code": "20/m/ip,5/10m/key,30/d/key",
    "reset_password": "20/m/ip,5/10m/key,20/d/key",
}
#: Number of proxies in front of the portal that append to X-Forwarded-For; limits count the address they saw.
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

#: Staff pages require a second factor. A demonstration may switch this off; the admin then shows a warning.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=True)

SOCIALACCOUNT_ADAPTER = "portal.accounts.adapter.SocialAccountAdapter"
SOCIALACCOUNT_FORMS = {"signup": "portal.accounts.forms.SocialSignupForm"}
#: Sign-in with a provider starts with a POST and a token, so that no link can sign a person in as somebody else.
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10


def _providers() -> dict[str, dict[str, Any]]:
    """Return the providers configured in the environment.

    ``OIDC_PROVIDERS`` is a JSON list of objects with ``id``, ``name``, ``client_id``, ``secret`` and ``server_url``.
    Raises `ImproperlyConfigured` for an incomplete one.
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

#: Staff use the same sign-in page, with the same second factor.
WAGTAILADMIN_LOGIN_URL = LOGIN_URL
WAGTAIL_FRONTEND_LOGIN_URL = LOGIN_URL

#: Addresses are unique regardless of letter case, by a constraint on ``lower(email)`` that this check cannot see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
