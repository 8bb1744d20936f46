"""The matrix of a person's settings: for each group whether it is listed in the portal, and when it is mailed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms

from portal.core.forms import FormMixin
from portal.notifications.models import MailChoice
from portal.notifications.queries import Choice
from portal.notifications.registry import GROUPS, Group, Mail, groups_in_use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.forms.boundfield import BoundField


@dataclass(frozen=True, slots=True)
class Row:
    """One group: its words and its two fields."""

    group: Group
    label: str
    text: str
    web: BoundField
    mail: BoundField


class SettingsForm(FormMixin, forms.Form):
    """Only groups that some feature uses have a row."""

    def __init__(self, *args: Any, choices: Mapping[Group, Choice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups_in_use()
        for group in self.groups:
            label = GROUPS[group].label
            self.fields[f"{group}-web"] = forms.BooleanField(required=False, initial=choices[group].web, label=label)
            self.fields[f"{group}-mail"] = forms.ChoiceField(
                choices=_mail_choices(group), initial=choices[group].mail.value, label=label
            )
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                field.widget.attrs["class"] = "input"

    def rows(self) -> Iterator[Row]:
        for group in self.groups:
            info = GROUPS[group]
            yield Row(group, str(info.label), str(info.text), self[f"{group}-web"], self[f"{group}-mail"])

    def chosen(self) -> dict[Group, Choice]:
        """Return the choices of a valid form."""
        data = self.cleaned_data
        return {group: Choice(data[f"{group}-web"], Mail(data[f"{group}-mail"])) for group in self.groups}


def _mail_choices(group: Group) -> list[tuple[str, Any]]:
    """Return when the group can be mailed."""
    return [(choice.value, choice.label) for choice in MailChoice if Mail(choice.value) in GROUPS[group].mails]
