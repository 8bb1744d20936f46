"""Forms of the account: our own, and allauth's with our fields and attributes.

Codes may be entered in Persian and Arabic digits, password managers and the browser's one-time-code autofill recognise
their fields, and no field depends on a placeholder.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, available_timezones

from allauth.account import forms as account_forms
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as webauthn_forms
from allauth.socialaccount import forms as social_forms
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import get_timezone_location
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Calendar, Digits, User
from portal.core.forms import CodeField, FoldedCharField, FormMixin, MailAddressField, PhoneField

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.utils.functional import _StrPromise

#: Regions of the tz database that name places; all others are aliases and fixed offsets.
_REGIONS: Final = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
#: By the former name of a place, such as Asia/Calcutta: its name now. Both would be read as the same place.
_OLD_NAMES: Final[Mapping[str, str]] = get_global("zone_aliases")


if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
else:  # model forms are generic for type checkers only
    UserModelForm = forms.ModelForm


class LookMixin(FormMixin):
    """The portal's look, and the attributes that password managers and assistive technology rely on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, given in self.fields.items():
            field = given
            if isinstance(given, forms.EmailField):
                field = self.fields[name] = MailAddressField(required=given.required, widget=given.widget)
            # Labels say what belongs in a field; a placeholder that repeats the label disappears on typing.
            field.widget.attrs.pop("placeholder", None)
            if isinstance(field, CodeField):
                field.widget.attrs["class"] = "input input--code"
            if name in {"email", "login"}:
                field.label = _("E-mail address")
                field.widget.attrs |= {
                    "dir": "ltr",
                    "inputmode": "email",
                    "autocapitalize": "off",
                    "spellcheck": "false",
                }


class PasswordHelpMixin(LookMixin):
    """Replaces the list of four password rules by one plain sentence."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "password1" in self.fields:
            self.fields["password1"].help_text = _(
                "At least 8 characters. Three or four unrelated words are easy to remember and hard to guess."
            )


# Sign-in and sign-up ------------------------------------------------------------------------------------------------


class LoginForm(LookMixin, account_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username webauthn"
        self.fields["password"].help_text = ""


class OneAccountMixin(LookMixin):
    """Answers the later of two simultaneous sign-ups with one address as if the account had been there before."""

    cleaned_data: dict[str, Any]

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        answer: tuple[User | None, HttpResponse | None]
        try:
            answer = super().try_save(request)  # type: ignore[misc] # of the forms it is mixed into
        except IntegrityError:
            if not User.objects.filter(email__iexact=self.cleaned_data["email"]).exists():
                raise
            self.account_already_exists = True
            answer = super().try_save(request)  # type: ignore[misc] # of the forms it is mixed into
        return answer


class SignupForm(OneAccountMixin, PasswordHelpMixin, account_forms.SignupForm):
    name = FoldedCharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("How we greet you. Only you see it."),
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    field_order = ("name", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "username" if "password1" in self.fields else "email"

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Do the same work for an address that has an account, so that response times do not reveal which have one."""
        if self.account_already_exists and (password := self.cleaned_data.get("password1")):
            make_password(password)  # by far the largest part of the work
        return super().try_save(request)


class _NewStaffForm(PasswordHelpMixin, forms.Form):
    """What is asked of somebody whose account is made by a link."""

    name = FoldedCharField(label=_("Your name"), max_length=100, widget=forms.TextInput({"autocomplete": "name"}))
    email = MailAddressField()
    password1 = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "username"

    def clean_password1(self) -> str:
        password: str = self.cleaned_data["password1"]
        if password:
            validate_password(
                password, User(email=self.cleaned_data.get("email", ""), name=self.cleaned_data.get("name", ""))
            )
        return password


