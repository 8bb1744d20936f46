"""Form of the article editor."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Platform
from portal.core.pages import PortalPageForm


class ArticlePageForm(PortalPageForm):
    """Article form with check boxes for platforms, which are stored as a list of codes in one column."""

    platforms = forms.MultipleChoiceField(
        label=_("Platforms"), choices=Platform.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
