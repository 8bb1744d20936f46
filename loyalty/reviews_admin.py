"""Admin screens of reviews: votes that look agreed and earning that is unusually fast, and the two ways to decide about each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, prefetch_related_objects
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.adjusting_admin import names_of
from loyalty.exceptions import LedgerError, NoRightError, StaffError
from loyalty.models import Decision, LoyaltyEvent, Member, PaceReview, VotingReview
from loyalty.screens import Screen
from loyalty.services import adjusting, earning, pace, reviews
from loyalty.services.places import Place, places_named, places_of
from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_number
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

_PAGE: Final = 50
_MOST_OPEN: Final = 200
_MOST_POSTS: Final = 50
#: The state of both kinds of reviews about which nobody has decided.
_OPEN: Final = VotingReview.State.OPEN.value


def _people(found: Iterable[VotingReview]) -> dict[str, User]:
    """Return who is meant in the evidence of reviews, by their keys. One query."""
    keys = {one[side] for review in found for one in review.evidence for side in ("giver", "receiver")}
    return {str(member.key): member.user for member in Member.objects.filter(key__in=keys).select_related("user")}


class _ReviewsScreen(Screen):
    """The open reviews, then those that were decided about."""

    def is_allowed(self, user: User) -> bool:
        return reviews.may_see(user)

    def everything(self) -> QuerySet[Any]:
        """Return all reviews of the kind."""
        raise NotImplementedError

    def rows_of(self, shown: list[Any]) -> list[tuple[Any, Any]]:
        """Return the reviews, each with what is said about it."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        newest = self.everything().order_by("-pk")
        before = row_number(self.request.GET.get("before", ""))
        decided = newest.exclude(state=_OPEN)
        older = decided if before is None else decided.filter(pk__lt=before)
        page = list(older[: _PAGE + 1])
        # What is open comes first, all of it that a person could look at.
        shown = page[:_PAGE]
        if before is None:
            shown = [*newest.filter(state=_OPEN)[:_MOST_OPEN], *shown]
        following = page[_PAGE - 1].pk if len(page) > _PAGE else None
        return super().get_context_data(**kwargs, rows=self.rows_of(shown), next=following)


class ReviewsView(_ReviewsScreen):
    """Votes that look agreed."""

    page_title = _("Voting reviews")
    template_name = "loyalty/admin/reviews.html"

    def everything(self) -> QuerySet[Any]:
        return VotingReview.objects.all()

    def rows_of(self, shown: list[Any]) -> list[tuple[Any, Any]]:
        people = _people(shown)
        return [(review, _names(review, people)) for review in shown]


def _names(review: VotingReview, people: dict[str, User]) -> list[str]:
    keys = dict.fromkeys(one[side] for one in review.evidence for side in ("giver", "receiver"))
    return [people[key].handle for key in keys if key in people]


class _ReviewScreen(Screen):
    """One review, and what to do about it."""

    #: How it is decided that points are taken back, and that all is well.
    confirming: ClassVar[Callable[..., Any]]
    dismissing: ClassVar[Callable[..., Any]]
    model: ClassVar[type[VotingReview] | type[PaceReview]]

    def is_allowed(self, user: User) -> bool:
        return reviews.may_see(user)

    def post(self, request: HttpRequest, *_args: Any, **kwargs: Any) -> HttpResponse:
        review: Any = get_object_or_404(self.model, pk=kwargs["pk"])
        try:
            if "confirm" in request.POST:
                points = type(self).confirming(review, by=self.user).points
                said = ngettext("%(count)s point was taken back.", "%(count)s points were taken back.", points)
                messages.success(request, said % {"count": format_number(points)})
            elif "dismiss" in request.POST:
                type(self).dismissing(review, by=self.user)
                messages.success(request, gettext("It is noted that all is well."))
        except NoRightError as error:
            raise PermissionDenied from error
        except (StaffError, LedgerError) as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(request.path)

    def common(self, review: Any) -> dict[str, Any]:
        """Return what every page of a review shows."""
        decided_by = names_of([review.decided_by]).get(review.decided_by, "") if review.decided_by else ""
        may_decide = review.state == _OPEN and reviews.may_decide(self.user)
        may_look = adjusting.may_look(self.user)
        return {"review": review, "decided_by": decided_by, "may_decide": may_decide, "may_look": may_look}


