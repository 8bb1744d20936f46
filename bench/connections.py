"""Measure whether slow clients stop others. Run by `script/bench connections`.

The portal is served as script/server does. In interleaved rounds the time of pages is measured twice: quiet, and while
slow clients of all kinds hold connections at once: idle ones, downloads whose reader has stopped, listeners of a
recording, and forms and heads of requests that arrive byte by byte. All are one process that costs little. Pages are
requested at a fixed rate, so that the clients of the measurement leave room for the portal on the same processors;
meanwhile a monitor asks for /health/ four times a second. The ratio of the 95th percentiles of all rounds counts. The
processor time of the workers for each page is shown, too, which other work on the machine affects little. Memory must not
grow from round to round.

With `--control` the same is shown for granian's WSGI interface, which served the portal before (decision 21).
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.load import exchange  # noqa: E402 - the path first
from bench.pages import DISCOVER, memory_of, portal_environment, processor_seconds, run, server  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

SLOW_CLIENTS = {"idle": 200, "stalled": 50, "listeners": 20, "bodies": 50, "heads": 50}
APPLICATIONS = {"portal": "portal.rsgi:application", "control (WSGI)": "portal.wsgi:application"}
#: 95th percentile beside slow clients, relative to quiet.
RATIO_BAR = 1.5
#: Memory beside the slow clients of the last round, relative to those of the first.
MEMORY_BAR = 1.05
PROBE_SECONDS = 2.0
#: Size of the recording: much more than the buffers of both sides.
RECORDING_BYTES = 64 * 1024 * 1024
#: Run inside the portal: prints path and URL of a recording.
DISCOVER_RECORDING = """
import json
from faq.models import HelpMedia
recording = HelpMedia.objects.filter(type="audio").order_by("pk").first()
print(json.dumps({"path": recording.file.path, "url": recording.file.url}))
"""
_SETTLE_SECONDS = 2.0
_PAGE_SECONDS = 10.0
_CONNECTIONS = 6


@dataclass
class Times:
    """Times of pages in milliseconds, and the processor time of the workers that they took."""

    milliseconds: list[float] = field(default_factory=list)
    processor_ms: float = 0.0

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.milliseconds, n=20)[-1]

    @property
    def processor_ms_each(self) -> float:
        return self.processor_ms / len(self.milliseconds)


@dataclass
class Case:
    """One kind of page, with its times of all rounds."""

    name: str
    paths: list[str]
    cookie: str = ""
    quiet: Times = field(default_factory=Times)
    beside: Times = field(default_factory=Times)

    @property
    def ratio(self) -> float:
        return self.beside.p95 / self.quiet.p95


@dataclass
class Result:
    """What was found for one server."""

    name: str
    cases: list[Case]
    failed: int = 0
    probes: int = 0
    failed_probes: int = 0
    #: Quiet, then beside the slow clients of each round.
    memory_mb: list[float] = field(default_factory=list)
    #: Processor time of the server's workers per second, in milliseconds, for the slow clients alone.
    idle_ms: float = 0.0
    slow: list[dict[str, Any]] = field(default_factory=list)

    def missed(self) -> list[str]:
        names = [f"{case.name} beside slow clients" for case in self.cases if case.ratio > RATIO_BAR]
        if self.failed:
            names.append(f"{self.failed} requests failed")
        if self.failed_probes:
            names.append(f"{self.failed_probes} probes failed")
        if self.memory_mb[-1] > MEMORY_BAR * self.memory_mb[1]:
            names.append("memory")
        return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8, help="interleaved rounds")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each page is requested in each round")
    parser.add_argument("--rate", type=float, default=30, help="requests a second")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--blocking-threads", type=int, default=1, help="of the control")
    parser.add_argument("--folder", type=Path, help="keep the demo portal there and reuse it")
    parser.add_argument("--control", action="store_true", help="also measure granian's WSGI interface")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, proves nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 1
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))  # for the slow clients
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        # All clients have one address here.
        env = {**portal_environment(folder), "CONNECTIONS_PER_ADDRESS": "1000"}
        print("Preparing a demo portal …", flush=True)
        run("manage.py", "prepare", "--demo", env=env)
        found = json.loads(run("manage.py", "shell", "--no-imports", "-c", DISCOVER, env=env).splitlines()[-1])
        found["recording"] = make_recording(env)
        names = list(APPLICATIONS) if arguments.control else list(APPLICATIONS)[:1]
        results = [measure(name, env, found, arguments) for name in names]
    for result in results:
        report(result)
    if arguments.json:
        figures = {
            result.name: {
                "pages": {c.name: {"quiet_ms": c.quiet.p95, "beside_ms": c.beside.p95} for c in result.cases},
                "failed": result.failed, "probes": result.probes, "failed_probes": result.failed_probes,
                "memory_mb": result.memory_mb, "idle_ms_per_second": result.idle_ms, "slow_clients": result.slow,
            }
            for result in results
        }  # fmt: skip
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    missed = results[0].missed()
    if missed:
        print(f"Missed: {', '.join(missed)}.")
    if missed and arguments.check:
        sys.exit(1)


def make_recording(env: dict[str, str]) -> str:
    """Make a recording of the demo long; return its path on the site."""
    found = json.loads(run("manage.py", "shell", "--no-imports", "-c", DISCOVER_RECORDING, env=env).splitlines()[-1])
    file = Path(found["path"])
    with file.open("r+b") as content:
        content.truncate(RECORDING_BYTES)
    return str(found["url"])


def check_recording(port: int, recording: str) -> None:
    """Exit if visitors cannot fetch it: clients that wait for a 404 would prove nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("HEAD", recording)
    answer = connection.getresponse()
    connection.close()
    if answer.status != 200 or int(answer.headers["Content-Length"]) < RECORDING_BYTES:
        sys.exit(f"{recording} answered {answer.status}")


