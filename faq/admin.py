"""Admin screens of the help pages: lists, the feedback report, and the panel on the admin's home page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import django_filters
from django import forms
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from django.views.generic import RedirectView
from wagtail.admin.auth import permission_required
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.components import Component
from wagtail.admin.ui.tables import BaseColumn, Column
from wagtail.admin.views.pages.listing import IndexView
from wagtail.admin.views.reports import ReportView
from wagtail.admin.viewsets.base import ViewSet
from wagtail.admin.viewsets.pages import PageListingViewSet
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from faq import services
from faq.exporting.admin import ExportViewSet
from faq.intake_admin import ImportViewSet
from faq.models import ArticlePage, Feedback, ReusableContent
from faq.reports import BrokenLinkViewSet, DebtViewSet, HelpfulnessViewSet, ReviewViewSet
from faq.upkeep import language_states
from portal.core.admin_menu import menu_item_for
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

UNDO_KEY = "feedback_handled"
LATEST = 6
_MAY_SEE = "faq.view_feedback"
_MAY_HANDLE = "faq.change_feedback"

# Articles and shared texts ---------------------------------------------------------------------------------------------


class ReusableContentViewSet(SnippetViewSet):
    model = ReusableContent
    icon = "repeat"
    menu_label = _("Shared texts")
    list_display: ClassVar[list[Any]] = ["title"]
    search_fields: ClassVar[list[str]] = ["title"]


class ArticleIndexView(IndexView):
    """The list of articles with the state of each in every language."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        states = language_states([article.translation_key for article in context["object_list"]])
        for article in context["object_list"]:
            article.language_states = states[article.translation_key]
        return context


class NewArticleView(RedirectView):
    """Leads from the list to the choice of a topic."""

    pattern_name = "article_for_question"


class LanguagesColumn(BaseColumn):
    """The languages of the portal and what there is of the article in each."""

    cell_template_name = "faq/admin/_languages_cell.html"


class ArticleListViewSet(PageListingViewSet):
    """List of all articles, across topics."""

    model = ArticlePage
    index_view_class = ArticleIndexView
    choose_parent_view_class = NewArticleView
    columns: ClassVar[list[Any]] = [
        *IndexView.base_columns[:-1],
        LanguagesColumn("languages", label=_("Languages"), width="18%"),
        IndexView.base_columns[-1],
    ]
    icon = "doc-full"
    name = "articles"
    menu_label = _("Articles")
    list_filter: ClassVar[list[str]] = ["topic", "kind", "locale", "confidence", "live"]
    list_per_page = 50


# Feedback -------------------------------------------------------------------------------------------------------------


class FeedbackFilterSet(WagtailFilterSet):
    article = django_filters.ModelChoiceFilter(
        label=_("Article"), queryset=lambda _request: ArticlePage.objects.filter(feedback__isnull=False).distinct()
    )
    solved = django_filters.ChoiceFilter(
        label=_("Did it solve it?"), choices=[("True", _("Yes")), ("False", _("No"))], empty_label=_("All")
    )
    reason = django_filters.MultipleChoiceFilter(
        label=_("Reason"), choices=Feedback.Reason.choices, widget=forms.CheckboxSelectMultiple
    )
    handled = django_filters.ChoiceFilter(
        label=_("Handled"),
        field_name="handled_at",
        lookup_expr="isnull",
        choices=[("False", _("Handled")), ("True", _("Waiting"))],
        empty_label=_("All"),
        method="filter_handled",
    )

    class Meta:
        model = Feedback
        fields: ClassVar[list[str]] = ["article", "solved", "reason", "handled"]

    def filter_handled(self, queryset: Any, _name: str, value: str) -> Any:
        return queryset.filter(handled_at__isnull=value == "True")


