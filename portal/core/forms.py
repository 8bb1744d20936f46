"""Form fields that accept what people type on Persian and English keyboards, and the common look of the portal's forms.

For a model form: ``class Meta: field_classes = {"title": FoldedCharField}``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from portal.core.formats import format_number
from portal.core.text import ZWNJ, normalise_address, normalise_input

LINE_MAX_LENGTH: Final = 255
TEXT_MAX_LENGTH: Final = 10_000
CODE_MAX_LENGTH: Final = 64
PHONE_MAX_LENGTH: Final = 40
#: Maximum length of address columns, and the limit of mail servers.
MAIL_ADDRESS_MAX_LENGTH: Final = 254

#: International numbers have at most 15 digits (E.164); fewer than 7 is a short code that does not identify a person.
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_IRAN: Final = "98"
_IRAN_NATIONAL: Final = re.compile(r"[1-9][0-9]{9}\Z")


class LengthValidator(MaxLengthValidator):
    """Validator whose message gives the maximum and the actual length, in the reader's digits."""

    def __call__(self, value: str) -> None:
        if len(value) > self.limit_value:
            raise ValidationError(
                _("Use at most %(limit)s characters; this has %(length)s."),
                code=self.code,
                params={"limit": format_number(self.limit_value), "length": format_number(len(value))},
            )


class FoldedCharField(forms.CharField):
    """Text field that normalises to Persian ی and ک and removes bidi and control characters. Inner half-spaces stay.

    With ``digits=True`` Persian and Arabic digits become Latin. A default limit applies when no `max_length` is given.
    """

    def __init__(self, *, digits: bool = False, **kwargs: Any) -> None:
        self.latin_digits = digits
        if kwargs.get("max_length") is None:
            widget = kwargs.get("widget") or self.widget
            is_area = isinstance(widget, forms.Textarea) or (
                isinstance(widget, type) and issubclass(widget, forms.Textarea)
            )
            kwargs["max_length"] = TEXT_MAX_LENGTH if is_area else LINE_MAX_LENGTH
        super().__init__(**kwargs)
        self.validators = [v for v in self.validators if not isinstance(v, MaxLengthValidator)]
        self.validators.append(LengthValidator(kwargs["max_length"]))

    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values:
            value = normalise_input(str(value), digits=self.latin_digits)
            if not isinstance(self.widget, forms.Textarea):
                value = " ".join(value.split("\n"))
            if self.strip:
                value = value.strip(ZWNJ + " \t\n\u00a0")
        return super().to_python(value)


def compact(text: str) -> str:
    """Return the text with Latin digits and without the separators between groups: spaces, half-spaces, dashes."""
    text = normalise_input(text, digits=True)
    return "".join(c for c in text if c not in {ZWNJ, "\u200b"} and unicodedata.category(c) not in {"Pd", "Zs", "Cc"})


class CountInput(forms.TextInput):
    """A whole number in the reader's digits; a field for numbers of the browser shows Latin ones only."""

    def format_value(self, value: Any) -> str | None:
        return format_number(value) if isinstance(value, int) else super().format_value(value)


class CountField(forms.IntegerField):
    """Field for a whole number, shown and typed in any digits, with separators or without."""

    widget = CountInput

    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values:
            value = compact(str(value)).replace(",", "").replace("٬", "")
        return super().to_python(value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Return no limits: only the browser's own field for numbers knows them."""
        return {"inputmode": "numeric", "autocomplete": "off"}


class CodeField(forms.CharField):
    """Field for a one-time or recovery code. Accepts spaces, dashes and any digits, and returns Latin digits only.

    With ``numeric=False`` phones show a keyboard with letters.
    """

    def __init__(self, *, numeric: bool = True, **kwargs: Any) -> None:
        self.numeric = numeric
        kwargs.setdefault("max_length", CODE_MAX_LENGTH)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        return super().to_python(compact(str(value)) if value not in self.empty_values else value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {
            **super().widget_attrs(widget),
            "inputmode": "numeric" if self.numeric else "text",
            "autocomplete": "one-time-code",
            "autocapitalize": "off",
            "spellcheck": "false",
            "dir": "ltr",
        }


def normalise_phone(text: str) -> str | None:
    """Return the number as E.164, ``+989123456789``, or None if it is not a possible number.

    A number without a country code belongs to the site's own country (setting `PHONE_COUNTRY_CODE`, default Iran).
    """
    home = str(getattr(settings, "PHONE_COUNTRY_CODE", _IRAN))
    number = re.sub(r"[()./]", "", compact(text))
    if number.startswith("00"):
        number = "+" + number[2:]
    elif number.startswith("0"):
        number = f"+{home}{number[1:]}"
    elif home == _IRAN and _IRAN_NATIONAL.match(number) and number.startswith("9"):
        number = f"+{home}{number}"
    elif not number.startswith("+"):
        number = "+" + number
    if number.startswith("+" + _IRAN):
        national = number[3:].removeprefix("0")  # many people write +98 0912…
        return f"+{_IRAN}{national}" if _IRAN_NATIONAL.match(national) else None
    return number if _E164.match(number) else None


class PhoneField(forms.CharField):
    """Field for a phone number, Iranian or with a country code, in any digits; the value is E.164."""

    widget = forms.TextInput(attrs={"type": "tel"})
    default_error_messages = {
        "invalid": _("Enter a phone number such as 0912 345 6789, or one with its country code: +44 20 7946 0000."),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", PHONE_MAX_LENGTH)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return text
        if len(text) > PHONE_MAX_LENGTH or (number := normalise_phone(text)) is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "inputmode": "tel", "autocomplete": "tel", "dir": "ltr"}


class MailAddressField(forms.EmailField):
    """Field for a mail address; the value has the canonical form used to compare, count and store addresses."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", MAIL_ADDRESS_MAX_LENGTH)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return text
        address = normalise_address(text)
        if address is None:
            raise ValidationError(EmailValidator.message, code="invalid")
        return address


class FormMixin:
    """Common look of the portal's forms: ``{{ form }}`` renders an error summary and every field as designed.

    Mix in before `forms.Form` or `forms.ModelForm`. The page supplies the form element, the token and the buttons.
    """

    template_name = "components/form.html"
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field.widget)


_PLAIN_WIDGETS: Final = (
    forms.CheckboxInput,
    forms.RadioSelect,
    forms.CheckboxSelectMultiple,
    forms.HiddenInput,
    forms.MultipleHiddenInput,
)


def dress(widget: forms.Widget) -> None:
    """Add the CSS class of the design to a widget and to its subwidgets."""
    if isinstance(widget, forms.MultiWidget):
        for part in widget.widgets:
            dress(part)
    elif not isinstance(widget, _PLAIN_WIDGETS):
        classes = str(widget.attrs.get("class", "")).split()
        if "input" not in classes:
            widget.attrs["class"] = " ".join([*classes, "input"])
