"""script/test: runs the unit and contract tests, and the browser tests.

  script/test                     everything, on SQLite
  script/test --postgres          then those marked for both databases on PostgreSQL, at TEST_DATABASE_URL
  script/test --all-databases     then everything on PostgreSQL
  script/test tests/faq -k rate   only these; arguments are passed on to pytest

Setting TEST_DATABASE_URL (postgres://user@host:port/name) has the same effect as --postgres. The user must be allowed
to create databases. tests/README.md says which tests run on both databases, and why not all. Browser tests need
Chromium (CHROMIUM, or one on the PATH). Tests with a real Elasticsearch run, on SQLite, if TEST_ELASTICSEARCH_URL names
one:

  ELASTICSEARCH_HOME=/var/cache/portal-elasticsearch script/elasticsearch start --quick
  TEST_ELASTICSEARCH_URL=http://127.0.0.1:9200 script/test

With CI=true both databases, Chromium and Elasticsearch must be there, and a skipped test is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from _common import PYTHON, ROOT, ensure_venv, environment, say, stop

if TYPE_CHECKING:
    from typing import IO

IN_CI = os.environ.get("CI") == "true"
#: The tests of a file run in one process, so that fixtures are shared; slow files begin first (tests/gate.py).
SHARED_OUT = ["--dist", "loadfile", "--no-loadscope-reorder"]
_PERCENT = re.compile(rb"\[ *(\d+)%\]\s*$")
_TOLD_EVERY = 20


@dataclass
class Run:
    """One run of pytest, in its own folder."""

    name: str
    title: str
    arguments: list[str]
    database_url: str = ""
    #: Niceness: browser tests that run at the same time measure how long pages take.
    nice: int = 0
    seconds: float = 0
    succeeded: bool = False
    by_folder: dict[str, tuple[float, int]] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postgres", action="store_true", help="also run on PostgreSQL (TEST_DATABASE_URL)")
    parser.add_argument("--all-databases", action="store_true", help="also run all tests on PostgreSQL")
    parser.add_argument("--no-browser", action="store_true", help="leave the browser tests out")
    parser.add_argument("--workers", default="2", help="number of processes that run the tests")
    arguments, chosen = parser.parse_known_args()
    postgres = os.environ.get("TEST_DATABASE_URL", "")
    if (arguments.postgres or arguments.all_databases or IN_CI) and not postgres:
        stop(
            "Where is PostgreSQL? Name a server whose user may create databases, for example\n"
            "  TEST_DATABASE_URL=postgres://postgres@127.0.0.1:5432/portal script/test"
        )
    if not os.environ.get("TEST_ELASTICSEARCH_URL"):
        if IN_CI:
            stop("Elasticsearch is missing (TEST_ELASTICSEARCH_URL), and in CI nothing is skipped.")
        say(
            "Tests with a real Elasticsearch are left out: script/elasticsearch start --quick, then TEST_ELASTICSEARCH_URL."
        )
    ensure_venv(dev=True)
    with tempfile.TemporaryDirectory(prefix="portal-test-") as folder:
        env = test_environment(folder)
        if subprocess.run([PYTHON, "manage.py", "compile_translations"], cwd=ROOT, env=env, check=False).returncode:
            stop("The translations do not compile; the reason is above.")
        stages = stages_of_everything(arguments, postgres) if not chosen else [[lane_of_chosen(chosen, postgres)]]
        for lanes in stages:
            run_lanes(lanes, env, Path(folder))
    runs = [run for lanes in stages for lane in lanes for run in lane]
    if not chosen:
        say(table(runs))
    if failed := [run.title for run in runs if not run.succeeded]:
        stop(f"Failed: {', '.join(failed)}.")


def lane_of_chosen(chosen: list[str], postgres: str) -> list[Run]:
    runs = [Run("sqlite", "chosen tests", chosen)]
    return [*runs, Run("postgres", "chosen tests, PostgreSQL", chosen, postgres)] if postgres else runs


def stages_of_everything(arguments: argparse.Namespace, postgres: str) -> list[list[list[Run]]]:
    """The stages, run one after another; the lanes of a stage run in parallel, the runs of a lane one after another.

    Browser tests mostly wait, so that they cost little time in parallel with two busy processes. They do not run in
    parallel with the run on SQLite: both stop and start Elasticsearch nodes, and a node without processor time answers
    too late.
    """
    share = ["--ignore=tests/browser", "-n", arguments.workers, *SHARED_OUT]
    coverage = ["--cov", "--cov-report=term:skip-covered", "--cov-fail-under=90"] if IN_CI else []
    first = [[Run("sqlite", "unit and contract tests, SQLite", [*share, *coverage, "--durations=25"], nice=5)]]
    second = []
    if postgres:
        which = [] if arguments.all_databases else ["-m", "both_databases or postgres"]
        second.append([Run("postgres", "unit and contract tests, PostgreSQL", [*share, *which], postgres, nice=5)])
    if arguments.no_browser:
        return [first, second] if second else [first]
    if os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome"):
        second.insert(0, [Run("browser", "browser tests", ["tests/browser", "--durations=10"])])
        return [first, second]
    if IN_CI:
        stop("Chromium is missing, and in CI nothing is skipped.")
    say("Browser tests are left out: install Chromium (Debian: apt install chromium) or set CHROMIUM to its path.")
    return [first, second] if second else [first]


def test_environment(folder: str) -> dict[str, str]:
    """The environment of a run, without the operator's installation: its own folder, no URLs of real services."""
    private = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HOST", "PORT", "DATA_DIR"}
    private |= {name for name in os.environ if name.startswith("ELASTICSEARCH_") and name != "ELASTICSEARCH_HOME"}
    env = {name: value for name, value in environment().items() if name not in private}
    return {**env, "DJANGO_SETTINGS_MODULE": "portal.settings.test", "DATA_DIR": folder}


