"""The application that granian runs: RSGI outside, Django inside."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from django.core import signals
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.urls import set_script_prefix

from portal.core.serving.connections import ConnectionGuard
from portal.core.serving.files import part_of
from portal.core.serving.limits import MEMORY_BYTES
from portal.core.serving.middleware import REFUSAL_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from django.http.response import HttpResponseBase

    from portal.core.serving.limits import Limits

    Headers = list[tuple[str, str]]

logger = logging.getLogger(__name__)

#: Files up to this size are read by Django's thread: opening them again in Rust would cost more.
_SMALL_BYTES: Final = 64 * 1024
#: What is read of a body that was refused, so that the browser shows the page instead of a broken connection.
_DRAIN_BYTES: Final = 16 * 1024 * 1024
_DRAIN_SECONDS: Final = 3.0
_BUSY: Final = "The portal is busy. Please try again in a moment.\nدرگاه شلوغ است. چند لحظهٔ دیگر دوباره امتحان کنید.\n"
#: Of a stated length: more than any limit has, and few enough for `int`.
_MOST_DIGITS: Final = 18
_LONG_HEAD: Final = "The browser sent too much about itself. Delete this site's cookies.\nمرورگر بیش از اندازه دربارهٔ خود فرستاد. کوکی‌های این سایت را پاک کنید.\n"
_NO_CONTENT: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class RequestHeaders(Protocol):
    """Headers of a request; names in lower case."""

    def items(self) -> list[tuple[str, str]]: ...
    def get(self, key: str, default: str | None = None) -> str | None: ...
    def get_all(self, key: str) -> list[str]: ...
    def __contains__(self, key: str) -> bool: ...


class Scope(Protocol):
    """A request, as granian describes it."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: RequestHeaders


class Exchange(Protocol):
    """The body of a request, and the way to respond; callable from any thread."""

    async def __call__(self) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_str(self, status: int, headers: Headers, body: str) -> None: ...
    def response_file_range(self, status: int, headers: Headers, file: str, start: int, end: int) -> None: ...


class BrokenBodyError(Exception):
    """The client went away before it had sent everything."""


