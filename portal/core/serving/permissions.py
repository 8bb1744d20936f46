"""Who may send more than a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest

from portal.core.middleware import INLINE_PREFIXES

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def who_sends_more(environ: dict[str, Any]) -> int:
    """Return the number of the active account that sends the request and may use this part of the portal; else 0."""
    request: Any = WSGIRequest(environ)
    SessionMiddleware(_no_response).process_request(request)
    user: Any = get_user(request)
    if request.path_info.startswith(INLINE_PREFIXES) and not user.has_perm("wagtailadmin.access_admin"):
        return 0
    return int(user.pk or 0)


def _no_response(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
