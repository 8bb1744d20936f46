"""The form in which an offer is written: what it is, for whom by rows of conditions, when and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.campaigns_admin import MomentField
from loyalty.models import Offer, Programme, Reward
from loyalty.models.offers import Activity, Placement, Segment
from loyalty.programme_field import ProgrammeField
from loyalty.rule_forms import ConditionRows
from loyalty.services.offers import audience
from loyalty.services.offers.publishing import FIELDS
from portal.core.localized import LocalizedLinesWidget, LocalizedTextFormField
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Facts that an address can ask for: `?segment=silent` begins an offer for those.
ADDRESS_FACTS: Final = ("segment", "activity")


class OfferForm(ConditionRows, forms.ModelForm[Offer]):
    """A draft of an offer. Programme and code are chosen once."""

    title = LocalizedTextFormField(label=_("title"), max_length=100)
    text = LocalizedTextFormField(label=_("text"), max_length=600, required=False, widget=LocalizedLinesWidget)
    terms = LocalizedTextFormField(
        label=pgettext_lazy("offer", "terms"), max_length=600, required=False, widget=LocalizedLinesWidget,
        help_text=_("One a line, five at most."),
    )  # fmt: skip
    button = LocalizedTextFormField(
        label=_("words of the button"), max_length=40, required=False,
        help_text=_("What members do there, in a few words: “See the open questions”. Empty: “Go to the page”."),
    )  # fmt: skip
    placements = forms.MultipleChoiceField(
        label=_("shown on"), choices=Placement.choices, widget=forms.CheckboxSelectMultiple
    )
    starts_at = MomentField(label=_("begins"))
    ends_at = MomentField(label=_("ends"))

    class Meta:
        model = Offer
        field_classes: ClassVar = {"programme": ProgrammeField}
        fields = ("programme", "code", *(name for name in FIELDS if name != "audience"))

    #: Fields after which the conditions are shown.
    conditions_after: ClassVar = "placements"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = Programme.objects.filter(earning__isnull=False)
        if self.instance.pk:
            del self.fields["programme"], self.fields["code"]
            programme: Programme | None = self.instance.programme
        else:
            chosen = row_number(self.data.get("programme", ""))
            programme = known.filter(pk=chosen).first() if chosen is not None else known.first()
        self.programme = programme
        rewards: forms.ModelChoiceField[Reward] = self.fields["reward"]  # type: ignore[assignment]
        rewards.queryset = Reward.objects.filter(programme=programme).order_by("-is_published", "price", "pk")
        for name in ("starts_at", "ends_at"):
            self.fields[name].zone = ZoneInfo(programme.time_zone if programme else "UTC")  # type: ignore[attr-defined]
        self.vocabulary = audience.vocabulary(programme) if programme else None
        facts = [(fact.name, fact.label) for fact in self.vocabulary.facts] if self.vocabulary else []
        to_ask = {fact.name: fact for fact in self.vocabulary.facts} if self.vocabulary else {}
        self.add_rows([("", "—"), *facts], to_ask, self.instance.audience)
        self.show_tree(self.instance.audience)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.vocabulary is not None:
            # The model asks for it when it is checked.
            self.instance.audience = self.read_tree(data, self.vocabulary, self.instance.audience)
        return data

    def values(self) -> dict[str, Any]:
        """What the draft is made of."""
        return {name: self.cleaned_data[name] for name in FIELDS if name != "audience"} | {
            "audience": self.instance.audience
        }

    def has_conditions(self) -> bool:
        """Return whether the conditions can be counted, whatever is missing elsewhere; other errors are forgotten."""
        self.forget_other_errors()
        return not self.errors and self.programme is not None


def audience_asked_for(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the conditions with which a new offer begins, by the address; empty without, or with one that is none."""
    known = {"segment": Segment, "activity": Activity}
    for name in ADDRESS_FACTS:
        if query.get(name, "") in known[name].values:
            return {"fact": name, "op": "eq", "value": query[name]}
    return {}
