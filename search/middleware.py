"""Hears of every search, those answered from kept pages too: it stands outside the page cache."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from django.conf import settings

from portal.core.outbox import describe
from portal.core.page_cache import FACTS_HEADER
from portal.core.privacy import is_person
from search.recording import note_search

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from search.results import SearchResult

logger = logging.getLogger(__name__)

_SEARCH: Final = "search"


def search_facts(result: SearchResult, language: str) -> str:
    """What the middleware must know of a results page, good for everybody who gets the page."""
    total = result.total or len(result.pins)
    return " ".join((_SEARCH, language, str(total), *dict.fromkeys(notice.code for notice in result.notices)))


class SearchActivityMiddleware:
    """Takes the facts about a results page off the answer, and notes the search if a person made it.

    Staff at work are no visitors. Kept pages only go to people without a session, so there is nobody to look up.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if FACTS_HEADER in response.headers:
            facts = response.headers[FACTS_HEADER]
            del response.headers[FACTS_HEADER]
            if request.method == "GET" and response.status_code in {200, 304}:
                try:
                    _note(request, facts)
                except Exception as error:  # noqa: BLE001 - the reader has a page to read
                    logger.error("Search log: not noted: %s", describe(error))  # noqa: TRY400 - no values in the log
        return response


def _note(request: HttpRequest, facts: str) -> None:
    name, *values = facts.split(" ")
    if name != _SEARCH or not is_person(request) or is_staff(request):
        return
    language, total, *notices = values
    note_search(request, language=language, text=request.GET.get("q", ""), total=int(total), notices=" ".join(notices))


def is_staff(request: HttpRequest) -> bool:
    """Whether somebody at work sent the request; without a session nobody is looked up."""
    user = getattr(request, "user", None) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    return bool(user is not None and user.is_staff)
