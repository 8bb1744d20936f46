"""Reports on the state of articles in the admin: what is due for review, and which translations are out of date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import django_filters
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from django_filters.fields import ModelChoiceField
from wagtail.admin import messages as wagtail_messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.components import Component
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.reports import ReportView
from wagtail.admin.viewsets.base import ViewSet
from wagtail.log_actions import LogFormatter
from wagtail.models import Locale
from wagtail.permissions import page_permission_policy
from wagtail_localize.models import TranslationSource

from faq import upkeep
from faq.models import ArticlePage, BrokenLink, Feedback, TranslationDebt
from faq.queries import helpful_score_of
from portal.catalog.models import Topic
from portal.core.admin_menu import menu_item_for
from portal.core.formats import date_text
from portal.core.text import isolate, row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from wagtail.log_actions import LogActionRegistry
    from wagtail.models import Page

    from portal.accounts.models import User

UNDO_KEY: Final = "articles_confirmed"
LATEST: Final = 6
_MONTH: Final = dt.timedelta(days=30)
_REVIEW: Final = "review_report:index"
_DEBTS: Final = "translation_debt:index"


def _staff(_request: HttpRequest) -> Any:
    """Return the people who own articles and work here; never a customer."""
    owners = ArticlePage.objects.order_by().values("owner")
    return get_user_model().objects.filter(is_staff=True, pk__in=owners).order_by("name", "pk")


class _OwnerField(ModelChoiceField):
    """Choice of a person by their name instead of their address."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name())


class _OwnerFilter(django_filters.ModelChoiceFilter):
    field_class = _OwnerField


class _ReportOfArticles(ReportView):
    """Report of articles for everybody who may change pages. They see those they may change."""

    permission_policy = page_permission_policy
    any_permission_required: ClassVar[list[str]] = ["change"]
    template_name = "faq/admin/article_report.html"
    paginate_by = 50
    columns: ClassVar[list[Column]] = [Column("title", label=_("Article"))]
    #: Said above the list: what its numbers mean.
    explanation: Any = ""

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(*args, **kwargs),
            "explanation": self.explanation,
            "here": self.request.get_full_path().replace("/results/", "/"),
        }

    def get_page_subtitle(self) -> str:
        return ""


# Due for review -------------------------------------------------------------------------------------------------------


class ReviewFilterSet(WagtailFilterSet):
    when = django_filters.ChoiceFilter(
        label=_("Due"),
        choices=[("month", _("In the next 30 days, too")), ("all", _("Whenever"))],
        empty_label=_("Now"),
        method="filter_when",
    )
    owner = _OwnerFilter(label=_("Owner"), queryset=_staff)
    topic = django_filters.ModelChoiceFilter(label=_("Topic"), queryset=lambda _request: Topic.objects.all())
    locale = django_filters.ModelChoiceFilter(label=_("Language"), queryset=lambda _request: Locale.objects.all())

    class Meta:
        model = ArticlePage
        fields: ClassVar[list[str]] = ["when", "owner", "topic", "locale", "confidence"]

    def filter_when(self, queryset: Any, _name: str, _value: str) -> Any:
        return queryset  # `ReviewReportView.get_queryset` has narrowed it: the default does so, too


class ReviewReportView(_ReportOfArticles):
    """Published articles by the date of their next review, those due for longest first."""

    model = ArticlePage
    page_title = _("Due for review")
    header_icon = "date"
    results_template_name = "faq/admin/review_report_results.html"
    index_url_name = _REVIEW
    index_results_url_name = "review_report:results"
    filterset_class = ReviewFilterSet
    export_filename = "due-for-review"
    list_export: ClassVar[list[str]] = [
        "title", "locale.language_code", "topic.code", "owner", "confidence", "next_review_on", "review_every",
        "last_published_at", "yes", "votes",
    ]  # fmt: skip
    export_headings: ClassVar[dict[str, Any]] = {
        "title": _("Article"),
        "locale.language_code": _("Language"),
        "topic.code": _("Topic"),
        "owner": _("Owner"),
        "confidence": _("Confidence"),
        "next_review_on": _("Next review"),
        "review_every": _("Months between reviews"),
        "last_published_at": _("Published"),
        "yes": _("Solved"),
        "votes": _("Answers"),
    }
    explanation = _(
        "An article is due when it was neither confirmed nor published with more than a small change for as many months as"
        " its tab “Review” says. Readers see nothing of it."
    )

    def get_queryset(self) -> Any:
        votes = Feedback.objects.filter(article=OuterRef("pk")).order_by().values("article")
        found = upkeep.editable_by(self.request.user).filter(live=True, next_review_on__isnull=False)
        until = {"": timezone.localdate(), "month": timezone.localdate() + _MONTH}
        if (when := self.request.GET.get("when", "")) in until:
            found = found.filter(next_review_on__lte=until[when])
        self.queryset = (
            found.select_related("owner", "locale", "topic")
            .defer_streamfields()
            .annotate(
                votes=Coalesce(Subquery(votes.annotate(number=Count("pk")).values("number")), 0),
                yes=Coalesce(Subquery(votes.annotate(number=Count("pk", filter=Q(solved=True))).values("number")), 0),
            )
            .order_by("next_review_on", "pk")
        )
        return super().get_queryset()

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(*args, **kwargs),
            "today": timezone.localdate(),
            "undo_count": len(self.request.session.get(UNDO_KEY, {})),
            "act_url": reverse("review_report:confirm"),
            "undo_url": reverse("review_report:undo"),
        }


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Note that the chosen articles are still correct. Raises PermissionDenied for people who may change none."""
    earlier = upkeep.confirm(article_ids=_chosen(request), by=_editor(request))
    if earlier:
        request.session[UNDO_KEY] = earlier
        text = ngettext("%(count)d article is still correct.", "%(count)d articles are still correct.", len(earlier))
        messages.success(request, text % {"count": len(earlier)})
    else:
        messages.info(request, gettext("Choose articles that are due."))
    return _back(request, _REVIEW)


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Undo the last `confirm` by this person."""
    upkeep.unconfirm(earlier=request.session.pop(UNDO_KEY, {}), by=_editor(request))
    messages.success(request, gettext("The articles are due again."))
    return _back(request, _REVIEW)