class FirstAdministratorForm(_NewStaffForm):
    """What an empty portal asks of whoever begins with it."""

    portal_name = FoldedCharField(
        label=_("Name of the portal"), max_length=80, help_text=_("That of your company, as customers know it.")
    )
    language = forms.ChoiceField(label=_("Your language"), choices=settings.LANGUAGES)
    field_order = ("portal_name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].initial = (get_language() or settings.LANGUAGE_CODE).partition("-")[0]

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError(_("There is an account with this e-mail address already."))
        return email


class InvitedForm(_NewStaffForm):
    """What somebody who was invited to work here chooses; whoever wants a passkey needs no password."""

    def __init__(self, *args: Any, address: str, with_passkey: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].disabled = True
        self.fields["email"].initial = address
        self.fields["password1"].required = not with_passkey


class SocialSignupForm(OneAccountMixin, social_forms.SignupForm):
    pass


class RequestLoginCodeForm(LookMixin, account_forms.RequestLoginCodeForm):
    pass


class ConfirmLoginCodeForm(LookMixin, account_forms.ConfirmLoginCodeForm):
    code = CodeField(label=_("Sign-in code"))


class ConfirmEmailVerificationCodeForm(LookMixin, account_forms.ConfirmEmailVerificationCodeForm):
    code = CodeField(label=_("Confirmation code"))


class ConfirmPasswordResetCodeForm(LookMixin, account_forms.ConfirmPasswordResetCodeForm):
    code = CodeField(label=_("Reset code"))


class AddEmailForm(LookMixin, account_forms.AddEmailForm):
    pass


class ChangeEmailForm(LookMixin, account_forms.ChangeEmailForm):
    pass


# Passwords ----------------------------------------------------------------------------------------------------------


class ChangePasswordForm(PasswordHelpMixin, account_forms.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""


class SetPasswordForm(PasswordHelpMixin, account_forms.SetPasswordForm):
    pass


class ResetPasswordForm(LookMixin, account_forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(PasswordHelpMixin, account_forms.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(LookMixin, account_forms.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""


# Second factor ------------------------------------------------------------------------------------------------------


class AuthenticateForm(LookMixin, mfa_forms.AuthenticateForm):
    code = CodeField(label=_("Code from the authenticator app, or a recovery code"))


class MFAReauthenticateForm(LookMixin, mfa_forms.ReauthenticateForm):
    code = CodeField(label=_("Code from the authenticator app, or a recovery code"))


class ActivateTOTPForm(LookMixin, totp_forms.ActivateTOTPForm):
    code = CodeField(label=_("Code from the authenticator app"))


class CredentialMixin(LookMixin, forms.Form):
    """Refuses credentials that no browser sends: on invented ones the parser raises arbitrary exceptions."""

    def full_clean(self) -> None:
        try:
            super().full_clean()
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error):
            self.add_error("credential", get_mfa_adapter().validation_error("incorrect_code"))


class AddWebAuthnForm(CredentialMixin, webauthn_forms.AddWebAuthnForm):
    #: Always a passkey that can sign in by itself: two kinds of keys with two names would only confuse people.
    passwordless = forms.BooleanField(initial=True, required=False, widget=forms.HiddenInput)
    name = FoldedCharField(label=pgettext_lazy("of a passkey", "Name"), max_length=60, required=False)

    def clean_passwordless(self) -> bool:
        return True


class SignupWebAuthnForm(CredentialMixin, webauthn_forms.SignupWebAuthnForm):
    name = FoldedCharField(label=pgettext_lazy("of a passkey", "Name"), max_length=60, required=False)


class EditWebAuthnForm(LookMixin, webauthn_forms.EditWebAuthnForm):
    name = FoldedCharField(label=pgettext_lazy("of a passkey", "Name"), max_length=60)


class AuthenticateWebAuthnForm(CredentialMixin, webauthn_forms.AuthenticateWebAuthnForm):
    pass


class LoginWebAuthnForm(CredentialMixin, webauthn_forms.LoginWebAuthnForm):
    pass


class ReauthenticateWebAuthnForm(CredentialMixin, webauthn_forms.ReauthenticateWebAuthnForm):
    pass


# The account's own pages --------------------------------------------------------------------------------------------


class DetailsForm(LookMixin, UserModelForm):
    name = FoldedCharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("How we greet you. Only you see it."),
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    handle = FoldedCharField(
        label=_("Public name"),
        max_length=30,
        help_text=_("Shown to other people instead of your e-mail address. Letters, digits, dots and hyphens."),
        widget=forms.TextInput({"autocomplete": "nickname", "autocapitalize": "off", "spellcheck": "false"}),
    )
    phone = PhoneField(
        label=_("Mobile number"),
        required=False,
        help_text=_("For example 0912 123 4567. Only you and our staff see it."),
    )

    class Meta:
        model = User
        fields = ["name", "handle", "phone"]


def _language_choices() -> list[tuple[str, str]]:
    return list(settings.LANGUAGES)


@lru_cache(maxsize=8)
def time_zone_choices(language: str) -> list[tuple[str, str]]:
    """Return every time zone with its city in `language`, from west to east."""
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    now = timezone.now()
    places = []
    for name in available_timezones():
        if name in _OLD_NAMES or not name.startswith(_REGIONS):
            continue
        offset = now.astimezone(ZoneInfo(name)).utcoffset()
        minutes = round(offset.total_seconds() / 60) if offset else 0
        city = get_timezone_location(name, locale, return_city=True)
        sign = "-" if minutes < 0 else "+"
        hours, rest = divmod(abs(minutes), 60)
        places.append((minutes, city, name, f"{city} (\N{LEFT-TO-RIGHT MARK}UTC{sign}{hours:02}:{rest:02})"))
    return [(name, label) for _minutes, _city, name, label in sorted(places)]


def _time_zones() -> list[tuple[str, str | _StrPromise]]:
    return [("", _("As the site")), *time_zone_choices(get_language() or settings.LANGUAGE_CODE)]


#: Form value for an empty account field: following the language is a choice, not a missing answer.
_OPEN: Final = "auto"


class _OpenChoiceField(forms.TypedChoiceField):
    def __init__(self, *, choices: Callable[[], Iterable[tuple[str, str | _StrPromise]]], **kwargs: Any) -> None:
        super().__init__(
            choices=lambda: [(value or _OPEN, label) for value, label in choices()],
            coerce=lambda value: "" if value == _OPEN else value,
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return value or _OPEN


class PreferencesForm(LookMixin, UserModelForm):
    """Display preferences of one person. Empty choices follow the language or the device."""

    language = forms.ChoiceField(label=_("Language"), choices=_language_choices)
    calendar = _OpenChoiceField(label=_("Calendar"), choices=lambda: Calendar.choices, widget=forms.RadioSelect)
    digits = _OpenChoiceField(label=_("Digits"), choices=lambda: Digits.choices, widget=forms.RadioSelect)
    time_zone = _OpenChoiceField(label=_("Time zone"), choices=_time_zones)

    class Meta:
        model = User
        fields = ["language", "calendar", "digits", "theme", "time_zone"]
        widgets = {"theme": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.instance.time_zone
        self.initial["time_zone"] = _OLD_NAMES.get(chosen, chosen)
        if not self.instance.language:
            self.initial["language"] = get_language() or settings.LANGUAGE_CODE
