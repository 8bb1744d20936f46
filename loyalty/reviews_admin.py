"""Admin screens of voting reviews: what looks agreed, by which votes, and the two ways to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.adjusting_admin import names_of
from loyalty.exceptions import NoRightError, StaffError
from loyalty.models import Member, VotingReview
from loyalty.screens import Screen
from loyalty.services import adjusting, reviews
from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_number
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

_PAGE: Final = 50
_MOST_OPEN: Final = 200


def _people(found: Iterable[VotingReview]) -> dict[str, User]:
    """Return who is meant in the evidence of reviews, by their keys. One query."""
    keys = {one[side] for review in found for one in review.evidence for side in ("giver", "receiver")}
    return {str(member.key): member.user for member in Member.objects.filter(key__in=keys).select_related("user")}


class ReviewsView(Screen):
    """The open reviews, then those that were decided about."""

    page_title = _("Voting reviews")
    template_name = "loyalty/admin/reviews.html"

    def is_allowed(self, user: User) -> bool:
        return reviews.may_see(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        newest = VotingReview.objects.order_by("-pk")
        before = row_number(self.request.GET.get("before", ""))
        decided = newest.exclude(state=VotingReview.State.OPEN)
        older = decided if before is None else decided.filter(pk__lt=before)
        page = list(older[: _PAGE + 1])
        # What is open comes first, all of it that a person could look at.
        shown = page[:_PAGE]
        if before is None:
            shown = [*newest.filter(state=VotingReview.State.OPEN)[:_MOST_OPEN], *shown]
        people = _people(shown)
        return super().get_context_data(
            **kwargs,
            rows=[(review, _names(review, people)) for review in shown],
            next=page[_PAGE - 1].pk if len(page) > _PAGE else None,
        )


def _names(review: VotingReview, people: dict[str, User]) -> list[str]:
    keys = dict.fromkeys(one[side] for one in review.evidence for side in ("giver", "receiver"))
    return [people[key].handle for key in keys if key in people]


class ReviewView(Screen):
    """One review: who voted for whom how often, and what to do about it."""

    page_title = _("Voting review")
    template_name = "loyalty/admin/review.html"
    parents = (("points_reviews:index", ReviewsView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return reviews.may_see(user)

    def post(self, request: HttpRequest, *_args: Any, **kwargs: Any) -> HttpResponse:
        review = get_object_or_404(VotingReview, pk=kwargs["pk"])
        try:
            if "confirm" in request.POST:
                points = reviews.confirm(review, by=self.user).points
                said = ngettext("%(count)s point was taken back.", "%(count)s points were taken back.", points)
                messages.success(request, said % {"count": format_number(points)})
            elif "dismiss" in request.POST:
                reviews.dismiss(review, by=self.user)
                messages.success(request, gettext("It is noted that all is well."))
        except NoRightError as error:
            raise PermissionDenied from error
        except StaffError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("points_reviews:inspect", args=[review.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        review = get_object_or_404(VotingReview, pk=self.kwargs["pk"])
        people = _people([review])
        return super().get_context_data(
            **kwargs,
            review=review,
            pairs=[
                (people.get(one["giver"]), people.get(one["receiver"]), one["votes"], one["of"])
                for one in review.evidence
            ],
            decided_by=names_of([review.decided_by]).get(review.decided_by, "") if review.decided_by else "",
            may_decide=review.state == VotingReview.State.OPEN and reviews.may_decide(self.user),
            may_look=adjusting.may_look(self.user),
        )


class ReviewsViewSet(ViewSet):
    name = "points_reviews"
    url_prefix = "points/reviews"
    icon = "view"
    menu_label = ReviewsView.page_title
    menu_item_class = menu_item_for(reviews.may_see)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", ReviewsView.as_view(), name="index"),
            path("<int:pk>/", ReviewView.as_view(), name="inspect"),
        ]
