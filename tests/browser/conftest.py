"""Fixtures of the browser tests, which use the demo site, served as in production, in Chromium.

They need Chromium (`CHROMIUM`, or one on the PATH). One server with the demo is started for the whole run; each test
uses its own people and articles, so that tests do not affect each other.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.demo_portal import demo_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                item.add_marker(pytest.mark.skip(reason="no Chromium: install the package chromium or set CHROMIUM"))


#: Runs each line as a piece of code, as ``manage.py shell`` in a new process would.
_SHELL = """
import contextlib, io, json, sys, traceback
import django
django.setup()
from django.utils import translation
from portal.core.memo import forget_all
for line in sys.stdin:
    translation.deactivate()
    forget_all()
    said, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(said):
            exec(json.loads(line), {"__name__": "__main__"})
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps([said.getvalue(), error]), flush=True)
"""
#: By address of the portal.
_shells: dict[str, subprocess.Popen[str]] = {}


@dataclass(frozen=True)
class Portal:
    """A running portal: its URL, its data folder and its command line."""

    url: str
    data_dir: Path
    env: dict[str, str]
    worker_pid: int = 0

    def manage(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.env, input=stdin, capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python code in the portal; return its output. One process does it all: starting Django takes seconds."""
        shell = _shells.get(self.url)
        if shell is None or shell.poll() is not None:
            shell = _shells[self.url] = subprocess.Popen(
                [sys.executable, "-c", _SHELL], env=self.env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )  # fmt: skip
        print(json.dumps(code), file=shell.stdin, flush=True)
        said, error = json.loads(shell.stdout.readline())
        assert not error, said + error
        return said.strip()

    def end_shell(self) -> None:
        """End the process of `shell`, if there is one."""
        if shell := _shells.pop(self.url, None):
            shell.communicate(timeout=20)

    def mails_to(self, address: str) -> list[str]:
        """The texts of the mails sent to `address`, oldest first (mail is stored as one file per message)."""
        texts = []
        for file in sorted((self.data_dir / "mail").glob("*"), key=lambda path: path.stat().st_mtime):
            for raw in file.read_bytes().split(b"-" * 79):
                mail = message_from_bytes(raw.strip(), policy=policy.default)
                if address in str(mail["To"]):
                    body = mail.get_body(("plain",))
                    texts.append(f"{mail['Subject']}\n{body.get_content() if body else ''}")
        return texts

    def code_for(self, address: str, wait_seconds: float = 10) -> str:
        """The newest one-time code mailed to `address`."""
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            mails = self.mails_to(address)
            if mails and (found := re.findall(r"^\W*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\W*$", mails[-1], re.MULTILINE)):
                return found[-1]
            time.sleep(0.1)
        raise AssertionError(f"no code was mailed to {address}")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until_up(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server stopped"
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/en/")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not come up")


@contextmanager
def outbox_worker(env: dict[str, str]) -> Iterator[int]:
    """Run the outbox worker, which sends the mails; yields its process id."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "run_outbox", "--loop"], env=env, cwd=ROOT, start_new_session=True
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Iterator[Portal]:
    data_dir = tmp_path_factory.mktemp("portal")
    port = free_port()
    env = {
        **{k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "REDIS_URL"}},
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        "DATA_DIR": str(data_dir),
        "SECRET_KEY": "browser-tests",
        "STAFF_SECOND_FACTOR": "False",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
    }
    ready = Portal(f"http://127.0.0.1:{port}", data_dir, env)
    with django_db_blocker.unblock():
        demo_data(data_dir)
    ready.manage("prepare", "--demo")
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.serve", "--port", str(port), "--log-level", "warning"],
        env=env, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    try:
        with outbox_worker(env) as worker_pid:
            wait_until_up(port, process)
            yield replace(ready, worker_pid=worker_pid)
    finally:
        ready.end_shell()
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": quiet}


class Watcher:
    """Collects what no page may cause: requests to other sites, CSP violations, script errors, failed responses."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.problems: list[str] = []
        self._origin = origin
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"script error: {error.error}"))
        context.on("response", self._response)

    def _request(self, request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:", "about:")):
            self.problems.append(f"request to others: {request.url}")

    def _console(self, message) -> None:
        text = message.text
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.problems.append(f"CSP: {text}")
        elif message.type == "error" and "Failed to load resource" not in text:
            self.problems.append(f"console: {text}")

    def _response(self, response) -> None:
        if response.status >= 500 or (response.status == 404 and response.request.resource_type != "document"):
            self.problems.append(f"{response.status}: {response.url}")


@pytest.fixture
def visit(browser: Browser, portal: Portal, request: pytest.FixtureRequest) -> Iterator:
    """`visit(path, js=True, width=1280, …)` opens a page in a new browser context; checks the `Watcher` at the end."""
    opened: list[tuple[BrowserContext, Watcher]] = []

    def open_page(path: str = "/", *, js: bool = True, width: int = 1280, height: int = 900, dark: bool = False,
                  watch: bool = True, **options) -> Page:  # fmt: skip
        context = browser.new_context(
            base_url=portal.url, java_script_enabled=js, viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light", reduced_motion="reduce", **options,
        )  # fmt: skip
        context.set_default_timeout(10_000)
        if watch:
            opened.append((context, Watcher(context, portal.url)))
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    problems = [problem for _context, watcher in opened for problem in watcher.problems]
    for context, _watcher in opened:
        context.close()
    assert problems == []
