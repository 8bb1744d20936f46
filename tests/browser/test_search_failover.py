"""Searching while the cluster stops, hangs and recovers: with a real node that is really stopped, and a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, Portal, Watcher, free_port, outbox_worker, wait_until_up
from tests.outbox import until
from tests.scripts.test_elasticsearch_script import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = [pytest.mark.elasticsearch, pytest.mark.slow]

BACK_SECONDS = 120
#: Seconds: less than the time limit for the cluster, and more than the usual delay on a busy machine.
SHORT = 0.6
PREFIX = "browser"
WORD = "زمردگون"
HITS = "main [data-hit]"

_PUBLISH = f"""
from faq.models import ArticlePage, TopicPage
topic = TopicPage.objects.filter(locale__language_code="fa", effective_audience="public").first()
page = ArticlePage(title="چراغ {WORD} یعنی چه؟", slug="failover", short_answer="همه چیز خوب است.", locale=topic.locale)
topic.add_child(instance=page)
page.save_revision().publish()
"""
_DELETE = 'from faq.models import ArticlePage\nArticlePage.objects.filter(slug="failover").delete()'
_ARTICLE = """
from faq.models import ArticlePage
print(ArticlePage.objects.get(external_id="red-light", locale__language_code="fa").url)
"""


@dataclass(frozen=True)
class Served:
    """A server of the demo with a cluster, and its health and log."""

    portal: Portal
    node: Node
    log: Path

    def says(self) -> str:
        """The index that answers searches, according to `/health/`."""
        with urllib.request.urlopen(f"{self.portal.url}/health/", timeout=10) as answer:  # noqa: S310 - our own URL
            return str(json.load(answer)["search"])

    def wait_for(self, state: str) -> None:
        """Wait until all of its processes, which answer in turn, report this state."""
        deadline = time.monotonic() + BACK_SECONDS
        agreed = 0
        while agreed < 8:
            assert time.monotonic() < deadline, self.log.read_text()
            agreed = agreed + 1 if self.says() == state else 0
            time.sleep(0.1)

    def said(self, pattern: str) -> list[str]:
        """The lines of its log about the cluster that match."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if "search.cluster" in line and re.search(pattern, line)]

    def titles_in_cluster(self, word: str) -> list[str]:
        body = {"query": {"term": {"words": word}}, "_source": ["title"]}
        found = self.node.ask("POST", f"/{PREFIX}-fa/_search", body)
        return [hit["_source"]["title"] for hit in found["hits"]["hits"]]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    folder = Path(tempfile.mkdtemp(prefix="portal-browser-"))
    folder.chmod(0o755)  # the node may run under another account
    made = Node(folder / "node", free_port())
    try:
        made.start()
        yield made
    finally:
        made.call("stop")
        shutil.rmtree(folder)


