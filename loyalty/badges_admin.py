"""Admin screens of badges: drafts with who would have one, publishing and ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, OuterRef
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.adjusting_forms import DayField
from loyalty.exceptions import NotPermittedError, RuleError
from loyalty.models import Badge, Earning
from loyalty.models.badges import ICONS, MAX_TARGET
from loyalty.models.earning import VersionState
from loyalty.programme_field import ProgrammeField
from loyalty.screens import Screen
from loyalty.services import badges, earning
from portal.core.admin_menu import menu_item_for
from portal.core.localized import LocalizedTextFormField

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User


def may_see_badges(user: Any) -> bool:
    """Return whether the person has to do with badges."""
    return badges.may_draft(user) or badges.may_publish(user)


class BadgeForm(forms.Form):
    """A draft of a badge. Programme and code are chosen once."""

    programme = ProgrammeField()
    code = forms.SlugField(label=_("code"), max_length=40, help_text=_("Latin letters; never changes."))
    name = LocalizedTextFormField(label=_("name"), max_length=60)
    text = LocalizedTextFormField(
        label=_("what it is for"), max_length=160, help_text=_("As everybody reads it: “Ten answers were accepted.”")
    )
    icon = forms.ChoiceField(label=_("icon"), choices=ICONS)
    trigger = forms.ChoiceField(
        label=_("what happens"), help_text=_("Counted is what gave points and was not taken back since.")
    )
    target = forms.IntegerField(label=_("so many times"), min_value=1, max_value=MAX_TARGET)
    period = forms.ChoiceField(label=_("when"), choices=Badge.Period.choices)
    days = forms.IntegerField(label=_("within so many days"), min_value=1, max_value=731, required=False)
    starts_on = DayField(label=_("first day"), required=False)
    ends_on = DayField(label=_("last day"), required=False)
    is_public = forms.BooleanField(
        label=_("shown on the public page of the member"),
        required=False,
        initial=True,
        help_text=_("Not for what nobody else should know of somebody, such as purchases."),
    )

    def __init__(self, *args: Any, badge: Badge | None = None, **kwargs: Any) -> None:
        if badge is not None:
            kwargs["initial"] = {name: getattr(badge, name) for name in badges.BADGE_FIELDS}
        super().__init__(*args, **kwargs)
        triggers = earning.all_triggers().values()
        self.fields["trigger"].choices = [(each.name, each.label) for each in triggers]  # type: ignore[attr-defined]
        if badge is not None:
            del self.fields["programme"], self.fields["code"]


class BadgesView(Screen):
    """All badges, with how many members have each."""

    page_title = _("Badges")
    template_name = "loyalty/admin/badges.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_badges(user)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Give the programmes drafts that have no badges yet."""
        try:
            for each in _without_badges():
                badges.set_up(programme=each.programme, by=self.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        return HttpResponseRedirect(reverse("points_badges:index"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        holders = badges.holders()
        triggers = earning.all_triggers()
        found = Badge.objects.select_related("programme__earning").order_by("programme_id", "trigger", "target", "code")
        return super().get_context_data(
            **kwargs,
            rows=[
                (badge, triggers[badge.trigger].label if badge.trigger in triggers else "", holders.get(badge.pk, 0))
                for badge in found
            ],
            may_draft=badges.may_draft(self.user),
            may_begin=badges.may_draft(self.user) and bool(_without_badges()),
        )


def _without_badges() -> list[Earning]:
    known = Badge.objects.filter(programme=OuterRef("programme"))
    return list(Earning.objects.exclude(Exists(known)).select_related("programme").order_by("pk"))


class BadgeView(Screen):
    """One badge: its draft as a form, who would have it, publishing, ending."""

    page_title = _("Badge")
    template_name = "loyalty/admin/badge.html"
    parents = (("points_badges:index", BadgesView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return may_see_badges(user)

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.badge: Badge | None = None

    def _load(self) -> Badge | None:
        if "pk" in self.kwargs:
            found = Badge.objects.select_related("programme__earning")
            self.badge = get_object_or_404(found, pk=self.kwargs["pk"])
        return self.badge

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._load()
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        badge = self._load()
        if badge is not None and "end" in request.POST:
            return self._end(badge)
        if "publish" in request.POST and not badges.may_publish(self.user):
            raise PermissionDenied  # before the draft is saved
        form = BadgeForm(request.POST, badge=badge)
        if form.is_valid():
            fresh = badge or Badge(programme=form.cleaned_data["programme"], code=form.cleaned_data["code"])
            values = {name: form.cleaned_data[name] for name in badges.BADGE_FIELDS}
            try:
                return self._go_on(badges.save_badge(fresh, by=self.user, **values))
            except NotPermittedError as error:
                raise PermissionDenied from error
            except RuleError as error:
                form.add_error(None, str(error))
            except ValidationError as error:
                for name, wrong in error.message_dict.items():
                    form.add_error(name if name in form.fields else None, wrong)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _go_on(self, saved: Badge) -> HttpResponse:
        if "preview" in self.request.POST:
            self.badge = saved
            return self.render_to_response(self.get_context_data(found=badges.preview(saved)))
        if "publish" in self.request.POST:
            badges.publish(saved, by=self.user)
            messages.success(
                self.request, gettext("The badge is published. Whoever has earned it already gets it within the hour.")
            )
        else:
            messages.success(self.request, gettext("The draft is saved. Nobody gets it until it is published."))
        return HttpResponseRedirect(reverse("points_badges:edit", args=[saved.pk]))

    def _end(self, badge: Badge) -> HttpResponse:
        try:
            badges.retire(badge, by=self.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        messages.success(self.request, gettext("Nobody else gets this badge. Whoever has it keeps it."))
        return HttpResponseRedirect(reverse("points_badges:edit", args=[badge.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        badge = self.badge
        is_draft = badge is None or badge.is_draft
        if is_draft and badges.may_draft(self.user):
            kwargs.setdefault("form", BadgeForm(badge=badge))
        trigger = earning.all_triggers().get(badge.trigger) if badge else None
        return super().get_context_data(
            **kwargs,
            badge=badge,
            trigger=trigger.label if trigger else "",
            is_in_force=badge is not None and badge.state == VersionState.PUBLISHED,
            may_publish=is_draft and badges.may_publish(self.user) and badges.may_draft(self.user),
            may_end=badges.may_publish(self.user),
        )


class BadgesViewSet(ViewSet):
    name = "points_badges"
    url_prefix = "points/badges"
    icon = "tick-inverse"
    menu_label = BadgesView.page_title
    menu_item_class = menu_item_for(may_see_badges)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", BadgesView.as_view(), name="index"),
            path("new/", BadgeView.as_view(), name="add"),
            path("<int:pk>/", BadgeView.as_view(), name="edit"),
        ]