def _editor(request: HttpRequest) -> User:
    if not upkeep.may_edit_any(request.user):
        raise PermissionDenied
    return request.user  # type: ignore[return-value]  # nobody else may change pages


def _chosen(request: HttpRequest) -> list[int]:
    return [pk for value in request.POST.getlist("article") if (pk := row_number(value)) is not None]


def _back(request: HttpRequest, name: str) -> HttpResponse:
    report = reverse(name)
    wanted = request.POST.get("next", "")
    return HttpResponseRedirect(wanted if wanted.split("?")[0] == report else report)


class _ReportViewSet(ViewSet):
    """A report for all who may change articles, and its list alone, which filters load."""

    report: type[ReportView]
    menu_item_class = menu_item_for(upkeep.may_edit_any)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", self.report.as_view(), name="index"),
            path("results/", self.report.as_view(results_only=True), name="results"),
        ]


class ReviewViewSet(_ReportViewSet):
    name = "review_report"
    url_prefix = "help/review"
    icon = "date"
    menu_label = _("Due for review")
    report = ReviewReportView

    def get_urlpatterns(self) -> list[Any]:
        return [*super().get_urlpatterns(), path("confirm/", confirm, name="confirm"), path("undo/", undo, name="undo")]


# Translations out of date ---------------------------------------------------------------------------------------------


class DebtFilterSet(WagtailFilterSet):
    locale = django_filters.ModelChoiceFilter(
        label=_("Language"), field_name="article__locale", queryset=lambda _request: Locale.objects.all()
    )

    class Meta:
        model = TranslationDebt
        fields: ClassVar[list[str]] = ["locale"]


class DebtReportView(_ReportOfArticles):
    """Translations that lack an important change, by language; those whose readers wait longest first."""

    model = TranslationDebt
    page_title = _("Translations out of date")
    header_icon = "wagtail-localize-language"
    results_template_name = "faq/admin/debt_report_results.html"
    index_url_name = _DEBTS
    index_results_url_name = "translation_debt:results"
    filterset_class = DebtFilterSet
    export_filename = "translations-out-of-date"
    list_export: ClassVar[list[str]] = [
        "article.title", "article.locale.language_code", "source.title", "source.locale.language_code", "since"
    ]  # fmt: skip
    export_headings: ClassVar[dict[str, Any]] = {
        "article.title": _("Translation"),
        "article.locale.language_code": _("Language"),
        "source.title": _("Current text"),
        "source.locale.language_code": _("Language of the current text"),
        "since": _("Out of date since"),
    }
    explanation = _(
        "Something important changed in another language. Until the translation is published again, its readers are told"
        " so and led to the current text. A small change of the translation does not count."
    )

    def get_queryset(self) -> Any:
        mine = upkeep.editable_by(self.request.user)
        debts = TranslationDebt.objects.filter(article__in=mine.order_by().values("pk"))
        made_with_tool = TranslationSource.objects.filter(
            object_id=OuterRef("article__translation_key"),
            translations__target_locale=OuterRef("article__locale"),
            translations__enabled=True,
            last_updated_at__lt=OuterRef("since"),
        )
        self.queryset = (
            debts.select_related("article__locale", "source__locale")
            .defer("article__body", "source__body")
            .annotate(stale_source=Subquery(made_with_tool.values("pk")[:1]))
            .order_by("article__locale__language_code", F("since").asc(), "pk")
        )
        return super().get_queryset()

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(*args, **kwargs), "act_url": reverse("translation_debt:confirm")}


