"""Wagtail's screens for search promotions, adapted: a prefilled question, and no links that readers would not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.contrib.search_promotions.forms import QueryForm
from wagtail.contrib.search_promotions.views import CreateView, EditView, IndexView
from wagtail.search.utils import MAX_QUERY_STRING_LENGTH

from search.asking.keys import question_key
from search.showing.pins import is_safe

if TYPE_CHECKING:
    from wagtail.contrib.search_promotions.models import Query


class PinIndexView(IndexView):
    """Without the column for views, which are not counted: Wagtail's counter would store what people typed."""

    page_title = gettext_lazy("Pinned answers")
    columns = IndexView.columns[:2]


class PinnedQuestionForm(QueryForm):
    """The question that an answer is pinned to; it is matched with readers' questions by its key."""

    query_string = forms.CharField(
        label=gettext_lazy("Question"),
        max_length=MAX_QUERY_STRING_LENGTH,
        help_text=gettext_lazy(
            "Its words in this order; letters, half-spaces, endings and words such as “how” do not matter. Readers see "
            "a page in their own language, and only if they may read it."
        ),
    )

    def clean_query_string(self) -> str:
        text: str = self.cleaned_data["query_string"]
        if not question_key(text):
            raise forms.ValidationError(_("Write at least one word."))
        return text


class PinMixin:
    """What the screens for adding and editing have in common."""

    form_class = PinnedQuestionForm

    def is_valid(self, form: forms.ModelForm[Query]) -> bool:
        valid: bool = super().is_valid(form)  # type: ignore[misc]  # of the view it is mixed into
        for pin in self.searchpicks_formset.forms:  # type: ignore[attr-defined]  # as above
            url = pin.cleaned_data.get("external_link_url") if hasattr(pin, "cleaned_data") else ""
            if url and not is_safe(url):
                pin.add_error("external_link_url", _("Only addresses that begin with https:// are shown to readers."))
                valid = False
                self.produced_error_code = "validation_error"
                self.produced_error_message = self.get_error_message()  # type: ignore[attr-defined]  # as above
        return valid


class PinCreateView(PinMixin, CreateView):
    """Prefills the form from ``?query=…``, which links of the search report use."""

    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()
        if query := self.request.GET.get("query", "")[:MAX_QUERY_STRING_LENGTH]:
            initial["query_string"] = query
        return initial


class PinEditView(PinMixin, EditView):
    pass
