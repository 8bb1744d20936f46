"""Measure the community with few and with very many posts. Run by `script/bench community`.

A StackExchange dump of 10,000 and one of 1,000,000 posts are made and imported into a portal each, with the portal's own
importer. Then, in one run and in interleaved rounds, so that a busy machine affects all sides equally:

  growth   how long a page takes at the median with many posts, as a multiple of few: at most 1.2
  thread   a page of 20 posts for somebody signed in, against a minimal Django page with session, user, 20 posts and
           three queries on the same server: at least 0.5 of its rate, at most 2 times its processor time
  kept     the same page for visitors, which is cached, against a constant view of the same size: at least 0.5 of its
           rate; and at least 0.8 of its own rate while others write 20 posts and votes a second

The importer's memory is that which belongs to the process alone. SQLite also maps up to 128 MB of the database's file,
which the system takes back whenever it needs to, and which grows with the file up to that limit; it is shown apart.

A million posts take the importer about twenty minutes; --folder keeps the portals for further runs. --quick compares 2,000
posts with 10,000 in about two minutes: it shows that everything works, its ratios are rough.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.community_dump import Size, write_dump  # noqa: E402 - the path first
from bench.load import client_name, requests_per_second  # noqa: E402
from bench.pages import Writer, portal_environment, processor_seconds, run, server  # noqa: E402

MEMORY_BAR_MB: Final = 400
#: How much more an import of many posts may need than one of few: a factor, and what caches of fixed size may add.
MEMORY_GROWTH: Final = 1.2
MEMORY_MORE_MB: Final = 50
GROWTH_BAR: Final = 1.2
#: A smaller difference, in milliseconds, is that of the clock and the network: pages that are kept take less.
NOTHING_MS: Final = 1.0
RATE_BAR: Final = 0.5
PROCESSOR_BAR: Final = 2.0
KEPT_BAR: Final = 0.5
WRITES_BAR: Final = 0.8
WRITES: Final = 20
#: How often each thread is requested, by several workers, before anything is compared.
WARM: Final = 8
_PORTAL: Final = "bench/community_portal.py"


@dataclass
class Import:
    """How an import went."""

    posts: int
    threads: int
    seconds: float
    #: The most memory of its own, and the most of the file that was mapped besides.
    own_mb: float
    mapped_mb: float


@dataclass
class Portal:
    """A portal with so many posts, while it is served."""

    base: str
    pid: int
    env: dict[str, str]
    found: dict[str, Any]


@dataclass
class Case:
    """A page, and how long it takes with few and with many posts; by round, in milliseconds."""

    name: str
    paths: tuple[list[str], list[str]]
    is_signed_in: bool
    is_vote: bool = False
    #: Whether each path is asked for once: the page is made for it.
    is_new: bool = False
    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.few), statistics.median(self.many)

    @property
    def slowest(self) -> float:
        """The time that 99 of 100 requests stay below, with many posts."""
        return statistics.quantiles(self.many, n=100)[98]

    @property
    def growth(self) -> float:
        few, many = self.medians
        return many / few


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/bench community", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--few", type=int, default=10_000, metavar="POSTS")
    parser.add_argument("--many", type=int, default=1_000_000, metavar="POSTS")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the median counts")
    parser.add_argument("--seconds", type=float, default=3, help="how long each page is requested in each round")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--blocking-threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the portals there and reuse them")
    parser.add_argument(
        "--quick", action="store_true", help="2,000 and 10,000 posts, short rounds: shows that it works"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.few, arguments.many, arguments.rounds, arguments.seconds = 2_000, 10_000, 2, 1
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-community-")))
        figures, missed = measure(stack, folder, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    if missed:
        print(f"Missed: {'; '.join(missed)}.")
    sys.exit(1 if missed and arguments.check else 0)


def measure(stack: ExitStack, folder: Path, arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Measure everything and print a report; return the figures and the bars that were missed."""
    folder.mkdir(parents=True, exist_ok=True)
    imports = [imported(folder, posts) for posts in (arguments.few, arguments.many)]
    missed = report_imports(imports)
    few, many = (serve(stack, folder / str(posts), arguments) for posts in (arguments.few, arguments.many))
    cases = cases_of(few.found, many.found)
    for number in range(arguments.rounds):
        print(f"Round {number + 1} of {arguments.rounds}: growth …", flush=True)
        for case in cases:
            case.few += request_times(few, case, case.paths[0], arguments.seconds / 2, skip=len(case.few))
            case.many += request_times(many, case, case.paths[1], arguments.seconds / 2, skip=len(case.many))
    missed += report_growth(cases, few, many, arguments)
    ratios = compare(stack, many, folder / str(arguments.many), arguments)
    missed += report_ratios(ratios, arguments)
    figures = {
        "imports": [vars(each) for each in imports],
        "pages": {
            case.name: {
                "few_ms": case.medians[0],
                "many_ms": case.medians[1],
                "p99_ms": case.slowest,
                "growth": case.growth,
                "queries": many.found["queries"].get(case.name),
            }
            for case in cases
        },
        "ratios": {name: statistics.median(values) for name, values in ratios.items()},
    }
    return figures, missed


