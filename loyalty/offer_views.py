"""The pages of offers: what there is, why, the answers to it, and what a member agrees to. All work without scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from loyalty import own_offers, own_points
from loyalty.exceptions import OfferGoneError
from loyalty.models import Member, MemberConsent
from loyalty.models.offers import OfferAnswer, Placement
from loyalty.services import offers
from loyalty.services.offers import Purpose
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.utils.functional import _StrPromise

    from loyalty.models import Programme
    from portal.accounts.models import User

Kind = OfferAnswer.Kind


def _programme_or_404() -> Programme:
    shown = own_points.open_programme()
    if shown is None:
        raise Http404
    return shown.programme


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponseBase:
    """Show the offers for whoever looks; ``?hidden=`` offers to take back that one was hidden."""
    programme = _programme_or_404()
    context = {
        "cards": own_offers.cards_for(request, programme, Placement.LIST),
        "hidden": row_number(request.GET.get("hidden", "")) if request.user.is_authenticated else None,
        "wants_personal": _wants_personal(request),
    }
    return render(request, "loyalty/offers.html", context)


def _wants_personal(request: HttpRequest) -> bool:
    person = own_offers.person_of(request)
    member = Member.objects.filter(user=person).first() if person else None
    return member is not None and offers.agrees(member.key, Purpose.PROFILING)


@never_cache
@require_safe
def offer(request: HttpRequest, number: int) -> HttpResponseBase:
    """Show one offer with its terms, and why somebody sees it."""
    programme = _programme_or_404()
    found = offers.offer_for(own_offers.person_of(request), programme, number)
    if found is None:
        raise Http404
    [card] = own_offers.as_cards([found], programme)
    context = {
        "card": card,
        "offer": card.offer,
        "address": own_offers.address_of(card.offer),
        "action": own_offers.action_of(card.offer),
    }
    return render(request, "loyalty/offer.html", context)


@login_required
@never_cache
@require_POST
def accept(request: HttpRequest, number: int) -> HttpResponseBase:
    """Accept an offer, and go where it leads."""
    programme = _programme_or_404()
    try:
        accepted = offers.accept(user=_person(request), programme=programme, number=number)
    except OfferGoneError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("loyalty:offers"))
    return HttpResponseRedirect(own_offers.address_of(accepted))


def _hide(request: HttpRequest, number: int, kind: Kind) -> HttpResponseBase:
    programme = _programme_or_404()
    try:
        offers.hide(user=_person(request), programme=programme, number=number, kind=kind)
    except OfferGoneError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("loyalty:offers"))
    if kind == Kind.LESS:
        messages.success(request, _("You will see fewer offers of this kind for some time."))
    return HttpResponseRedirect(f"{reverse('loyalty:offers')}?hidden={number}")


@login_required
@never_cache
@require_POST
def hide(request: HttpRequest, number: int) -> HttpResponseBase:
    """Do not show an offer again."""
    return _hide(request, number, Kind.DISMISSED)


@login_required
@never_cache
@require_POST
def less(request: HttpRequest, number: int) -> HttpResponseBase:
    """Show no offer of its kind for some time."""
    return _hide(request, number, Kind.LESS)


@login_required
@never_cache
@require_POST
def undo(request: HttpRequest, number: int) -> HttpResponseBase:
    """Show an offer again that was hidden."""
    if offers.undo(user=_person(request), programme=_programme_or_404(), number=number):
        messages.success(request, _("The offer is back."))
    return HttpResponseRedirect(reverse("loyalty:offers"))


# What members agree to -----------------------------------------------------------------------------------------------

#: What each switch is about, as members read it.
_ABOUT: Final[dict[str, tuple[_StrPromise, _StrPromise]]] = {
    Purpose.PROFILING: (
        gettext_lazy("Offers chosen for you"),
        gettext_lazy(
            "We look at your products, your points and level, and how you use the community to choose offers. Without it you "
            "see the same general offers as everybody else, in the same order. It is off until you switch it on."
        ),
    ),
    Purpose.MARKETING: (
        gettext_lazy("News of offers"),
        gettext_lazy(
            "We may tell you about new offers by e-mail. At present no such mail is sent; it is off until you switch it on."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class _Switch:
    purpose: str
    title: _StrPromise
    text: _StrPromise
    #: What the member said last.
    said: MemberConsent | None

    @property
    def is_on(self) -> bool:
        return self.said is not None and self.said.is_given


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consents(request: HttpRequest) -> HttpResponseBase:
    """Show what the member agrees to, and change it: ``purpose`` and ``agree`` (1 or 0)."""
    programme = _programme_or_404()
    person = _person(request)
    if request.method == "POST":
        return _set_consent(request, programme)
    member = Member.objects.filter(user=person).first()
    said = offers.consents_of(member.key) if member else {}
    context: dict[str, Any] = {
        "is_member": member is not None,
        "switches": [_Switch(purpose, *about, said.get(purpose)) for purpose, about in _ABOUT.items()],
        "facts": [own_offers.looked_at(fact) for fact in offers.vocabulary(programme).facts],
    }
    return render(request, "loyalty/consents.html", context)


def _set_consent(request: HttpRequest, programme: Programme) -> HttpResponseBase:
    purpose, agree = request.POST.get("purpose", ""), request.POST.get("agree", "")
    if purpose not in offers.SWITCHES or agree not in {"0", "1"}:
        messages.error(request, _("Please choose one of the switches."))
        return HttpResponseRedirect(reverse("loyalty:consents"))
    offers.set_consent(
        user=_person(request), programme=programme, purpose=Purpose(purpose), is_given=agree == "1", source="page"
    )
    title = _ABOUT[Purpose(purpose)][0]
    text = _("“%(what)s” is on.") if agree == "1" else _("“%(what)s” is off.")
    messages.success(request, text % {"what": title})
    return HttpResponseRedirect(reverse("loyalty:consents"))
