"""How marked tests are chosen, and what CI does not forgive."""

from __future__ import annotations

import http.client
import os
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import pytest
from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Generator

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
IN_CI = os.environ.get("CI") == "true"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of what only PostgreSQL does are no part of a run on SQLite: there is nothing to skip.

    Those with a real Elasticsearch run once, on SQLite: they ask the same of it whatever the database is. Where no
    server answers they are skipped.
    """
    elsewhere = "elasticsearch" if connection.vendor == "postgresql" else "postgres"
    away = [item for item in items if item.get_closest_marker(elsewhere)]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]
    with_node = [item for item in items if item.get_closest_marker("elasticsearch")]
    reason = _why_no_elasticsearch() if with_node else ""
    if reason:
        for item in with_node:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_no_elasticsearch() -> str:
    """Empty where a server answers."""
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
    """In CI everything is there, so a skipped test is a broken one; its reason is the message."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"Nothing is skipped in CI. {reason}"
    return report