def run_lanes(lanes: list[list[Run]], env: dict[str, str], folder: Path) -> None:
    """Run the lanes. The output of a single lane is shown at once; of several, progress, and the output at the end."""
    aloud = len(lanes) == 1

    def run_lane(lane: list[Run]) -> None:
        for run in lane:
            run_one(run, env, folder / run.name, aloud=aloud)

    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(run_lane, lanes))


def run_one(run: Run, env: dict[str, str], folder: Path, *, aloud: bool) -> None:
    folder.mkdir()
    seconds_file = folder / "seconds.json"
    env = {**env, "DATA_DIR": str(folder), "TEST_SECONDS_FILE": str(seconds_file)}
    if run.database_url:
        env["DATABASE_URL"] = run.database_url
    say(f"\n── {run.title}" if aloud else f"── {run.title}: started")
    began = time.monotonic()
    process = subprocess.Popen(
        ["nice", "-n", str(run.nice), PYTHON, "-m", "pytest", *run.arguments],
        cwd=ROOT, env=env, stdout=None if aloud else subprocess.PIPE, stderr=None if aloud else subprocess.STDOUT,
    )  # fmt: skip
    said = [] if process.stdout is None else follow(run, process.stdout)
    run.succeeded = process.wait() == 0
    run.seconds = time.monotonic() - began
    if seconds_file.is_file():
        run.by_folder = {name: (took, tests) for name, (took, tests) in json.loads(seconds_file.read_text()).items()}
    say(b"".join(said).decode(errors="replace"))
    say(f"── {run.title}: {'passed' if run.succeeded else 'failed'} after {run.seconds:.0f} s")


def follow(run: Run, output: IO[bytes]) -> list[bytes]:
    """Collect the output of a run, and print its progress now and then."""
    said: list[bytes] = []
    told = 0
    for line in output:
        said.append(line)
        if (found := _PERCENT.search(line)) and int(found[1]) - told >= _TOLD_EVERY and int(found[1]) < 100:
            told = int(found[1])
            say(f"── {run.title}: {told} %")
    return said


def table(runs: list[Run]) -> str:
    """A table of seconds and tests of each folder in tests/, by run. The seconds of parallel processes are added up."""
    folders: defaultdict[str, float] = defaultdict(float)
    for run in runs:
        for name, (took, _tests) in run.by_folder.items():
            folders[name] += took
    lines = ["", "Seconds (tests)".ljust(24) + "".join(f"{run.name:>20}" for run in runs)]
    for name in sorted(folders, key=lambda one: -folders[one]):
        cells = [
            f"{took:.0f} ({tests})" if tests else "–"
            for took, tests in (run.by_folder.get(name, (0, 0)) for run in runs)
        ]
        lines.append(name.ljust(24) + "".join(f"{cell:>20}" for cell in cells))
    sums = [
        (sum(took for took, _ in run.by_folder.values()), sum(tests for _, tests in run.by_folder.values()))
        for run in runs
    ]
    lines.append("all".ljust(24) + "".join(f"{f'{took:.0f} ({tests})':>20}" for took, tests in sums))
    lines.append("by the clock".ljust(24) + "".join(f"{run.seconds:>20.0f}" for run in runs))
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