class ReviewView(_ReviewScreen):
    """One voting review: who voted for whom how often."""

    page_title = _("Voting review")
    template_name = "loyalty/admin/review.html"
    parents = (("points_reviews:index", ReviewsView.page_title),)
    model = VotingReview
    confirming = staticmethod(reviews.confirm)
    dismissing = staticmethod(reviews.dismiss)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        review = get_object_or_404(VotingReview, pk=self.kwargs["pk"])
        people = _people([review])
        return super().get_context_data(
            **kwargs,
            **self.common(review),
            posts=_voted_for(review, self.user),
            pairs=[
                (people.get(one["giver"]), people.get(one["receiver"]), one["votes"], one["of"])
                for one in review.evidence
            ],
        )


def _voted_for(review: VotingReview, user: User) -> list[tuple[Place, int]]:
    """Return what the votes were for, the most votes first, as far as the colleague may see it. Two queries."""
    events = LoyaltyEvent.objects.filter(trigger__in=earning.all_triggers(), source_id__in=review.sources).order_by()
    votes = dict(events.values_list("subject").annotate(votes=Count("pk")))
    found = places_named(votes, by=user)
    return sorted(
        ((place, votes[subject]) for subject, place in found.items()), key=lambda one: (-one[1], one[0].name)
    )[:_MOST_POSTS]


class PaceReviewsView(_ReviewsScreen):
    """Earning that was unusually fast."""

    page_title = _("Fast earning")
    template_name = "loyalty/admin/pace_reviews.html"

    def everything(self) -> QuerySet[Any]:
        return PaceReview.objects.all()

    def rows_of(self, shown: list[Any]) -> list[tuple[Any, Any]]:
        prefetch_related_objects(shown, "wallet")
        people = _members([review.wallet.member_key for review in shown])
        waiting = pace.waiting_in([review for review in shown if review.state == _OPEN])
        return [
            (review, {"person": people.get(review.wallet.member_key), "waiting": waiting.get(review.pk, 0)})
            for review in shown
        ]


class PaceReviewView(_ReviewScreen):
    """What was fast in what a member earned, and the decisions about it."""

    page_title = _("Review of fast earning")
    template_name = "loyalty/admin/pace_review.html"
    parents = (("points_pace:index", PaceReviewsView.page_title),)
    model = PaceReview
    confirming = staticmethod(pace.reverse)
    dismissing = staticmethod(pace.release)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        review = get_object_or_404(PaceReview.objects.select_related("wallet__programme"), pk=self.kwargs["pk"])
        waiting_events = review.events.order_by("-pk").values("event")[:_PAGE]
        found = Decision.objects.filter(
            wallet=review.wallet, event__in=list(waiting_events.values_list("event", flat=True))
        )
        decisions = list(found.select_related("event", "wallet").order_by("-pk")[: 2 * _PAGE])
        names = earning.names_of_rules(decisions)
        about = places_of((decision.event for decision in decisions), by=self.user)
        return super().get_context_data(
            **kwargs,
            **self.common(review),
            person=_members([review.wallet.member_key]).get(review.wallet.member_key),
            waiting=pace.waiting_in([review])[review.pk] if review.state == _OPEN else 0,
            evidence=[
                {
                    **one,
                    "day": dt.date.fromisoformat(one["day"]),
                    "name": names.get((review.wallet.programme_id, one.get("rule")), one.get("rule")),
                }
                for one in review.evidence
            ],
            decisions=[
                (decision, earning.explain(decision, names), about.get(decision.event_id)) for decision in decisions
            ],
        )


def _members(keys: Iterable[Any]) -> dict[Any, User]:
    """Return who is meant by keys. One query."""
    return {member.key: member.user for member in Member.objects.filter(key__in=keys).select_related("user")}


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


class PaceReviewsViewSet(ViewSet):
    name = "points_pace"
    url_prefix = "points/pace"
    icon = "time"
    menu_label = PaceReviewsView.page_title
    menu_item_class = menu_item_for(reviews.may_see)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", PaceReviewsView.as_view(), name="index"),
            path("<int:pk>/", PaceReviewView.as_view(), name="inspect"),
        ]