@pytest.fixture
def served(portal: Portal, node: Node, tmp_path: Path) -> Iterator[Served]:
    """Another server of the same portal, with a complete cluster."""
    if node.call("status").returncode:
        node.call("stop")
        node.start()
    port = free_port()
    env = {
        **portal.env,
        "BASE_URL": f"http://127.0.0.1:{port}",
        "LOG_LEVEL": "INFO",
        "ELASTICSEARCH_URL": f"http://127.0.0.1:{node.port}",
        "ELASTICSEARCH_PREFIX": PREFIX,
    }
    own = Portal(f"http://127.0.0.1:{port}", portal.data_dir, env)
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.serve", "--port", str(port), "--log-level", "warning"],
            env=env, cwd=ROOT, start_new_session=True, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_until_up(port, process)
        ready = Served(own, node, log)
        ready.wait_for("cluster")
        os.kill(portal.worker_pid, signal.SIGSTOP)  # it has no cluster, and would mark the messages as delivered
        with outbox_worker(env):
            yield ready
    finally:
        os.kill(portal.worker_pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture
def page(browser, served: Served) -> Iterator[Page]:
    """A visitor's page, checked by the `Watcher`."""
    context = browser.new_context(base_url=served.portal.url, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    watcher = Watcher(context, served.portal.url)
    yield context.new_page()
    context.close()
    assert watcher.problems == []


def search_for(page: Page, text: str) -> None:
    """Type a query in the search box and press Enter."""
    box = page.locator("main input[name=q]").first
    box.fill(text)
    expect(page.locator("main [role=option]").first).to_be_visible()
    box.press("Enter")
    page.wait_for_url("**/search/?q=*")
    expect(page.locator(HITS).first).to_be_visible()


def waited(page: Page, path: str) -> float:
    """Open a page; return the server's response time in seconds."""
    page.goto(path)
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    return (timing["responseStart"] - timing["requestStart"]) / 1000


def results(text: str) -> str:
    return f"/fa/search/?q={quote(text)}"


def test_a_visitor_goes_on_searching_while_the_cluster_ends_and_comes_back(served, page):
    page.goto("/fa/search/")
    search_for(page, "مودم")
    try:
        served.node.call("stop")
        search_for(page, "چراغ قرمز")
        search_for(page, "رمز وای فای")
        served.wait_for("database, the cluster is away")
        served.portal.manage("shell", "--no-imports", "-c", _PUBLISH)
        search_for(page, WORD)
        expect(page.locator("main")).to_contain_text("همه چیز خوب است")
        away = served.said("WARNING.*is away")

        served.node.start()
        served.wait_for("cluster")
        checked = served.portal.manage("rebuild_search", "--check")
        found = served.titles_in_cluster(WORD)
        search_for(page, f"چراغ {WORD}")
        expect(page.locator("main")).to_contain_text("همه چیز خوب است")
    finally:
        served.portal.manage("shell", "--no-imports", "-c", _DELETE)

    assert away  # for whichever reason comes first: a node that is ending refuses, is silent or answers 503
    assert served.said("INFO.*is back")
    assert found == [f"چراغ {WORD} یعنی چه؟"]
    assert re.search(r"the search cluster: \d+ objects looked at, 0 put, 0 removed, 0 failed", checked)
    assert until(lambda: served.titles_in_cluster(WORD) == [])  # deleted meanwhile
    assert served.says() == "cluster"


def test_a_cluster_that_hangs_keeps_one_search_waiting_a_second_and_no_other_page(served, page):
    article = served.portal.manage("shell", "--no-imports", "-c", _ARTICLE).splitlines()[-1]
    others = ["/fa/", article]
    for number in range(3):  # to load and create everything that is needed once, in both processes
        usual_page = max(waited(page, f"{path}?warm={number}") for path in others)
    usual = statistics.median(waited(page, results(text)) for text in ("مودم", "قبض", "سیم کارت"))
    served.wait_for("cluster")  # on a busy machine the cluster may have been too slow for one of these
    known = len(served.said("is away"))
    pid = served.node.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        before = [waited(page, f"{path}?fresh=1") for path in others]
        said_before = served.said("is away")[known:]
        first = waited(page, results("چراغ سبز"))
        expect(page.locator(HITS).first).to_be_visible()
        following = [waited(page, results(text)) for text in ("چراغ قرمز", "رمز وای فای", "ریموت", "اینترنت همراه")]
        expect(page.locator(HITS).first).to_be_visible()
        after = [waited(page, f"{path}?fresh=2") for path in others]
        said = served.said("WARNING.*is away")[known:]
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    served.wait_for("cluster")
    page.goto(results("گارانتی"))
    expect(page.locator(HITS).first).to_be_visible()

    assert said_before == []  # only search uses the cluster
    assert first <= 1 + usual
    assert max(following) <= SHORT + usual
    assert max(before + after) <= SHORT + usual_page
    assert said
    assert all("Timeout" in line for line in said)
    assert served.said("INFO.*is back")
