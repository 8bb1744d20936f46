"""Admin screens of campaigns: drafts, publishing, ending, and the budget that pays."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.adjusting_forms import PointsField, day_as_typed, day_of
from loyalty.exceptions import LedgerError, NotPermittedError, RuleError
from loyalty.models import Campaign, EarningRule, Programme
from loyalty.models.earning import VersionState
from loyalty.programme_field import ProgrammeField
from loyalty.screens import Screen
from loyalty.segments_field import SegmentsField
from loyalty.services import earning
from portal.core.admin_menu import menu_item_for
from portal.core.formats import WEEKDAYS
from portal.core.localized import LocalizedTextFormField
from portal.core.text import normalise_input, row_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

_MOMENT: Final = re.compile(r"(\S+)\s+([0-9]{1,2}):([0-9]{2})\Z")
#: Weeks begin on Saturday here; 0 is Monday.
_WEEK: Final = (5, 6, 0, 1, 2, 3, 4)


def may_see_campaigns(user: User) -> bool:
    """Return whether the person has to do with campaigns."""
    return earning.may_draft(user) or earning.may_publish(user) or earning.may_fund(user)


class MomentField(forms.Field):
    """A day in the reader's calendar and a time, in the programme's time zone: 1405/12/29 20:00."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.zone = ZoneInfo("UTC")
        self.widget.attrs |= {"dir": "ltr", "maxlength": "30", "placeholder": "1405/12/29 20:00", "autocomplete": "off"}

    def to_python(self, value: Any) -> dt.datetime | None:
        text = normalise_input(str(value or ""), digits=True).strip()
        if not text:
            return None
        found = _MOMENT.match(text)
        day = day_of(found[1]) if found else None
        if found is None or day is None or int(found[2]) > 23 or int(found[3]) > 59:
            raise ValidationError(_("Write day and time as year/month/day hour:minute, for example 1405/12/29 20:00."))
        return dt.datetime.combine(day, dt.time(int(found[2]), int(found[3])), self.zone)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dt.datetime):
            return value
        local = value.astimezone(self.zone)
        return f"{day_as_typed(local.date())} {local:%H:%M}"


