"""How forms of staff ask for segments: what is for some members only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.models.offers import Activity, Segment


def _segments() -> list[Any]:
    """Return both ways to sort members, as groups of choices."""
    return [
        (gettext("How they take part in the community"), Segment.choices),
        (gettext("How active they are"), Activity.choices),
    ]


class SegmentsField(forms.MultipleChoiceField):
    """Segments, in one of which a member has to be; None if none is chosen."""

    def __init__(self, **kwargs: Any) -> None:
        fixed = {"label": _("only for members of these segments"), "required": False, "choices": _segments}
        super().__init__(**{**fixed, "widget": forms.CheckboxSelectMultiple, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        """Return what is chosen before anything is typed."""
        return value or []

    def clean(self, value: Any) -> Any:
        """Return the codes, or None."""
        return super().clean(value) or None
