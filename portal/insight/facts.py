"""Facts about a page for the recording of activity, also when the page comes out of the page cache.

    tell(response, "search", language, total)           the view: stored with the page, never sent
    register_facts("search", note_search)               the recorder: called for every visitor who gets the page

A cached page is rendered once and read by many; no view runs for later readers. Its facts must be the same for all of
its readers, so that they can be stored with it. They travel in a header that `portal.insight.middleware` removes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from portal.core.outbox import describe
from portal.core.page_cache import FACTS_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    #: Called with the request of a visitor and the values of the fact.
    Handler = Callable[[HttpRequest, Sequence[str]], None]

logger = logging.getLogger(__name__)

_BETWEEN_FACTS: Final = ","
_BETWEEN_VALUES: Final = " "

_handlers: dict[str, Handler] = {}


def register_facts(name: str, handler: Handler) -> None:
    """Have `handler` called for every visitor who gets a page with the fact `name`. It must be fast; it may raise."""
    _handlers[name] = handler


def forget_facts(name: str) -> None:
    """Unregister the handler; for tests."""
    _handlers.pop(name, None)


def tell(response: HttpResponseBase, name: str, *values: object) -> None:
    """Add a fact to the page; never one about its reader. Values become text; a page may have several facts."""
    fact = _BETWEEN_VALUES.join(quote(str(value), safe="") for value in (name, *values))
    known = response.headers.get(FACTS_HEADER)
    response.headers[FACTS_HEADER] = fact if known is None else f"{known}{_BETWEEN_FACTS}{fact}"


def take(response: HttpResponseBase) -> list[tuple[str, ...]]:
    """Remove the facts from the response and return them: for each its name and its values."""
    told = response.headers.get(FACTS_HEADER)
    if told is None:
        return []
    del response.headers[FACTS_HEADER]
    return [tuple(map(unquote, fact.split(_BETWEEN_VALUES))) for fact in told.split(_BETWEEN_FACTS)]


def hear(request: HttpRequest, facts: Sequence[tuple[str, ...]]) -> None:
    """Pass each fact to its handler. Never raises, so that the reader still gets the page."""
    for name, *values in facts:
        handler = _handlers.get(name)
        if handler is None:
            continue
        try:
            handler(request, values)
        except Exception as error:  # noqa: BLE001 - as above
            # The values in a traceback may be text that somebody typed.
            logger.error("Activity “%s” was not noted: %s", name, describe(error))  # noqa: TRY400
