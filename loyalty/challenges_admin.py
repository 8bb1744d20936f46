"""Admin screens of challenges: drafts with who would have completed them, publishing and ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from wagtail.admin.viewsets.base import ViewSet

from loyalty.badges_admin import BadgeForm, BadgeView
from loyalty.models import Challenge
from loyalty.models.challenges import MAX_POINTS, MAX_TARGET
from loyalty.models.offers import Segment
from loyalty.screens import Screen
from loyalty.services import challenges, earning, rewards
from portal.core.admin_menu import menu_item_for
from portal.core.localized import LocalizedTextFormField

if TYPE_CHECKING:
    from collections.abc import Collection

    from loyalty.models import Badge
    from portal.accounts.models import User


def may_see_challenges(user: Any) -> bool:
    """Return whether the person has to do with challenges."""
    return challenges.may_draft(user) or challenges.may_publish(user)


class ChallengeForm(BadgeForm):
    """A draft of a challenge. Programme and code are chosen once."""

    of_draft: ClassVar[Collection[str]] = challenges.CHALLENGE_FIELDS

    text = LocalizedTextFormField(
        label=_("what it takes"), max_length=160, help_text=_("As members read it: “Help three people this month.”")
    )
    target = forms.IntegerField(label=_("so many times"), min_value=1, max_value=MAX_TARGET)
    period = forms.ChoiceField(label=_("when"), choices=Challenge.Period.choices)
    repeats = forms.BooleanField(
        label=_("can be completed again every month"),
        required=False,
        initial=True,
        help_text=_("Without it once, in whatever month. It is not for a time between two days."),
    )
    points = forms.IntegerField(
        label=_("points"),
        min_value=0,
        max_value=MAX_POINTS,
        initial=0,
        help_text=_("For each completion, by the rule for completed challenges, with its limits. 0: none."),
    )
    is_badge = forms.TypedChoiceField(
        label=_("badge"),
        required=False,
        empty_value=None,
        coerce=lambda chosen: chosen == "yes",
        choices=[
            ("", pgettext_lazy("challenge", "Everybody sees it, unless the challenge is for a segment")),
            ("yes", pgettext_lazy("challenge", "Everybody sees it on the public page of the member")),
            ("no", pgettext_lazy("challenge", "Only the member sees that it is completed")),
        ],
        help_text=_(
            "A badge of a challenge for a segment tells others how the member takes part: whether they have become quiet, for example."
        ),
    )
    segment = forms.ChoiceField(
        label=_("for members who take part like this"),
        required=False,
        help_text=_("Only members who want personal offers are told of it."),
    )
    from_tier = forms.ChoiceField(label=_("from which tier on"), required=False)
    field_order = ("programme", "code", "name", "text", "icon", "trigger", "target", "period", "starts_on",
                                        "ends_on", "repeats", "points", "is_badge", "segment", "from_tier")  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["days"], self.fields["is_public"]  # of badges alone
        everybody = ("", pgettext_lazy("challenge", "Everybody"))
        fields: Any = self.fields
        fields["segment"].choices = [everybody, *Segment.choices]
        fields["from_tier"].choices = [everybody, *rewards.tier_choices(None)]
        fields["trigger"].choices = [
            choice for choice in fields["trigger"].choices if choice[0] != challenges.CHALLENGE
        ]
        draft = self.initial
        if "is_badge" in draft:  # what follows from the segment is not asked about again
            by_default = draft["is_badge"] != bool(draft["segment"])
            self.initial["is_badge"] = "" if by_default else ("yes" if draft["is_badge"] else "no")


class ChallengesView(Screen):
    """All challenges, with how often each was completed."""

    page_title = _("Challenges")
    template_name = "loyalty/admin/challenges.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_challenges(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        completed = challenges.completions()
        triggers = earning.all_triggers()
        return super().get_context_data(
            **kwargs,
            rows=[
                (row, triggers[row.trigger].label if row.trigger in triggers else "", completed.get(row.pk, 0))
                for row in Challenge.objects.order_by("programme_id", "-pk")
            ],
            may_draft=challenges.may_draft(self.user),
        )


class ChallengeView(BadgeView):
    """One challenge: its draft as a form, who would have completed it, publishing, ending."""

    page_title = _("Challenge")
    template_name = "loyalty/admin/challenge.html"
    parents = (("points_challenges:index", ChallengesView.page_title),)
    model = Challenge
    form_class = ChallengeForm
    made = challenges
    address = "points_challenges:edit"
    said_published = _("The challenge is published. Whoever has done enough already completes it within the hour.")
    said_ended = _("Nobody else completes this challenge. Whoever did keeps it.")

    def find(self, pk: int) -> Badge | Challenge:
        return get_object_or_404(Challenge.objects.select_related("programme__earning"), pk=pk)

    def save(self, badge: Any, **values: Any) -> Any:
        return challenges.save_challenge(badge, by=self.user, **values)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if isinstance(self.badge, Challenge) and self.badge.is_draft:
            context["most"] = challenges.most_points(self.badge)
        return context


class ChallengesViewSet(ViewSet):
    name = "points_challenges"
    url_prefix = "points/challenges"
    icon = "flag"
    menu_label = ChallengesView.page_title
    menu_item_class = menu_item_for(may_see_challenges)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", ChallengesView.as_view(), name="index"),
            path("new/", ChallengeView.as_view(), name="add"),
            path("<int:pk>/", ChallengeView.as_view(), name="edit"),
        ]
