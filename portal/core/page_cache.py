"""Pages for people without an account, kept for a minute.

Such a page is the same for everybody who asks for the same address in the same language, theme and digits. Kept are
only answers that prove to be so: no cookie set, no CSRF token or nonce handed out, nothing personal in the request.
Each process keeps its own pages; a *generation* shared by all processes says when to forget them (`invalidate_pages`).
"""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import DisallowedHost
from django.db import transaction
from django.http import HttpResponse, HttpResponseNotModified

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

    Render = Callable[[HttpRequest], HttpResponseBase]

KEEP_SECONDS: Final = 60.0
MAX_PAGES: Final = 512
MAX_BYTES: Final = 64 * 1024 * 1024
#: Of pages that answer a question: fewer, since there is no end of questions.
MAX_ANSWERS: Final = 256
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
MAX_QUESTION_LENGTH: Final = 300
#: How long a request waits for another one that renders the same page, before it renders by itself.
WAIT_SECONDS: Final = 10.0
#: The only query parameter a kept page may have, except where questions are asked; else it is rendered afresh.
PAGE_PARAMETER: Final = "page"

#: What an answer tells the middleware outside this one; kept with the page, and to be taken off before it is sent.
FACTS_HEADER: Final = "X-Portal-Facts"

_MESSAGES_COOKIE: Final = "messages"
_READER_COOKIES: Final = ((THEME_COOKIE, THEMES), (CALENDAR_COOKIE, CALENDARS), (DIGITS_COOKIE, DIGITS))
#: What a kept page may vary on: cookies are in the key or keep the request out.
_KNOWN_VARY: Final = frozenset({"cookie", "hx-request"})
_TAKES_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_PRIVATE: Final = ("no-store", "no-cache", "private", "max-age=0")
#: Marks of one visitor that must never reach another, whatever header was forgotten.
_TOKEN_MARKS: Final = (b"csrfmiddlewaretoken", b"X-CSRFToken")


# When to forget ------------------------------------------------------------------------------------------------------


class Generation(Protocol):
    """A value all processes share; it never returns to an earlier one."""

    def read(self) -> Hashable: ...

    def bump(self) -> None: ...


class FileGeneration:
    """For one machine: the size of a file that grows by a byte each time. Reading is one ``stat``, about 2 µs.

    Not its time stamp alone: two changes within one tick of the file system's clock would look like one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Hashable:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - a third of the cost of Path.stat, and on every hit
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def bump(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            file.write(b".")


class CacheGeneration:
    """For several machines: a random value in the shared cache. Lost with the cache, it counts as a new one."""

    def __init__(self, key: str = "page-generation") -> None:
        self._key = key

    def read(self) -> Hashable:
        value: Hashable = cache.get(self._key)
        if value is None:
            cache.add(self._key, uuid.uuid4().hex, None)
            value = cache.get(self._key)
        return value

    def bump(self) -> None:
        cache.set(self._key, uuid.uuid4().hex, None)


#: What readers see of the content, what the search index holds (votes change only this), and the meanings of its texts.
CONTENT: Final = "page"
INDEX: Final = "index"
VECTORS: Final = "vectors"


def generation(of: str = CONTENT) -> Generation:
    """The shared cache where it is a server of its own, else a file beside the database."""
    return _in_cache[of] if settings.REDIS_URL else _in_file(settings.DATA_DIR, of)


_in_cache: Final = {name: CacheGeneration(f"{name}-generation") for name in (CONTENT, INDEX, VECTORS)}


@lru_cache(maxsize=8)
def _in_file(folder: Path | str, of: str) -> Generation:
    return FileGeneration(Path(folder) / f"{of}-generation")


def invalidate_pages() -> None:
    """Have all processes forget their pages, when the current transaction commits (at once outside one)."""
    transaction.on_commit(_bump, robust=True)


def _bump() -> None:
    generation().bump()


def invalidate_questions() -> None:
    """The same for what was found in the index."""
    transaction.on_commit(_bump_index, robust=True)


def _bump_index() -> None:
    generation(INDEX).bump()


def invalidate_vectors() -> None:
    """The same for the meanings of texts, which search keeps in each process."""
    transaction.on_commit(_bump_vectors, robust=True)


def _bump_vectors() -> None:
    generation(VECTORS).bump()


# What is kept --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A rendered page and what it depends on. Compressing it is safe: it holds no secret to be guessed by length."""

    content: bytes
    gzipped: bytes
    headers: dict[str, str]
    etag: str
    generation: Hashable
    fresh_until: float

    @property
    def size(self) -> int:
        """Bytes in memory, nearly."""
        return len(self.content) + len(self.gzipped)


