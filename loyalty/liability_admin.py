"""Admin screen of the liability: what is owed to members, and how it came to that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.views.mixins import SpreadsheetExportMixin
from wagtail.admin.viewsets.base import ViewSet

from loyalty.adjusting_admin import programmes
from loyalty.liability import money_of, money_text, report_of
from loyalty.money import currency_name
from loyalty.screens import Screen
from loyalty.services import adjusting, reconciling
from portal.core.admin_menu import menu_item_for
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest, HttpResponse

    from loyalty.liability import Report
    from loyalty.models import PointsPolicy
    from portal.accounts.models import User

#: Fields of the exported tables and their headings.
_EXPIRY: Final = {"month": _("Expire until"), "available": _("Can be spent"), "pending": _("Coming"), "held": _("Reserved"),
                  "points": _("Points"), "money": _("Worth")}  # fmt: skip
_EARNED: Final = {"month": _("Earned until"), "earned": _("Earned"), "left": _("Outstanding"), "money": _("Worth")}
_FLOWS: Final = {
    "month": _("Month until"), "issued": _("Issued"), "taken_back": _("Taken back"), "redeemed": _("Spent"),
    "expired": _("Expired"), "adjusted": _("Corrected"), "ended": _("Memberships ended"), "outstanding": _("Outstanding"),
}  # fmt: skip
TABLES: Final = {"expiry": _EXPIRY, "earned": _EARNED, "flows": _FLOWS}


def may_see_liability(user: User) -> bool:
    """Return whether the person may read what is owed to all members together."""
    return user.is_active and user.has_perm("loyalty.view_programme")


class LiabilityView(SpreadsheetExportMixin, Screen):
    """The report as a page, and its three tables for spreadsheet programs."""

    page_title = _("Outstanding points")
    template_name = "loyalty/admin/liability.html"
    list_export: ClassVar[list[str]] = []
    export_headings: ClassVar[dict[str, Any]] = {}

    def is_allowed(self, user: User) -> bool:
        return may_see_liability(user)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        known = programmes()
        chosen = row_number(request.GET.get("programme", ""))
        self.programmes = known
        self.programme = next((one for one in known if one.pk == chosen), known[0] if known else None)
        table, form = request.GET.get("table", ""), request.GET.get("export", "")
        if self.programme is not None and table in TABLES and form in self.FORMATS:
            self.list_export = list(TABLES[table])  # type: ignore[misc]
            self.export_headings = TABLES[table]  # type: ignore[misc]
            report, policy = report_of(self.programme), adjusting.policy_of(self.programme)
            answer: HttpResponse = self.as_spreadsheet(list(_rows(report, policy, table)), form)
            return answer
        return super().get(request, *args, **kwargs)

    def get_filename(self) -> str:
        return f"points-{self.request.GET.get('table')}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs["last_check"] = reconciling.last_check()
        if self.programme is None:
            return super().get_context_data(**kwargs)
        report, policy = report_of(self.programme), adjusting.policy_of(self.programme)
        return super().get_context_data(
            **kwargs,
            programme=self.programme,
            programmes=self.programmes if len(self.programmes) > 1 else [],
            report=report,
            by_expiry=[(row, money_text(row.points, policy)) for row in report.by_expiry],
            by_cohort=[(row, money_text(row.left, policy)) for row in report.by_cohort],
            flows=list(reversed(report.flows)),
            money=money_text(report.outstanding, policy),
            currency=currency_name(policy.currency),
        )


def _rows(report: Report, policy: PointsPolicy, table: str) -> Iterator[dict[str, Any]]:
    """The rows of an exported table: days in the calendar of machines, whole numbers, amounts of money."""
    if table == "expiry":
        for lot in report.by_expiry:
            yield {
                "month": lot.month.last_day if lot.month else "", "available": lot.available, "pending": lot.pending,
                "held": lot.held, "points": lot.points, "money": money_of(lot.points, policy),
            }  # fmt: skip
    elif table == "earned":
        for cohort in report.by_cohort:
            yield {
                "month": cohort.month.last_day if cohort.month else "", "earned": cohort.earned, "left": cohort.left,
                "money": money_of(cohort.left, policy),
            }  # fmt: skip
    else:
        for flow in report.flows:
            yield {"month": flow.month.last_day, **{name: getattr(flow, name) for name in _FLOWS if name != "month"}}


class LiabilityViewSet(ViewSet):
    name = "points_liability"
    url_prefix = "points/liability"
    icon = "doc-full"
    menu_label = LiabilityView.page_title
    menu_item_class = menu_item_for(may_see_liability)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", LiabilityView.as_view(), name="index")]
