"""Screen “Import articles”: upload, check, run, undo; see `faq.intake`. Everything works without scripts."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from faq import intake
from faq.importing import Outcome, Problem
from faq.importing.fields import portal_languages
from faq.importing.rows import KNOWN_FIELDS
from faq.models import ArticleImport
from portal.catalog.models import Topic
from portal.core import audience
from portal.core.admin_menu import menu_item_for
from portal.core.screens import Screen
from portal.core.spreadsheets import CsvWriter

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_INDEX: Final = "article_import:index"
#: Lines of a report on screen; the table has all.
_SHOWN: Final = 100
_REASONS: Final = 20
_LISTED: Final = 50
_REFRESH_SECONDS: Final = "3"
_LANGUAGES: Final = dict(settings.LANGUAGES)
_MEANINGS: Final = {
    "": _("not used"),
    "title": _("question or title"),
    "body": _("answer or text"),
    "short_answer": _("short answer"),
    "category": _("topic"),
    "keywords": _("other words"),
    "id": _("id"),
    "language": _("language"),
    "audience": _("audience"),
    "updated": _("date"),
    "slug": _("address"),
    "products": _("products"),
}


class ManyFilesInput(forms.ClearableFileInput):
    """Lets people choose several files."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several files."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the files as a list."""
        clean = super().clean
        return [clean(file, initial) for file in (data if isinstance(data, (list, tuple)) else [data])]


class UploadForm(forms.Form):
    """What to upload, and what is true of all rows that say nothing else."""

    uploads = ManyFilesField(
        label=_("Files"),
        help_text=_("A zip, a spreadsheet (CSV, TSV, XLSX), one document, or several at once (Markdown, HTML, text)."),
    )
    language = forms.ChoiceField(
        label=_("Language"), required=False, help_text=_("Of texts that say nothing about it and do not show it.")
    )
    topic = forms.ChoiceField(
        label=_("Topic"), required=False, help_text=_("Empty: topics are made of folders and categories.")
    )
    audience = forms.ChoiceField(label=_("Audience"), choices=[(str(code), label) for code, label in audience.CHOICES])
    publish = forms.BooleanField(
        label=_("Publish at once"), required=False, help_text=_("Otherwise all articles stay drafts.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices("language", [(code, _LANGUAGES.get(code, code)) for code in portal_languages()], _("As found"))
        topics = [(topic.code, str(topic)) for topic in Topic.objects.all()]
        self._choices("topic", topics, _("From folders and categories"))

    def _choices(self, name: str, known: list[Any], empty: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - both are
        field.choices = [("", empty), *known]


class _ImportScreen(Screen):
    header_icon = "upload"

    def is_allowed(self, user: Any) -> bool:
        return intake.may_import(user)


class ImportsView(_ImportScreen):
    """Uploads, and the imports so far."""

    page_title = _("Import articles")
    template_name = "faq/admin/imports.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or UploadForm()
        imports = ArticleImport.objects.select_related("by").defer("rows", "left", "choices")
        return super().get_context_data(
            form=form,
            media=form.media,
            imports=imports[:_LISTED],
            megabytes=intake.MOST_MEGABYTES,
            most_files=intake.MOST_FILES,
        )

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Store what was uploaded and have it checked."""
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            choices = dict(form.cleaned_data)
            try:
                task = intake.begin(files=choices.pop("uploads"), by=self.user, choices=choices)
            except intake.IntakeError as error:
                form.add_error("uploads", str(error))
            else:
                return HttpResponseRedirect(reverse("article_import:one", args=[task.pk]))
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ImportView(_ImportScreen):
    """One import: how far it is, what was found, and what can be done."""

    page_title = _("Import")
    parents = ((_INDEX, ImportsView.page_title),)
    template_name = "faq/admin/import.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        context = self.get_context_data(**kwargs)
        response = self.render_to_response(context)
        if context["task"].is_busy:
            response["Refresh"] = _REFRESH_SECONDS
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        task = get_object_or_404(ArticleImport.objects.select_related("by"), pk=self.kwargs["pk"])
        said = [row for row in task.rows if row["problems"]]
        reasons = Counter(
            (row["outcome"], Problem(problem["message"]).reason) for row in said for problem in row["problems"]
        )
        is_at_rest = not task.is_busy and bool(task.stored)
        return super().get_context_data(
            task=task,
            counts=[(Outcome(name).label, number) for name, number in task.counts.items() if number],
            reasons=[(Outcome(name).label, reason, number) for (name, reason), number in reasons.most_common(_REASONS)],
            lines=[{**row, "label": Outcome(row["outcome"]).label} for row in said[:_SHOWN]],
            more=max(0, len(said) - _SHOWN),
            columns=self._columns(task) if is_at_rest and task.began_at is None else [],
            may_run=is_at_rest and task.state in {"tried", "stopped", "failed"} and bool(task.rows or task.began_at),
            may_undo=not task.is_busy and task.began_at is not None and task.state != "undone",
            may_stop=task.state in {"trying", "importing"} and not task.is_stopping,
            **kwargs,
        )

    @staticmethod
    def _columns(task: ArticleImport) -> list[dict[str, Any]]:
        choices = _meanings()
        return [
            {
                "key": f"column-{column.key}",
                "name": column.name,
                "samples": column.samples,
                "choices": [*choices, *([] if column.meaning in dict(choices) else [(column.meaning, column.meaning)])],
                "chosen": column.meaning,
            }
            for column in intake.columns_of(task)
        ]


