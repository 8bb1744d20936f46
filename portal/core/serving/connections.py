"""Limits of connections that granian does not have: how many one address may hold, and how long one may stall.

Granian accepts connections in Rust and tells Python only of requests. A thread therefore looks at the sockets of its
own process twice a second. It costs next to nothing while there are few, and reads the state that the kernel keeps:
nothing has to be counted.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
import struct
import threading
import time
from collections import defaultdict
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portal.core.serving.limits import Limits

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.5
_LINE_SECONDS: Final = 60.0
#: Place of `tcpi_last_data_recv` in Linux's `struct tcp_info`: milliseconds since the client sent anything.
_LAST_RECEIVED: Final = struct.Struct("=52xI")


class ConnectionGuard(threading.Thread):
    """Closes what is too much of one address, those first that have been silent for longest."""

    def __init__(self, limits: Limits, look_seconds: float = _LOOK_SECONDS) -> None:
        super().__init__(name="connections", daemon=True)
        self._limit = limits.connections_per_address
        self._stalled_seconds = limits.stalled_seconds
        self._look_seconds = look_seconds
        self._is_listening = False
        self._next_line = 0.0
        self._pause = threading.Event()

    def run(self) -> None:
        pause = self._look_seconds
        while not self._pause.wait(pause):
            began = time.monotonic()
            with suppress(OSError):
                if not self._is_listening:
                    self._is_listening = self.prepare_listeners()
                elif self._limit:
                    self.look()
            # With thousands of connections, looking must not become what keeps Django waiting.
            pause = max(self._look_seconds, 20 * (time.monotonic() - began))

    def prepare_listeners(self) -> bool:
        """Have the kernel drop connections, also later ones, whose client stalls; return False if none listens yet."""
        found = False
        for opened in _sockets(_numbers()):
            with opened:
                if opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    found = True
                    # Counts time in which the client acknowledges nothing, or accepts nothing; inherited from here.
                    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * self._stalled_seconds))
        return found

    def look(self) -> int:
        """Close what is too much now; return how many connections that were."""
        numbers = _numbers()
        if len(numbers) <= self._limit:
            return 0
        held: dict[str, list[tuple[int, socket.socket]]] = defaultdict(list)
        closed = 0
        try:
            for opened in _sockets(numbers):
                try:
                    (silent,) = _LAST_RECEIVED.unpack(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 56))
                    held[_network(opened.getpeername()[0])].append((silent, opened))
                except OSError:  # a listener, or not TCP, or closed meanwhile
                    opened.close()
            for address, connections in held.items():
                connections.sort(key=lambda pair: pair[0], reverse=True)
                excess = connections[: max(0, len(connections) - self._limit)]
                for _silent, opened in excess:
                    with suppress(OSError):
                        opened.shutdown(socket.SHUT_RDWR)
                if excess:
                    closed += len(excess)
                    self._tell(address, len(excess))
        finally:
            for connections in held.values():
                for _silent, opened in connections:
                    opened.close()
        return closed

    def _tell(self, address: str, count: int) -> None:
        """Log it, at most once a minute."""
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            logger.warning("%s held too many connections: closed %d", address, count)


def _numbers() -> list[int]:
    """Return the descriptors of this process."""
    return [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208 - thousands, and only their names


def _sockets(numbers: Iterable[int]) -> Iterator[socket.socket]:
    """Yield a duplicate of every internet socket among these descriptors, for the caller to close.

    Files must not be duplicated: closing any descriptor of a file ends all locks that the process has on it, and without
    its locks on SQLite's files another process that exits deletes the journal into which this one goes on writing.
    """
    for number in numbers:
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            # The duplicate stays the same socket, whoever closes the original and opens another with its number.
            duplicate = os.dup(number)
            if not stat.S_ISSOCK(os.fstat(duplicate).st_mode):
                continue  # a file got the number meanwhile: better one descriptor too many than its locks gone
            opened = socket.socket(fileno=duplicate)
            if opened.family in {socket.AF_INET, socket.AF_INET6} and opened.type == socket.SOCK_STREAM:
                yield opened
            else:
                opened.close()


def _network(address: str) -> str:
    """Return the address, of IPv6 the network of 64 bits: one customer has all of it."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
