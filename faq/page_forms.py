"""Form of the article editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Platform
from portal.core.pages import PortalPageForm

if TYPE_CHECKING:
    from faq.models import ArticlePage

_OWNER: Final = "owner"
_SIGNIFICANCE: Final = "change_significance"


class _OwnerField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in its stubs only
    """Choice of one of the people who work in the admin, by their names; never a customer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(get_user_model().objects.none(), **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name() or obj)


class ArticlePageForm(PortalPageForm):
    """Article form with check boxes for platforms, which are stored as a list of codes in one column.

    What belongs to the article and not to one version of it (its owner, its review) is stored at once, also when only a
    draft is saved. Fields that were not sent keep their values.
    """

    platforms = forms.MultipleChoiceField(
        label=_("Platforms"), choices=Platform.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    owner = _OwnerField(
        label=_("Owner"), required=False, help_text=_("Hears what readers say, and when it is due for review.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer_owners()
        if _SIGNIFICANCE in self.fields and not self.instance.has_unpublished_changes:
            # What was said about the version that is published is not about the next one.
            self.initial.update(change_significance="medium" if self.instance.live else "", change_note="")

    def _offer_owners(self) -> None:
        """Offer the staff to those who may publish the page; others do not decide whose it is."""
        may_choose = self.for_user is not None and self.instance.pk is not None
        if not may_choose or not self.instance.permissions_for_user(self.for_user).can_publish():
            del self.fields[_OWNER]
            return
        staff = get_user_model().objects.filter(is_staff=True, is_active=True)
        if self.instance.owner_id:
            staff |= get_user_model().objects.filter(pk=self.instance.owner_id)
        field: _OwnerField = self.fields[_OWNER]
        field.queryset = staff.order_by("name", "pk")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in (_OWNER, *self._kept_fields()):
            field = self.fields.get(name)
            if field is not None and field.widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name)):
                cleaned[name] = getattr(self.instance, name)
                self.errors.pop(name, None)
        return cleaned

    def save(self, commit: bool = True) -> ArticlePage:
        article: ArticlePage = super().save(commit=commit)
        names = [name for name in (_OWNER, *self._kept_fields()) if name in self.changed_data]
        if article.pk and not commit and names:
            stored = type(article).objects.filter(pk=article.pk)
            stored.update(**{name: getattr(article, name) for name in names})
        return article

    def _kept_fields(self) -> tuple[str, ...]:
        return type(self.instance).kept_fields
