"""Admin screen of referrals: those with signs first, confirmed or rejected by whoever may, and nobody's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.exceptions import NotPermittedError
from loyalty.models import Referral
from loyalty.screens import Screen
from loyalty.services import referrals
from portal.core.admin_menu import menu_item_for
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

_PAGE = 50


def may_see_referrals(user: Any) -> bool:
    """Return whether the person may open the screen."""
    return bool(user.is_active and user.has_perm("loyalty.view_referral")) or referrals.may_decide(user)


class ReferralsView(Screen):
    """All referrals, newest first; `?signs=1`: those with signs to look at; `?before=` goes on."""

    page_title = _("Referrals")
    template_name = "loyalty/admin/referrals.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_referrals(user)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        referral = get_object_or_404(Referral, pk=row_number(request.POST.get("referral", "")))
        try:
            if "reject" in request.POST:
                referrals.reject(referral, by=self.user)
                messages.success(request, gettext("It counts for nobody. Points given for it are taken back."))
            else:
                referrals.confirm(referral, by=self.user)
                messages.success(request, gettext("The signs are marked as looked into."))
        except NotPermittedError as error:
            raise PermissionDenied from error
        return HttpResponseRedirect(reverse("points_referrals:index"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = Referral.objects.select_related("advocate__user", "friend__user").order_by("-pk")
        is_narrow = self.request.GET.get("signs") == "1"
        if is_narrow:
            found = found.exclude(flags=[])
        before = row_number(self.request.GET.get("before", ""))
        if before is not None:
            found = found.filter(pk__lt=before)
        rows = list(found[: _PAGE + 1])
        return super().get_context_data(
            **kwargs,
            rows=rows[:_PAGE],
            before=rows[_PAGE - 1].pk if len(rows) > _PAGE else None,
            is_narrow=is_narrow,
            may_decide=referrals.may_decide(self.user),
        )


class ReferralsViewSet(ViewSet):
    name = "points_referrals"
    url_prefix = "points/referrals"
    icon = "group"
    menu_label = ReferralsView.page_title
    menu_item_class = menu_item_for(may_see_referrals)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", ReferralsView.as_view(), name="index")]
