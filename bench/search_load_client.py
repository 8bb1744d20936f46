"""One of the clients of `bench.search_load`: reads an order, and writes the result of each request, as JSON.

Each request has a due time, because customers do not wait for each other. If it has to wait for a free connection, that
time counts: response times are measured from the due time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import exchange

TIMEOUT_SECONDS = 10.0
HTTP_OK = 200


class Client:
    """Sends the requests of an order; `outcomes` has the index, milliseconds and error (or an empty string) of each."""

    def __init__(self, order: dict[str, Any]) -> None:
        where = urlsplit(order["base"])
        self._host, self._port = str(where.hostname), where.port or 80
        self._requests = [f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode() for path in order["paths"]]
        self._moments = iter(enumerate(order["moments"]))
        self._until = order["until"]
        self._connections = order["connections"]
        self.outcomes: list[tuple[int, float, str]] = []

    async def run(self) -> None:
        await asyncio.gather(*(self._work() for _ in range(self._connections)))

    async def _work(self) -> None:
        """Send requests over one connection until none is left or the time is over."""
        connection = None
        for place, moment in self._moments:
            await asyncio.sleep(max(0.0, min(moment, self._until) - time.time()))
            if max(moment, time.time()) > self._until:
                break
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    connection = connection or await asyncio.open_connection(self._host, self._port)
                    status, body = await exchange(*connection, self._requests[place])
                wrong = "" if status == HTTP_OK else f"HTTP {status}"
                if not wrong and b"</html>" not in body and b"/suggest/" not in self._requests[place]:
                    wrong = "half a page"
            except (OSError, EOFError, ValueError) as error:
                wrong = type(error).__name__
                if connection:
                    connection[1].close()
                connection = None
            self.outcomes.append((place, 1000 * (time.time() - moment), wrong))
        if connection:
            connection[1].close()
            with suppress(OSError):
                await connection[1].wait_closed()


def main() -> None:
    client = Client(json.loads(sys.stdin.readline()))
    asyncio.run(client.run())
    print(json.dumps(client.outcomes))


if __name__ == "__main__":
    main()
