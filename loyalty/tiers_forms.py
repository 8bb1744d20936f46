"""The form in which tiers are written: the rules, and a row for each tier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.models.tiers import COLOURS, ICONS, TierMembership, TierSet
from portal.core.localized import LocalizedText, LocalizedTextFormField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty.models.tiers import Tier

ROWS: Final = 6


class TierRulesForm(forms.ModelForm[TierSet]):
    """How tiers are reached and lost."""

    class Meta:
        model = TierSet
        fields = ("window", "grace_days", "downgrade")


class TierRowForm(forms.Form):
    """One tier. A row without a code does not count."""

    code = forms.SlugField(
        label=gettext_lazy("code"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Latin letters; never changes."),
    )
    name = LocalizedTextFormField(label=gettext_lazy("name"), max_length=60, required=False)
    threshold = forms.IntegerField(
        label=gettext_lazy("from so many points"), min_value=0, max_value=10**9, required=False
    )
    colour = forms.ChoiceField(label=gettext_lazy("colour"), choices=COLOURS)
    icon = forms.ChoiceField(label=gettext_lazy("icon"), choices=ICONS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, language in settings.LANGUAGES:
            self.fields[f"benefits_{code}"] = forms.CharField(
                label=_("benefits (%(language)s), one a line") % {"language": _(language)},
                max_length=1000,
                required=False,
                widget=forms.Textarea({"rows": 3, "lang": code, "dir": "auto"}),
            )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("code"):
            if data.get("threshold") is None:
                self.add_error("threshold", _("Say from how many points."))
            if not any((data.get("name") or {}).values()):
                self.add_error("name", _("A tier needs a name."))
        return data

    def row(self) -> dict[str, Any] | None:
        """Return the values of a tier; None for an empty row."""
        data = self.cleaned_data
        if not data["code"]:
            return None
        benefits = {code: data[f"benefits_{code}"] for code, _language in settings.LANGUAGES}
        return {
            "code": data["code"],
            "name": data["name"],
            "threshold": data["threshold"],
            "colour": data["colour"],
            "icon": data["icon"],
            "benefits": LocalizedText(benefits),
        }


RowFormSet = forms.formset_factory(TierRowForm, extra=0, max_num=ROWS, validate_max=True, absolute_max=ROWS)


def initial_of(tiers: Sequence[Tier]) -> list[dict[str, Any]]:
    """Return what the rows show at first: these tiers, and empty rows."""
    rows: list[dict[str, Any]] = [
        {
            "code": tier.code,
            "name": tier.name,
            "threshold": tier.threshold,
            "colour": tier.colour,
            "icon": tier.icon,
            **{f"benefits_{code}": tier.benefits.get(code, "") for code, _language in settings.LANGUAGES},
        }
        for tier in tiers
    ]
    return rows + [{}] * max(0, ROWS - len(rows))


class GrantForm(forms.Form):
    """A tier for a member, until a day."""

    tier = forms.ChoiceField(label=gettext_lazy("tier"))
    until = forms.DateField(label=gettext_lazy("last day"), widget=forms.DateInput({"type": "date"}))
    reason = forms.ChoiceField(label=gettext_lazy("why"), choices=TierMembership.GrantReason.choices)

    def __init__(self, *args: Any, tiers: Sequence[Tier], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tier"] = forms.ChoiceField(
            label=gettext_lazy("tier"), choices=[(tier.code, str(tier)) for tier in tiers]
        )
