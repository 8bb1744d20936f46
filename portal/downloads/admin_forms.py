"""Forms of the editors' screens."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.widgets import AdminDateInput

from portal.core.formats import format_size
from portal.core.localized import LocalizedTextWidget
from portal.downloads.models import Architecture, Download, Platform, Release
from portal.downloads.versions import InvalidVersionError, normalise_version, sort_key


class LocalizedAreaWidget(LocalizedTextWidget):
    """One text area per interface language."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.widgets = [forms.Textarea({**each.attrs, "rows": 5}) for each in self.widgets]


class DownloadForm(forms.ModelForm[Download]):
    """A download; its releases have forms of their own."""

    #: What was there when the form was opened (`services.save_download`).
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Download
        fields = (
            *("name", "slug", "summary", "icon", "products", "topic", "audience", "files_for", "is_for_owners"),
            *("licence", "must_accept", "order"),
        )
        widgets: ClassVar = {"licence": LocalizedAreaWidget, "products": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = self.instance.mark

    def clean(self) -> dict[str, Any]:
        """Refuse what could never be fetched or accepted."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("must_accept") and not any((data.get("licence") or {}).values()):
            raise ValidationError({"licence": _("Write the licence that has to be accepted.")})
        if data.get("is_for_owners") and not data.get("products"):
            raise ValidationError({"products": _("Choose the products whose owners may download it.")})
        return data


class ReleaseForm(forms.ModelForm[Release]):
    """A release, without its files."""

    #: What was there when the form was opened (`services.save_release`).
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Release
        fields = (
            *("version", "channel", "released_on", "ends_on", "is_security", "known_issue", "changelog"),
            "requirements",
        )
        widgets: ClassVar = {
            "released_on": AdminDateInput,
            "ends_on": AdminDateInput,
            "changelog": LocalizedAreaWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = self.instance.mark

    def clean_version(self) -> str:
        """Return the version as stored. Refuses what has no place in an order, and what the download has already."""
        version = normalise_version(self.cleaned_data["version"])
        try:
            sort_key(version)
        except InvalidVersionError as error:
            raise ValidationError(_("A version begins with a number: 4.12.1, 5.0-rc1.")) from error
        same = Release.objects.filter(download=self.instance.download_id, version=version).exclude(pk=self.instance.pk)
        if same.exists():
            raise ValidationError(_("There is a release with this version already."))
        return version


class UploadForm(forms.Form):
    """A file of a release."""

    file = forms.FileField(label=gettext_lazy("file"))
    platform = forms.ChoiceField(label=gettext_lazy("for"), choices=Platform.choices)
    architecture = forms.ChoiceField(label=gettext_lazy("architecture"), choices=Architecture.choices, required=False)
    signature = forms.FileField(
        label=gettext_lazy("signature"), required=False, help_text=gettext_lazy("Detached, such as .asc or .sig.")
    )

    def clean_file(self) -> Any:
        """Refuse what is larger than the portal takes."""
        file = self.cleaned_data["file"]
        limit = settings.DOWNLOADS_MAX_MB * 1024 * 1024
        if file.size > limit:
            raise ValidationError(_("The file is larger than %(limit)s.") % {"limit": format_size(limit)})
        return file
