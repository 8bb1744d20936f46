"""Who may send more than a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest

from portal.core.middleware import INLINE_PREFIXES

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def may_send_more(environ: dict[str, Any]) -> bool:
    """Return whether the request belongs to an active account that may use this part of the portal."""
    request: Any = WSGIRequest(environ)
    SessionMiddleware(_no_response).process_request(request)
    user: Any = get_user(request)
    if request.path_info.startswith(INLINE_PREFIXES):
        return bool(user.has_perm("wagtailadmin.access_admin"))
    return bool(user.is_authenticated)


def _no_response(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
