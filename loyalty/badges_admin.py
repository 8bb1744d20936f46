"""Admin screens of badges: drafts with who would have one, publishing and ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

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
    from collections.abc import Collection

    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrPromise

    from loyalty.models import Challenge
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

    #: Fields of the model.
    of_draft: ClassVar[Collection[str]] = badges.BADGE_FIELDS

    def __init__(self, *args: Any, badge: Badge | Challenge | None = None, **kwargs: Any) -> None:
        if badge is not None:
            kwargs["initial"] = {name: getattr(badge, name) for name in self.of_draft}
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
    #: What else is made like badges has services with the same names, a form and words of its own.
    model: type[Badge | Challenge] = Badge
    form_class: type[BadgeForm] = BadgeForm
    made: Any = badges
    address = "points_badges:edit"
    said_published: _StrPromise = _("The badge is published. Whoever has earned it already gets it within the hour.")
    said_ended: _StrPromise = _("Nobody else gets this badge. Whoever has it keeps it.")

    def is_allowed(self, user: User) -> bool:
        return bool(self.made.may_draft(user) or self.made.may_publish(user))

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.badge: Badge | Challenge | None = None

    def _load(self) -> Badge | Challenge | None:
        if "pk" in self.kwargs:
            self.badge = self.find(self.kwargs["pk"])
        return self.badge

    def find(self, pk: int) -> Badge | Challenge:
        """Return the one the page is about, or answer 404."""
        return get_object_or_404(Badge.objects.select_related("programme__earning"), pk=pk)

    def save(self, badge: Any, **values: Any) -> Any:
        """Save the draft."""
        return badges.save_badge(badge, by=self.user, **values)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._load()
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        badge = self._load()
        if badge is not None and "end" in request.POST:
            return self._end(badge)
        if "publish" in request.POST and not self.made.may_publish(self.user):
            raise PermissionDenied  # before the draft is saved
        form = self.form_class(request.POST, badge=badge)
        if form.is_valid():
            fresh = badge or self.model(programme=form.cleaned_data["programme"], code=form.cleaned_data["code"])
            values = {name: form.cleaned_data[name] for name in form.of_draft}
            try:
                return self._go_on(self.save(fresh, **values))
            except NotPermittedError as error:
                raise PermissionDenied from error
            except RuleError as error:
                form.add_error(None, str(error))
            except ValidationError as error:
                for name, wrong in error.message_dict.items():
                    form.add_error(name if name in form.fields else None, wrong)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _go_on(self, saved: Badge | Challenge) -> HttpResponse:
        if "preview" in self.request.POST:
            self.badge = saved
            return self.render_to_response(self.get_context_data(found=self.made.preview(saved)))
        if "publish" in self.request.POST:
            try:
                self.made.publish(saved, by=self.user)
            except (RuleError, ValidationError) as error:
                # The draft is saved: the page goes on with it.
                said = error.messages if isinstance(error, ValidationError) else [str(error)]
                messages.error(self.request, " ".join(said))
            else:
                messages.success(self.request, self.said_published)
        else:
            messages.success(self.request, gettext("The draft is saved. Nobody gets it until it is published."))
        return HttpResponseRedirect(reverse(self.address, args=[saved.pk]))

    def _end(self, badge: Badge | Challenge) -> HttpResponse:
        try:
            self.made.retire(badge, by=self.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        messages.success(self.request, self.said_ended)
        return HttpResponseRedirect(reverse(self.address, args=[badge.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        badge = self.badge
        is_draft = badge is None or badge.is_draft
        if is_draft and self.made.may_draft(self.user):
            kwargs.setdefault("form", self.form_class(badge=badge))
        trigger = earning.all_triggers().get(badge.trigger) if badge else None
        return super().get_context_data(
            **kwargs,
            badge=badge,
            trigger=trigger.label if trigger else "",
            is_in_force=badge is not None and badge.state == VersionState.PUBLISHED,
            may_publish=is_draft and self.made.may_publish(self.user) and self.made.may_draft(self.user),
            may_end=self.made.may_publish(self.user),
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
