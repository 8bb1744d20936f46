"""Middleware that collects the facts of pages. Runs outside the page cache, so that cached pages are included."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from portal.insight.activity import is_visitor
from portal.insight.facts import hear, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Statuses with which somebody sees the page: sent now, or still in the browser.
_SEEN: Final = frozenset({HTTPStatus.OK, HTTPStatus.NOT_MODIFIED})


class PageFactsMiddleware:
    """Removes the facts from every response and, if a visitor gets the page, passes them to their handlers.

    Robots, pages prefetched by a browser and staff do not count.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        facts = take(response)
        if facts and request.method == "GET" and response.status_code in _SEEN and is_visitor(request):
            hear(request, facts)
        return response
