"""The editors' section for search: synonyms with a preview of their effect, the report, and pinned answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, FieldRowPanel, ObjectList
from wagtail.admin.ui.tables import BooleanColumn, Column, DateColumn
from wagtail.admin.widgets.button import Button
from wagtail.contrib.search_promotions.wagtail_hooks import SearchPicksMenuItem
from wagtail.snippets.views.snippets import CreateView, EditView, IndexView, SnippetViewSet, SnippetViewSetGroup

from portal.core.admin_menu import menu_item_for
from portal.core.preferences import current_language
from search import queries
from search.asking import starters
from search.asking.questions import MAX_TEXT_LENGTH
from search.asking.synonyms import rules_of
from search.editors import starters_admin
from search.editors.report_admin import SearchReportViewSet
from search.editors.starters_admin import StartersView
from search.editors.synonym_import import COLUMNS
from search.editors.synonym_import_admin import SynonymImportView
from search.models import Synonym

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from search.documents import AnyUser
    from search.showing.results import Hit, SearchResult

#: The name of the button that shows the effect of a synonym, and of the field with the text to try.
PREVIEW: Final = "preview"
PREVIEW_TEXT: Final = "preview_text"
_DIRECTIONS: Final = {
    Synonym.Direction.TWO_WAY.value: pgettext_lazy("synonyms", "Both ways"),
    Synonym.Direction.ONE_WAY.value: pgettext_lazy("synonyms", "One way"),
}
_SHOWN: Final = 5
_TRIED: Final = 3


@dataclass(frozen=True, slots=True)
class Effect:
    """What a question finds without a synonym and with it."""

    text: str
    before: SearchResult
    after: SearchResult

    @property
    def rows(self) -> list[tuple[Hit | None, Hit | None, bool]]:
        """The first results before and after, side by side, and whether the later one is new."""
        before, after = self.before.hits[:_SHOWN], self.after.hits[:_SHOWN]
        known = {(hit.kind, hit.object_id, hit.language) for hit in self.before.hits}
        count = max(len(before), len(after))
        return [
            (
                before[place] if place < len(before) else None,
                after[place] if place < len(after) else None,
                place < len(after) and (after[place].kind, after[place].object_id, after[place].language) not in known,
            )
            for place in range(count)
        ]


def effects(synonym: Synonym, *, text: str, user: AnyUser) -> list[Effect]:
    """The effect of an unsaved synonym on `text`, or on its own first words, among results that the user may see."""
    others = synonym.others()
    of_list = starters.in_use(synonym.language)
    without, with_it = rules_of(others, of_list), rules_of([*others, synonym], of_list)
    tried = [text] if text else [phrase.text for phrase in synonym.searched[:_TRIED]]
    return [
        Effect(
            each,
            queries.preview(text=each, user=user, language=synonym.language, rules=without),
            queries.preview(text=each, user=user, language=synonym.language, rules=with_it),
        )
        for each in tried
    ]


class SynonymForm(WagtailAdminModelForm):
    """The form of a synonym; a new one has the language of the editor's interface."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.fields["language"].initial = current_language()


class PreviewMixin:
    """Adds a button next to "save" that shows what the synonym would change, without saving the form."""

    request: HttpRequest

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if PREVIEW not in request.POST:
            return super().post(request, *args, **kwargs)  # type: ignore[misc]  # of the view it is mixed into
        if not hasattr(self, "object"):
            self.object = None
        self.form = self.get_form()  # type: ignore[attr-defined]  # of the view it is mixed into
        text = request.POST.get(PREVIEW_TEXT, "").strip()[:MAX_TEXT_LENGTH]
        context: dict[str, Any] = {"preview_text": text}
        if self.form.is_valid():
            synonym: Synonym = self.form.instance
            context |= {
                "effects": effects(synonym, text=text, user=request.user),
                "chains": synonym.chains(),
                "preview_language": synonym.language,
            }
        return self.render_to_response(self.get_context_data(form=self.form, **context))  # type: ignore[attr-defined]  # as above

    def form_valid(self, form: forms.ModelForm[Synonym]) -> HttpResponse:
        form.instance.changed_by = self.request.user  # type: ignore[assignment]  # never anonymous here
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]  # of the view it is mixed into
        for first, middle, last in form.instance.chains()[:1]:
            text = gettext(
                "“%(first)s” finds “%(middle)s”, and “%(middle)s” finds “%(last)s”, but words are not passed on: "
                "“%(first)s” does not find “%(last)s”."
            )
            messages.warning(self.request, text % {"first": first, "middle": middle, "last": last})
        return response


