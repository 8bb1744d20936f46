"""The search report in the admin: what was searched for, what found nothing, and links to fix that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import NoReverseMatch, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView
from wagtail.admin.auth import user_passes_test
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.ui.components import Component
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.mixins import SpreadsheetExportMixin
from wagtail.admin.viewsets.base import ViewSet
from wagtail.permission_policies.pages import PagePermissionPolicy

from portal.core.admin_menu import menu_item_for
from portal.core.preferences import current_language
from portal.core.text import row_number
from search.activity import gaps, report
from search.activity.report import DEFAULT_PERIOD, PERIODS, Listing, QuestionFigures
from search.models import SearchGap

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

PERMISSION: Final = "search.view_report"
_PER_PAGE: Final = 50
_LATEST: Final = 5

_LABELS: Final = {
    Listing.TOP: _("Most searched"),
    Listing.ZERO: _("No results"),
    Listing.NO_CLICK: _("Results, but no click"),
    Listing.IGNORED: _("Ignored"),
    Listing.CLOSED: _("Closed by themselves"),
}


def may_see_report(user: Any) -> bool:
    """Whether the user may publish pages or has the permission to see the report."""
    return user.has_perm(PERMISSION) or PagePermissionPolicy().user_has_permission(user, "publish")


_for_those_who_may_see = user_passes_test(may_see_report)


@method_decorator(_for_those_who_may_see, name="dispatch")
class SearchReportView(SpreadsheetExportMixin, WagtailAdminTemplateMixin, TemplateView):
    """The report of one language and period: one of the lists, 50 questions per page."""

    page_title = _("Search report")
    header_icon = "search"
    template_name = "search/admin/report.html"
    export_filename = "searches"
    list_export: ClassVar[list[str]] = [
        "text", "language", "searches", "visits", "visits_without_result", "visits_with_click",
        "clicks_first", "clicks_top", "visits_before",
    ]  # fmt: skip
    export_headings: ClassVar[dict[str, Any]] = {
        "text": _("Question"),
        "language": _("Language"),
        "searches": _("Searches"),
        "visits": _("Visits"),
        "visits_without_result": _("Visits without a result"),
        "visits_with_click": _("Visits with a click"),
        "clicks_first": _("Clicks on the first result"),
        "clicks_top": _("Clicks on the first three results"),
        "visits_before": _("Visits in the time before"),
    }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.language, self.days, self.listing = _chosen(request)
        if self.is_export:
            sums = list(report.listed(self.language, self.days, self.listing))
            questions = report.describe(sums, self.language, self.days)
            response: HttpResponse = self.as_spreadsheet(questions, request.GET["export"])
            return response
        return super().get(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*super().get_breadcrumbs_items(), {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        paginator = WagtailPaginator(report.listed(self.language, self.days, self.listing), _PER_PAGE)
        page = paginator.get_page(self.request.GET.get("p"))
        questions = report.describe(list(page.object_list), self.language, self.days)
        user = self.request.user
        return super().get_context_data(
            **kwargs,
            language=self.language,
            days=self.days,
            listing=self.listing,
            totals=report.totals(self.language, self.days),
            rows=[(question, _ways(question, user)) for question in questions],
            page_obj=page,
            elided_page_range=paginator.get_elided_page_range(page.number),
            languages=[(code, name, self._link(language=code)) for code, name in settings.LANGUAGES],
            periods=[(days, self._link(days=days)) for days in PERIODS],
            listings=[(listing, label, self._link(list=listing)) for listing, label in _LABELS.items()],
            least=settings.SEARCH_LISTED_FROM_VISITS,
            here=self.request.get_full_path(),
            ignore_url=reverse("search_report:ignore"),
            undo_url=reverse("search_report:undo"),
        )

    def _link(self, **changed: Any) -> str:
        values = {"language": self.language, "days": str(self.days), "list": str(self.listing)} | changed
        return f"?{urlencode(values)}"


def _chosen(request: HttpRequest) -> tuple[str, int, Listing]:
    """Language, days and list from the URL, with defaults for missing and unknown values."""
    codes = dict(settings.LANGUAGES)
    language = request.GET.get("language", "")
    if language not in codes:
        language = current_language()
    days = request.GET.get("days", "")
    period = next((period for period in PERIODS if str(period) == days), DEFAULT_PERIOD)
    listing = request.GET.get("list", "")
    return language, period, Listing(listing) if listing in set(Listing) else Listing.TOP


def _ways(question: QuestionFigures, user: Any) -> list[tuple[str, Any, str]]:
    """The actions the user may take for a question: icon, label, URL."""
    asked = {"language": question.language}
    ways = [
        ("doc-empty", _("Create article"), "article_for_question", "wagtailadmin.access_admin", "title", asked),
        ("plus-inverse", _("Add synonym"), "wagtailsnippets_search_synonym:add", "search.add_synonym", "words", asked),
        (
            "pick",
            _("Pin an answer"),
            "wagtailsearchpromotions:add",
            "wagtailsearchpromotions.add_searchpromotion",
            "query",
            {},
        ),
    ]
    return [
        (icon, label, f"{address}?{urlencode({name: question.text, **more})}")
        for icon, label, url_name, permission, name, more in ways
        if user.has_perm(permission) and (address := _address(url_name))
    ]


def _address(url_name: str) -> str:
    """The URL, or an empty string if the feature is not installed."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


@_for_those_who_may_see
@require_POST
def ignore(request: HttpRequest) -> HttpResponse:
    """Ignore a listed question from now on."""
    language, key = (request.POST.get(name, "").replace("\0", "")[:200] for name in ("language", "key"))
    question = report.find(language, key)
    if question is None:
        raise Http404
    gaps.ignore(
        language=question.language,
        key=question.key,
        text=question.text,
        reason=question.reason or SearchGap.Reason.NO_CLICK,
        by=request.user,  # type: ignore[arg-type]  # never anonymous here
    )
    messages.success(
        request,
        gettext("“%(text)s” is ignored. You find it under “Ignored”, if you change your mind.")
        % {"text": question.text},
    )
    return HttpResponseRedirect(_back(request))


@_for_those_who_may_see
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Undo `ignore`."""
    number = request.POST.get("gap", "")
    gap = gaps.mind_again(gap_id=gap_id) if (gap_id := row_number(number)) is not None else None
    if gap is None:
        raise Http404
    messages.success(request, gettext("“%(text)s” is listed again.") % {"text": gap.text})
    return HttpResponseRedirect(_back(request))


def _back(request: HttpRequest) -> str:
    home = reverse("search_report:index")
    wanted = request.POST.get("next", "")
    return wanted if wanted.split("?")[0] == home else home


class SearchReportViewSet(ViewSet):
    name = "search_report"
    url_prefix = "search/report"
    icon = "search"
    menu_label = pgettext_lazy("search", "Report")
    menu_order = 1
    menu_item_class = menu_item_for(may_see_report)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", SearchReportView.as_view(), name="index"),
            path("ignore/", ignore, name="ignore"),
            path("undo/", undo, name="undo"),
        ]


class GapsPanel(Component):
    """A panel on the admin's home page with the newest search gaps."""

    name = "search_gaps"
    template_name = "search/admin/gaps_panel.html"
    order = 155

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        request = parent_context["request"]
        if not may_see_report(request.user):
            return {"gaps": []}
        newest = SearchGap.objects.filter(state=SearchGap.State.OPEN).order_by("-opened_at", "pk")
        return {"gaps": list(newest[:_LATEST]), "report_url": reverse("search_report:index")}