class CampaignForm(forms.Form):
    """A draft of a campaign. Programme and code are chosen once."""

    programme = ProgrammeField()
    code = forms.SlugField(label=_("code"), max_length=40, help_text=_("Latin letters; never changes."))
    name = LocalizedTextFormField(label=_("name"), max_length=100)
    percent = forms.IntegerField(
        label=_("per cent of the usual points"),
        min_value=101,
        max_value=1000,
        help_text=_("150: one and a half times the points."),
    )
    starts_at = MomentField(label=_("from"))
    ends_at = MomentField(label=_("until"))
    weekdays = forms.TypedMultipleChoiceField(
        label=_("on these days of the week"),
        coerce=int,
        required=False,
        choices=[(day, WEEKDAYS[day]) for day in _WEEK],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: every day."),
    )
    hour_from = forms.IntegerField(label=_("from the hour"), min_value=0, max_value=23, initial=0)
    hour_to = forms.IntegerField(label=_("to the hour"), min_value=1, max_value=24, initial=24)
    rules = forms.MultipleChoiceField(
        label=_("for the rules"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all of them."),
    )
    segments = SegmentsField(
        help_text=_(
            "Of one of them. Others get the usual points, and read that a campaign was for some members only. None: for everybody."
        )
    )
    budget = forms.SlugField(
        label=_("budget"),
        max_length=40,
        required=False,
        help_text=_(
            "Latin letters. It pays what is more than usual; when it is empty, members get the usual points. Empty: no limit."
        ),
    )

    def __init__(self, *args: Any, campaign: Campaign | None = None, **kwargs: Any) -> None:
        if campaign is not None:
            kwargs["initial"] = {name: getattr(campaign, name) for name in earning.CAMPAIGN_FIELDS}
        super().__init__(*args, **kwargs)
        rules = EarningRule.objects.order_by("code")
        if campaign is not None:
            del self.fields["programme"], self.fields["code"]
            rules = rules.filter(programme=campaign.programme_id)
        zone = campaign.programme.time_zone if campaign else self._zone()
        for name in ("starts_at", "ends_at"):
            self.fields[name].zone = ZoneInfo(zone)  # type: ignore[attr-defined]
        names = {rule.code: str(rule) for rule in rules}
        self.fields["rules"].choices = list(names.items())  # type: ignore[attr-defined]

    def _zone(self) -> str:
        chosen = row_number(self.data.get("programme", ""))
        known = Programme.objects.filter(earning__isnull=False)
        one = known.filter(pk=chosen).first() if chosen is not None else known.first()
        return one.time_zone if one else "UTC"


class FundForm(forms.Form):
    """Points for a budget."""

    points = PointsField(label=_("Points"))
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


class _CampaignScreen(Screen):
    def is_allowed(self, user: User) -> bool:
        return may_see_campaigns(user)


class CampaignsView(_CampaignScreen):
    """All campaigns, newest first, with what is left of their budgets."""

    page_title = _("Campaigns")
    template_name = "loyalty/admin/campaigns.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = list(Campaign.objects.select_related("programme__earning")[:100])
        budgets = earning.budgets_of(rows)
        return super().get_context_data(
            **kwargs,
            rows=[(row, budgets.get(row.pk)) for row in rows],
            may_draft=earning.may_draft(self.user),
        )


class CampaignView(_CampaignScreen):
    """One campaign: its draft as a form, publishing, ending, its budget."""

    page_title = _("Campaign")
    template_name = "loyalty/admin/campaign.html"
    parents = (("points_campaigns:index", CampaignsView.page_title),)

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.campaign: Campaign | None = None

    def _load(self) -> Campaign | None:
        if "pk" in self.kwargs:
            found = Campaign.objects.select_related("programme__earning")
            self.campaign = get_object_or_404(found, pk=self.kwargs["pk"])
        return self.campaign

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._load()
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        campaign = self._load()
        if campaign is not None and "fund" in request.POST:
            return self._fund(campaign)
        if campaign is not None and "end" in request.POST:
            self._tried(None, lambda: earning.end_campaign(campaign, by=self.user), gettext("The campaign has ended."))
            return self._back(campaign)
        if "publish" in request.POST and not earning.may_publish(self.user):
            raise PermissionDenied  # before the draft is saved
        form = CampaignForm(request.POST, campaign=campaign)
        if form.is_valid():
            saved = campaign or Campaign(programme=form.cleaned_data["programme"], code=form.cleaned_data["code"])
            values = {name: form.cleaned_data[name] for name in earning.CAMPAIGN_FIELDS}
            done: list[Campaign] = []
            is_saved = self._tried(
                form,
                lambda: done.append(earning.save_campaign(saved, by=self.user, **values)),
                gettext("The draft is saved. It changes nothing until it is published."),
            )
            if is_saved:
                if "publish" in request.POST:
                    self._tried(
                        None,
                        lambda: earning.publish_campaign(done[0], by=self.user),
                        gettext("The campaign is published."),
                    )
                return self._back(done[0])
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _fund(self, campaign: Campaign) -> HttpResponse:
        form = FundForm(self.request.POST)

        def act() -> None:
            earning.fund_campaign(campaign, by=self.user, **form.cleaned_data)

        if form.is_valid() and self._tried(form, act, gettext("The points are in the budget.")):
            return self._back(campaign)
        return self.render_to_response(self.get_context_data(fund_form=form), status=422)

    def _back(self, campaign: Campaign) -> HttpResponse:
        return HttpResponseRedirect(reverse("points_campaigns:edit", args=[campaign.pk]))

    def _tried(self, form: forms.Form | None, act: Callable[[], object], done: str) -> bool:
        try:
            act()
        except NotPermittedError as error:
            raise PermissionDenied from error
        except (RuleError, LedgerError) as error:
            problem: Any = str(error)
        except ValidationError as error:
            problem = error
        else:
            messages.success(self.request, done)
            return True
        if form is None:
            messages.error(
                self.request, " ".join(problem.messages) if isinstance(problem, ValidationError) else problem
            )
        else:
            self._mark(form, problem)
        return False

    def _mark(self, form: forms.Form, problem: Any) -> None:
        if isinstance(problem, ValidationError) and hasattr(problem, "error_dict"):
            for name, wrong in problem.message_dict.items():
                form.add_error(name if name in form.fields else None, wrong)
        else:
            form.add_error(None, problem)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        campaign = self.campaign
        is_draft = campaign is None or campaign.state == VersionState.DRAFT
        context: dict[str, Any] = {}
        if is_draft and earning.may_draft(self.user):
            context["form"] = CampaignForm(campaign=campaign)
        if campaign is not None and campaign.budget and campaign.state != VersionState.RETIRED:
            context["budget"] = earning.budgets_of([campaign])[campaign.pk]
            if earning.may_fund(self.user):
                context["fund_form"] = FundForm(auto_id="fund_%s")
        return super().get_context_data(
            **{**context, **kwargs},
            campaign=campaign,
            is_in_force=campaign is not None and campaign.state == VersionState.PUBLISHED,
            may_publish=is_draft and earning.may_publish(self.user) and earning.may_draft(self.user),
            may_end=earning.may_publish(self.user),
        )


class CampaignsViewSet(ViewSet):
    name = "points_campaigns"
    url_prefix = "points/campaigns"
    icon = "date"
    menu_label = CampaignsView.page_title
    menu_item_class = menu_item_for(may_see_campaigns)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", CampaignsView.as_view(), name="index"),
            path("new/", CampaignView.as_view(), name="add"),
            path("<int:pk>/", CampaignView.as_view(), name="edit"),
        ]