class PageStore:
    """The pages of this process: least recently used ones go first, by number and by bytes. Safe for threads."""

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
        """None when it is the caller's turn to render (`release` it then), else what to wait for."""
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
        """Whether this address lately gave an answer that is not kept: nobody should queue for it."""
        return self._passing.get(key, 0.0) > time.monotonic()

    def let_pass(self, key: Hashable) -> None:
        with self._lock:
            self._passing[key] = time.monotonic() + KEEP_SECONDS
            self._passing.move_to_end(key)
            if len(self._passing) > self._max_pages:
                self._passing.popitem(last=False)


store = PageStore()
#: What was found for visitors; forgotten when the search index changes, too.
answers = PageStore(MAX_ANSWERS, MAX_ANSWER_BYTES)

_question_paths: set[str] = set()


def keep_answers_at(path: str) -> None:
    """Keep pages at ``/<language>/<path>`` whatever their query says; they show the content and the search index only."""
    _question_paths.add(path)


class PageCacheMiddleware:
    """Answers from the store. Stands before everything that makes a page; what those add to it is kept with it."""

    def __init__(self, get_response: Render) -> None:
        self.get_response = get_response

    @cached_property
    def _generation(self) -> Generation:
        return generation()

    @cached_property
    def _index_generation(self) -> Generation:
        return generation(INDEX)

    @cached_property
    def _languages(self) -> frozenset[str]:
        return frozenset(code for code, _name in settings.LANGUAGES)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = self._key(request)
        if key is None:
            return self.get_response(request)
        now_generation = self._generation.read()
        kept = store
        if key[3] and request.path_info[1:].partition("/")[2] in _question_paths:
            kept = answers
            now_generation = (now_generation, self._index_generation.read())
        page = kept.get(key)
        if page is not None and page.generation == now_generation and page.fresh_until > time.monotonic():
            return _answer(request, page)
        if request.method != "GET" or kept.is_passing(key):
            return self.get_response(request)
        return self._render_once(kept, request, key, page, now_generation)

    def _render_once(
        self, kept: PageStore, request: HttpRequest, key: Hashable, stale: KeptPage | None, now_generation: Hashable
    ) -> HttpResponseBase:
        """One request renders; the others get the page that has just grown old, or wait if it is outdated."""
        event = kept.claim(key)
        if event is not None:
            if stale is not None and stale.generation == now_generation:
                return _answer(request, stale)
            event.wait(WAIT_SECONDS)
            page = kept.get(key)
            if page is not None and page.generation == now_generation:
                return _answer(request, page)
            return self.get_response(request)
        try:
            response = self.get_response(request)
            page = _page_to_keep(request, response, now_generation)
            if page is None:
                kept.let_pass(key)
                return response
            kept.put(key, page)
            return _answer(request, page)
        finally:
            kept.release(key)

    def _key(self, request: HttpRequest) -> tuple[Hashable, ...] | None:
        """What the page depends on; none for requests whose answer is not for keeping."""
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
        return host, request.scheme, request.path, query, chosen, request.headers.get("hx-request") == "true"


def _may_have_query(path: str, query: str) -> bool:
    """Whether there is a bounded number of such pages, or a bounded number of them is kept."""
    if path in _question_paths:
        return len(query) <= MAX_QUESTION_LENGTH
    name, _equals, number = query.partition("=")
    return name == PAGE_PARAMETER and number.isascii() and number.isdigit() and len(number) <= 4


def _is_for_everybody(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether nothing in the answer, or in how it was made, is of one visitor."""
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


def _page_to_keep(request: HttpRequest, response: HttpResponseBase, now_generation: Hashable) -> KeptPage | None:
    """The page in `response`, if it is one and the same for everybody."""
    if (
        response.status_code != HTTPStatus.OK
        or not isinstance(response, HttpResponse)
        or not response.headers.get("Content-Type", "").startswith("text/html")
        or not _is_for_everybody(request, response)
    ):
        return None
    content = response.content
    headers = {name: value for name, value in response.items() if name != "Content-Length"}
    # Browsers may keep it, but ask each time: after signing in the same address shows another page.
    headers["Cache-Control"] = "private, no-cache"
    headers["Vary"] = "Accept-Encoding, Cookie, HX-Request"
    headers["ETag"] = etag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
    gzipped = gzip.compress(content, compresslevel=6, mtime=0)
    return KeptPage(content, gzipped, headers, etag, now_generation, time.monotonic() + KEEP_SECONDS)


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
    """Weak comparison (RFC 9110, 13.1.2)."""
    opaque = etag.removeprefix("W/")
    return any(candidate.strip().removeprefix("W/") in {opaque, "*"} for candidate in asked.split(","))
