"""One signed POST to an address that somebody typed, in a way that reaches nothing but servers on the public internet.

The name is looked up once, every address it has is checked, and the connection goes to one that was checked: what the name means a
moment later does not matter. There are no redirects and no proxies. Of the answer only its status is read, and all of it
together takes at most `SECONDS`, however slowly a server talks.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import ssl
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from loyalty.models.webhooks import WebhookDelivery

Problem = WebhookDelivery.Problem

#: The time that connecting, sending and the beginning of the answer may take together.
SECONDS: Final = 8.0
#: The most of an answer that is read: interim answers come before the one that counts.
_MOST: Final = 8192
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r?\n)")
#: IPv6 addresses in which a translator sees an IPv4 address.
_TRANSLATED: Final = tuple(IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))


class NotSentError(Exception):
    """It did not arrive, or nobody said that it did."""

    def __init__(self, problem: Problem, status: int | None = None) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.status = status


@dataclass(frozen=True, slots=True)
class Signed:
    """What is sent: the bytes of the body and the headers that tell what it is and from whom."""

    body: bytes
    headers: dict[str, str]


def sign(body: str, *, secret: str, uid: str, kind: str, at: int) -> Signed:
    """Return a message, signed with the secret and the time, in seconds since 1970: an old copy is recognised."""
    data = body.encode()
    signature = hmac.new(secret.encode(), f"{at}.".encode() + data, hashlib.sha256).hexdigest()
    return Signed(
        data,
        {
            "Content-Type": "application/json",
            "Portal-Event": kind,
            "Portal-Event-Id": uid,
            "Portal-Signature": f"t={at},v1={signature}",
        },
    )


def is_possible(url: str) -> bool:
    """Return whether something could be sent to this address; what its name means is not looked up."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts)
    except (ValueError, UnicodeError):
        return False
    if not host or not url.isascii() or not url.isprintable() or " " in url or port == 0:
        return False
    if "@" in parts.netloc or parts.fragment or parts.scheme not in _schemes():
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return "." in host or settings.WEBHOOKS_TO_THIS_MACHINE
    return _is_admitted(address)


def post(url: str, message: Signed) -> int:
    """Send it; return the status, which is between 200 and 299. Raises `NotSentError`."""
    if not is_possible(url):
        raise NotSentError(Problem.NOT_PUBLIC)
    until = time.monotonic() + SECONDS
    try:
        with closing(_connect(urlsplit(url), until)) as connection:
            _limit(connection, until)
            connection.sendall(_request(urlsplit(url), message))
            status = _status(connection, until)
    except TimeoutError as error:
        raise NotSentError(Problem.TIME) from error
    except ssl.SSLCertVerificationError as error:
        raise NotSentError(Problem.CERTIFICATE) from error
    except (OSError, UnicodeError) as error:
        raise NotSentError(Problem.NO_CONNECTION) from error
    if 300 <= status < 400:
        raise NotSentError(Problem.REDIRECT, status)
    if not 200 <= status < 300:
        raise NotSentError(Problem.REFUSED, status)
    return status


def _schemes() -> set[str]:
    return {"https", "http"} if settings.WEBHOOKS_TO_THIS_MACHINE else {"https"}


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").removesuffix(".")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is one of a server on the internet, whatever way it is written."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(inner)
        if any(address in network for network in _TRANSLATED) or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_admitted(address: IPv4Address | IPv6Address) -> bool:
    return is_public(address) or (settings.WEBHOOKS_TO_THIS_MACHINE and address.is_loopback)


def _connect(parts: SplitResult, until: float) -> socket.socket:
    host, port = _host(parts), parts.port or (443 if parts.scheme == "https" else 80)
    found = [(where, port) for where in _look_up(host, port, until)]
    # A name with even one address inside is not tried: it was made to lead there.
    if not found or not all(_is_admitted(ip_address(where.partition("%")[0])) for where, _port in found):
        raise NotSentError(Problem.NOT_PUBLIC)
    plain = _first_that_answers(found, until)
    if parts.scheme != "https":
        return plain
    try:
        _limit(plain, until)
        return context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _look_up(host: str, port: int, until: float) -> list[str]:
    """Return the addresses of a name. Raises `TimeoutError` when the time is over: name servers may be silent for long.

    The system's look-up cannot be ended. It is left to a thread that nobody waits for, and that holds up no exit.
    """
    answers: list[list[str] | Exception] = []

    def ask() -> None:
        try:
            answers.append([str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            answers.append(error)

    asking = threading.Thread(target=ask, name="webhook-name", daemon=True)
    asking.start()
    asking.join(max(0.0, until - time.monotonic()))
    if not answers:
        raise TimeoutError
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _first_that_answers(found: list[tuple[str, int]], until: float) -> socket.socket:
    problem: OSError = TimeoutError()
    for number, (address, port) in enumerate(found, 1):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            # One that is silent leaves time for the next one.
            return socket.create_connection((address, port), timeout=left if number == len(found) else left / 2)
        except OSError as error:
            problem = error
    raise problem


def context() -> ssl.SSLContext:
    """Return how certificates are checked: by those the system trusts."""
    return ssl.create_default_context()


def _limit(connection: socket.socket, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)


def _request(parts: SplitResult, message: Signed) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Host": parts.netloc,
        "User-Agent": "Portal-Webhooks/1",
        "Accept": "*/*",
        "Connection": "close",
        "Content-Length": str(len(message.body)),
        **message.headers,
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + message.body


def _status(connection: socket.socket, until: float) -> int:
    """Return the status of the answer, past interim ones; nothing else of it is kept."""
    read = b""
    while len(read) < _MOST:
        if b"\n" in read:
            found = _STATUS.match(read)
            if found is None:
                raise NotSentError(Problem.ANSWER)
            if not found[1].startswith(b"1"):
                return int(found[1])
            _interim, is_whole, rest = read.partition(b"\r\n\r\n")
            if is_whole:
                read = rest
                continue
        _limit(connection, until)
        part = connection.recv(1024)
        if not part:
            break
        read += part
    raise NotSentError(Problem.ANSWER)
