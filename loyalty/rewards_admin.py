"""Admin screens of rewards: what is offered, codes, and what was taken with the steps of its fulfilment."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet, ViewSetGroup
from wagtail.admin.widgets import AdminDateInput
from wagtail.images.widgets import AdminImageChooser

from loyalty import shop
from loyalty.amounts import parse_points
from loyalty.exceptions import CodesRefusedError, InvalidAmountError, LedgerError
from loyalty.models import (
    Activity,
    Earning,
    Programme,
    Redemption,
    Reward,
    RewardPrice,
    RewardTerms,
    Segment,
    VoucherCode,
)
from loyalty.models.rewards import HELD_STATES, Reason, RewardKind, State
from loyalty.programme_field import ProgrammeField
from loyalty.screens import Screen
from loyalty.segments_field import SegmentsField
from loyalty.services import rewards
from loyalty.services.rewards import Right
from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_number
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from portal.accounts.models import User

_PAGE: Final = 50
#: The largest file of codes.
_MOST_BYTES: Final = 2_000_000


def may_offer(user: User) -> bool:
    """Return whether the person may open the screens of what is offered."""
    return any(rewards.may(user, right) for right in (Right.OFFER, Right.CODES, Right.TERMS))


def may_see_taken(user: User) -> bool:
    """Return whether the person may open the screens of what was taken."""
    return any(rewards.may(user, right) for right in (Right.SEE, Right.FULFIL, Right.REFUND))


# What is offered -----------------------------------------------------------------------------------------------------


class RewardForm(forms.ModelForm[Reward]):
    """A reward; programme and kind are chosen once."""

    programme = ProgrammeField()
    from_tier = forms.ChoiceField(
        label=_("from which tier on"), required=False,
        help_text=_("Members of lower tiers see it, and what they need for it."),
    )  # fmt: skip

    segments = SegmentsField(
        help_text=_(
            "Of one of them. Others see it, and whom it is for, without the name of the segment. None: for everybody."
        )
    )

    class Meta:
        model = Reward
        fields = ("programme", "kind", *rewards.CHANGEABLE)
        widgets: ClassVar = {
            "picture": AdminImageChooser,
            "available_from": AdminDateInput,
            "available_until": AdminDateInput,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["programme"], self.fields["kind"]
        self._offer_tiers()

    def _offer_tiers(self) -> None:
        """Let a tier be chosen by its name: of the reward's programme, or of any while that is chosen, too."""
        choices = rewards.tier_choices(self.instance.programme if self.instance.pk else None)
        now = self.instance.from_tier
        if now and now not in dict(choices):
            choices.append((now, gettext("%(tier)s (there is no such tier any more)") % {"tier": now}))
        field: forms.ChoiceField = self.fields["from_tier"]  # type: ignore[assignment]
        field.choices = [("", gettext("for everybody")), *choices]

    def values(self) -> dict[str, Any]:
        """What can be changed."""
        return {name: self.cleaned_data[name] for name in rewards.CHANGEABLE}


