"""Pages of invitations: the one that somebody who is invited sees, and the member's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from loyalty import card_pictures
from loyalty.models import Referral
from loyalty.services import referrals
from portal.core.http import same_origin_post
from portal.core.limits import client_address, limited, too_many_requests

if TYPE_CHECKING:
    from django.http import HttpRequest

    from portal.accounts.models import User

#: Referrals that are shown.
_SHOWN: Final = 50
#: Invitations that are accepted at one address in an hour: each writes a row.
_AN_HOUR: Final = 30


@same_origin_post
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, code: str) -> HttpResponse:
    """Say what an invitation means, the same to everybody; accepting it sets a cookie and leads to signing up."""
    found = referrals.find_code(code)
    if found is None or not referrals.is_open():
        raise Http404
    if request.method == "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(reverse("loyalty:invite"))
        if wait := limited(request, "loyalty.invitation", _AN_HOUR, 3600):
            return too_many_requests(request, wait)
        response = HttpResponseRedirect(reverse("account_signup"))
        referrals.accept_invitation(request, response, found)
        return response
    if code != found.code:  # one address for each code: each spelling would be a page of its own that is kept
        return HttpResponseRedirect(reverse("loyalty:invitation", args=[found.code]))
    return render(request, "loyalty/invitation.html", {"code": found.code})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """Show a member their link and who came by it, without saying who; take the code of whoever invited them."""
    if not referrals.is_open():
        raise Http404
    person = cast("User", request.user)
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            if "typed" in request.POST:
                referrals.enter_code(request, person, request.POST["typed"])
                messages.success(request, _("Thank you. It counts as soon as you take part."))
            else:
                referrals.make_code(person, address=client_address(request))
            return HttpResponseRedirect(reverse("loyalty:invite"))
        except referrals.ReferralRefusedError as error:
            context["refused"] = str(error)
    own = referrals.code_of(person)
    if own is not None:
        context["own"] = own
        context["link"] = f"{settings.BASE_URL}{reverse('loyalty:invitation', args=[own.code])}"
        context["qr"] = card_pictures.qr_code(context["link"])
    context["came"] = list(Referral.objects.filter(advocate__user=person)[:_SHOWN])
    context["may_enter"] = referrals.may_enter_code(person)
    context["awards"], context["days"] = referrals.AWARDS_NEEDED, referrals.DAYS_NEEDED
    return render(request, "loyalty/invite.html", context, status=422 if "refused" in context else 200)