class FeedbackReportView(ReportView):
    """Report of all feedback, newest first; answers with a reason can be marked as handled in bulk."""

    model = Feedback
    page_title = _("Feedback")
    header_icon = "comment"
    template_name = "faq/admin/feedback_report.html"
    results_template_name = "faq/admin/feedback_report_results.html"
    index_url_name = "feedback_report:index"
    index_results_url_name = "feedback_report:results"
    filterset_class = FeedbackFilterSet
    permission_policy = ModelPermissionPolicy(Feedback)
    any_permission_required: ClassVar[list[str]] = ["view", "change"]
    paginate_by = 50
    export_filename = "feedback"
    columns: ClassVar[list[Column]] = [Column("created_at", label=_("Given"))]
    list_export: ClassVar[list[str]] = [
        "article.title", "article.locale.language_code", "solved", "reason", "comment",
        "came_from_search", "came_from_page", "revision_read", "created_at", "handled_at",
    ]  # fmt: skip
    export_headings: ClassVar[dict[str, Any]] = {
        "article.title": _("Article"),
        "article.locale.language_code": _("Language"),
        "solved": _("Solved"),
        "reason": _("Reason"),
        "comment": _("Comment"),
        "came_from_search": _("Search before"),
        "came_from_page": _("Page before"),
        "revision_read": _("Revision read"),
        "created_at": _("Given"),
        "handled_at": _("Handled"),
    }

    def get_queryset(self) -> Any:
        self.queryset = Feedback.objects.select_related("article__locale", "handled_by").order_by("-created_at", "-pk")
        return super().get_queryset()

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(*args, **kwargs)
        return {
            **context,
            "can_handle": self.request.user.has_perm(_MAY_HANDLE),
            "undo_count": len(self.request.session.get(UNDO_KEY, [])),
            "handle_url": reverse("feedback_report:handle"),
            "undo_url": reverse("feedback_report:undo"),
            "here": self.request.get_full_path().replace("/results/", "/"),
        }

    def get_page_subtitle(self) -> str:
        return ""


@permission_required(_MAY_HANDLE)
@require_POST
def handle(request: HttpRequest) -> HttpResponse:
    """Mark the selected answers as handled."""
    chosen = [pk for value in request.POST.getlist("feedback") if (pk := row_number(value)) is not None]
    done = services.mark_handled(feedback_ids=chosen, by=_person(request))
    if done:
        request.session[UNDO_KEY] = done
        text = ngettext("%(count)d answer is marked as handled.", "%(count)d answers are marked as handled.", len(done))
        messages.success(request, text % {"count": len(done)})
    else:
        messages.info(request, gettext("Choose answers that are still waiting."))
    return HttpResponseRedirect(_back(request))


@permission_required(_MAY_HANDLE)
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Undo the last `handle` by this person."""
    services.mark_unhandled(feedback_ids=request.session.pop(UNDO_KEY, []), by=_person(request))
    messages.success(request, gettext("The answers are waiting again."))
    return HttpResponseRedirect(_back(request))


def _person(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # nobody else has the permission


def _back(request: HttpRequest) -> str:
    report = reverse("feedback_report:index")
    wanted = request.POST.get("next", "")
    return wanted if wanted.split("?")[0] == report else report


class FeedbackViewSet(ViewSet):
    name = "feedback_report"
    url_prefix = "help/feedback"
    icon = "comment"
    menu_label = _("Feedback")
    menu_item_class = menu_item_for(lambda user: user.has_perm(_MAY_SEE) or user.has_perm(_MAY_HANDLE))

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", FeedbackReportView.as_view(), name="index"),
            path("results/", FeedbackReportView.as_view(results_only=True), name="results"),
            path("handle/", handle, name="handle"),
            path("undo/", undo, name="undo"),
        ]


class HelpGroup(SnippetViewSetGroup):
    menu_label = _("Help")
    menu_name = "help-pages"
    menu_icon = "help"
    menu_order = 110
    items = (
        ArticleListViewSet,
        ReviewViewSet,
        DebtViewSet,
        HelpfulnessViewSet,
        BrokenLinkViewSet,
        FeedbackViewSet,
        ReusableContentViewSet,
        ExportViewSet,
        ImportViewSet,
    )


# Admin home -----------------------------------------------------------------------------------------------------------


class NewFeedbackPanel(Component):
    """Answers that say why an article did not help and that nobody has handled."""

    name = "new_feedback"
    template_name = "faq/admin/new_feedback.html"
    order = 150

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        request = parent_context["request"]
        if not request.user.has_perm(_MAY_SEE):
            return {"waiting": []}
        waiting = Feedback.objects.waiting().select_related("article")
        return {
            "waiting": list(waiting[:LATEST]),
            "count": waiting.count(),
            "report_url": f"{reverse('feedback_report:index')}?handled=True&solved=False",
        }