def say_if_late(request: HttpRequest, page: Page) -> None:
    """Tell who edits a translation that it lags behind, and where the current text is; for ``before_edit_page``."""
    if request.method != "GET":
        return
    debt = TranslationDebt.objects.filter(article=page.pk).select_related("source__locale").first()
    if debt is None:
        return
    code = debt.source.locale.language_code
    text = gettext(
        "This translation is out of date: “%(title)s” (%(language)s) changed in something important on %(day)s."
    ) % {
        "title": isolate(debt.source.title),
        "language": dict(settings.LANGUAGES).get(code, code),
        "day": date_text(debt.since),
    }
    current = reverse("wagtailadmin_pages:edit", args=[debt.source_id])
    wagtail_messages.warning(
        request,
        text,
        buttons=[
            wagtail_messages.button(current, gettext("See the current text")),
            wagtail_messages.button(reverse(_DEBTS), gettext("All translations out of date")),
        ],
    )


@require_POST
def confirm_translations(request: HttpRequest) -> HttpResponse:
    """Note that the chosen translations are right as they are."""
    count = upkeep.confirm_translations(article_ids=_chosen(request), by=_editor(request))
    if count:
        text = ngettext("%(count)d translation is still correct.", "%(count)d translations are still correct.", count)
        messages.success(request, text % {"count": count})
    else:
        messages.info(request, gettext("Choose translations that are out of date."))
    return _back(request, _DEBTS)


class DebtViewSet(_ReportViewSet):
    name = "translation_debt"
    url_prefix = "help/translations"
    icon = "wagtail-localize-language"
    menu_label = _("Translations out of date")
    report = DebtReportView

    def get_urlpatterns(self) -> list[Any]:
        return [*super().get_urlpatterns(), path("confirm/", confirm_translations, name="confirm")]


# Helpfulness ----------------------------------------------------------------------------------------------------------


class HelpfulnessFilterSet(WagtailFilterSet):
    topic = django_filters.ModelChoiceFilter(
        label=_("Topic"), field_name="article__topic", queryset=lambda _request: Topic.objects.all()
    )
    locale = django_filters.ModelChoiceFilter(
        label=_("Language"), field_name="article__locale", queryset=lambda _request: Locale.objects.all()
    )
    owner = _OwnerFilter(label=_("Owner"), field_name="article__owner", queryset=_staff)

    class Meta:
        model = Feedback
        fields: ClassVar[list[str]] = ["topic", "locale", "owner"]


@dataclass(frozen=True, slots=True)
class ArticleVotes:
    """What readers answered about one article."""

    article: ArticlePage
    yes: int
    votes: int
    #: Lower bound of the share it helped, in per cent.
    at_least: float
    reason: str


class HelpfulnessReportView(_ReportOfArticles):
    """Articles by the share of readers they surely helped; the least helpful first."""

    model = Feedback
    page_title = _("Helpfulness")
    header_icon = "pick"
    results_template_name = "faq/admin/helpfulness_report_results.html"
    index_url_name = "helpfulness_report:index"
    index_results_url_name = "helpfulness_report:results"
    filterset_class = HelpfulnessFilterSet
    export_filename = "helpfulness"
    list_export: ClassVar[list[str]] = [
        "article.title", "article.locale.language_code", "yes", "votes", "at_least", "reason",
    ]  # fmt: skip
    export_headings: ClassVar[dict[str, Any]] = {
        "article.title": _("Article"),
        "article.locale.language_code": _("Language"),
        "yes": _("Solved"),
        "votes": _("Answers"),
        "at_least": _("Helps at least (%)"),
        "reason": _("Most frequent reason"),
    }
    explanation = _(
        "“Helps at least” is the share of readers the article helped, minus what may be chance: with few answers it stays low,"
        " however many of them are a yes. One yes of one is 21 %, nine of ten are 60 %, ninety of a hundred 83 %. (The lower"
        " bound of the Wilson interval at 95 %.)"
    )

    def get_queryset(self) -> Any:
        mine = upkeep.editable_by(self.request.user).filter(live=True).order_by()
        counted = (
            Feedback.objects.filter(article__in=mine.values("pk"))
            .order_by()
            .values("article")
            .annotate(votes=Count("pk"), yes=Count("pk", filter=Q(solved=True)))
        )
        self.queryset = counted.annotate(score=helpful_score_of("yes", "votes")).order_by("score", "-votes", "article")
        return super().get_queryset()

    def decorate_paginated_queryset(self, object_list: Any) -> list[ArticleVotes]:
        """Return the rows with their articles; two queries."""
        rows = list(object_list)
        ids = [row["article"] for row in rows]
        articles = ArticlePage.objects.select_related("locale").defer_streamfields().in_bulk(ids)
        given = Feedback.objects.unsolved().filter(article__in=ids).exclude(reason="").order_by()
        reasons: dict[int, str] = {}
        counted = given.values_list("article", "reason").annotate(number=Count("pk")).order_by("number", "reason")
        for article, reason, _number in counted:
            reasons[article] = str(Feedback.Reason(reason).label)
        return [
            ArticleVotes(
                articles[row["article"]],
                row["yes"],
                row["votes"],
                round(100 * row["score"], 1),
                reasons.get(row["article"], ""),
            )
            for row in rows
        ]


