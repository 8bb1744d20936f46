"""Forms of members: where a reward is sent, and what was seen when it was chosen."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty.amounts import parse_points
from loyalty.exceptions import InvalidAmountError
from loyalty.models.rewards import KEY_LENGTH
from loyalty.services.rewards import Address
from portal.core.forms import FoldedCharField, FormMixin, PhoneField
from portal.core.text import row_number


class RedeemForm(FormMixin, forms.Form):
    """What the member saw, unseen: the key by which it is done once, the price, their last redemption."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=KEY_LENGTH)
    price = forms.CharField(widget=forms.HiddenInput, max_length=20)
    seen = forms.CharField(widget=forms.HiddenInput, max_length=20)

    @classmethod
    def first(cls, *, price: int, seen: int) -> RedeemForm:
        """Return the form as a page shows it, with a key of its own."""
        return cls(initial={"key": uuid.uuid4().hex, "price": price, "seen": seen})

    def clean_price(self) -> int:
        try:
            return parse_points(self.cleaned_data["price"])
        except InvalidAmountError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_seen(self) -> int | None:
        return row_number(self.cleaned_data["seen"])

    @property
    def address(self) -> Address | None:
        """Where it is sent; None if nothing is."""
        return None


class ParcelForm(RedeemForm):
    """The same with an address."""

    name = FoldedCharField(
        label=_("Name of the recipient"), max_length=100, widget=forms.TextInput({"autocomplete": "name"})
    )
    phone = PhoneField(label=_("Phone"), help_text=_("The carrier calls before the delivery."))
    text = FoldedCharField(
        label=_("Address"), max_length=400, widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"})
    )
    postal_code = FoldedCharField(
        label=_("Postal code"), max_length=16, digits=True,
        widget=forms.TextInput({"dir": "ltr", "inputmode": "numeric", "autocomplete": "postal-code"}),
    )  # fmt: skip

    @property
    def address(self) -> Address | None:
        data: dict[str, Any] = self.cleaned_data
        return Address(name=data["name"], phone=data["phone"], text=data["text"], postal_code=data["postal_code"])
