"""Admin screens of tiers: versions with a preview of who moves, and members with their moves and grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty import queries
from loyalty.exceptions import RuleError
from loyalty.models import Earning, Tier, TierMembership, TierProgramme, TierSet
from loyalty.models.earning import VersionState
from loyalty.screens import Screen
from loyalty.services import adjusting, tiers
from loyalty.tiers_forms import GrantForm, RowFormSet, TierRulesForm, initial_of
from portal.accounts.models import User
from portal.core.admin_menu import menu_item_for
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

_MAY_SEE: Final = "loyalty.view_tiermembership"


def may_see_tiers(user: Any) -> bool:
    """Return whether the person may open the screens of tiers."""
    return tiers.may_draft(user) or tiers.may_publish(user)


def may_see_members(user: Any) -> bool:
    """Return whether the person may look up in which tier somebody is."""
    return bool(user.is_active and user.has_perm(_MAY_SEE)) or tiers.may_grant(user)


class TierSetsView(Screen):
    """All versions of all programmes."""

    page_title = _("Tiers")
    template_name = "loyalty/admin/tier_sets.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_tiers(user)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Give the programmes tiers that have none yet."""
        for earning in Earning.objects.filter(programme__tiers=None).select_related("programme").order_by("pk"):
            try:
                tiers.set_up(programme=earning.programme, by=self.user)
            except RuleError as error:
                raise PermissionDenied from error
        return HttpResponseRedirect(reverse("points_tiers:index"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sets = TierSet.objects.select_related("tiers__source__earning").prefetch_related("rows")
        return super().get_context_data(
            **kwargs,
            sets=sets.order_by("tiers_id", "-number"),
            may_begin=tiers.may_draft(self.user) and Earning.objects.filter(programme__tiers=None).exists(),
        )


class TierSetView(Screen):
    """The tiers of a programme: the draft as a form, who would move, and publishing."""

    page_title = _("Tiers of a programme")
    parents = (("points_tiers:index", TierSetsView.page_title),)
    template_name = "loyalty/admin/tier_set.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_tiers(user)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.link = get_object_or_404(
            TierProgramme.objects.select_related("source__earning", "status"), pk=kwargs["pk"]
        )
        return super().dispatch(request, *args, **kwargs)

    def _last(self) -> TierSet:
        last = TierSet.objects.filter(tiers=self.link).order_by("-number").first()
        if last is None:
            raise Http404
        return last

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if "publish" in request.POST and not tiers.may_publish(self.user):
            raise PermissionDenied  # before the draft is saved
        if not tiers.may_draft(self.user):
            raise PermissionDenied
        form, rows = TierRulesForm(request.POST), RowFormSet(request.POST, prefix="tier")
        problems: list[str] = []
        if form.is_valid() and rows.is_valid():
            values = [row for each in rows.forms if (row := each.row()) is not None]
            try:
                draft = tiers.save_draft(tiers=self.link, rows=values, by=self.user, **form.cleaned_data)
                return self._go_on(draft)
            except ValidationError as error:
                problems = error.messages
            except RuleError as error:
                problems = [str(error)]
        return self.render_to_response(self.get_context_data(form=form, rows=rows, problems=problems), status=422)

    def _go_on(self, draft: TierSet) -> HttpResponse:
        if "preview" in self.request.POST:
            return self.render_to_response(self.get_context_data(moves=_in_words(draft, tiers.preview(draft))))
        if "publish" in self.request.POST:
            tiers.publish(draft, by=self.user)
            messages.success(self.request, gettext("These tiers count from now on. Members move within the hour."))
        else:
            messages.success(self.request, gettext("The draft is saved. It moves nobody until it is published."))
        return HttpResponseRedirect(reverse("points_tiers:edit", args=[self.link.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        last = self._last()
        kwargs.setdefault("form", TierRulesForm(instance=last))
        kwargs.setdefault("rows", RowFormSet(initial=initial_of(list(last.rows.all())), prefix="tier"))
        return super().get_context_data(
            **kwargs,
            last=last,
            link=self.link,
            is_draft=last.state == VersionState.DRAFT,
            may_draft=tiers.may_draft(self.user),
            may_publish=tiers.may_publish(self.user) and tiers.may_draft(self.user),
        )


def _in_words(draft: TierSet, found: tiers.Preview) -> dict[str, Any]:
    ladder = tiers.ladder_of(draft).tiers
    labels = dict(TierMembership.Reason.choices)
    return {
        "members": found.members,
        "in_tier": [(tier, found.in_tier[place]) for place, tier in enumerate(ladder)],
        "moves": [
            (labels[reason], ladder[at], ladder[to], count)
            for (reason, at, to), count in sorted(found.moves.items(), key=lambda each: -each[1])
        ],
        "losing": found.losing,
    }


class TierMembersView(Screen):
    """Somebody's tier and moves, found by address or public name; and giving a tier."""

    page_title = _("Tiers of members")
    template_name = "loyalty/admin/tier_members.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_members(user)

    def _person(self) -> User | None:
        wanted = normalise_input(self.request.GET.get("who") or self.request.POST.get("who") or "").strip()
        if not wanted:
            return None
        by = {"email__iexact": wanted} if "@" in wanted else {"handle__iexact": wanted}
        found = User.objects.filter(**by).first()
        if found is not None or self.request.method == "POST" or not adjusting.may_look(self.user):
            return found
        # To look, a part of the name will do, or the number of a card, if it says who is meant.
        alike = adjusting.find_members(wanted, by=self.user, limit=2)
        return alike[0] if len(alike) == 1 else None

    def _programme(self) -> TierSet | None:
        published = TierSet.objects.filter(state=VersionState.PUBLISHED).select_related(
            "tiers__source", "tiers__status"
        )
        return published.order_by("tiers_id").first()

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if not tiers.may_grant(self.user):
            raise PermissionDenied
        person, rules = self._person(), self._programme()
        if person is None or rules is None:
            raise Http404
        form = None
        try:
            if "end" in request.POST:
                tiers.end_grant(user=person, programme=rules.tiers.source, by=self.user)
                messages.success(request, gettext("What was given has ended."))
                return self._back(person)
            form = GrantForm(request.POST, tiers=list(rules.rows.all()))
            if form.is_valid():
                tiers.grant(user=person, programme=rules.tiers.source, by=self.user, **form.cleaned_data)
                messages.success(request, gettext("The tier is given, and the member is told."))
                return self._back(person)
        except RuleError as error:
            messages.error(request, str(error))
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _back(self, person: User) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('points_tier_members:index')}?who={person.handle}")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person, rules = self._person(), self._programme()
        rows: list[TierMembership] = []
        now: Tier | None = None
        granted = False
        if person is not None and rules is not None:
            wallets = queries.wallets_of(person).filter(programme=rules.tiers.status)
            found = TierMembership.objects.filter(wallet__in=wallets).select_related("from_tier", "to_tier")
            rows = list(found.order_by("-number")[:50])
            ladder = tiers.ladder_of(rules)
            now = ladder.tiers[ladder.place_of(rows[0].to_tier if rows else None)]
            granted = any(row.reason == TierMembership.Reason.GRANTED for row in rows)
        if rules is not None and kwargs.get("form") is None:
            kwargs["form"] = GrantForm(tiers=list(rules.rows.all()))
        return super().get_context_data(
            **kwargs,
            who=self.request.GET.get("who", self.request.POST.get("who", "")),
            person=person,
            rules=rules,
            rows=rows,
            now=now,
            is_granted=granted,
            may_grant=tiers.may_grant(self.user),
        )


class TiersViewSet(ViewSet):
    name = "points_tiers"
    url_prefix = "points/tiers"
    icon = "order-up"
    menu_label = _("Tiers")
    menu_item_class = menu_item_for(may_see_tiers)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", TierSetsView.as_view(), name="index"),
            path("<int:pk>/", TierSetView.as_view(), name="edit"),
        ]


class TierMembersViewSet(ViewSet):
    name = "points_tier_members"
    url_prefix = "points/tier-members"
    icon = "user"
    menu_label = _("Tiers of members")
    menu_item_class = menu_item_for(may_see_members)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", TierMembersView.as_view(), name="index")]