class SynonymCreateView(PreviewMixin, CreateView):
    """Prefills the form from ``?language=fa&words=…``, which links of the search report use."""

    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()
        language = self.request.GET.get("language", "")
        if language in dict(settings.LANGUAGES):
            initial["language"] = language
        if words := self.request.GET.get("words", "")[:MAX_TEXT_LENGTH]:
            initial["words"] = words + "\n"
        return initial


class SynonymEditView(PreviewMixin, EditView):
    pass


class SynonymIndexView(IndexView):
    @cached_property
    def header_more_buttons(self) -> list[Button]:
        buttons: list[Button] = super().header_more_buttons
        if self.add_url:  # whoever may add one may import many
            url = reverse("wagtailsnippets_search_synonym:import")
            buttons.append(Button(_("Import a spreadsheet"), url=url, icon_name="upload", priority=80))
        if starters_admin.may_change(self.request.user):
            url = reverse("wagtailsnippets_search_synonym:starters")
            buttons.append(Button(_("Ready-made synonyms"), url=url, icon_name="order", priority=70))
        return buttons


_OTHER_SCREENS: Final = (
    path("import/", SynonymImportView.as_view(), name="import"),
    path("starters/", StartersView.as_view(), name="starters"),
)


class SynonymViewSet(SnippetViewSet):
    model = Synonym
    index_view_class = SynonymIndexView
    icon = "order"
    menu_label = _("Synonyms")
    add_view_class = SynonymCreateView
    edit_view_class = SynonymEditView
    create_template_name = "search/admin/synonym_create.html"
    edit_template_name = "search/admin/synonym_edit.html"
    copy_view_enabled = False
    list_display: ClassVar[list[Any]] = [
        "__str__",
        Column("language", label=_("Language"), accessor="get_language_display", sort_key="language"),
        Column("direction", label=_("Direction"), accessor=lambda synonym: _DIRECTIONS[synonym.direction]),
        BooleanColumn("is_active", label=_("In use")),
        DateColumn("changed_at", label=_("Changed")),
        "changed_by",
    ]
    list_filter: ClassVar[list[str]] = ["language", "direction", "is_active"]
    list_export: ClassVar[list[str]] = list(COLUMNS)
    export_filename = "synonyms"
    search_fields: ClassVar[list[str]] = ["words", "also_finds", "note"]
    list_per_page = 50
    edit_handler = ObjectList(
        [
            FieldRowPanel([FieldPanel("language"), FieldPanel("direction"), FieldPanel("is_active")]),
            FieldPanel("words", widget=forms.Textarea({"rows": 5, "dir": "auto"})),
            FieldPanel("also_finds", widget=forms.Textarea({"rows": 3, "dir": "auto"})),
            FieldPanel("note", widget=forms.Textarea({"rows": 2, "dir": "auto"})),
        ],
        base_form_class=SynonymForm,
    )

    def get_urlpatterns(self) -> list[Any]:
        return [*super().get_urlpatterns(), *_OTHER_SCREENS]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Synonym]:
        return Synonym.objects.select_related("changed_by")


class SearchGroup(SnippetViewSetGroup):
    """The menu group with all screens for search."""

    menu_label = pgettext_lazy("noun", "Search")
    menu_name = "search-answers"
    menu_icon = "search"
    menu_order = 115
    items = (SearchReportViewSet, SynonymViewSet)

    def get_submenu_items(self) -> list[Any]:
        pins = SearchPicksMenuItem(
            _("Pinned answers"),
            reverse("wagtailsearchpromotions:index"),
            name="pinned-answers",
            icon_name="pick",
            order=len(self.items) + 1,
        )
        of_list = menu_item_for(starters_admin.may_change)(
            starters_admin.StartersView.page_title,
            reverse("wagtailsnippets_search_synonym:starters"),
            name="ready-made-synonyms",
            icon_name="order",
            order=len(self.items) + 2,
        )
        return [*super().get_submenu_items(), pins, of_list]
