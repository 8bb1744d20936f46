"""Page cache for people without an account; a page is cached for one minute.

Such a page is the same for everybody who requests the same address in the same language, theme and digits. Only
responses that prove this are cached: no cookie set, no CSRF token or nonce handed out, nothing personal in the
request. Each process has its own cache, and drops pages whose scopes have changed (`portal.core.scopes`).
"""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpResponse, HttpResponseNotModified

from portal.core import scopes
from portal.core.http import is_cached_for
from portal.core.preferences import (
    CALENDAR_COOKIE,
    CALENDARS,
    DIGITS,
    DIGITS_COOKIE,
    THEME_COOKIE,
    THEMES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from portal.core.scopes import Stamp

    Render = Callable[[HttpRequest], HttpResponseBase]

KEEP_SECONDS: Final = 60.0
MAX_PAGES: Final = 512
MAX_BYTES: Final = 8 * 1024 * 1024
#: Limit for pages that answer a query: fewer, since the number of different queries is unlimited.
MAX_ANSWERS: Final = 256
MAX_ANSWER_BYTES: Final = 3 * 1024 * 1024
MAX_QUESTION_LENGTH: Final = 300
#: How long a request waits for another one that renders the same page, before it renders the page itself.
WAIT_SECONDS: Final = 10.0
#: The only query parameter of cached pages, except where queries are answered, and whole queries that apps name with
#: `keep_query`; other pages are rendered each time.
PAGE_PARAMETER: Final = "page"

#: Information from a response to the middleware outside this one; stored with the page and removed before it is sent.
FACTS_HEADER: Final = "X-Portal-Facts"

_MESSAGES_COOKIE: Final = "messages"
_READER_COOKIES: Final = ((THEME_COOKIE, THEMES), (CALENDAR_COOKIE, CALENDARS), (DIGITS_COOKIE, DIGITS))
#: Headers that a cached page may vary on: cookies are part of the key or prevent caching.
_KNOWN_VARY: Final = frozenset({"cookie", "hx-request"})
_TAKES_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_PRIVATE: Final = ("no-store", "no-cache", "private", "max-age=0")
#: Strings that belong to one visitor and must never reach another, even if a header was forgotten.
_TOKEN_MARKS: Final = (b"csrfmiddlewaretoken", b"X-CSRFToken")


# The cache -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A rendered page and its scopes. Compressing it is safe: it contains no secret whose length could leak."""

    content: bytes
    gzipped: bytes
    headers: dict[str, str]
    etag: str
    stamp: Stamp
    fresh_until: float

    @property
    def size(self) -> int:
        """Return the approximate size in memory, in bytes."""
        return len(self.content) + len(self.gzipped)

    @property
    def is_fresh(self) -> bool:
        return self.fresh_until > time.monotonic()


class PageStore:
    """The cached pages of this process, limited in number and bytes; least recently used out first. Thread-safe."""

    def __init__(self, max_pages: int = MAX_PAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_pages = max_pages
        self._max_bytes = max_bytes
        self._pages: OrderedDict[Hashable, KeptPage] = OrderedDict()
        self._bytes = 0
        self._rendering: dict[Hashable, threading.Event] = {}
        self._passing: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pages)

    def get(self, key: Hashable) -> KeptPage | None:
        with self._lock:
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            return page

    def put(self, key: Hashable, page: KeptPage) -> None:
        if page.size > self._max_bytes:
            return
        with self._lock:
            self._drop(key)
            self._pages[key] = page
            self._bytes += page.size
            while len(self._pages) > self._max_pages or self._bytes > self._max_bytes:
                self._drop(next(iter(self._pages)))

    def _drop(self, key: Hashable) -> None:
        page = self._pages.pop(key, None)
        if page is not None:
            self._bytes -= page.size

    def clear(self) -> None:
        with self._lock:
            self._pages.clear()
            self._passing.clear()
            self._bytes = 0

    def claim(self, key: Hashable) -> threading.Event | None:
        """Return None if the caller is to render (and then `release`), else the event to wait for."""
        with self._lock:
            event = self._rendering.get(key)
            if event is None:
                self._rendering[key] = threading.Event()
            return event

    def release(self, key: Hashable) -> None:
        with self._lock:
            event = self._rendering.pop(key)
        event.set()

    def is_passing(self, key: Hashable) -> bool:
        """Return whether the last response of this address was not cacheable: requests should not queue for it."""
        return self._passing.get(key, 0.0) > time.monotonic()

    def let_pass(self, key: Hashable) -> None:
        with self._lock:
            self._passing[key] = time.monotonic() + KEEP_SECONDS
            self._passing.move_to_end(key)
            if len(self._passing) > self._max_pages:
                self._passing.popitem(last=False)


store = PageStore()
#: Results pages for visitors.
answers = PageStore(MAX_ANSWERS, MAX_ANSWER_BYTES)

_question_paths: set[str] = set()
_kept_queries: set[str] = set()


def keep_answers_at(path: str) -> None:
    """Cache pages at ``/<language>/<path>`` whatever their query string, separately from other pages."""
    _question_paths.add(path)


def keep_query(query: str) -> None:
    """Cache pages with exactly this query string, such as ``sort=helpful``: at most one more for each address."""
    _kept_queries.add(query)


class PageCacheMiddleware:
    """Answers from the cache. Runs before everything that makes a page; the response is cached with what those add."""

    def __init__(self, get_response: Render) -> None:
        self.get_response = get_response

    @cached_property
    def _languages(self) -> frozenset[str]:
        return frozenset(code for code, _name in settings.LANGUAGES)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = self._key(request)
        if key is None:
            return self._render(request)[0]
        kept = answers if key[3] and request.path_info[1:].partition("/")[2] in _question_paths else store
        page = kept.get(key)
        if page is not None and not page.stamp.is_current_for_others():
            page = None
        if page is not None and page.is_fresh:
            return _answer(request, page)
        if request.method != "GET" or kept.is_passing(key):
            return self._render(request)[0]
        return self._render_once(kept, request, key, page)

    def _render(self, request: HttpRequest) -> tuple[HttpResponseBase, Stamp | None]:
        """Return the response with its stamp; none for unsafe methods, which may show their own changes."""
        if request.method not in {"GET", "HEAD"}:
            return self.get_response(request), None
        with scopes.making(request=request) as recorder:
            response = self.get_response(request)
        return response, recorder.stamp

    def _render_once(
        self, kept: PageStore, request: HttpRequest, key: Hashable, grown_old: KeptPage | None
    ) -> HttpResponseBase:
        """Let one request render; the others get the page that has just expired, or wait if there is none."""
        event = kept.claim(key)
        if event is not None:
            if grown_old is not None:
                return _answer(request, grown_old)
            event.wait(WAIT_SECONDS)
            page = kept.get(key)
            if page is not None and page.stamp.is_current_for_others():
                return _answer(request, page)
            return self._render(request)[0]
        try:
            response, stamp = self._render(request)
            page = _page_to_keep(request, response, stamp) if stamp else None
            if page is None:
                kept.let_pass(key)
                return response
            kept.put(key, page)
            return _answer(request, page)
        finally:
            kept.release(key)

    def _key(self, request: HttpRequest) -> tuple[Hashable, ...] | None:
        """Return everything the page depends on, or None for requests whose response is not cacheable."""
        language, _slash, path = request.path_info[1:].partition("/")
        if (
            request.method not in {"GET", "HEAD"}
            or "authorization" in request.headers
            or language not in self._languages
        ):
            return None
        query = request.META.get("QUERY_STRING", "")
        if query and not _may_have_query(path, query):
            return None
        chosen: tuple[str, ...] = ()
        if "cookie" in request.headers:
            cookies = request.COOKIES
            if settings.SESSION_COOKIE_NAME in cookies or _MESSAGES_COOKIE in cookies:
                return None
            chosen = tuple(
                value if (value := cookies.get(name, "")) in allowed else "" for name, allowed in _READER_COOKIES
            )
            if chosen == ("", "", ""):
                chosen = ()
        try:
            host = request.get_host()
        except DisallowedHost:
            return None
        if not is_cached_for(request.scheme, host):
            return None
        return host, request.scheme, request.path, query, chosen, request.headers.get("hx-request") == "true"


def _may_have_query(path: str, query: str) -> bool:
    """Return whether the number of such pages, or the number of those that are cached, is limited."""
    if path in _question_paths:
        return len(query) <= MAX_QUESTION_LENGTH
    if query in _kept_queries:
        return True
    name, _equals, number = query.partition("=")
    return name == PAGE_PARAMETER and number.isascii() and number.isdigit() and len(number) <= 4


def _is_for_everybody(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether neither the response nor the way it was made belongs to one visitor."""
    headers = response.headers
    vary = {name.strip().lower() for name in headers.get("Vary", "").split(",") if name.strip()}
    return (
        not response.cookies
        and "Set-Cookie" not in headers
        and "Content-Encoding" not in headers
        and not any(word in headers.get("Cache-Control", "").lower() for word in _PRIVATE)
        and vary <= _KNOWN_VARY
        and not request.META.get("CSRF_COOKIE_NEEDS_UPDATE")
        and getattr(request, "_csp_nonce", None) is None
        and not any(mark in response.content for mark in _TOKEN_MARKS)
    )


def _page_to_keep(request: HttpRequest, response: HttpResponseBase, stamp: Stamp) -> KeptPage | None:
    """Return the page in `response` if it is the same for everybody, else None."""
    if (
        response.status_code != HTTPStatus.OK
        or not isinstance(response, HttpResponse)
        or not response.headers.get("Content-Type", "").startswith("text/html")
        or not _is_for_everybody(request, response)
    ):
        return None
    content = response.content
    headers = {name: value for name, value in response.items() if name != "Content-Length"}
    # Browsers may store it, but must revalidate: after signing in the same address shows another page.
    headers["Cache-Control"] = "private, no-cache"
    headers["Vary"] = "Accept-Encoding, Cookie, HX-Request"
    headers["ETag"] = etag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
    gzipped = gzip.compress(content, compresslevel=6, mtime=0)
    return KeptPage(content, gzipped, headers, etag, stamp, time.monotonic() + KEEP_SECONDS)


def _answer(request: HttpRequest, page: KeptPage) -> HttpResponse:
    asked: str = request.headers.get("if-none-match", "")
    if asked and _matches(asked, page.etag):
        not_modified = HttpResponseNotModified()
        for name in ("ETag", "Cache-Control", "Vary", FACTS_HEADER):
            if name in page.headers:
                not_modified.headers[name] = page.headers[name]
        return not_modified
    if _TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
        response = HttpResponse(page.gzipped, headers=page.headers)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(page.content, headers=page.headers)
    response.headers["Content-Length"] = str(len(response.content))
    return response


def _matches(asked: str, etag: str) -> bool:
    """Compare weakly (RFC 9110, 13.1.2)."""
    opaque = etag.removeprefix("W/")
    return any(candidate.strip().removeprefix("W/") in {opaque, "*"} for candidate in asked.split(","))
