"""Forms of the help pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from faq.models import Feedback
from faq.services import COMMENT_LENGTH
from portal.core.forms import FoldedCharField
from portal.core.text import normalise_input

_MAX_ID = 2**63 - 1
#: None of our own addresses is longer.
_MAX_ADDRESS = 4_000


class FeedbackForm(forms.Form):
    """The question "Did this solve it?", and why not. Hidden fields hold the revision and the referrer."""

    solved = forms.ChoiceField(
        label=_("Did this solve your problem?"), choices=[("yes", _("Yes, solved")), ("no", _("No"))]
    )
    reason = forms.ChoiceField(
        label=_("What was wrong with it?"), required=False, choices=Feedback.Reason.choices, widget=forms.RadioSelect
    )
    comment = FoldedCharField(
        label=_("What did you miss?"),
        required=False,
        max_length=COMMENT_LENGTH,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text=_("One line. Please no personal data."),
    )
    revision = forms.IntegerField(required=False, min_value=0, max_value=_MAX_ID, widget=forms.HiddenInput)
    language = forms.ChoiceField(required=False, choices=settings.LANGUAGES, widget=forms.HiddenInput)
    came_from = forms.Field(required=False, widget=forms.HiddenInput)  # the feedback counts whatever this contains

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned.update(_origin(str(cleaned.get("came_from") or "")))
        return cleaned


def _origin(came_from: str) -> dict[str, str]:
    """Return the search and the page that led to the article, from an address on this site. Anything else is ignored.

    Returns the complete, decoded texts: the code that stores them redacts first and then cuts.
    """
    nowhere = {"came_from_search": "", "came_from_page": ""}
    if len(came_from) > _MAX_ADDRESS:
        return nowhere
    try:
        parts = urlsplit(normalise_input(came_from))
    except ValueError:
        return nowhere
    if parts.scheme or parts.netloc or not parts.path.startswith("/"):
        return nowhere
    query = parse_qs(parts.query).get("q", [""])[0] if parts.path.endswith("/search/") else ""
    return {"came_from_search": query, "came_from_page": unquote(parts.path)}