class RewardsView(Screen):
    """All rewards, with what is left of them."""

    page_title = _("Offered rewards")
    template_name = "loyalty/admin/rewards.html"

    def is_allowed(self, user: User) -> bool:
        return may_offer(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        free = Count("codes", filter=Q(codes__status=VoucherCode.Status.FREE))
        found = Reward.objects.annotate(free=free).select_related("programme__earning")
        rows = list(found.order_by("programme_id", "-is_published", "price", "pk"))
        names = dict(rewards.tier_choices(None)) if any(row.from_tier for row in rows) else {}
        return super().get_context_data(
            **kwargs,
            rows=[(row, names.get(row.from_tier, row.from_tier), _names_of(row)) for row in rows],
            may_offer=rewards.may(self.user, Right.OFFER),
            may_add_codes=rewards.may(self.user, Right.CODES),
            programmes=Earning.objects.select_related("programme") if rewards.may(self.user, Right.TERMS) else [],
        )


def _names_of(reward: Reward) -> list[str]:
    names = {**dict(Segment.choices), **dict(Activity.choices)}
    return [str(names.get(code, code)) for code in reward.segments or ()]


class _FormScreen(Screen):
    """A screen with a form: what it does is `act`, whose refusals are shown."""

    template_name = "loyalty/admin/reward_form.html"
    parents = (("rewards_offered:index", RewardsView.page_title),)
    form_class: type[forms.Form | forms.ModelForm[Any]]

    def get_form(self, data: Any = None, files: Any = None) -> Any:
        return self.form_class(data, files)

    def act(self, form: Any) -> HttpResponseBase:
        raise NotImplementedError

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        form = self.get_form(request.POST, request.FILES)
        if form.is_valid():
            try:
                return self.act(form)
            except ValidationError as error:
                form.add_error(None, error.messages)
            except LedgerError as error:
                form.add_error(None, str(error))
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", self.get_form())
        return super().get_context_data(**kwargs, media=kwargs["form"].media)


class RewardView(_FormScreen):
    """One reward as a form, with the history of its price."""

    page_title = _("Reward")

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.reward: Reward | None = None

    def is_allowed(self, user: User) -> bool:
        return rewards.may(user, Right.OFFER)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.is_allowed(self.user) and "pk" in kwargs:
            self.reward = get_object_or_404(Reward, pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_form(self, data: Any = None, files: Any = None) -> RewardForm:
        return RewardForm(data, files, instance=self.reward)

    def act(self, form: RewardForm) -> HttpResponseBase:
        if self.reward is None:
            chosen = form.cleaned_data
            saved = rewards.create_reward(
                programme=chosen["programme"], kind=chosen["kind"], by=self.user, **form.values()
            )
        else:
            saved = rewards.change_reward(reward=self.reward, by=self.user, **form.values())
        messages.success(self.request, gettext("The reward is saved."))
        return HttpResponseRedirect(reverse("rewards_offered:edit", args=[saved.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        prices = RewardPrice.objects.filter(reward=self.reward) if self.reward else []
        return super().get_context_data(**kwargs, reward=self.reward, prices=prices)


class CodesForm(forms.Form):
    """Codes as a text or a file, or how many to make."""

    text = forms.CharField(
        label=_("codes"),
        required=False,
        max_length=_MOST_BYTES,
        widget=forms.Textarea({"rows": 8, "dir": "ltr"}),
        help_text=_("One a line; of a table the first column."),
    )
    file = forms.FileField(label=_("or a file"), required=False, help_text=_("CSV or text, UTF-8."))
    count = forms.CharField(label=_("or how many to make"), required=False, max_length=20)
    expires_on = forms.DateField(label=_("last day on which they can be used"), required=False, widget=AdminDateInput)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        ways = [bool(data.get(name)) for name in ("text", "file", "count")]
        if ways.count(True) != 1:
            raise ValidationError(_("Choose one of the three: a text, a file, or a number."))
        file = data.get("file")
        if file is not None:
            if file.size > _MOST_BYTES:
                raise ValidationError(_("The file is too large."))
            try:
                data["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise ValidationError(_("The file is not UTF-8.")) from error
        if data.get("count"):
            try:
                data["count"] = parse_points(data["count"])
            except InvalidAmountError as error:
                raise ValidationError({"count": _("Write a whole number here.")}) from error
        return data


class CodesView(_FormScreen):
    """Codes of a reward: how many there are, adding some. Made ones are shown once, as a file for whoever accepts them."""

    page_title = _("Codes")
    form_class = CodesForm

    def is_allowed(self, user: User) -> bool:
        return rewards.may(user, Right.CODES)

    def _reward(self) -> Reward:
        return get_object_or_404(Reward, pk=self.kwargs["pk"], kind=RewardKind.VOUCHER)

    def act(self, form: CodesForm) -> HttpResponseBase:
        data, reward = form.cleaned_data, self._reward()
        expires_on: dt.date | None = data["expires_on"]
        try:
            if data["count"]:
                made = rewards.make_codes(reward=reward, count=data["count"], by=self.user, expires_on=expires_on)
                return _as_file(made, reward)
            count = rewards.import_codes(
                reward=reward, lines=data["text"].splitlines(), by=self.user, expires_on=expires_on
            )
        except CodesRefusedError as error:
            lines = ", ".join(format_number(line) for line in error.lines[:20])
            where = gettext("Lines: %(lines)s") % {"lines": lines} if lines else ""
            raise ValidationError(f"{error} {where}".strip()) from error
        text = ngettext("%(count)s code is added.", "%(count)s codes are added.", count)
        messages.success(self.request, text % {"count": format_number(count)})
        return HttpResponseRedirect(reverse("rewards_offered:codes", args=[reward.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        reward = self._reward()
        counts = VoucherCode.objects.filter(reward=reward).values_list("status").annotate(Count("pk")).order_by()
        found = dict(counts)
        return super().get_context_data(
            **kwargs,
            reward=reward,
            counts=[(label, found.get(status, 0)) for status, label in VoucherCode.Status.choices],
            is_file=True,
        )


def _as_file(codes: list[str], reward: Reward) -> HttpResponse:
    response = HttpResponse("\r\n".join(codes) + "\r\n", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="codes-{reward.pk}.csv"'
    response["Cache-Control"] = "no-store"
    return response


class TermsForm(forms.ModelForm[RewardTerms]):
    class Meta:
        model = RewardTerms
        fields = ("confirm_from", "wait_hours", "keep_address_days")


class TermsView(_FormScreen):
    """What holds for all rewards of a programme."""

    page_title = _("Terms of rewards")

    def is_allowed(self, user: User) -> bool:
        return rewards.may(user, Right.TERMS)

    def _programme(self) -> Programme:
        return get_object_or_404(Programme, pk=self.kwargs["pk"], earning__isnull=False)

    def get_form(self, data: Any = None, files: Any = None) -> TermsForm:
        return TermsForm(data, files, instance=RewardTerms.of(self._programme()))

    def act(self, form: TermsForm) -> HttpResponseBase:
        rewards.set_terms(programme=self._programme(), by=self.user, **form.cleaned_data)
        messages.success(self.request, gettext("The terms are saved."))
        return HttpResponseRedirect(reverse("rewards_offered:index"))


# What was taken ------------------------------------------------------------------------------------------------------


class TakenView(Screen):
    """What was taken, newest first; by default what waits for somebody to pack, send or do it."""

    page_title = _("Taken rewards")
    template_name = "loyalty/admin/redemptions.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_taken(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        chosen = {"state": asked.get("state", "waiting"), "uid": asked.get("uid", "").strip()}
        found = Redemption.objects.select_related("reward")
        if chosen["uid"]:
            uid = _uuid(chosen["uid"])
            found = found.filter(uid=uid) if uid else found.none()
        elif chosen["state"] == "waiting":
            found = found.filter(state__in=[*HELD_STATES, State.SHIPPED])
        elif chosen["state"] in State.values:
            found = found.filter(state=chosen["state"])
        if before := row_number(asked.get("before", "")):
            found = found.filter(pk__lt=before)
        rows = list(found.order_by("-pk")[: _PAGE + 1])
        query = asked.copy()
        query["before"] = str(rows[_PAGE - 1].pk) if len(rows) > _PAGE else ""
        return super().get_context_data(
            **kwargs,
            rows=rows[:_PAGE],
            next=query.urlencode() if len(rows) > _PAGE else "",
            chosen=chosen,
            may_accept=rewards.may(self.user, Right.FULFIL),
            states=[("waiting", _("What waits")), ("all", _("All")), *State.choices],
        )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class CodeShownView(Screen):
    """A code that a member shows: what it is for, and that it was used."""

    page_title = _("Accept a code")
    parents = (("rewards_taken:index", TakenView.page_title),)
    template_name = "loyalty/admin/code_shown.html"

    def is_allowed(self, user: User) -> bool:
        return rewards.may(user, Right.FULFIL)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        typed = _line(request.POST.get("code", ""), 80)
        try:
            if "use" in request.POST:
                code = rewards.use_code(typed, by=self.user)
                messages.success(request, gettext("%(reward)s: the code is used.") % {"reward": code.reward})
                return HttpResponseRedirect(reverse("rewards_taken:code"))
            found = rewards.code_shown(typed, by=self.user)
        except LedgerError as error:
            return self.render_to_response(self.get_context_data(typed=typed, error=str(error)), status=422)
        return self.render_to_response(self.get_context_data(typed=typed, found=found))


class TakenOneView(Screen):
    """One redemption: its steps, what can be done next, where it goes."""

    page_title = _("Taken reward")
    parents = (("rewards_taken:index", TakenView.page_title),)
    template_name = "loyalty/admin/redemption.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_taken(user)

    def _redemption(self) -> Redemption:
        found = Redemption.objects.select_related("reward__programme", "wallet")
        return get_object_or_404(found, pk=self.kwargs["pk"])

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        redemption = self._redemption()
        try:
            self._act(redemption, request.POST.get("do", ""))
        except (LedgerError, ValidationError) as error:
            messages.error(request, error.messages[0] if isinstance(error, ValidationError) else str(error))
        else:
            messages.success(request, gettext("It is done."))
        return HttpResponseRedirect(reverse("rewards_taken:inspect", args=[redemption.pk]))

    def _act(self, redemption: Redemption, what: str) -> None:
        sent = self.request.POST
        needed = Right.REFUND if what in {"refund", "return"} else Right.FULFIL
        if not rewards.may(self.user, needed):
            raise PermissionDenied
        if what == "advance":
            carrier, tracking = (_line(sent.get(name, ""), most) for name, most in (("carrier", 40), ("tracking", 60)))
            rewards.advance(
                redemption=redemption, by=self.user, to=sent.get("to", ""), carrier=carrier, tracking=tracking
            )
            return
        reason = sent.get("reason", "")
        if reason not in reasons():
            raise ValidationError(gettext("Choose a reason."))
        if what == "cancel":
            rewards.cancel_for_member(redemption=redemption, by=self.user, reason=reason)
        elif what == "return":
            rewards.take_back(redemption=redemption, by=self.user, reason=reason)
        elif what == "refund":
            points = sent.get("points", "").strip()
            rewards.refund(
                redemption=redemption,
                by=self.user,
                reason=reason,
                key=_line(sent.get("key", ""), 40) or "all",
                amount=parse_points(points) if points else None,
            )
        else:
            raise ValidationError(gettext("Nothing was chosen."))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        redemption = self._redemption()
        may_fulfil, may_refund = (rewards.may(self.user, right) for right in (Right.FULFIL, Right.REFUND))
        parcel, address = shop.parcel_of(redemption)
        steps = list(redemption.steps.all())
        return super().get_context_data(
            **kwargs,
            redemption=redemption,
            steps=steps,
            next=rewards.next_state(redemption) if may_fulfil else None,
            may_cancel=may_fulfil and redemption.is_held,
            may_refund=may_refund
            and not redemption.is_held
            and redemption.left
            and redemption.state != State.CANCELLED,
            may_return=may_refund
            and redemption.reward.kind == RewardKind.PHYSICAL
            and redemption.state in {State.SHIPPED, State.DELIVERED},
            parcel=parcel,
            address=address if may_fulfil else None,
            reasons=[(value, label) for value, label in Reason.choices if value in reasons()],
            # One for each look at the page: the button pressed twice gives back once.
            key=f"staff:{len(steps)}",
        )


def reasons() -> set[str]:
    """Return the reasons that staff can give."""
    return {reason.value for reason in Reason} - {Reason.ERASURE.value}


def _line(text: str, most: int) -> str:
    """One line of text without control characters, cut to a length."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())[:most]


class OfferedViewSet(ViewSet):
    name = "rewards_offered"
    url_prefix = "rewards/offered"
    icon = "tag"
    menu_label = _("Offered rewards")
    menu_item_class = menu_item_for(may_offer)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", RewardsView.as_view(), name="index"),
            path("new/", RewardView.as_view(), name="add"),
            path("<int:pk>/", RewardView.as_view(), name="edit"),
            path("<int:pk>/codes/", CodesView.as_view(), name="codes"),
            path("terms/<int:pk>/", TermsView.as_view(), name="terms"),
        ]


class TakenViewSet(ViewSet):
    name = "rewards_taken"
    url_prefix = "rewards/taken"
    icon = "tasks"
    menu_label = _("Taken rewards")
    menu_item_class = menu_item_for(may_see_taken)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", TakenView.as_view(), name="index"),
            path("code/", CodeShownView.as_view(), name="code"),
            path("<int:pk>/", TakenOneView.as_view(), name="inspect"),
        ]


class RewardsGroup(ViewSetGroup):
    menu_label = _("Rewards")
    menu_name = "rewards"
    menu_icon = "tag"
    menu_order = 116
    items: ClassVar[tuple[Any, ...]] = (OfferedViewSet, TakenViewSet)