class Application:
    """Receives requests on the event loop and passes them to Django's only thread, complete."""

    def __init__(
        self,
        limits: Limits,
        *,
        who_sends_more: Callable[[dict[str, Any]], int],
        handler: WSGIHandler | None = None,
    ) -> None:
        self._limits = limits
        self._who_sends_more = who_sends_more
        self._handler = handler or WSGIHandler()
        # One thread: more would only take turns (decision 1).
        self._django = ThreadPoolExecutor(max_workers=1, thread_name_prefix="django")
        self._waiting = 0
        self._larger = 0
        self._larger_of: Counter[int] = Counter()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Granian calls this in each server process, before it accepts connections."""
        if sys.platform == "linux":
            ConnectionGuard(self._limits).start()

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        headers = scope.headers
        if _head_bytes(scope) > self._limits.head_bytes:
            exchange.response_str(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, [*_TEXT, *_CLOSE], _LONG_HEAD)
            return
        has_body = "content-length" in headers or "transfer-encoding" in headers
        if self._waiting >= self._limits.waiting:
            exchange.response_str(HTTPStatus.SERVICE_UNAVAILABLE, [*_TEXT, ("Retry-After", "5"), *_CLOSE], _BUSY)
        elif not has_body:
            await self._ask(exchange, environ_of(scope, BytesIO()))
        elif (refusal := self._refusal(scope)) is not None:
            await self._refuse(scope, exchange, refusal)
        else:
            await self._receive(scope, exchange)

    async def _ask(self, exchange: Exchange, environ: dict[str, Any]) -> None:
        self._waiting += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._django, self._answer, exchange, environ)
        finally:
            self._waiting -= 1

    # Bodies ----------------------------------------------------------------------------------------------------------

    def _refusal(self, scope: Scope) -> HTTPStatus | None:
        """Return why the body is not even read."""
        if "transfer-encoding" in scope.headers:
            # Browsers and proxies state the length of a form. A body that states it twice, or not at all, is how one
            # request is hidden inside another.
            return HTTPStatus.LENGTH_REQUIRED
        stated = scope.headers.get_all("content-length")
        if len(stated) != 1 or not stated[0].isascii() or not stated[0].isdigit():
            return HTTPStatus.BAD_REQUEST
        if len(stated[0]) > _MOST_DIGITS or int(stated[0]) > self._limits.body_bytes(scope.path):
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None

    async def _refuse(self, scope: Scope, exchange: Exchange, status: HTTPStatus) -> None:
        """Respond with the page for `status`, then read what a browser is still sending, within limits."""
        await self._ask(exchange, _refused(scope, status))
        if "expect" not in scope.headers and self._larger < self._limits.larger_at_once:
            self._larger += 1
            try:
                await _drain(exchange)
            finally:
                self._larger -= 1

    async def _receive(self, scope: Scope, exchange: Exchange) -> None:
        """Read the body and ask Django, which sees the request only when it is complete."""
        size = int(scope.headers.get("content-length") or 0)
        is_larger = size > self._limits.form_bytes
        account = 0
        if is_larger:
            account = await self._sender(scope)
            if not account:
                await self._refuse(scope, exchange, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                return
            limits = self._limits
            if self._larger >= limits.larger_at_once or self._larger_of[account] >= limits.larger_at_once_per_account:
                exchange.response_str(HTTPStatus.SERVICE_UNAVAILABLE, [*_TEXT, ("Retry-After", "30"), *_CLOSE], _BUSY)
                return
            self._larger += 1
            self._larger_of[account] += 1
        try:
            async with asyncio.timeout(self._limits.seconds_for(size)):
                body = await _read(exchange, size)
        except TimeoutError:
            await self._ask(exchange, _refused(scope, HTTPStatus.REQUEST_TIMEOUT))
        except BrokenBodyError:
            exchange.response_empty(HTTPStatus.BAD_REQUEST, _CLOSE)  # nobody is there to read it
        else:
            with body:
                await self._ask(exchange, environ_of(scope, body))
        finally:
            if is_larger:
                self._larger -= 1
                self._larger_of[account] -= 1
                self._larger_of += Counter()  # forgets those who send nothing any more

    async def _sender(self, scope: Scope) -> int:
        environ = environ_of(scope, BytesIO())
        return await asyncio.get_running_loop().run_in_executor(self._django, self._account_of, environ)

    # In Django's thread ----------------------------------------------------------------------------------------------

    def _account_of(self, environ: dict[str, Any]) -> int:
        signals.request_started.send(sender=type(self._handler), environ=environ)
        try:
            return self._who_sends_more(environ)
        except Exception:
            logger.exception("Whether more may be sent could not be found out")
            return 0
        finally:
            signals.request_finished.send(sender=type(self._handler))

    def _answer(self, exchange: Exchange, environ: dict[str, Any]) -> None:
        try:
            set_script_prefix("/")
            signals.request_started.send(sender=type(self._handler), environ=environ)
            response = self._handler.get_response(WSGIRequest(environ))
            try:
                headers = [*response.items(), *(("Set-Cookie", c.OutputString()) for c in response.cookies.values())]
                if REFUSAL_KEY in environ:
                    headers += _CLOSE
                _send(exchange, environ["REQUEST_METHOD"], response, headers)
            finally:
                response.close()
        except Exception:
            logger.exception("%s %s could not be answered", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            exchange.response_empty(HTTPStatus.INTERNAL_SERVER_ERROR, _CLOSE)


_CLOSE: Final[Headers] = [("Connection", "close")]
_TEXT: Final[Headers] = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]


def _send(exchange: Exchange, method: str, response: HttpResponseBase, headers: Headers) -> None:
    status = response.status_code
    if method == "HEAD" or status in _NO_CONTENT:
        exchange.response_empty(status, headers)
        return
    part = part_of(response)
    if part is not None and part.end - part.first > _SMALL_BYTES:
        if "Content-Length" not in response.headers:
            headers.append(("Content-Length", str(part.end - part.first)))
        exchange.response_file_range(status, headers, part.path, part.first, part.end)
    elif response.streaming:
        exchange.response_bytes(status, headers, b"".join(cast("Iterable[bytes]", response)))
    else:
        exchange.response_bytes(status, headers, cast("Any", response).content)


async def _read(exchange: Exchange, size: int) -> BinaryIO:
    """Return the body, for the caller to close; it is exactly as long as stated."""
    if size <= MEMORY_BYTES:
        try:
            # Collected in Rust: a client that sends single bytes wakes Python only once.
            return BytesIO(await exchange())
        except Exception as error:
            raise BrokenBodyError from error
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed by the caller
    try:
        received = 0
        async for chunk in exchange:
            if not chunk:
                break
            received += file.write(chunk)
    except BaseException:
        file.close()
        raise
    if received != size:
        file.close()
        raise BrokenBodyError
    file.seek(0)
    return file


async def _drain(exchange: Exchange) -> None:
    left = _DRAIN_BYTES
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for chunk in exchange:
                left -= len(chunk)
                if not chunk or left <= 0:
                    return
    except (TimeoutError, RuntimeError):
        return


def _refused(scope: Scope, status: HTTPStatus) -> dict[str, Any]:
    """Return the request for Django without its body, with a method for which no page is cached."""
    return {**environ_of(scope, BytesIO()), "REQUEST_METHOD": "POST", REFUSAL_KEY: status}


def environ_of(scope: Scope, body: BinaryIO) -> dict[str, Any]:
    """Return the request as Django's WSGI handler expects it."""
    host, _colon, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.0" if scope.http_version == "1" else "HTTP/1.1",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:  # would be read as the header with a dash that a proxy sets
            continue
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]}{_separator(name)}{value}" if key in environ else value
    for name in ("CONTENT_LENGTH", "CONTENT_TYPE"):
        if (value := environ.pop(f"HTTP_{name}", None)) is not None:
            environ[name] = value
    return environ


def _head_bytes(scope: Scope) -> int:
    """Return the size of the head as it was sent, nearly: granian only limits what it buffers while it reads one."""
    line = len(scope.method) + len(scope.path) + len(scope.query_string) + len("  HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in scope.headers.items())


def _separator(name: str) -> str:
    return "; " if name == "cookie" else ","
