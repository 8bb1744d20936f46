"""How forms of staff ask for a programme: by the name that members read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty.models import Programme

if TYPE_CHECKING:
    from django.db.models import Model


class ProgrammeField(forms.ModelChoiceField[Programme]):
    """A choice of the programmes in which points are earned; without an empty choice."""

    def __init__(self, **kwargs: Any) -> None:
        known = Programme.objects.filter(earning__isnull=False).select_related("earning").order_by("pk")
        kwargs.pop("queryset", None)  # of a form made of a model
        super().__init__(known, **{"label": _("programme"), "empty_label": None, **kwargs})

    def label_from_instance(self, obj: Model) -> str:
        """Return the name, and the code if there is none."""
        return str(getattr(obj, "earning", obj))
