"""The screen where a spreadsheet of synonyms is checked and imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from portal.core.formats import format_number, format_size
from portal.core.preferences import current_language
from search.editors.synonym_import import (
    COLUMNS,
    MAX_BYTES,
    MAX_ROWS,
    Outcome,
    Row,
    UnreadableError,
    decode,
    read_rows,
    save_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

PERMISSION: Final = "search.add_synonym"
#: Name of the button that saves; the other one only checks.
SAVE: Final = "save"


class SynonymImportForm(forms.Form):
    """A file, or its rows as text; a file takes precedence."""

    file = forms.FileField(required=False)
    rows = forms.CharField(required=False, strip=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        upload, text = data.get("file"), data.get("rows") or ""
        if (upload.size if upload else len(text.encode())) > MAX_BYTES:
            message = gettext("This is larger than %(size)s. Import it in several files.")
            raise forms.ValidationError(message % {"size": format_size(MAX_BYTES)})
        if upload:
            try:
                text = decode(upload.read())
            except UnreadableError as error:
                raise forms.ValidationError(str(error)) from error
        if not text.strip():
            raise forms.ValidationError(gettext("Choose a file, or paste its rows."))
        return {"text": text}


class SynonymImportView(WagtailAdminTemplateMixin, TemplateView):
    """Saves nothing until every row is valid; the uploaded text stays in the form, where it can be corrected."""

    page_title = _("Import synonyms")
    header_icon = "upload"
    template_name = "search/admin/synonym_import.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = SynonymImportForm(request.POST, request.FILES)
        text, rows, problem = request.POST.get("rows", ""), [], ""
        if form.is_valid():
            text = form.cleaned_data["text"]
            try:
                rows = read_rows(text, language=current_language())
            except UnreadableError as error:
                problem = str(error)
        else:
            problem = " ".join(map(str, form.non_field_errors()))
        if SAVE in request.POST and rows and not _has_problems(rows):
            count = save_rows(rows, user=request.user)  # type: ignore[arg-type]  # never anonymous here
            if not _has_problems(rows):  # somebody may have saved the same synonyms meanwhile
                return self._saved(count)
        return self.render_to_response(self.get_context_data(text=text, rows=rows, problem=problem))

    def _saved(self, count: int) -> HttpResponse:
        text = ngettext("%(count)s synonym was imported.", "%(count)s synonyms were imported.", count)
        messages.success(self.request, text % {"count": format_number(count)})
        return HttpResponseRedirect(_list_url())

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *super().get_breadcrumbs_items(),
            {"url": _list_url(), "label": _("Synonyms")},
            {"url": "", "label": self.page_title},
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows: Sequence[Row] = kwargs.get("rows", ())
        return super().get_context_data(
            **kwargs,
            columns=COLUMNS,
            max_rows=MAX_ROWS,
            max_size=format_size(MAX_BYTES),
            new_count=sum(row.outcome == Outcome.NEW for row in rows),
            wrong_count=sum(row.outcome == Outcome.WRONG for row in rows),
            list_url=_list_url(),
        )


def _has_problems(rows: Sequence[Row]) -> bool:
    return any(row.problems for row in rows)


def _list_url() -> str:
    return reverse("wagtailsnippets_search_synonym:list")
