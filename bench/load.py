"""Load generator: requests per second of a URL, by wrk if it is installed, otherwise by a small client process.

Both sides of every ratio are measured with the same client, so that its own cost affects both equally.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WRK = shutil.which("wrk")
#: Makes wrk request the paths in turn.
_ROTATE = """
local paths = { %s }
local at = 0
request = function()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
"""


def client_name() -> str:
    return "wrk" if WRK else "bench/load.py (install wrk for a lighter client)"


def requests_per_second(base: str, paths: list[str], *, cookie: str, seconds: float, connections: int) -> float:
    """Request `paths` in turn over keep-alive connections. Raises an error if a response is not a 200."""
    if WRK:
        return _with_wrk(base, paths, cookie=cookie, seconds=seconds, connections=connections)
    order = json.dumps({"base": base, "paths": paths, "cookie": cookie, "seconds": seconds, "connections": connections})
    done = subprocess.run([sys.executable, __file__], input=order, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _with_wrk(base: str, paths: list[str], *, cookie: str, seconds: float, connections: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "rotate.lua"
        script.write_text(_ROTATE % ", ".join(json.dumps(path) for path in paths))
        command = [str(WRK), "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", str(script)]
        done = subprocess.run(
            [*command, *(["-H", f"Cookie: {cookie}"] if cookie else []), base],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{base}{paths[0]}: {done.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if not found:
        raise RuntimeError(done.stdout)
    return float(found[1])


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send one request on a keep-alive connection; return status and body of the response."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return int(head.split(b" ", 2)[1]), await reader.readexactly(int(length[1]) if length else 0)


async def _ask(host: str, port: int, requests: list[bytes], until: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    answered = 0
    while time.monotonic() < until:
        status, _body = await exchange(reader, writer, requests[answered % len(requests)])
        if status != 200:
            raise RuntimeError(f"answered {status}")
        answered += 1
    writer.close()
    return answered


async def _run(order: dict[str, Any]) -> float:
    where = urlsplit(order["base"])
    cookie = f"Cookie: {order['cookie']}\r\n" if order["cookie"] else ""
    requests = [f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n{cookie}\r\n".encode() for path in order["paths"]]
    began = time.monotonic()
    until = began + order["seconds"]
    asking = [_ask(str(where.hostname), where.port or 80, requests, until) for _ in range(order["connections"])]
    return sum(await asyncio.gather(*asking)) / (time.monotonic() - began)


if __name__ == "__main__":
    print(asyncio.run(_run(json.load(sys.stdin))))
