"""Clients that are slow, for `bench.connections`: one process with one loop, so that they cost little themselves.

Reads one line of JSON (host, port, path of a recording, and how many clients of each kind), prints ``ready`` when all
have connected, and prints a line of JSON when standard input ends: how many of them each kind had connected at the end,
and what the server told those that it refused.

- idle: asked for a page once, and keep the connection
- stalled: began a download and read no more
- listeners: read a recording at its bit rate
- bodies: send the body of a form byte by byte
- heads: send the head of a request byte by byte
"""

from __future__ import annotations

import heapq
import json
import os
import selectors
import socket
import sys
import time
from collections import Counter
from typing import Any

_TICK_SECONDS = 1.0
#: What a listener reads a second: a recording of 256 kbit/s.
_LISTENER_BYTES = 32 * 1024


class Client:
    """One connection; `act` is called once a second."""

    def __init__(self, kind: str, order: dict[str, Any]) -> None:
        self.kind = kind
        self.order = order
        self.connects = 0
        self.socket: socket.socket | None = None

    def connect(self) -> socket.socket:
        own = socket.socket()
        if self.kind == "stalled":
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        own.settimeout(10)
        own.connect((self.order["host"], self.order["port"]))
        host = f"Host: {self.order['host']}:{self.order['port']}\r\n"
        own.sendall(
            {
                "idle": f"GET /health/ HTTP/1.1\r\n{host}\r\n",
                "stalled": f"GET {self.order['recording']} HTTP/1.1\r\n{host}\r\n",
                "listeners": f"GET {self.order['recording']} HTTP/1.1\r\n{host}\r\n",
                "bodies": f"POST /fa/search/ HTTP/1.1\r\n{host}Content-Length: 60000\r\n\r\n",
                "heads": f"GET /fa/ HTTP/1.1\r\n{host}X-Slow: ",
            }[self.kind].encode()
        )
        own.setblocking(False)
        return own

    def act(self, watched: selectors.BaseSelector) -> None:
        """Send or read a little; connect again if the server closed the connection."""
        try:
            if self.socket is None:
                self.socket = self.connect()
                self.connects += 1
                if self.kind == "idle":
                    watched.register(self.socket, selectors.EVENT_READ, self)
            elif self.kind == "listeners":
                if not self.socket.recv(_LISTENER_BYTES):
                    self.close(watched)
            elif self.kind in {"bodies", "heads"}:
                self.socket.send(b"x")
        except BlockingIOError:
            pass
        except OSError:
            self.close(watched)

    def close(self, watched: selectors.BaseSelector) -> None:
        if self.socket is not None:
            if self.kind == "idle" and self.socket.fileno() in watched.get_map():
                watched.unregister(self.socket)
            self.socket.close()
            self.socket = None


def main() -> None:
    os.nice(10)  # in reality they are other machines
    order = json.loads(sys.stdin.readline())
    watched = selectors.DefaultSelector()
    clients = [Client(kind, order) for kind, count in order["clients"].items() for _ in range(count)]
    answers: Counter[str] = Counter()
    due = [(time.monotonic() + number * _TICK_SECONDS / max(1, len(clients)), number) for number in range(len(clients))]
    heapq.heapify(due)
    watched.register(sys.stdin, selectors.EVENT_READ)
    said_ready = False
    while True:
        while due and due[0][0] <= time.monotonic():
            moment, number = heapq.heappop(due)
            clients[number].act(watched)
            heapq.heappush(due, (max(moment + _TICK_SECONDS, time.monotonic() + _TICK_SECONDS / 2), number))
        if not said_ready and all(client.connects for client in clients):
            print("ready", flush=True)
            said_ready = True
        for key, _events in watched.select(max(0.001, due[0][0] - time.monotonic()) if due else 1):
            if key.fileobj is sys.stdin:
                connected = Counter(client.kind for client in clients if client.socket is not None)
                connects = {kind: sum(c.connects for c in clients if c.kind == kind) for kind in order["clients"]}
                print(json.dumps({"connected": connected, "connects": connects, "answers": answers}), flush=True)
                return
            client = key.data
            try:
                content = client.socket.recv(65536)
            except OSError:
                content = b""
            if content:
                answers[content.split(b"\r\n", 1)[0].decode(errors="replace")] += 1
            else:
                client.close(watched)


if __name__ == "__main__":
    main()
