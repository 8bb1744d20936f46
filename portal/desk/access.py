"""Who may open the pages of the desk."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404
from django.shortcuts import redirect, resolve_url
from django.views.decorators.cache import never_cache

from community.rules import can_moderate
from portal.core.article_sources import may_make_articles

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from portal.accounts.models import User
    from portal.core.pages import AnyUser


def may_see_ideas_for_articles(user: AnyUser) -> bool:
    """Return whether somebody may see which solved questions could become articles: who moderates, or makes articles."""
    return can_moderate(user) or may_make_articles(user)


def admitting(
    may_enter: Callable[[AnyUser], bool],
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Admit only those for whom `may_enter` is true, with a second factor; for others there is no such page."""

    def guard(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
            if not may_enter(request.user):
                raise Http404
            if settings.STAFF_SECOND_FACTOR and not is_mfa_enabled(request.user):
                return redirect("accounts:second_factor")
            return view(request, *args, **kwargs)

        return guarded

    return guard


for_moderators = admitting(can_moderate)


def person_at_desk(request: HttpRequest) -> User:
    """Return the person who works here; only in views that `admitting` guards."""
    return cast("User", request.user)


def moderator_of(request: HttpRequest) -> User:
    """Return the person who moderates; only in views that `for_moderators` guards."""
    return person_at_desk(request)
