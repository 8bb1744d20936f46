"""Admin screens of missing points: what members ask about, what was decided then, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.exceptions import NoRightError, StaffError
from loyalty.models import PointsClaim
from loyalty.screens import Screen
from loyalty.services import adjusting, claims, earning
from portal.core.admin_menu import menu_item_for
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

_PAGE: Final = 50
State = PointsClaim.State


def _label_of(claim: PointsClaim) -> str:
    known = earning.all_triggers().get(claim.trigger)
    return str(known.label) if known else claim.trigger


class ClaimsView(Screen):
    """Open questions, oldest first, or those that were answered, latest first."""

    page_title = _("Missing points")
    template_name = "loyalty/admin/claims.html"

    def is_allowed(self, user: User) -> bool:
        return adjusting.may_ask(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = PointsClaim.objects.select_related("member__user")
        start = row_number(self.request.GET.get("from", ""))
        is_open = "answered" not in self.request.GET
        if is_open:
            found = found.filter(state=State.OPEN).order_by("pk")
            found = found.filter(pk__gt=start) if start else found
        else:
            found = found.exclude(state=State.OPEN).order_by("-pk")
            found = found.filter(pk__lt=start) if start else found
        rows = list(found[: _PAGE + 1])
        return super().get_context_data(
            **kwargs,
            rows=[(row, _label_of(row)) for row in rows[:_PAGE]],
            next=rows[_PAGE - 1].pk if len(rows) > _PAGE else None,
            is_open=is_open,
        )


class ClaimView(Screen):
    """One question with all that was decided on that day, and the ways to answer."""

    page_title = _("Missing points of a member")
    template_name = "loyalty/admin/claim.html"
    parents = (("points_claims:index", ClaimsView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return adjusting.may_ask(user)

    def _claim(self) -> PointsClaim:
        return get_object_or_404(PointsClaim.objects.select_related("member__user", "programme"), pk=self.kwargs["pk"])

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        claim = self._claim()
        try:
            claims.answer(claim, state=request.POST.get("answer", ""), by=self.user)
        except NoRightError as error:
            raise PermissionDenied from error
        except StaffError as error:
            messages.error(request, str(error))
        except ValueError:
            messages.error(request, gettext("Nothing was chosen."))
        else:
            messages.success(request, gettext("It is answered."))
        return HttpResponseRedirect(reverse("points_claims:inspect", args=[claim.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        claim = self._claim()
        person = claim.member.user
        return super().get_context_data(
            **kwargs,
            claim=claim,
            label=_label_of(claim),
            person=person,
            may_look=adjusting.may_look(self.user),
            is_own=person == self.user,
            found=claims.found_on(person, claim.programme, trigger=claim.trigger, day=claim.day),
            answers=[choice for choice in State.choices if choice[0] != State.OPEN],
            is_open=claim.state == State.OPEN,
        )


class ClaimsViewSet(ViewSet):
    name = "points_claims"
    url_prefix = "points/claims"
    icon = "help"
    menu_label = ClaimsView.page_title
    menu_item_class = menu_item_for(adjusting.may_ask)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", ClaimsView.as_view(), name="index"),
            path("<int:pk>/", ClaimView.as_view(), name="inspect"),
        ]
