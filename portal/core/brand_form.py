"""The form of the brand in the admin: it checks colours for contrast and suggests what passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.forms import WagtailAdminModelForm

from portal.core.brand import HOME_BLOCKS
from portal.core.brand_colours import HEX, better_accent, better_dark, better_main
from portal.core.brand_pictures import UPLOADS, forget_replaced, make_pictures, what_is_wrong
from portal.core.text import to_latin_digits

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


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


class PictureFile(forms.FileField):
    """A logo or an icon to be uploaded; what is there stays unless it is replaced or removed."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if file is not None and (problem := what_is_wrong(file, file.name, file.size)):
            raise ValidationError(problem)
        return file


def _picture(label: _StrPromise, help_text: _StrPromise) -> PictureFile:
    widget = forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"})
    return PictureFile(label=label, help_text=help_text, required=False, widget=widget)


class SiteBrandForm(WagtailAdminModelForm):
    logo_file = _picture(
        gettext_lazy("Logo on light"), gettext_lazy("Shown instead of the mark and the name; at least 64 pixels high.")
    )
    dark_logo_file = _picture(
        gettext_lazy("Logo on dark"),
        gettext_lazy("For the dark theme and this admin. Without it, the other one is used."),
    )
    icon_file = _picture(
        gettext_lazy("Icon"), gettext_lazy("A square picture of 512 pixels: for tabs of browsers and home screens.")
    )
    remove_pictures = forms.MultipleChoiceField(
        label=gettext_lazy("Remove"), choices=(), widget=forms.CheckboxSelectMultiple, required=False
    )
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
        there = [(kind, self.fields[name].label) for name, kind in UPLOADS.items() if kind in self.instance.pictures]
        self.fields["remove_pictures"].choices = there
        if not there:
            self.fields["remove_pictures"].widget = forms.MultipleHiddenInput()

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
        uploads = {kind: self.cleaned_data[name] for name, kind in UPLOADS.items() if self.cleaned_data.get(name)}
        make_pictures(self.instance, uploads, set(self.cleaned_data.get("remove_pictures") or ()))
        saved = super().save(commit=commit)
        forget_replaced()
        return saved
