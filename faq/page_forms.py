"""The form behind the page editor."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Platform
from portal.core.pages import PortalPageForm


class ArticlePageForm(PortalPageForm):
    """Platforms are a list of codes in one column; an editor ticks boxes."""

    platforms = forms.MultipleChoiceField(
        label=_("Platforms"), choices=Platform.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
