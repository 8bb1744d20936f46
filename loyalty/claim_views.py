"""The member's page of missing points: what was decided about a day and why, and a question to staff."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from loyalty import own_points
from loyalty.adjusting_forms import DayField
from loyalty.exceptions import ClaimRefusedError
from loyalty.models.claims import CLAIM_NOTE_LENGTH
from loyalty.services import claims, earning
from portal.core.forms import FoldedCharField, FormMixin
from portal.core.limits import limited, too_many_requests

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from loyalty.models import Earning, PointsClaim
    from portal.accounts.models import User

#: Questions of one member within a day.
_A_DAY = 20


class ClaimForm(FormMixin, forms.Form):
    """What points are missing for, and when it was."""

    trigger = forms.ChoiceField(label=gettext_lazy("What were they for?"))
    day = DayField(
        label=gettext_lazy("When was it?"), help_text=gettext_lazy("The day, in your calendar: year/month/day.")
    )

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["trigger"].choices = choices  # type: ignore[attr-defined]


class SendForm(ClaimForm):
    """The same, unseen since it was looked up, and what helps staff to find it."""

    trigger = forms.ChoiceField(widget=forms.HiddenInput)
    day = DayField(widget=forms.HiddenInput)
    note = FoldedCharField(
        label=gettext_lazy("What helps us to find it"),
        required=False,
        max_length=CLAIM_NOTE_LENGTH,
        widget=forms.Textarea({"rows": 3}),
        help_text=gettext_lazy("For example the address of a page, or the number of an order."),
    )


def _triggers(shown: Earning) -> list[tuple[str, str]]:
    """What points are given for now: name and label of each trigger, once."""
    known = earning.all_triggers()
    names = dict.fromkeys(way["version"].trigger for way in own_points.ways_to_earn(shown))  # type: ignore[attr-defined]
    return [(name, str(known[name].label)) for name in names if name in known]


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest) -> HttpResponseBase:
    """Show what was decided about a kind and day (``?trigger=&day=``), and earlier questions; on POST ask staff."""
    shown = own_points.open_programme()
    if shown is None:
        raise Http404
    person, choices = cast("User", request.user), _triggers(shown)
    if request.method == "POST":
        return _send(request, person, shown, choices)
    is_asked = "day" in request.GET
    form = ClaimForm(request.GET if is_asked else None, choices=choices)
    context: dict[str, Any] = {"form": form, "is_asked": False}
    if is_asked and form.is_valid():
        asked = form.cleaned_data
        try:
            claims.check_day(shown.programme, asked["day"])
        except ClaimRefusedError as error:
            form.add_error("day", str(error))
        else:
            context["is_asked"] = True
            context["found"] = claims.found_on(person, shown.programme, **asked)
            context["send_form"] = SendForm(initial=asked, choices=choices, auto_id="send_%s")
    return _page(request, person, choices, context)


def _send(request: HttpRequest, person: User, shown: Earning, choices: list[tuple[str, str]]) -> HttpResponseBase:
    wait = limited(request, "loyalty.claim", _A_DAY, 86_400)
    if wait is not None:
        return too_many_requests(request, wait)
    form = SendForm(request.POST, choices=choices, auto_id="send_%s")
    if form.is_valid():
        try:
            claims.send_claim(person, shown.programme, **form.cleaned_data)
        except ClaimRefusedError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Thank you. We look into it, and you find the answer here."))
            return HttpResponseRedirect(reverse("loyalty:claim"))
    asked = {name: request.POST.get(name, "") for name in ("trigger", "day")}
    context = {
        "form": ClaimForm(initial=asked, choices=choices),
        "send_form": form,
        "is_asked": True,
        "is_refused": True,
    }
    return _page(request, person, choices, context, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _page(
    request: HttpRequest,
    person: User,
    choices: list[tuple[str, str]],
    context: dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponseBase:
    names = dict(choices)

    def label_of(one: PointsClaim) -> str:
        known = earning.all_triggers().get(one.trigger)
        return names.get(one.trigger) or (str(known.label) if known else one.trigger)

    own = [(one, label_of(one)) for one in claims.claims_of(person)]
    return render(request, "loyalty/claim.html", {**context, "claims": own}, status=status)