# Importing -----------------------------------------------------------------------------------------------------------


def imported(folder: Path, posts: int) -> Import:
    """Import a dump of so many posts into a new portal, unless the folder has one."""
    data, note = folder / str(posts), folder / f"{posts}.json"
    if note.exists():
        # The folder may be older than the code: its portals follow.
        run("manage.py", "migrate", "--no-input", env=portal_environment(data))
        return Import(**json.loads(note.read_text(encoding="utf-8")))
    empty = folder / "empty"
    if not (empty / "portal.sqlite3").exists():
        print("Preparing a demo portal …", flush=True)
        empty.mkdir(exist_ok=True)
        run("manage.py", "prepare", "--demo", env=portal_environment(empty))
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(empty, data)
    print(f"Making a dump of {posts:,} posts …", flush=True)
    dump = folder / f"dump-{posts}"
    write_dump(dump, Size.of(posts))
    print("Importing it …", flush=True)
    found = run_import(dump, portal_environment(data))
    shutil.rmtree(dump)
    note.write_text(json.dumps(vars(found)), encoding="utf-8")
    return found


def run_import(dump: Path, env: dict[str, str]) -> Import:
    """Run the importer in a process of its own, and look at its memory all the while."""
    process = subprocess.Popen(
        [sys.executable, _PORTAL, "import", str(dump)], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    most = {"RssAnon": 0.0, "RssFile": 0.0}
    watching = threading.Thread(target=watch_memory, args=(process.pid, most))
    watching.start()
    last = ""
    for line in process.stdout:
        if line.startswith("{"):
            last = line
        else:
            print(line, end="", flush=True)
    if process.wait():
        sys.exit("The import failed.")
    watching.join()
    return Import(**json.loads(last), own_mb=most["RssAnon"], mapped_mb=most["RssFile"])


def watch_memory(pid: int, most: dict[str, float]) -> None:
    """Note the most memory of each kind, in MB, until the process ends."""
    while True:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return
        found = {line.partition(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith("Rss")}
        if not found:  # it has ended, and nobody has noticed yet
            return
        most.update({kind: max(before, found[kind]) for kind, before in most.items()})
        time.sleep(0.05)


def report_imports(imports: list[Import]) -> list[str]:
    print(
        f"\n{'import':<16}{'threads':>10}{'seconds':>9}{'posts/s':>9}{'own memory':>13}{'bar':>8}{'mapped files':>14}"
    )
    bars = (MEMORY_BAR_MB, min(MEMORY_BAR_MB, MEMORY_GROWTH * imports[0].own_mb + MEMORY_MORE_MB))
    missed = []
    for each, bar in zip(imports, bars, strict=True):
        is_met = each.own_mb <= bar
        print(
            f"{each.posts:>10,} posts{each.threads:>10,}{each.seconds:>9.0f}{each.posts / each.seconds:>9.0f}"
            f"{each.own_mb:>10.0f} MB{bar:>8.0f} {'✓' if is_met else '✗'}{each.mapped_mb:>9.0f} MB"
        )
        if not is_met:
            missed.append(f"memory of an import of {each.posts:,} posts")
    return missed


# Growth --------------------------------------------------------------------------------------------------------------


def serve(stack: ExitStack, data: Path, arguments: argparse.Namespace) -> Portal:
    env = portal_environment(data)
    found = json.loads(run(_PORTAL, "look", env=env).splitlines()[-1])
    base, pid = stack.enter_context(server("portal.rsgi:application", env, arguments))
    return Portal(base, pid, env, found)


def cases_of(few: dict[str, Any], many: dict[str, Any]) -> list[Case]:
    cases = [
        Case(f"{name}, signed in", (few["paths"][name], many["paths"][name]), is_signed_in=True)
        for name in few["paths"]
    ]
    cases += [
        Case("vote, signed in", (few["votes"], many["votes"]), is_signed_in=True, is_vote=True),
        Case("thread, anonymous", (few["fresh"], many["fresh"]), is_signed_in=False, is_new=True),
        *(
            Case(f"{name}, kept", (few["paths"][name], many["paths"][name]), is_signed_in=False)
            for name in ("area list", "thread", "last page")
        ),
    ]
    return cases


def request_times(portal: Portal, case: Case, paths: list[str], seconds: float, *, skip: int) -> list[float]:
    """Milliseconds of requests one after the other, for so long. The first ones are not counted, but for new pages."""
    headers = {"Cookie": portal.found["cookie"]} if case.is_signed_in else {}
    if case.is_vote:
        headers |= {
            "X-CSRFToken": portal.found["csrf"],
            "HX-Request": "true",
            "Content-Type": "application/x-www-form-urlencoded",
        }
    connection = http.client.HTTPConnection(portal.base.removeprefix("http://"), timeout=60)
    times: list[float] = []
    until = time.perf_counter() + seconds
    warm = 0 if case.is_new else min(len(paths), 4) if case.is_vote else len(paths)  # what is kept, is kept then
    number = -warm
    while number < 5 or time.perf_counter() < until:
        if case.is_new and skip + number >= len(paths):
            break
        path = paths[(skip + number) % len(paths)]
        # Each post is voted for, and the vote taken back the next time.
        body = f"on={1 - (skip + number) // len(paths) % 2}" if case.is_vote else None
        began = time.perf_counter()
        connection.request("POST" if case.is_vote else "GET", path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"{case.name}: {path} answered {answer.status}")
        if number >= 0:
            times.append(1000 * (time.perf_counter() - began))
        number += 1
    connection.close()
    return times


def report_growth(cases: list[Case], few: Portal, many: Portal, arguments: argparse.Namespace) -> list[str]:
    print(
        f"\nOne request after the other; {few.found['posts']:,} and {many.found['posts']:,} posts; the longest thread has "
        f"{few.found['longest']:,} and {many.found['longest']:,}\n"
    )
    print(f"{'page':<24}{'few: ms':>9}{'many: ms':>10}{'p99':>8}{'growth':>8}{'bar':>6}   queries")
    missed = []
    for case in cases:
        is_met = case.growth <= GROWTH_BAR or case.medians[1] - case.medians[0] < NOTHING_MS
        queries = [portal.found["queries"].get(case.name, 0) for portal in (few, many)]
        shown = f"{queries[0]} and {queries[1]}" if queries[0] else ""
        print(
            f"{case.name:<24}{case.medians[0]:>9.2f}{case.medians[1]:>10.2f}{case.slowest:>8.2f}{case.growth:>8.2f}"
            f"{GROWTH_BAR:>6.2f} {'✓' if is_met else '✗'} {shown}"
        )
        if not is_met:
            missed.append(f"growth of {case.name}")
        if queries[1] > queries[0] + 1:  # a thread that is solved asks once more
            missed.append(f"queries of {case.name}")
    return missed


# Ratios --------------------------------------------------------------------------------------------------------------

SIGNED_IN, PROCESSOR, KEPT, BESIDE = "thread, signed in", "its processor time", "thread, kept", "kept, beside writes"


def compare(stack: ExitStack, portal: Portal, data: Path, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Rates of a page of twenty posts against those of minimal pages on the same server; ratios by round."""
    env = {**portal.env, "DJANGO_SETTINGS_MODULE": "bench.minimal_site.settings", "DATA_DIR": str(data)}
    minimal_cookie = run("-m", "bench.minimal_site.fill", env=env).split()[-1]
    minimal, minimal_pid = stack.enter_context(server("bench.minimal_site.wsgi:application", env, arguments))
    writer = Writer(portal.env, _PORTAL, "write")
    stack.callback(writer.close)
    threads, cookie = portal.found["paths"]["thread"], portal.found["cookie"]
    sizes = {name: _size(portal.base, threads[0], cookie if name == SIGNED_IN else "") for name in (SIGNED_IN, KEPT)}

    def rate(base: str, pid: int, paths: list[str], cookie: str = "") -> tuple[float, float]:
        """Responses per second, and processor time of the workers per response."""
        before = processor_seconds(pid)
        answers = requests_per_second(
            base, paths, cookie=cookie, seconds=arguments.seconds, connections=arguments.connections
        )
        return answers, (processor_seconds(pid) - before) / (answers * arguments.seconds)

    ratios: dict[str, list[float]] = {name: [] for name in (SIGNED_IN, PROCESSOR, KEPT, BESIDE, "rate", "kept rate")}
    print("Warming up …", flush=True)
    asked = 0.0
    while asked < WARM * len(threads):  # the first reader of a thread in each worker has it made: measured above
        asked += arguments.seconds * rate(portal.base, portal.pid, threads, cookie)[0]
    for number in range(-1, arguments.rounds):
        print(f"Round {number + 1} of {arguments.rounds}: ratios …" if number >= 0 else "All sides once …", flush=True)
        page, page_cost = rate(portal.base, portal.pid, threads, cookie)
        plain, plain_cost = rate(minimal, minimal_pid, [f"/posts/7/{sizes[SIGNED_IN]}/"], minimal_cookie)
        kept, _cost = rate(portal.base, portal.pid, threads)
        constant, _cost = rate(minimal, minimal_pid, [f"/constant/{sizes[KEPT]}/"])
        writer.begin(WRITES, arguments.seconds)
        beside, _cost = rate(portal.base, portal.pid, threads)
        writer.end()
        if number >= 0:
            for name, value in {
                SIGNED_IN: page / plain, PROCESSOR: page_cost / plain_cost, KEPT: kept / constant, BESIDE: beside / kept,
                "rate": page, "kept rate": kept,
            }.items():  # fmt: skip
                ratios[name].append(value)
    if writer.errors:
        sys.exit(f"The writer failed {len(writer.errors)} times, first with {writer.errors[0]}.")
    print(f"\n{writer.writes / writer.seconds:.1f} posts and votes a second were written.")
    return ratios


def _size(base: str, path: str, cookie: str) -> int:
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=30)
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    return len(connection.getresponse().read())


def report_ratios(ratios: dict[str, list[float]], arguments: argparse.Namespace) -> list[str]:
    print(f"{arguments.workers} workers; client: {client_name()}\n")
    print(f"{'page of 20 posts':<24}{'compared with':<28}{'ratio':>6}{'  (lowest–highest)':<20}{'bar':>7}")
    missed = []
    for name, against, bar, is_most in (
        (SIGNED_IN, "minimal page", RATE_BAR, False),
        (PROCESSOR, "that of the minimal page", PROCESSOR_BAR, True),
        (KEPT, "constant view", KEPT_BAR, False),
        (BESIDE, "without writes", WRITES_BAR, False),
    ):
        values = ratios[name]
        ratio = statistics.median(values)
        is_met = ratio <= bar if is_most else ratio >= bar
        spread = f"  ({min(values):.2f}–{max(values):.2f})"
        print(
            f"{name:<24}{against:<28}{ratio:>6.2f}{spread:<20}{'≤' if is_most else '≥'}{bar:>6.2f} {'✓' if is_met else '✗'}"
        )
        if not is_met:
            missed.append(f"{name} against {against}")
    print(
        f"\nrequests a second: {statistics.median(ratios['rate']):.0f} signed in, "
        f"{statistics.median(ratios['kept rate']):.0f} kept"
    )
    return missed


if __name__ == "__main__":
    main()
