"""pytest hooks: selection and distribution of marked tests, times per folder, and stricter rules in CI."""

from __future__ import annotations

import http.client
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import pytest
from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Generator

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
IN_CI = os.environ.get("CI") == "true"
#: Environment variable with the path to write each folder's seconds to, for the table of script/test.
SECONDS_FILE = "TEST_SECONDS_FILE"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # in the controller, not in the workers
        config.pluginmanager.register(Seconds(by_file=config.getoption("dist", "no") == "loadfile"), "seconds")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests for one database in a run on the other, rather than skip them.

    Tests with a real Elasticsearch run only on SQLite, because they do not depend on the database. They are skipped if
    no server answers.
    """
    if silent := {item.path.name for item in items for mark in item.iter_markers("both_databases") if not mark.args}:
        raise pytest.UsageError(f"both_databases(…) names the modules whose SQL is tried: {', '.join(sorted(silent))}")
    elsewhere = {"elasticsearch", "sqlite"} if connection.vendor == "postgresql" else {"postgres"}
    away = [item for item in items if any(item.get_closest_marker(mark) for mark in elsewhere)]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]
    with_node = [item for item in items if item.get_closest_marker("elasticsearch")]
    reason = _why_no_elasticsearch() if with_node else ""
    if reason:
        for item in with_node:
            item.add_marker(pytest.mark.skip(reason=reason))
    _slow_files_first(items)


def _slow_files_first(items: list[pytest.Item]) -> None:
    """Move slow files to the front, so that no process is left with one at the end while the others are idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class Seconds:
    """Sums up the times of each folder's tests, and checks that no file was split between processes.

    Fixtures of a file are created once only if its tests run in one process. xdist has silently ignored that before
    (its groups have no effect with pytest 9.2).
    """

    def __init__(self, *, by_file: bool) -> None:
        self._by_file = by_file
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._tests: defaultdict[str, int] = defaultdict(int)
        self._processes: defaultdict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        folder = Path(file).parts[1] if file.count("/") > 1 else Path(file).name
        self._seconds[folder] += report.duration
        self._tests[folder] += report.when == "call"
        if node := getattr(report, "node", None):
            self._processes[file].add(node.gateway.id)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._split() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if file := os.environ.get(SECONDS_FILE):
            rows = {folder: [seconds, self._tests[folder]] for folder, seconds in self._seconds.items()}
            Path(file).write_text(json.dumps(rows), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for file in self._split():
            terminalreporter.write_line(f"ERROR {file} was shared between processes; use --dist loadfile.", red=True)

    def _split(self) -> list[str]:
        shared = (file for file, processes in self._processes.items() if len(processes) > 1)
        return sorted(shared) if self._by_file else []


def _why_no_elasticsearch() -> str:
    """The reason why Elasticsearch cannot be used; empty if a server answers."""
    url = os.environ.get("TEST_ELASTICSEARCH_URL", "")
    if not url:
        return "TEST_ELASTICSEARCH_URL names no Elasticsearch; script/elasticsearch start --quick brings one."
    try:
        asked = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        asked.request("GET", "/")
        status = asked.getresponse().status
        asked.close()
    except OSError as error:
        return f"No Elasticsearch answers at {url} (TEST_ELASTICSEARCH_URL): {error}"
    return "" if status == http.client.OK else f"What answers at {url} (TEST_ELASTICSEARCH_URL) says HTTP {status}."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))


def _refuse_skip(report: Report) -> Report:
    """Turn a skipped test into a failure in CI, where everything is installed; the reason becomes the message."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"Nothing is skipped in CI. {reason}"
    return report
