"""Screen “Import articles”: upload, check, run, undo; see `faq.intake`. Everything works without scripts."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import get_language_info, gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from faq import intake
from faq.importing import Outcome, Problem
from faq.importing.fields import portal_languages
from faq.importing.preview import page_of
from faq.importing.rows import KNOWN_FIELDS
from faq.models import ArticleImport
from portal.catalog.models import Topic
from portal.core import audience
from portal.core.admin_menu import menu_item_for
from portal.core.pictures import PICTURE_FORMATS
from portal.core.screens import Screen
from portal.core.spreadsheets import CsvWriter

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_INDEX: Final = "article_import:index"
#: Lines of a report on one page.
_SHOWN: Final = 50
_REASONS: Final = 20
#: Things of one kind that are named beside the first.
_OTHERS: Final = 4
_QUOTED: Final = re.compile(r"[“«]([^”»]{1,80})[”»]")
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
        is_at_rest = not task.is_busy and bool(task.stored)
        return super().get_context_data(
            task=task,
            counts=[(_said_of(name, task), number) for name, number in task.counts.items() if number],
            hints=_hints(task),
            direction=_direction(task),
            columns=self._columns(task) if is_at_rest and task.began_at is None else [],
            may_run=is_at_rest and task.state in {"tried", "stopped", "failed"} and bool(task.rows or task.began_at),
            may_undo=not task.is_busy and task.began_at is not None and task.state != "undone",
            may_stop=task.state in {"trying", "importing"} and not task.is_stopping,
            **self._lines(task),
            **kwargs,
        )

    def _lines(self, task: ArticleImport) -> dict[str, Any]:
        """Return a page of the rows, those with notes first."""
        numbered = [{**row, "number": number} for number, row in enumerate(task.rows, start=1)]
        paginator = Paginator(sorted(numbered, key=lambda row: not row["problems"]), _SHOWN)
        page = paginator.get_page(self.request.GET.get("p"))
        for row in page.object_list:
            row["label"] = _said_of(row["outcome"], task)
        return {"lines": page, "elided_page_range": paginator.get_elided_page_range(page.number)}

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


def _direction(task: ArticleImport) -> str:
    """Return the direction in which the report is written: that of the language of whoever uploaded."""
    return "rtl" if get_language_info(task.interface)["bidi"] else "ltr"


def _said_of(outcome: str, task: ArticleImport) -> str:
    """Return what is said of rows: what will become of them, or what became of them."""
    known = Outcome(outcome)
    return known.label if task.began_at else known.expected


@dataclass(slots=True)
class _Hint:
    """What was found in one or more articles: the first sentence, what else it was about, and in how many."""

    message: str
    others: dict[str, None]
    rows: set[int]


def _hints(task: ArticleImport) -> list[_Hint]:
    """Return what there is to know about an import, what concerns most articles first."""
    found: dict[str, _Hint] = {}
    for number, row in enumerate(task.rows):
        for problem in row["problems"]:
            message = problem["message"]
            hint = found.setdefault(Problem(message).reason, _Hint(message, {}, set()))
            hint.rows.add(number)
            if message != hint.message and len(hint.others) < _OTHERS and (name := _QUOTED.search(message)):
                hint.others[name[1].strip("\u2068\u2069")] = None
    return sorted(found.values(), key=lambda hint: -len(hint.rows))[:_REASONS]


class PreviewView(ImportView):
    """One row of a checked upload: what it becomes, what to know about it, and its page."""

    page_title = _("Preview")
    template_name = "faq/admin/import_preview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        task = get_object_or_404(ArticleImport, pk=self.kwargs["pk"])
        number = self.kwargs["row"]
        preview = intake.preview_of(task, number)
        if preview is None:
            raise Http404
        seen = [place for place, row in enumerate(task.rows, start=1) if row.get("preview")]
        row = task.rows[number - 1]
        return super(ImportView, self).get_context_data(
            task=task,
            number=number,
            preview=preview,
            language=_LANGUAGES.get(preview.language, preview.language),
            problems=row["problems"],
            direction=_direction(task),
            label=_said_of(row["outcome"], task),
            before=max((place for place in seen if place < number), default=None),
            after=min((place for place in seen if place > number), default=None),
            **kwargs,
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(**kwargs))

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        above = {"url": reverse("article_import:one", args=[self.kwargs["pk"]]), "label": ImportView.page_title}
        items = super().get_breadcrumbs_items()
        return [*items[:-1], above, items[-1]]


class PreviewPageView(ImportView):
    """The page that a row would become, as readers would see it."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        task = get_object_or_404(ArticleImport, pk=self.kwargs["pk"])
        preview = intake.preview_of(task, self.kwargs["row"])
        page = (
            page_of(preview, lambda name: reverse("article_import:picture", args=[task.pk, name])) if preview else None
        )
        if page is None:
            raise Http404
        return cast("HttpResponse", page.make_preview_request(request, page.default_preview_mode))


class PictureView(ImportView):
    """A picture of a checked upload that the portal does not have yet."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        task = get_object_or_404(ArticleImport, pk=self.kwargs["pk"])
        name = self.kwargs["name"]
        content = intake.picture_of(task, name)
        kind = PICTURE_FORMATS.get(name.rpartition(".")[2])
        if content is None or kind is None:
            raise Http404
        return HttpResponse(
            content, content_type=f"image/{kind.lower()}", headers={"Cache-Control": "private, max-age=600"}
        )


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
            path("<int:pk>/preview/<int:row>/", PreviewView.as_view(), name="preview"),
            path("<int:pk>/preview/<int:row>/page/", PreviewPageView.as_view(), name="preview_page"),
            path("<int:pk>/pictures/<str:name>", PictureView.as_view(), name="picture"),
            path("<int:pk>/report.csv", ReportView.as_view(), name="report"),
            path("<int:pk>/undo/", UndoView.as_view(), {"act": "undo"}, name="undo"),
            *(path(f"<int:pk>/{act}/", ActView.as_view(), {"act": act}, name=act) for act in self.acts),
        ]
