"""Form in which customers add a product they own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Product, ProductVersion
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from django.forms import ModelChoiceField

_SERIAL: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{3,39}\Z")
#: Dashes that phones and word processors put in place of a hyphen.
_HYPHENS: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\u0640", "-"))


def _number_of(obj: ProductVersion) -> str:
    return obj.number


class OwnershipForm(forms.Form):
    """Version and serial number of `product`; fields that do not apply to it are left out."""

    version = forms.ModelChoiceField(
        ProductVersion.objects.none(),
        label=_("Version"),
        required=False,
        empty_label=_("I do not know"),
        help_text=_("Written on the label of the device, or in its settings."),
        widget=forms.Select({"class": "input"}),
    )
    serial_number = forms.CharField(
        label=_("Serial number"),
        max_length=60,
        required=False,
        help_text=_("On the label, after S/N. You need it only when you have two of the same."),
        widget=forms.TextInput(
            {
                "class": "input",
                "dir": "ltr",
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
    )

    def __init__(self, *args: Any, product: Product, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions: ModelChoiceField[ProductVersion] = self.fields["version"]  # type: ignore[assignment]
        versions.queryset = product.versions.all()
        versions.label_from_instance = _number_of  # type: ignore[method-assign]  # the product is clear from the page
        if not product.versions.exists():
            del self.fields["version"]
        if product.kind != Product.Kind.DEVICE:
            del self.fields["serial_number"]

    def clean_serial_number(self) -> str:
        """Return the number in Latin digits and capitals, without spaces; empty when it was left out."""
        typed: str = self.cleaned_data["serial_number"]
        serial = re.sub(r"\s+", "", normalise_input(typed, digits=True)).translate(_HYPHENS).upper()
        if serial and not _SERIAL.match(serial):
            raise ValidationError(
                _("A serial number has 4 to 40 letters and digits, for example %(example)s."),
                params={"example": "\u2068NX2-88F4-0192\u2069"},
                code="serial",
            )
        return serial