class HelpfulnessViewSet(_ReportViewSet):
    name = "helpfulness_report"
    url_prefix = "help/helpfulness"
    icon = "pick"
    menu_label = _("Helpfulness")
    report = HelpfulnessReportView


# Broken links ---------------------------------------------------------------------------------------------------------


class BrokenLinkFilterSet(WagtailFilterSet):
    locale = django_filters.ModelChoiceFilter(
        label=_("Language"), field_name="article__locale", queryset=lambda _request: Locale.objects.all()
    )
    owner = _OwnerFilter(label=_("Owner"), field_name="article__owner", queryset=_staff)

    class Meta:
        model = BrokenLink
        fields: ClassVar[list[str]] = ["locale", "owner", "reason"]


class BrokenLinkReportView(_ReportOfArticles):
    """Links that lead nowhere, as they were found last night."""

    model = BrokenLink
    page_title = _("Broken links")
    header_icon = "link"
    results_template_name = "faq/admin/broken_link_report_results.html"
    index_url_name = "broken_link_report:index"
    index_results_url_name = "broken_link_report:results"
    filterset_class = BrokenLinkFilterSet
    export_filename = "broken-links"
    list_export: ClassVar[list[str]] = [
        "article.title", "article.locale.language_code", "text", "target", "reason", "found_at"
    ]  # fmt: skip
    export_headings: ClassVar[dict[str, Any]] = {
        "article.title": _("Article"),
        "article.locale.language_code": _("Language"),
        "text": _("Text of the link"),
        "target": _("Leads to"),
        "reason": _("Reason"),
        "found_at": _("Found"),
    }
    explanation = _(
        "Once a day all links of published articles are looked at: to pages and sections of this portal. Addresses of other"
        " sites are not requested. What you repair leaves the list with the next look."
    )

    def get_queryset(self) -> Any:
        mine = upkeep.editable_by(self.request.user).filter(live=True).order_by()
        rows = BrokenLink.objects.filter(article__in=mine.values("pk"))
        self.queryset = rows.select_related("article__locale").defer("article__body")
        return super().get_queryset()


class BrokenLinkViewSet(_ReportViewSet):
    name = "broken_link_report"
    url_prefix = "help/broken-links"
    icon = "link"
    menu_label = _("Broken links")
    report = BrokenLinkReportView


# Admin home and history -----------------------------------------------------------------------------------------------


class DueForReviewPanel(Component):
    """Articles of this editor that are due for review."""

    name = "due_for_review"
    template_name = "faq/admin/due_for_review.html"
    order = 140

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        person = parent_context["request"].user
        mine = upkeep.due_for_review().filter(owner=person).order_by("next_review_on", "pk")
        rows = list(mine.select_related("locale").defer_streamfields()[:LATEST])
        return {
            "rows": rows,
            "count": mine.count() if len(rows) == LATEST else len(rows),
            "report_url": f"{reverse(_REVIEW)}?owner={person.pk}",
        }


class OutOfDatePanel(Component):
    """How many translations are out of date, by language, for those who may change articles."""

    name = "translations_out_of_date"
    template_name = "faq/admin/out_of_date.html"
    order = 145

    def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
        person = parent_context["request"].user
        if not upkeep.may_edit_any(person):
            return {"rows": []}
        mine = TranslationDebt.objects.filter(article__in=upkeep.editable_by(person).order_by().values("pk"))
        rows = (
            mine.order_by("article__locale__language_code")
            .values("article__locale", "article__locale__language_code")
            .annotate(number=Count("pk"))
        )
        return {
            "rows": [
                (
                    row["article__locale__language_code"],
                    row["number"],
                    f"{reverse(_DEBTS)}?locale={row['article__locale']}",
                )
                for row in rows
            ]
        }


class ConfirmedFormatter(LogFormatter):
    """Log entry of an article that was found to be still correct."""

    label = _("Confirm")
    message = _("Found to be still correct")


def register_confirmed_action(actions: LogActionRegistry) -> None:
    """Register the log action; for Wagtail's hook ``register_log_actions``."""
    actions.register_action(upkeep.CONFIRMED)(ConfirmedFormatter)
