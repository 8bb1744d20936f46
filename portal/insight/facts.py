"""What a page says about itself to those who record what visitors do: also when it comes out of the page cache.

    tell(response, "search", language, total)           the view: kept with the page, never sent
    register_facts("search", note_search)               the recorder: called for every visitor who gets the page

A page that is kept is made once and read by many; no view runs for them. Its facts are the same for all its readers, so
that they may be kept with it. They travel in a header that `portal.insight.middleware` takes off.
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

    #: The request of a visitor, and the values that the page told.
    Handler = Callable[[HttpRequest, Sequence[str]], None]

logger = logging.getLogger(__name__)

_BETWEEN_FACTS: Final = ","
_BETWEEN_VALUES: Final = " "

_handlers: dict[str, Handler] = {}


def register_facts(name: str, handler: Handler) -> None:
    """Have `handler` called for every visitor who gets a page that tells `name`. It must be quick; it may raise."""
    _handlers[name] = handler


def forget_facts(name: str) -> None:
    """Call the handler no more; for tests."""
    _handlers.pop(name, None)


def tell(response: HttpResponseBase, name: str, *values: object) -> None:
    """Add a fact to the page: nothing that is about its reader. Values become texts; a page may tell several facts."""
    fact = _BETWEEN_VALUES.join(quote(str(value), safe="") for value in (name, *values))
    known = response.headers.get(FACTS_HEADER)
    response.headers[FACTS_HEADER] = fact if known is None else f"{known}{_BETWEEN_FACTS}{fact}"


def take(response: HttpResponseBase) -> list[tuple[str, ...]]:
    """Take the facts off the response: for each its name and its values."""
    told = response.headers.get(FACTS_HEADER)
    if told is None:
        return []
    del response.headers[FACTS_HEADER]
    return [tuple(map(unquote, fact.split(_BETWEEN_VALUES))) for fact in told.split(_BETWEEN_FACTS)]


def hear(request: HttpRequest, facts: Sequence[tuple[str, ...]]) -> None:
    """Hand each fact to whom it concerns. Never raises: the reader has a page to read."""
    for name, *values in facts:
        handler = _handlers.get(name)
        if handler is None:
            continue
        try:
            handler(request, values)
        except Exception as error:  # noqa: BLE001 - as above
            # The values in a traceback may be what somebody typed.
            logger.error("Activity “%s” was not noted: %s", name, describe(error))  # noqa: TRY400
