"""Where django-allauth asks the portal: mails, addresses after sign-in, names, secrets at rest."""

from __future__ import annotations

import base64
import hashlib
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as request_context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi, override, pgettext
from django.utils.translation import gettext as _

from portal.accounts.user_agents import describe_user_agent
from portal.core.brand import site_name
from portal.core.text import isolate

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.core.mail import EmailMessage
    from django.http import HttpRequest

    from portal.accounts.models import User


logger = logging.getLogger(__name__)


def user_display(user: User) -> str:
    return user.get_full_name()


def home_in_language_of(user: User) -> str:
    """The home page in the language the person chose, else the one they are reading."""
    chosen = user.language if user.language in dict(settings.LANGUAGES) else ""
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

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """The ways to show that it is really you, in the words of the sign-in page."""
        words = {
            "reauthenticate": _("Use the password"),
            "mfa_reauthenticate": _("Use the authenticator app or a recovery code"),
            "mfa_reauthenticate:webauthn": _("Use a passkey"),
        }
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [{**method, "description": words.get(method["id"], method["description"])} for method in methods]

    # Mail -----------------------------------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send; a mail server that is away is told to the person and the operator, and loses nothing else.

        What waits for a code has a button to send a new one.
        """
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # smtplib's errors are OSErrors, too
            logger.error(  # noqa: TRY400 - the error's text may hold the address
                "A mail could not be sent (%s): %s", template_prefix, type(error).__name__
            )
            request = request_context.request
            if request is not None:
                messages.error(request, _("We could not send the e-mail just now. Please try again in a few minutes."))

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell a person what happened to their account, in the language they chose."""
        known = user.language in dict(settings.LANGUAGES)
        with override(user.language) if known else nullcontext():
            super().send_notification_mail(template_prefix, user, context, email)

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """A plain part from the template and an HTML part of the same paragraphs, so that the two never differ.

        A paragraph that is the code or an address of its own is set apart. The subject is isolated, so that it reads
        right in a list of mails written in the other direction.
        """
        context = {
            **context,
            "site_name": site_name(),
            "base_url": settings.BASE_URL,
            "browser": describe_user_agent(context.get("user_agent", "")),
        }
        subject = " ".join(render_to_string(f"{template_prefix}_subject.txt", context).split())
        text = render_to_string(f"{template_prefix}_message.txt", context).strip()
        paragraphs = [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]
        html = render_to_string(
            "account/email/message.html",
            {
                "subject": subject,
                "site_name": context["site_name"],
                "base_url": settings.BASE_URL,
                "language": get_language(),
                "direction": "rtl" if get_language_bidi() else "ltr",
                "parts": [
                    {
                        "text": paragraph,
                        "is_code": paragraph == context.get("code"),
                        "is_link": paragraph.startswith(("http://", "https://")) and " " not in paragraph,
                    }
                    for paragraph in paragraphs
                ],
            },
        )
        message = EmailMultiAlternatives(
            isolate(subject),
            "\n\n".join(paragraphs) + "\n",
            self.get_from_email(),
            [email] if isinstance(email, str) else email,
            headers={"Content-Language": get_language() or settings.LANGUAGE_CODE, **(headers or {})},
        )
        message.attach_alternative(html, "text/html")
        return message


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Take over the name; the public name stays one that says nothing until the person chooses one."""
        user: User = super().populate_user(request, sociallogin, data)
        names = [data.get("first_name") or "", data.get("last_name") or ""]
        user.name = (data.get("name") or " ".join(filter(None, names)))[:100]
        user.language = get_language() or ""
        return user


class MFAAdapter(DefaultMFAAdapter):
    """Secrets of authenticator apps and recovery codes rest encrypted with a key derived from ``SECRET_KEY``.

    A copy of the database alone then opens no second door. After changing the key keep the old one in
    ``SECRET_KEY_FALLBACKS``.
    """

    def encrypt(self, text: str) -> str:
        return _vault().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _vault().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # The key was lost: no code will match, and the person comes back with another factor or through staff.
            return ""

    def _get_site_name(self) -> str:
        return site_name()

    def get_totp_label(self, user: User) -> str:
        return user.email

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's name
        """What a new passkey is called until its owner says otherwise: the device it was made on."""
        request = request_context.request
        device = describe_user_agent(request.headers.get("User-Agent", "")) if request else ""
        return device or pgettext("name of a new passkey", "Passkey")


def _vault() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"mfa:{key}".encode()).digest())) for key in keys],
    )