def measure(name: str, env: dict[str, str], found: dict[str, Any], arguments: argparse.Namespace) -> Result:
    """Measure the server of this name in `APPLICATIONS`."""
    recording = found["recording"]
    result = Result(name, [
        Case("article, anonymous", found["articles"]),
        Case("article, signed in", found["articles"], found["cookie"]),
        Case("search, signed in", found["searches"], found["cookie"]),
    ])  # fmt: skip
    with server(APPLICATIONS[name], env, arguments) as (base, pid):
        port = int(base.rpartition(":")[2])
        check_recording(port, recording)
        for case in result.cases:  # every worker has rendered every page before it counts
            asyncio.run(times(port, case, arguments.rate, 4, Result(name, [])))
        result.memory_mb.append(memory_of(pid)["pss"])
        for number in range(arguments.rounds):
            print(f"{name}: round {number + 1} of {arguments.rounds} …", flush=True)
            for case in result.cases:
                take(case.quiet, pid, times(port, case, arguments.rate, arguments.seconds, result))
            with slow_clients(port, recording, result):
                time.sleep(_SETTLE_SECONDS)  # buffers are full, and everybody is slow
                before, began = processor_seconds(pid), time.monotonic()
                time.sleep(1)
                result.idle_ms = 1000 * (processor_seconds(pid) - before) / (time.monotonic() - began)
                for case in result.cases:
                    take(case.beside, pid, times(port, case, arguments.rate, arguments.seconds, result))
                result.memory_mb.append(memory_of(pid)["pss"])
    return result


def take(into: Times, pid: int, measurement: Coroutine[None, None, list[float]]) -> None:
    before = processor_seconds(pid)
    into.milliseconds += asyncio.run(measurement)
    into.processor_ms += 1000 * (processor_seconds(pid) - before)


@contextmanager
def slow_clients(port: int, recording: str, result: Result) -> Iterator[None]:
    """Slow clients of all kinds, connected."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "bench" / "slow_clients.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - asked for above
    try:
        order = {"host": "127.0.0.1", "port": port, "recording": recording, "clients": SLOW_CLIENTS}
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        watchdog = signal.signal(signal.SIGALRM, lambda *_: process.kill())
        signal.alarm(60)
        if process.stdout.readline() != "ready\n":
            print("The slow clients could not all connect within a minute.")
        signal.alarm(0)
        signal.signal(signal.SIGALRM, watchdog)
        yield
    finally:
        with process.stdin:
            pass
        line = process.stdout.readline()
        if line:
            result.slow.append(json.loads(line))
        process.kill()
        process.wait()


async def times(port: int, case: Case, rate: float, seconds: float, result: Result) -> list[float]:
    """Request the pages at `rate`; return the times in milliseconds. A failed request counts as 10 s."""
    taken: list[float] = []
    queue: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
    cookie = f"Cookie: {case.cookie}\r\n" if case.cookie else ""

    async def work() -> None:
        connection: Connection | None = None
        while (job := await queue.get()) is not None:
            moment, path = job
            connection = connection or Connection(port)
            if await connection.ask(path, cookie, _PAGE_SECONDS):
                taken.append(1000 * (time.monotonic() - moment))
            else:
                taken.append(1000 * _PAGE_SECONDS)
                result.failed += 1
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    async def probe() -> None:
        while True:
            connection = Connection(port)
            result.probes += 1
            result.failed_probes += not await connection.ask("/health/", "", PROBE_SECONDS)
            connection.close()
            await asyncio.sleep(0.25)

    workers = [asyncio.create_task(work()) for _ in range(_CONNECTIONS)]
    prober = asyncio.create_task(probe())
    began = time.monotonic()
    for number in range(round(rate * seconds)):
        moment = began + number / rate
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
        queue.put_nowait((time.monotonic(), case.paths[number % len(case.paths)]))
    for _ in workers:
        queue.put_nowait(None)
    await asyncio.gather(*workers)
    prober.cancel()
    await asyncio.gather(prober, return_exceptions=True)
    return taken


class Connection:
    """A connection that is opened for the first request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, cookie: str, seconds: float) -> bool:
        """Return whether the response was a 200 and came in time."""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{cookie}\r\n"
        try:
            async with asyncio.timeout(seconds):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                status, _body = await exchange(*self._streams, head.encode())
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False
        return status == 200

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


def report(result: Result) -> None:
    together = " + ".join(f"{count} {kind}" for kind, count in SLOW_CLIENTS.items())
    print(f"\n{result.name}, beside {together}\n")
    print(f"{'page':<22}{'p95 quiet':>12}{'beside':>10}{'ratio':>8}{'bar':>7}   {'processor each':>16}{'beside':>10}")
    for case in result.cases:
        print(
            f"{case.name:<22}{case.quiet.p95:>9.1f} ms{case.beside.p95:>7.1f} ms{case.ratio:>8.2f}{RATIO_BAR:>7.2f} "
            f"{'✓' if case.ratio <= RATIO_BAR else '✗'} {case.quiet.processor_ms_each:>13.2f} ms"
            f"{case.beside.processor_ms_each:>7.2f} ms"
        )
    memory = ", ".join(f"{megabytes:.0f}" for megabytes in result.memory_mb[1:])
    print(
        f"\nfailed requests: {result.failed}; failed probes: {result.failed_probes} of {result.probes}; memory "
        f"{result.memory_mb[0]:.0f} MB quiet, beside slow clients {memory} MB; these alone cost {result.idle_ms:.0f} ms of "
        "processor time a second"
    )
    if result.slow:
        print(f"slow clients at the end: {result.slow[-1]}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
