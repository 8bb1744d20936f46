"""Adapters that django-allauth calls: mails, addresses after sign-in, names, encryption of secrets."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from allauth.account import app_settings as allauth_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as request_context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.db import transaction
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, override, pgettext
from django.utils.translation import gettext as _

from portal.accounts import devices
from portal.accounts.events import AccountChanged, SignedInOnNewDevice
from portal.accounts.user_agents import describe_user_agent
from portal.core import vault
from portal.core.brand import site_name
from portal.core.events import emit
from portal.core.mail import send_mail
from portal.core.text import normalise_address
from portal.core.visitors import visitor_of

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.contrib.auth.models import AnonymousUser
    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User


#: How long the code in each kind of mail is valid.
_CODES: Final = {
    "account/email/login_code": timedelta(seconds=allauth_settings.LOGIN_BY_CODE_TIMEOUT),
    "account/email/password_reset_code": timedelta(seconds=allauth_settings.PASSWORD_RESET_BY_CODE_TIMEOUT),
    "account/email/email_confirmation": timedelta(seconds=allauth_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT),
    "account/email/email_confirmation_signup": timedelta(seconds=allauth_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT),
}


def user_display(user: User) -> str:
    return user.get_full_name()


def home_in_language_of(user: User | AnonymousUser) -> str:
    """Return the home page in the language the person chose, else in the one they are reading."""
    language = getattr(user, "language", "")
    chosen = language if language in dict(settings.LANGUAGES) else ""
    return f"/{chosen or get_language() or settings.LANGUAGE_CODE}/"


class AccountAdapter(DefaultAccountAdapter):
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_in_language_of(request.user)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return home_in_language_of(request.user)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        return f"/{get_language() or settings.LANGUAGE_CODE}/"

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        return reverse("accounts:security")

    def new_user(self, request: HttpRequest) -> User:
        user: User = super().new_user(request)
        user.language = get_language() or ""
        return user

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        """Store the name that was offered along with the account, if the form asks for one."""
        if name := form.cleaned_data.get("name"):
            user.name = name
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the ways to confirm one's identity, described in the words of the sign-in page."""
        words = {
            "reauthenticate": _("Use the password"),
            "mfa_reauthenticate": _("Use the authenticator app or a recovery code"),
            "mfa_reauthenticate:webauthn": _("Use a passkey"),
        }
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [{**method, "description": words.get(method["id"], method["description"])} for method in methods]

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        """Answer a completed sign-in, in whatever way, and have the browser remember that it was there."""
        response: HttpResponse = super().post_login(request, user, **options)
        if not options.get("signup") and not devices.known_device(request, user.email):
            device = describe_user_agent(request.headers.get("User-Agent", ""))
            visitor = visitor_of(request, "accounts.sign_in")
            with transaction.atomic():
                emit(SignedInOnNewDevice(user_id=user.pk, at=timezone.now(), device=device, visitor=visitor))
        devices.remember(request, response, user.email)
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Name the counter of wrong passwords: a device that is known to the account has one of its own."""
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        device = devices.known_device(request, credentials.get("email") or "")
        return f"{key}:{device}" if device else key

    def is_safe_url(self, url: str | None) -> bool:
        """Return whether a sign-in may lead there. What is no address at all, such as `http://[::1`, is not safe either."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def clean_email(self, email: str) -> str:
        """Return the canonical form of an address, including one confirmed by a sign-in provider."""
        return normalise_address(email) or email

    # Mail -----------------------------------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue the mail. A mail whose code has expired or was replaced by a newer one is not sent."""
        request = request_context.request
        valid_for = _CODES.get(template_prefix)
        session = getattr(request, "session", None) if valid_for else None
        number = send_mail(
            to=email,
            template=template_prefix,
            context={
                **context,
                "request": request,
                "email": email,
                "browser": describe_user_agent(context.get("user_agent", "")),
            },
            valid_for=valid_for,
            replaces=session.get(f"mail:{template_prefix}") if session is not None else None,
        )
        if session is not None:
            session[f"mail:{template_prefix}"] = number

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Notify a person of a change to their account, in the language they chose."""
        known = user.language in dict(settings.LANGUAGES)
        with override(user.language) if known else nullcontext():
            super().send_notification_mail(template_prefix, user, context, email)
        with transaction.atomic():
            emit(AccountChanged(user_id=user.pk, at=timezone.now(), what=template_prefix))


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        """Return the keys of a sign-in provider. Raises `Http404` if it is not configured."""
        try:
            return super().get_app(request, provider, client_id)
        except SocialApp.DoesNotExist:
            raise Http404 from None

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Take over the name; the public name stays a random one until the person chooses another."""
        user: User = super().populate_user(request, sociallogin, data)
        names = [data.get("first_name") or "", data.get("last_name") or ""]
        user.name = (data.get("name") or " ".join(filter(None, names)))[:100]
        user.language = get_language() or ""
        return user


class MFAAdapter(DefaultMFAAdapter):
    """Encrypts the secrets of authenticator apps and recovery codes with a key derived from ``SECRET_KEY``.

    A copy of the database alone is then not enough to pass the second factor. After changing the key keep the old one
    in ``SECRET_KEY_FALLBACKS``.
    """

    def encrypt(self, text: str) -> str:
        return vault.encrypt(text, purpose="mfa")

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return vault.decrypt(encrypted_text, purpose="mfa")
        except vault.UnreadableError:
            # The key was lost: no code will match, and the person needs another factor or the help of staff.
            return ""

    def _get_site_name(self) -> str:
        return site_name()

    def get_totp_label(self, user: User) -> str:
        return user.email

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's name
        """Return the default name of a new passkey: the device it was created on."""
        request = request_context.request
        device = describe_user_agent(request.headers.get("User-Agent", "")) if request else ""
        return device or pgettext("name of a new passkey", "Passkey")
