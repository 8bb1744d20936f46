"""Measure the speed of pages, relative to minimal pages on the same server. Run by `script/bench pages`.

In one run and in interleaved rounds, so that a busy machine affects both sides equally: pages for anonymous visitors
against a constant Django view of the same size, pages for a signed-in customer and search results against a minimal
Django page with three queries. Afterwards the memory of the portal's two workers is measured.

The minimal page is as made by `django-admin startproject`: the default middleware, a base template, a page of the same
size, three queries for its content, and a signed-in user if the portal's page has one, which costs both sites the same
two queries. Nobody serves a bare view without any middleware; the ratio to that is shown, too, in the column "bare",
and has no bar.

With `--writes 20`, something else is measured: the speed of pages for anonymous visitors while others write twenty
posts and votes per second, relative to their speed without writes. Posts and votes are made by a separate process,
which uses the same processor, as in production. Besides the rate, the processor time of the workers per response is
shown, which other work on the machine affects little.

Five articles and forty questions are requested in turn: this measures a portal whose workers have rendered each of them
before, as is usual for popular pages.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
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

from bench.load import client_name, requests_per_second  # noqa: E402 - the path first

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_BAR_MB = 350
CONSTANT, MINIMAL = "constant", "three queries"
#: Minimum rate with writes, as a share of the rate without.
WRITES_BAR = 0.8

#: Run inside the portal: prints the URLs to request, and the session of a demo customer.
DISCOVER = """
import json, random
from urllib.parse import quote
from django.contrib.auth import get_user_model
from django.test import Client
from faq.models import ArticlePage, TopicPage
articles = list(ArticlePage.objects.live().filter(locale__language_code="fa").order_by("pk"))
topics = list(TopicPage.objects.live().filter(locale__language_code="fa").order_by("pk"))
words = [word for page in articles for word in page.title.split() if len(word) > 2]
chance = random.Random(7)
queries = [" ".join(chance.sample(words, 2)) for _ in range(40)]
client = Client()
client.force_login(get_user_model().objects.get(email="sara@noora.example"))
print(json.dumps({
    "articles": [page.get_url() for page in articles[:5]],
    "topics": [page.get_url() for page in topics[:3]],
    "searches": ["/fa/search/?q=" + quote(query) for query in queries],
    "cookie": "sessionid=" + client.cookies["sessionid"].value,
}))
"""


@dataclass
class Case:
    """One page, what it is compared with, and the minimum ratio."""

    name: str
    paths: list[str]
    against: str
    bar: float
    cookie: str = ""
    size: int = 0
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    bare_ratios: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the median counts")
    parser.add_argument("--seconds", type=float, default=3, help="how long each page is requested in each round")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--blocking-threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the demo portal there and reuse it")
    parser.add_argument("--writes", type=float, metavar="N", help="compare with N posts and votes per second meanwhile")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, proves nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 1
    missed = compare_with_writes(arguments) if arguments.writes else compare_with_minimal_site(arguments)
    if missed:
        print(f"Missed: {', '.join(missed)}.")
    if missed and arguments.check:
        sys.exit(1)


def compare_with_minimal_site(arguments: argparse.Namespace) -> list[str]:
    """Measure and print a report; return the names of the bars that were missed."""
    with ExitStack() as stack:
        env, found = prepare(stack, arguments)
        minimal_env = {**env, "DJANGO_SETTINGS_MODULE": "bench.minimal_site.settings"}
        minimal_cookie = run("-m", "bench.minimal_site.fill", env=minimal_env).split()[-1]
        portal, pid = stack.enter_context(server("portal.rsgi:application", env, arguments))
        minimal, _pid = stack.enter_context(server("bench.minimal_site.wsgi:application", minimal_env, arguments))
        cases = make_cases(found)
        for case in cases:
            case.size = size_of(portal, case)
        measure(cases, portal, minimal, minimal_cookie, arguments)
        memory = memory_of(pid)
    report(cases, memory, arguments)
    missed = [case.name for case in cases if case.ratio < case.bar]
    if memory["pss"] > MEMORY_BAR_MB:
        missed.append("memory")
    return missed


def prepare(stack: ExitStack, arguments: argparse.Namespace) -> tuple[dict[str, str], dict[str, Any]]:
    """Prepare a demo portal; return its environment and the output of `DISCOVER`."""
    folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-")))
    folder.mkdir(parents=True, exist_ok=True)
    env = portal_environment(folder)
    print("Preparing a demo portal …", flush=True)
    run("manage.py", "prepare", "--demo", env=env)
    return env, json.loads(run("manage.py", "shell", "--no-imports", "-c", DISCOVER, env=env).splitlines()[-1])


def make_cases(found: dict[str, Any]) -> list[Case]:
    cookie = found["cookie"]
    return [
        Case("home, anonymous", ["/fa/"], CONSTANT, 0.5),
        Case("article, anonymous", found["articles"], CONSTANT, 0.5),
        Case("topic, anonymous", found["topics"], CONSTANT, 0.5),
        Case("article, signed in", found["articles"], MINIMAL, 0.5, cookie),
        Case("search, anonymous", found["searches"], MINIMAL, 0.4),
        Case("search, signed in", found["searches"], MINIMAL, 0.4, cookie),
    ]


# With writes ---------------------------------------------------------------------------------------------------------


@dataclass
class Beside:
    """One page, and its rates without and with writes, by round."""

    name: str
    paths: list[str]
    quiet: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    #: Processor time of the workers per response, in milliseconds.
    quiet_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [busy / quiet for busy, quiet in zip(self.busy, self.quiet, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)


class Writer:
    """The process that posts and votes."""

    def __init__(self, env: dict[str, str], *command: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *(command or ("bench/pages_writer.py",))], cwd=ROOT, env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.writes = 0
        self.seconds = 0.0
        self.errors: list[str] = []
        self._answer()

    def begin(self, per_second: float, seconds: float) -> None:
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        self._process.stdin.write(json.dumps({"per_second": per_second, "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        self.seconds += seconds

    def end(self) -> None:
        done = json.loads(self._answer())
        self.writes += done["writes"]
        self.errors += done["errors"]

    def _answer(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = self._process.stdout.readline()
        if not line:
            sys.exit("The writer has stopped.")
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def compare_with_writes(arguments: argparse.Namespace) -> list[str]:
    """Measure and print a report; return the names of the bars that were missed."""
    with ExitStack() as stack:
        env, found = prepare(stack, arguments)
        portal, pid = stack.enter_context(server("portal.rsgi:application", env, arguments))
        writer = Writer(env)
        stack.callback(writer.close)
        pages = [
            Beside("article, anonymous", found["articles"]),
            Beside("topic, anonymous", found["topics"]),
            Beside("home, anonymous", ["/fa/"]),
        ]

        def rate(page: Beside) -> tuple[float, float]:
            """Responses per second, and processor time per response in milliseconds."""
            before = processor_seconds(pid)
            answers = requests_per_second(
                portal, page.paths, cookie="", seconds=arguments.seconds, connections=arguments.connections
            )
            return answers, 1000 * (processor_seconds(pid) - before) / (answers * arguments.seconds)

        for page in pages:
            rate(page)  # every worker has rendered every page once before it counts
        for number in range(arguments.rounds):
            print(f"Round {number + 1} of {arguments.rounds} …", flush=True)
            for page in pages:
                for rates, costs, is_busy in ((page.quiet, page.quiet_ms, False), (page.busy, page.busy_ms, True)):
                    if is_busy:
                        writer.begin(arguments.writes, arguments.seconds)
                    answers, milliseconds = rate(page)
                    rates.append(answers)
                    costs.append(milliseconds)
                writer.end()
    report_writes(pages, writer, arguments)
    if writer.errors:
        sys.exit(f"The writer failed {len(writer.errors)} times, first with {writer.errors[0]}.")
    return [page.name for page in pages if page.ratio < WRITES_BAR]


def report_writes(pages: list[Beside], writer: Writer, arguments: argparse.Namespace) -> None:
    per_second = writer.writes / writer.seconds
    print(f"\n{arguments.workers} workers; {per_second:.1f} posts and votes a second; client: {client_name()}\n")
    print(
        f"{'page':<22}{'req/s':>9}{'beside writes':>15}{'ratio':>8}{'  (lowest–highest)':<20}{'bar':>5}   "
        f"{'ms each':>8}{'beside writes':>15}"
    )
    for page in pages:
        spread = f"  ({min(page.ratios):.2f}–{max(page.ratios):.2f})"
        print(
            f"{page.name:<22}{statistics.median(page.quiet):>9.0f}{statistics.median(page.busy):>15.0f}{page.ratio:>8.2f}"
            f"{spread:<20}{WRITES_BAR:>5.2f} {'✓' if page.ratio >= WRITES_BAR else '✗'} "
            f"{statistics.median(page.quiet_ms):>8.2f}{statistics.median(page.busy_ms):>15.2f}"
        )
    if arguments.json:
        figures = {
            page.name: {
                "ratio": page.ratio,
                "rate": statistics.median(page.quiet),
                "beside": statistics.median(page.busy),
            }
            for page in pages
        }
        arguments.json.write_text(
            json.dumps({"pages": figures, "writes_per_second": per_second}, indent=1), encoding="utf-8"
        )


# Measuring -----------------------------------------------------------------------------------------------------------


def measure(cases: list[Case], portal: str, minimal: str, minimal_cookie: str, arguments: argparse.Namespace) -> None:
    def rate(base: str, paths: list[str], cookie: str = "", seconds: float = arguments.seconds) -> float:
        return requests_per_second(base, paths, cookie=cookie, seconds=seconds, connections=arguments.connections)

    for case in cases:  # every worker has rendered every page once before it counts
        rate(portal, case.paths, case.cookie, seconds=2)
    rate(minimal, ["/page/7/20000/"], minimal_cookie, seconds=2)
    for number in range(arguments.rounds):
        print(f"Round {number + 1} of {arguments.rounds} …", flush=True)
        for case in cases:
            page = rate(portal, case.paths, case.cookie)
            case.rates.append(page)
            if case.against == CONSTANT:
                case.ratios.append(page / rate(minimal, [f"/constant/{case.size}/"]))
            else:
                cookie = minimal_cookie if case.cookie else ""
                case.ratios.append(page / rate(minimal, [f"/page/7/{case.size}/"], cookie))
                case.bare_ratios.append(page / rate(minimal, ["/bare/7/"]))


def size_of(base: str, case: Case) -> int:
    """The size of the first page in bytes; exits if it is not a page."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=30)
    connection.request("GET", case.paths[0], headers={"Cookie": case.cookie} if case.cookie else {})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        sys.exit(f"{case.name}: {case.paths[0]} answered {answer.status}")
    return len(body)


