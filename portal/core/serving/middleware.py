"""What Django decides about a body that the server has not read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

#: In the environ of a request whose body was refused: the status. No header can have this name.
REFUSAL_KEY: Final = "portal.refusal"
_TEMPLATES: Final = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "413.html",
    HTTPStatus.REQUEST_TIMEOUT: "408.html",
}


class RefusalMiddleware:
    """Responds to a request whose body was refused, with a page in the reader's language. The last middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        status = request.META.get(REFUSAL_KEY)
        return self.get_response(request) if status is None else refused(request, status)


def refused(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """Return the page for a body that was too large, too slow, or of no stated length."""
    response = render(request, _TEMPLATES.get(status, "400.html"), status=status)
    add_never_cache_headers(response)
    return response