def _meanings() -> list[tuple[str, Any]]:
    """Return what a column can be, each for all languages or for one."""
    found: list[tuple[str, Any]] = list(_MEANINGS.items())
    for name in ("title", "body", "short_answer"):
        for code in portal_languages():
            found.append((f"{name}:{code}", f"{_MEANINGS[name]} ({_LANGUAGES.get(code, code)})"))  # noqa: PERF401
    return found


class ActView(ImportView):
    """Does what a button says, and shows the import."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._here()

    def _here(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("article_import:one", args=[self.kwargs["pk"]]))

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Do it."""
        pk = get_object_or_404(ArticleImport.objects.only("pk"), pk=self.kwargs["pk"]).pk
        act = self.kwargs["act"]
        try:
            if act == "check":
                intake.check(pk=pk, columns=self._chosen())
            else:
                {"run": intake.run, "stop": intake.stop, "undo": intake.undo}[act](pk=pk)
        except intake.IntakeError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, gettext("It will be done."))
        return self._here()

    def _chosen(self) -> dict[str, str]:
        """Return what people say the columns are; nothing that is no column or no field."""
        found = {}
        for name, value in self.request.POST.items():
            field = str(value).partition(":")[0]
            number = name.removeprefix("column-")
            if number != name and number.isdecimal() and field in {"", "body", "category", *KNOWN_FIELDS}:
                found[number] = str(value)
        return found


class UndoView(ActView):
    """Asks before an import is undone."""

    page_title = _("Undo the import?")
    template_name = "faq/admin/import_undo.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data())


class ReportView(ImportView):
    """The whole report as a table."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        task = get_object_or_404(ArticleImport, pk=self.kwargs["pk"])
        text = io.StringIO("\ufeff")
        text.seek(0, io.SEEK_END)
        table = CsvWriter(text)
        table.write(["file", "line", "id", "language", "outcome", "page", "field", "problem line", "problem"])
        nothing: list[dict[str, Any]] = [{"field": "", "line": 0, "message": ""}]
        for row in task.rows:
            start = [row["file"], row["line"], row["id"], row["language"], row["outcome"], row["page"] or ""]
            for problem in row["problems"] or nothing:
                table.write([*start, problem["field"], problem["line"] or "", problem["message"]])
        response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="import-{task.pk}.csv"'
        return response


class ImportViewSet(ViewSet):
    """The menu item and its addresses."""

    name = "article_import"
    url_prefix = "help/import"
    icon = "upload"
    menu_label = _("Import articles")
    menu_item_class = menu_item_for(intake.may_import)
    acts: ClassVar[tuple[str, ...]] = ("check", "run", "stop")

    def get_urlpatterns(self) -> list[Any]:
        """Return the addresses."""
        return [
            path("", ImportsView.as_view(), name="index"),
            path("<int:pk>/", ImportView.as_view(), name="one"),
            path("<int:pk>/report.csv", ReportView.as_view(), name="report"),
            path("<int:pk>/undo/", UndoView.as_view(), {"act": "undo"}, name="undo"),
            *(path(f"<int:pk>/{act}/", ActView.as_view(), {"act": act}, name=act) for act in self.acts),
        ]