def memory_of(pid: int) -> dict[str, float]:
    """Memory of the server in MB: resident set size of its workers, and proportional set size of all its processes."""
    children = children_of(pid)
    processes = [pid, *children]
    pss = sum(smaps(process, "Pss") for process in processes)
    return {"rss_workers": sum(smaps(child, "Rss") for child in children), "pss": pss, "processes": len(processes)}


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pid: int) -> float:
    """Processor time of the server's workers so far, in seconds."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    used = 0
    for child in children:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


def smaps(pid: int, key: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return 0.0


# Servers -------------------------------------------------------------------------------------------------------------


def portal_environment(folder: Path) -> dict[str, str]:
    private = {"DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "BASE_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in private}
    return {
        **kept, "DJANGO_SETTINGS_MODULE": "portal.settings.production", "DATA_DIR": str(folder),
        "SECRET_KEY": "only-for-measuring", "STAFF_SECOND_FACTOR": "False", "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT),
        "SEARCH_REQUESTS_PER_MINUTE": "0",  # all requests come from one address
    }  # fmt: skip


def run(*command: str, env: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


@contextmanager
def server(application: str, env: dict[str, str], arguments: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Serve the portal as script/server does, the minimal site with granian's WSGI; yields URL and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    portal = [
        sys.executable, "-m", "portal.serve", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(arguments.workers), "--application", application,
    ]  # fmt: skip
    wsgi = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(arguments.workers), "--blocking-threads", str(arguments.blocking_threads),
        "--no-ws", "--log-level", "warning", application,
    ]  # fmt: skip
    process = subprocess.Popen(wsgi if ".wsgi:" in application else portal, cwd=ROOT, env=env, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    sys.exit(f"{application} did not start")
                time.sleep(0.1)
        time.sleep(1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


# Reporting -----------------------------------------------------------------------------------------------------------


def report(cases: list[Case], memory: dict[str, float], arguments: argparse.Namespace) -> None:
    print(
        f"\n{arguments.workers} workers, {arguments.blocking_threads} blocking thread(s) each; client: {client_name()}\n"
    )
    print(
        f"{'page':<22}{'kB':>6}{'req/s':>9}   {'compared with':<15}{'ratio':>6}{'  (lowest–highest)':<20}{'bar':>5}   bare"
    )
    for case in cases:
        spread = f"  ({min(case.ratios):.2f}–{max(case.ratios):.2f})"
        print(
            f"{case.name:<22}{case.size / 1000:>6.1f}{statistics.median(case.rates):>9.0f}   {case.against:<15}"
            f"{case.ratio:>6.2f}{spread:<20}{case.bar:>5.2f} {'✓' if case.ratio >= case.bar else '✗'}"
            + (f" {statistics.median(case.bare_ratios):.2f}" if case.bare_ratios else "")
        )
    print(
        f"\nmemory after the load: {memory['pss']:.0f} MB of {MEMORY_BAR_MB} (fair share of all {memory['processes']:.0f} "
        f"processes); resident size of the workers summed: {memory['rss_workers']:.0f} MB"
    )
    if arguments.json:
        figures = {case.name: {"ratio": case.ratio, "rate": statistics.median(case.rates)} for case in cases}
        arguments.json.write_text(json.dumps({"pages": figures, "memory_mb": memory}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
