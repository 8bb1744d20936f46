"""Access to staff pages: only for staff, and only with a second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, resolve_url
from django.urls import reverse

from portal.accounts.rules import is_own_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Admin prefixes. Wagtail's is the main one, Django's is for emergencies.
WAGTAIL_PREFIX: Final = "/admin/"
DJANGO_PREFIX: Final = "/django-admin/"


class StaffSecondFactorMiddleware:
    """Admits to the staff pages only staff whose account has a second factor.

    Signing in asks for the factor as soon as there is one, so it is enough to check here that it exists, provided that
    there is no other way to sign in: the sign-in forms of the two admins know nothing of it and redirect to ours.
    A signed-in customer is refused at once; the admins would redirect to the sign-in page, which would redirect back.
    Costs one query more than the admin itself, and nothing on any other page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith((WAGTAIL_PREFIX, DJANGO_PREFIX)):
            return self._refusal(request) or self.get_response(request)
        return self.get_response(request)

    def _refusal(self, request: HttpRequest) -> HttpResponseBase | None:
        user = request.user
        is_door = request.path in {reverse("wagtailadmin_login"), reverse("admin:login")}
        target = self._target(request) if is_door else request.get_full_path()
        if not user.is_authenticated:
            return redirect_to_login(target, resolve_url(settings.LOGIN_URL)) if is_door else None
        if request.path in {reverse("wagtailadmin_logout"), reverse("admin:logout")}:
            return None
        if request.path_info.startswith(WAGTAIL_PREFIX):
            may_enter = user.has_perm("wagtailadmin.access_admin")
        else:
            may_enter = user.is_active and user.is_staff
        if not may_enter:
            raise PermissionDenied
        if settings.STAFF_SECOND_FACTOR and not is_mfa_enabled(user):
            return redirect("accounts:second_factor")
        return redirect(target) if is_door else None

    @staticmethod
    def _target(request: HttpRequest) -> str:
        """Return the address to which the admin's own sign-in page would have redirected."""
        target = request.GET.get("next", "")
        return target if target and is_own_address(request, target) else request.path.removesuffix("login/")
