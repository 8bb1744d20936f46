"""The member's pages of rewards: what can be had, taking one, and what was taken. All work without scripts."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from loyalty import own_points, shop
from loyalty.exceptions import ConfirmationNeededError, LedgerError, PriceChangedError, SeenTooLongAgoError
from loyalty.models import Redemption, RedemptionStep
from loyalty.models.rewards import RewardKind
from loyalty.reward_forms import ParcelForm, RedeemForm
from loyalty.services import rewards
from portal.accounts.confirming import ask, is_confirmed
from portal.core.http import form_status
from portal.core.limits import limited, too_many_requests
from portal.core.text import row_number
from portal.core.vault import UnreadableError
from portal.notifications.services import mark_read

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from loyalty.models import Earning, Wallet
    from portal.accounts.models import User

#: Attempts of one member to take something within an hour.
_AN_HOUR = 60


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)


def _shown_or_404(request: HttpRequest) -> tuple[Earning, Wallet | None]:
    shown = own_points.open_programme()
    if shown is None:
        raise Http404
    return shown, own_points.wallet_of(_person(request), shown)


@login_required
@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponseBase:
    """Show what points can be spent on; ``?can=1&kind=&tier=`` choose some."""
    shown, wallet = _shown_or_404(request)
    offers = shop.offers_for(shown, wallet, person=_person(request))
    of_tiers = any(offer.reward.from_tier for offer in offers)
    tiers = dict(rewards.tier_choices(shown.programme)) if of_tiers else {}
    context = {
        "offers": offers,
        "shelf": shop.shelf_of(offers, request.GET, tiers),
        "balance": own_points.spendable(wallet),
        "shown": shown,
    }
    return render(request, "loyalty/rewards.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reward(request: HttpRequest, number: int) -> HttpResponseBase:
    """Show a reward with what it costs; on POST take it."""
    shown, wallet = _shown_or_404(request)
    key = row_number(number)
    offers = shop.offers_for(shown, wallet, person=_person(request), number=key) if key is not None else []
    if request.method == "POST" and key is not None:
        return _take(request, shown, wallet, key, offers)
    if not offers:
        raise Http404
    return _show(request, offers[0], wallet)


@login_required
@never_cache
@require_POST
def goal(request: HttpRequest, number: int) -> HttpResponseBase:
    """Have the person save for a reward, or no longer."""
    shown, wallet = _shown_or_404(request)
    key, person = row_number(number), _person(request)
    offers = shop.offers_for(shown, wallet, person=person, number=key) if key is not None else []
    if not offers:
        raise Http404
    if "drop" in request.POST:
        rewards.forget_goal(person, offers[0].reward)
        messages.success(request, _("You do not save for it any more."))
    else:
        rewards.save_for(person, offers[0].reward)
        messages.success(request, _("You save for it now. Your points page shows how far you are."))
    return HttpResponseRedirect(reverse("loyalty:reward", args=[key]))


def _form_class(offer: shop.Offer) -> type[RedeemForm]:
    return ParcelForm if offer.reward.kind == RewardKind.PHYSICAL else RedeemForm


def _show(
    request: HttpRequest, offer: shop.Offer, wallet: Wallet | None, form: RedeemForm | None = None
) -> HttpResponseBase:
    chosen = offer.reward
    must_confirm = shop.must_confirm(chosen) and not is_confirmed(request)
    context: dict[str, Any] = {
        "offer": offer,
        "reward": chosen,
        "bill": shop.bill_of(chosen, wallet),
        "form": form or _form_class(offer).first(price=chosen.price, seen=rewards.last_of(wallet)),
        "must_confirm": must_confirm,
    }
    status = HTTPStatus.OK if form is None else form_status(form)
    return render(request, "loyalty/reward.html", context, status=status)


def _take(
    request: HttpRequest, shown: Earning, wallet: Wallet | None, number: int, offers: list[shop.Offer]
) -> HttpResponseBase:
    back = reverse("loyalty:reward", args=[number])
    wait = limited(request, "loyalty.redeem", _AN_HOUR, 3600)
    if wait is not None:
        return too_many_requests(request, wait)
    if "confirm" in request.POST:
        return ask(request, then=back)
    taken = _taken_with(request, number)  # also when it cannot be had any more
    if taken is None:
        if not offers:
            raise Http404
        form = _form_class(offers[0])(request.POST)
        if not form.is_valid():
            return _show(request, offers[0], wallet, form)
        try:
            taken = _redeem(request, offers[0], form)
        except ConfirmationNeededError:
            return ask(request, then=back)
        except LedgerError as error:
            return _refused(
                request, shop.offers_for(shown, wallet, person=_person(request), number=number), wallet, form, error
            )
        messages.success(request, _("%(reward)s is yours.") % {"reward": taken.reward})
    return HttpResponseRedirect(reverse("loyalty:redemption", args=[taken.uid]))


def _taken_with(request: HttpRequest, number: int) -> Redemption | None:
    """What was taken with this very form: it was sent twice."""
    key = request.POST.get("key", "")
    if not key.isascii() or not key.isalnum():
        return None
    return Redemption.objects.visible_to(_person(request)).filter(key=key, reward=number).first()


def _redeem(request: HttpRequest, offer: shop.Offer, form: RedeemForm) -> Redemption:
    data = form.cleaned_data
    return rewards.redeem(
        user=_person(request),
        reward=offer.reward,
        key=data["key"],
        price=data["price"],
        seen=data["seen"],
        address=form.address,
        is_confirmed=is_confirmed(request),
    )


def _refused(
    request: HttpRequest, offers: list[shop.Offer], wallet: Wallet | None, form: RedeemForm, error: LedgerError
) -> HttpResponseBase:
    if not offers:
        raise Http404
    if isinstance(error, PriceChangedError | SeenTooLongAgoError):
        form = _afresh(form, offers[0], wallet)
    form.add_error(None, str(error))
    return _show(request, offers[0], wallet, form)


def _afresh(form: RedeemForm, offer: shop.Offer, wallet: Wallet | None) -> RedeemForm:
    """What the member typed, with what they see now."""
    now = {"key": uuid.uuid4().hex, "price": str(offer.reward.price), "seen": str(rewards.last_of(wallet))}
    again = type(form)({name: now.get(name) or form.data.get(name, "") for name in form.fields})
    again.is_valid()
    return again


# What was taken ------------------------------------------------------------------------------------------------------


@login_required
@never_cache
@require_safe
def redemptions(request: HttpRequest) -> HttpResponseBase:
    """Show what a member took, newest first; ``?before=`` continues it."""
    taken = shop.taken_of(_person(request), before=request.GET.get("before", ""))
    return render(request, "loyalty/redemptions.html", {"taken": taken})


def _own_or_404(request: HttpRequest, uid: UUID) -> Redemption:
    own = Redemption.objects.visible_to(_person(request)).select_related("reward", "wallet").filter(uid=uid).first()
    if own is None:
        raise Http404
    return own


@login_required
@never_cache
@require_safe
def redemption(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """Show one redemption: how far it is, and what can be done."""
    return _show_own(request, _own_or_404(request, uid))


def _show_own(request: HttpRequest, own: Redemption, code: str = "") -> HttpResponseBase:
    parcel, address = shop.parcel_of(own)
    mark_read(person_id=_person(request).pk, subject=f"loyalty.redemption:{own.pk}")
    context = {
        "redemption": own,
        "steps": RedemptionStep.objects.filter(redemption=own),
        "parcel": parcel,
        "address": address,
        "code": code,
        "has_code": own.reward.kind == RewardKind.VOUCHER and own.left > 0,
        "may_cancel": rewards.may_cancel(own),
    }
    return render(request, "loyalty/redemption.html", context)


@login_required
@never_cache
@require_POST
def reveal(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """Show the code of a redemption."""
    own = _own_or_404(request, uid)
    try:
        code = rewards.shown_code(own)
    except UnreadableError:
        messages.error(request, _("This code cannot be read any more. Please contact us: you get your points back."))
        code = ""
    if not code:
        return HttpResponseRedirect(reverse("loyalty:redemption", args=[uid]))
    return _show_own(request, own, code)


@login_required
@never_cache
@require_POST
def cancel(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """Cancel a redemption that nobody has begun to pack."""
    own = _own_or_404(request, uid)
    try:
        rewards.cancel(redemption=own, user=_person(request))
    except LedgerError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is cancelled, and your points are back."))
    return HttpResponseRedirect(reverse("loyalty:redemption", args=[uid]))
