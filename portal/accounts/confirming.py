"""Asking people once more who they are, before something that a stolen session must not do."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any

from allauth.account import app_settings
from allauth.account.internal.flows import reauthentication
from allauth.account.internal.flows.login import get_authentication_records
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View = Callable[..., HttpResponseBase]


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the person showed a moment ago who they are.

    People with a password or a second factor give it again. Those who sign in by mail or with another company sign in
    once more, since a session alone proves nothing.
    """
    if reauthentication.get_reauthentication_flows(request.user):
        return bool(reauthentication.did_recently_reauthenticate(request))
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT


def ask(request: HttpRequest, *, then: str) -> HttpResponseBase:
    """Send the person to where they show who they are; they come back to the path `then`."""
    after = urlencode({"next": then})
    if reauthentication.get_reauthentication_flows(request.user):
        return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{after}")
    logout(request)
    messages.info(request, _("Please sign in once more, so that we know it is you."))
    return HttpResponseRedirect(f"{resolve_url('account_login')}?{after}")


def identity_confirmed(back_to: str) -> Callable[[View], View]:
    """Have a view ask who it is, unless the person said so a moment ago; they come back to the page `back_to`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if is_confirmed(request):
                return view(request, *args, **kwargs)
            return ask(request, then=reverse(back_to))

        return guarded

    return decorate
