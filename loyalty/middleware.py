"""What requests leave in browsers: an invitation counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty.services.referrals import COOKIE, is_used_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class UsedInvitationMiddleware:
    """Removes the cookie of an invitation by which somebody came: the next account of this browser did not."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if is_used_up(request):
            response.delete_cookie(COOKIE, samesite="Lax")
        return response
