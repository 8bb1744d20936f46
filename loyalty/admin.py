"""Admin screens of points: rules with a trial before they are published, and what was decided about every event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet, ViewSetGroup

from loyalty.adjusting_admin import CorrectionsViewSet, FilesViewSet, MembersViewSet, ProgrammesViewSet, owners_of
from loyalty.badges_admin import BadgesViewSet
from loyalty.campaigns_admin import CampaignsViewSet
from loyalty.challenges_admin import ChallengesViewSet
from loyalty.claims_admin import ClaimsViewSet
from loyalty.configuration_admin import ConfigurationViewSet
from loyalty.exceptions import RuleError
from loyalty.liability_admin import LiabilityViewSet
from loyalty.models import Decision, EarningRule, Member, RuleVersion
from loyalty.models.earning import VersionState
from loyalty.referrals_admin import ReferralsViewSet
from loyalty.reviews_admin import PaceReviewsViewSet, ReviewsViewSet
from loyalty.rule_forms import RuleForm
from loyalty.screens import Screen
from loyalty.segments_admin import SegmentsViewSet
from loyalty.services import adjusting, earning
from loyalty.services.places import places_of
from loyalty.tiers_admin import TierMembersViewSet, TiersViewSet
from loyalty.tokens_admin import TokensViewSet
from loyalty.webhooks_admin import WebhooksViewSet
from portal.core.admin_menu import menu_item_for
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from portal.accounts.models import User

_MAY_SEE: Final = "loyalty.view_decision"
_PAGE: Final = 50
#: How many days of events a draft is tried on.
DAYS: Final = (7, 30, 90)


def may_see_rules(user: Any) -> bool:
    """Return whether the person may open the screens of rules."""
    return earning.may_draft(user) or earning.may_publish(user)


class _Screen(Screen):
    def is_allowed(self, user: User) -> bool:
        return may_see_rules(user)


# Rules ---------------------------------------------------------------------------------------------------------------


class RulesView(_Screen):
    """All rules with their version in force and their draft."""

    page_title = _("Rules for points")
    template_name = "loyalty/admin/rules.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rules = EarningRule.objects.select_related("programme__earning").prefetch_related("versions")
        return super().get_context_data(
            **kwargs,
            rows=[_row(rule) for rule in rules.order_by("programme_id", "code")],
            may_draft=earning.may_draft(self.user),
            add_url=reverse("points_rules:add"),
        )


def _row(rule: EarningRule) -> dict[str, Any]:
    by_state = {version.state: version for version in reversed(rule.versions.all())}
    shown = (
        by_state.get(VersionState.PUBLISHED) or by_state.get(VersionState.DRAFT) or by_state.get(VersionState.RETIRED)
    )
    trigger = earning.all_triggers().get(shown.trigger) if shown else None
    return {
        "rule": rule,
        "url": reverse("points_rules:edit", args=[rule.pk]),
        "shown": shown,
        "trigger": trigger.label if trigger else "",
        "has_draft": VersionState.DRAFT in by_state,
        "is_in_force": VersionState.PUBLISHED in by_state,
    }


class RuleView(_Screen):
    """One rule: its draft as a form, a trial, publishing and ending."""

    page_title = _("Rule for points")
    template_name = "loyalty/admin/rule.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        number = kwargs.get("pk")
        self.rule = (
            get_object_or_404(EarningRule.objects.select_related("programme__earning"), pk=number)
            if number is not None
            else None
        )
        return super().dispatch(request, *args, **kwargs)

    def _versions(self) -> list[RuleVersion]:
        if self.rule is None:
            return []
        return list(RuleVersion.objects.filter(rule=self.rule).select_related("rule__programme__earning"))

    def _form(self, data: Any = None) -> RuleForm:
        versions = self._versions()
        return RuleForm(data, instance=versions[0] if versions else RuleVersion(), rule=self.rule)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.rule is not None and "end" in request.POST:
            return self._end(self.rule)
        if "publish" in request.POST and not earning.may_publish(self.user):
            raise PermissionDenied  # before the draft is saved
        form = self._form(request.POST)
        if "add_row" in request.POST:
            form.forget_other_errors()
            return self.render_to_response(self.get_context_data(form=form))
        if form.is_valid():
            draft = self._save(form)
            if draft is not None:
                return self._go_on(draft)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _save(self, form: RuleForm) -> RuleVersion | None:
        data = form.cleaned_data
        try:
            if self.rule is None:
                return earning.create_rule(
                    programme=data["programme"],
                    code=data["code"],
                    name=data["name"],
                    by=self.user,
                    **form.version_values(),
                )
            return earning.save_draft(rule=self.rule, by=self.user, name=data["name"], **form.version_values())
        except ValidationError as error:
            for name, problems in error.message_dict.items():
                form.add_error(name if name in form.fields else None, problems)
        except RuleError as error:
            form.add_error(None, str(error))
        return None

    def _go_on(self, draft: RuleVersion) -> HttpResponse:
        if "publish" in self.request.POST:
            try:
                earning.publish(draft, by=self.user)
            except RuleError as error:
                messages.error(self.request, str(error))
            else:
                messages.success(self.request, gettext("The rule is published. Points are given by it from now on."))
        elif "try" in self.request.POST:
            messages.success(self.request, gettext("The draft is saved. It gives no points until it is published."))
            days = row_number(self.request.POST.get("days", ""))
            return self.render_to_response(
                self.get_context_data(
                    trial=earning.simulate(draft, days=days if days in DAYS else DAYS[1]), rule=draft.rule
                )
            )
        else:
            messages.success(self.request, gettext("The draft is saved. It gives no points until it is published."))
        return HttpResponseRedirect(reverse("points_rules:edit", args=[draft.rule_id]))

    def _end(self, rule: EarningRule) -> HttpResponse:
        try:
            earning.retire(rule, by=self.user)
        except RuleError as error:
            messages.error(self.request, str(error))
        else:
            messages.success(self.request, gettext("The rule has ended. It gives no more points."))
        return HttpResponseRedirect(reverse("points_rules:edit", args=[rule.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if "rule" in kwargs:
            self.rule = kwargs.pop("rule")
        versions = self._versions()
        trial = kwargs.get("trial")
        return super().get_context_data(
            **{"form": self._form(), **kwargs},
            rule=self.rule,
            versions=versions,
            is_in_force=any(version.state == VersionState.PUBLISHED for version in versions),
            may_draft=earning.may_draft(self.user),
            may_publish=earning.may_publish(self.user) and earning.may_draft(self.user),
            may_end=earning.may_publish(self.user),
            days=DAYS,
            limited=trial.then.limited if trial else 0,
            may_see_members=self.user.has_perm(_MAY_SEE),
        )

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *super().get_breadcrumbs_items()[:-1],
            {"url": reverse("points_rules:index"), "label": RulesView.page_title},
            {"url": "", "label": self.rule or gettext("New rule")},
        ]


# Decisions -----------------------------------------------------------------------------------------------------------


class DecisionsView(_Screen):
    """What was decided, newest first; of one member, one outcome, one trigger. Nothing can be changed here."""

    page_title = _("Decisions about points")
    template_name = "loyalty/admin/decisions.html"

    def is_allowed(self, user: Any) -> bool:
        return bool(user.has_perm(_MAY_SEE))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        found = Decision.objects.select_related("event", "wallet")
        chosen = {
            "key": asked.get("key", "").strip(),
            "who": asked.get("who", "").strip(),
            "outcome": asked.get("outcome", ""),
            "trigger": asked.get("trigger", ""),
        }
        if chosen["key"]:
            key = _key(chosen["key"])
            found = found.filter(event__member_key=key) if key else found.none()
        may_look = adjusting.may_look(self.user)
        if chosen["who"]:
            people = adjusting.find_members(chosen["who"], by=self.user) if may_look else []
            keys = list(Member.objects.filter(user__in=people).values_list("key", flat=True))
            found = found.filter(event__member_key__in=keys)
        if chosen["outcome"] in Decision.Outcome.values:
            found = found.filter(outcome=chosen["outcome"])
        if chosen["trigger"] in earning.all_triggers():
            found = found.filter(event__trigger=chosen["trigger"])
        if before := row_number(asked.get("before", "")):
            found = found.filter(pk__lt=before)
        rows = list(found.order_by("-pk")[: _PAGE + 1])
        names = earning.names_of_rules(rows)
        owners = owners_of(row.wallet for row in rows) if may_look else {}
        about = places_of((row.event for row in rows), by=self.user)
        query = asked.copy()
        query["before"] = str(rows[_PAGE - 1].pk) if len(rows) > _PAGE else ""
        return super().get_context_data(
            **kwargs,
            rows=[
                (row, earning.explain(row, names), owners.get(row.wallet_id), about.get(row.event_id))
                for row in rows[:_PAGE]
            ],
            may_look=may_look,
            next=query.urlencode() if len(rows) > _PAGE else "",
            chosen=chosen,
            outcomes=Decision.Outcome.choices,
            triggers=earning.all_triggers().values(),
        )


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class DecisionView(_Screen):
    """One decision in words, with all facts and every rule."""

    page_title = _("Decision about points")
    template_name = "loyalty/admin/decision.html"

    def is_allowed(self, user: Any) -> bool:
        return bool(user.has_perm(_MAY_SEE))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        decision = get_object_or_404(Decision.objects.select_related("event", "wallet"), pk=kwargs["pk"])
        trigger = earning.all_triggers().get(decision.event.trigger)
        others = Decision.objects.filter(event=decision.event_id, wallet=decision.wallet_id).select_related(
            "event", "wallet"
        )
        facts = [(fact.label, decision.event.facts.get(fact.name)) for fact in trigger.facts] if trigger else []
        return super().get_context_data(
            **kwargs,
            decision=decision,
            explanation=earning.explain(decision),
            about=places_of([decision.event], by=self.user).get(decision.event_id),
            facts=facts,
            history=[(row, earning.explain(row)) for row in others.order_by("round")],
        )

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *super().get_breadcrumbs_items()[:-1],
            {"url": reverse("points_decisions:index"), "label": DecisionsView.page_title},
            {"url": "", "label": self.page_title},
        ]


class RulesViewSet(ViewSet):
    name = "points_rules"
    url_prefix = "points/rules"
    icon = "list-ul"
    menu_label = _("Rules for points")
    menu_item_class = menu_item_for(may_see_rules)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", RulesView.as_view(), name="index"),
            path("new/", RuleView.as_view(), name="add"),
            path("<int:pk>/", RuleView.as_view(), name="edit"),
        ]


class DecisionsViewSet(ViewSet):
    name = "points_decisions"
    url_prefix = "points/decisions"
    icon = "history"
    menu_label = _("Decisions about points")
    menu_item_class = menu_item_for(lambda user: user.has_perm(_MAY_SEE))

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", DecisionsView.as_view(), name="index"),
            path("<int:pk>/", DecisionView.as_view(), name="inspect"),
        ]


class PointsGroup(ViewSetGroup):
    menu_label = _("Points")
    menu_name = "points"
    menu_icon = "pick"
    menu_order = 115
    items: ClassVar[tuple[Any, ...]] = (
        *(MembersViewSet, ClaimsViewSet, CorrectionsViewSet, FilesViewSet),
        *(TiersViewSet, TierMembersViewSet, SegmentsViewSet, BadgesViewSet, ChallengesViewSet, ReferralsViewSet),
        *(
            RulesViewSet,
            CampaignsViewSet,
            DecisionsViewSet,
            ReviewsViewSet,
            PaceReviewsViewSet,
            LiabilityViewSet,
            ProgrammesViewSet,
        ),
        *(TokensViewSet, WebhooksViewSet, ConfigurationViewSet),
    )
