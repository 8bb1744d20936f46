"""The form of the brand in the admin: it checks colours for contrast and suggests what passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.forms import WagtailAdminModelForm

from portal.core.brand_colours import HEX, better_accent, better_dark, better_main
from portal.core.text import to_latin_digits

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: Parts of the home page that a company may leave out, in the order of the page.
HOME_BLOCKS: Final[dict[str, _StrPromise]] = {
    "products": gettext_lazy("What a customer owns, and first steps"),
    "offers": gettext_lazy("Offers"),
    "topics": gettext_lazy("Topics"),
    "helpful": gettext_lazy("Answers that helped most"),
    "recent": gettext_lazy("New and changed"),
    "threads": gettext_lazy("New in the community"),
    "join": gettext_lazy("Invitation to create an account"),
    "stuck": gettext_lazy("Further ways to help"),
}


class ColourField(forms.CharField):
    """A colour as ``#RRGGBB``, or nothing; also accepts ``#rgb``, without the sign, and Persian digits."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"dir": "ltr", "placeholder": "#0A6A7A", "autocomplete": "off", "spellcheck": "false"}
        super().__init__(required=False, max_length=20, widget=forms.TextInput(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> str:
        text = to_latin_digits(str(super().clean(value))).lstrip("#")
        if not text:
            return ""
        short = 3
        colour = "#" + ("".join(2 * digit for digit in text) if len(text) == short else text)
        if not HEX.fullmatch(colour):
            raise ValidationError(_("Write a colour as # and six digits or letters from a to f, such as #0A6A7A."))
        return colour.upper()


class SiteBrandForm(WagtailAdminModelForm):
    main_colour = ColourField(
        label=gettext_lazy("Main colour"), help_text=gettext_lazy("Of buttons and links: seen on white paper.")
    )
    dark_colour = ColourField(
        label=gettext_lazy("Dark colour"),
        help_text=gettext_lazy("Of the band at the top of the home page and of this admin: white text is read on it."),
    )
    accent_colour = ColourField(
        label=gettext_lazy("Accent colour"), help_text=gettext_lazy("Of what stands out on the dark colour.")
    )
    shown_blocks = forms.MultipleChoiceField(
        label=gettext_lazy("Parts of the home page"),
        choices=list(HOME_BLOCKS.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy("A part with nothing in it is never shown."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hidden = set(self.instance.hidden_blocks or ())
        self.initial.setdefault("shown_blocks", [name for name in HOME_BLOCKS if name not in hidden])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        main, dark, accent = (cleaned.get(f"{name}_colour") or "" for name in ("main", "dark", "accent"))
        if main and (better := better_main(main)):
            self.add_error(
                "main_colour",
                _(
                    "Buttons and links in %(colour)s could not be seen on white. The nearest colour that can is %(better)s."
                )
                % {"colour": main, "better": better},
            )
        if dark and (better := better_dark(dark)):
            self.add_error(
                "dark_colour",
                _("White text could not be read on %(colour)s. The nearest colour on which it can is %(better)s.")
                % {"colour": dark, "better": better},
            )
        elif accent and (better := better_accent(accent, dark)):
            self.add_error(
                "accent_colour",
                _("%(colour)s could not be seen on the dark colour. The nearest colour that can is %(better)s.")
                % {"colour": accent, "better": better},
            )
        return cleaned

    def save(self, commit: bool = True) -> Any:
        shown = set(self.cleaned_data.get("shown_blocks") or ())
        self.instance.hidden_blocks = [name for name in HOME_BLOCKS if name not in shown]
        return super().save(commit=commit)
