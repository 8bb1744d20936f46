"""script/server as a new user runs it: a fresh copy in a folder with spaces, no environment, no database."""

from __future__ import annotations

import http.client
import importlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.databases import migrated_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = {"DATABASE_URL", "DATA_DIR", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "BASE_URL", "HOST", "PORT",
           "DJANGO_SETTINGS_MODULE", "STAFF_SECOND_FACTOR", "VIRTUAL_ENV", "WORKERS"}  # fmt: skip
SEARCH = f"/fa/search/?q={quote('مودم')}"


@dataclass
class Server:
    """A running script/server; all processes it starts have `mark` in their environment."""

    process: subprocess.Popen[str]
    port: int
    mark: str
    output: str = ""

    def get(self, path: str) -> tuple[int, str]:
        for _ in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status not in {301, 302}:
                break
            path = answer.headers["Location"]
        return answer.status, body

    def read_until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if "Ctrl-C stops the portal" in line:
                return
        raise AssertionError(f"did not start:\n{self.output}")

    def alive(self) -> list[str]:
        """Command lines of the processes with our mark."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def workers(self) -> set[int]:
        """The processes that answer requests: children of the server, which is a child of the launcher."""
        (server,) = [pid for pid in children_of(self.process.pid) if b"portal.preload" in command_of(pid)] or [0]
        return {pid for pid in children_of(server) if b"portal.preload" in command_of(pid)}

    def kill_a_worker_again(self, spared: set[int]) -> set[int]:
        """Kill one as soon as it has been started; return those that were there."""
        deadline = time.monotonic() + 30
        found = self.workers()
        while not found - spared and time.monotonic() < deadline:
            time.sleep(0.05)
            found = self.workers()
        os.kill(min(found - spared), signal.SIGKILL)
        return found

    def everything_gone(self, seconds: float = 20) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                return True
            time.sleep(0.1)
        return False


def children_of(pid: int) -> list[int]:
    """The processes that it has started."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def variables(**extra: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in PRIVATE}, **extra}


def start(script: Path, *arguments: str, port: int | None = None, **extra: str) -> Server:
    port = port or free_port()
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [script, *arguments], env=variables(PORT=str(port), PORTAL_TEST_MARK=mark, **extra), cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    return Server(process, port, mark)


@contextmanager
def running(script: Path, *arguments: str, **extra: str) -> Iterator[Server]:
    server = start(script, *arguments, **extra)
    try:
        server.read_until_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.terminate()
        server.process.wait(timeout=30)


def refusal(script: Path, *arguments: str, **extra: str) -> str:
    """The output of a start that must fail, on one line."""
    done = subprocess.run(
        [script, *arguments], env=variables(**{"PORT": str(free_port()), **extra}), cwd="/",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of script/server in a copy of all files in git, through a link in another folder."""
    folder = tmp_path_factory.mktemp("a stranger") / "my portal"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    link = folder.parent / "linked server"
    link.symlink_to(folder / "script" / "server")
    return link


@pytest.fixture(scope="session")
def pythons() -> ModuleType:
    """The module of script/pythons."""
    sys.path.insert(0, str(ROOT / "script"))
    try:
        return importlib.import_module("_pythons")
    finally:
        sys.path.remove(str(ROOT / "script"))


@pytest.fixture(scope="session")
def installed(copy: Path, pythons: ModuleType) -> tuple[Path, str]:
    """The copy after its first start with the demo, and the output of that start.

    It uses the newest Python of this machine that we support; all other tests run on the Python of .venv.
    """
    newest = pythons.all_known(pythons.candidates())[-1]
    with running(copy, PYTHON=newest.path) as server:
        first = server.output
    assert f"Making a virtual environment with Python {newest.version[0]}.{newest.version[1]}" in first
    return copy, first


pytestmark = pytest.mark.slow


def test_first_start_installs_prepares_and_tells_the_sign_ins(installed):
    _script, first = installed

    for expected in ("Making a virtual environment", "Installing the packages", "Migrating", "The portal is ready:"):
        assert expected in first
    for role in ("sara@noora.example", "editor@noora.example", "community@noora.example", "admin@noora.example"):
        assert role in first
    assert "second factor" in first


def test_tests_that_need_no_database_pass_on_the_newest_python_too(installed, pythons, tmp_path):
    script, _first = installed

    with (tmp_path / "log").open("w+b") as log:
        try:
            last_line = pythons.test(script.resolve().parents[1], log)
        except pythons.FailedError:
            pytest.fail((tmp_path / "log").read_text(errors="replace"))

    assert re.search(r"^\d{3,} passed in ", last_line)


@pytest.fixture(scope="module")
def again(installed: tuple[Path, str]) -> Iterator[Server]:
    """The copy started a second time, for tests that only read pages."""
    script, _first = installed
    with running(script) as server:
        yield server


def test_second_start_serves_the_demo_and_does_nothing_twice(again):
    pages = {path: again.get(path) for path in ("/fa/", "/en/", SEARCH, "/health/")}
    article = re.search(r'<h2[^>]*>\s*<a\s[^>]*href="(/fa/[^"]+)"', pages[SEARCH][1])

    assert {path: status for path, (status, _body) in pages.items()} == dict.fromkeys(pages, 200)
    assert 'lang="fa" dir="rtl"' in pages["/fa/"][1]
    assert 'lang="en" dir="ltr"' in pages["/en/"][1]
    assert article is not None
    assert again.get(article[1])[0] == 200
    for work in ("Installing", "Migrating", "Collecting", "virtual environment"):
        assert work not in again.output


def test_static_files_are_hashed_and_compressed(again):
    sheet = re.search(r'href="(/static/portal/css/portal\.[0-9a-f]+\.css)"', again.get("/fa/")[1])
    assert sheet is not None
    connection = http.client.HTTPConnection("127.0.0.1", again.port, timeout=30)
    connection.request("GET", sheet[1], headers={"Accept-Encoding": "br"})
    headers = connection.getresponse().headers

    assert headers["Content-Encoding"] == "br"
    assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_leaves_no_process_and_frees_the_port(installed, number):
    script, _first = installed
    with running(script) as server:
        assert len(server.alive()) >= 4  # launcher, server, its workers, outbox

        server.process.send_signal(number)

        assert server.everything_gone(), server.alive()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", server.port))


def test_server_whose_worker_is_killed_again_and_again_comes_back(installed):
    """After the second time within seconds the server itself gives up: "Worker crash loop detected"."""
    script, _first = installed
    with running(script) as server:
        assert server.process.stdout is not None
        first = server.kill_a_worker_again(set())
        server.kill_a_worker_again(first)
        for line in server.process.stdout:
            server.output += line
            if "The server stopped by itself" in line:
                break

        deadline = time.monotonic() + 60
        status = 0
        while status != 200 and time.monotonic() < deadline:
            with suppress(OSError):
                status = server.get("/fa/")[0]

        assert status == 200, server.output
        assert "starting it again in 1 s" in server.output
        server.process.send_signal(signal.SIGTERM)
        assert server.everything_gone(), server.alive()


@dataclass(frozen=True)
class Interrupted:
    """A portal that was stopped with Ctrl-C while its emptied database was being prepared again."""

    folder: Path
    secret_key: str
    output: str


@pytest.fixture(scope="module")
def interrupted(
    installed: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory, django_db_blocker
) -> Interrupted:
    """A portal prepared without the demo (on a migrated database), emptied, started, and stopped while it migrates."""
    script, _first = installed
    folder = tmp_path_factory.mktemp("interrupted")
    with django_db_blocker.unblock():
        migrated_file(folder / "portal.sqlite3")
    with running(script, "--no-demo", DATA_DIR=str(folder)):
        secret_key = (folder / "secret_key").read_text()
    for file in folder.glob("portal.sqlite3*"):
        file.unlink()
    (folder / "portal.sqlite3").touch()
    server = start(script, "--no-demo", DATA_DIR=str(folder))
    assert server.process.stdout is not None
    while "Migrating" not in server.output:
        said = server.process.stdout.read(1)
        assert said, server.output
        server.output += said

    server.process.send_signal(signal.SIGINT)

    assert server.everything_gone(), server.alive()
    return Interrupted(folder, secret_key, server.output)


def test_emptied_database_is_prepared_again(interrupted):
    """The portal stores what it prepared, but the database may have been replaced since."""
    assert "Collecting" not in interrupted.output  # static files were not collected again
    assert "Migrating" in interrupted.output


def test_interrupted_portal_starts_without_demo_and_is_guarded(installed, interrupted):
    script, _first = installed

    with running(script, "--no-demo", DATA_DIR=str(interrupted.folder)) as server:
        assert server.get("/fa/")[0] == 200
        assert server.get("/en/")[0] == 200
        assert server.get(SEARCH)[0] == 200
        key = interrupted.folder / "secret_key"
        assert key.read_text() == interrupted.secret_key

    assert "Migrating" in server.output
    assert "noora.example" not in server.output
    assert "STAFF_SECOND_FACTOR" not in server.output
    assert "/fa/account/first-administrator/" in server.output


def test_secret_key_is_only_for_the_owner(interrupted):
    """The tests of a second start show that it is created only once."""
    assert len(interrupted.secret_key) > 50
    assert (interrupted.folder / "secret_key").stat().st_mode & 0o777 == 0o600


def test_taken_port_is_said_before_anything_is_done(copy):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        said = refusal(copy, PORT=str(port))

    assert f"Port {port} is taken" in said
    assert f"PORT={port + 1} script/server" in said


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"PORT": "eighty"}, "PORT must be a whole number from 1 to 65535, not “eighty”."),
        ({"HOST": "203.0.113.9"}, "HOST is “203.0.113.9”, which is not an address of this machine"),
        ({"HOST": "no such host"}, "HOST is “no such host”, which is neither an address nor a name"),
        ({"WORKERS": "0"}, "WORKERS must be a whole number from 1 to 64"),
        ({"DATA_DIR": "/proc/portal"}, "Cannot write in /proc/portal"),
        ({"DATABASE_URL": "postgres://user:hunter2@127.0.0.1:1/name"}, "The database does not answer at 127.0.0.1:1"),
        ({"DATABASE_URL": "postgres://user:hunter2@[::1/name"}, "DATABASE_URL cannot be understood"),
    ],
)
def test_what_cannot_work_is_said_at_once(copy, extra, message):
    said = refusal(copy, **extra)

    assert message in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"HTTPS": "perhaps"}, "HTTPS must be True or False, not “perhaps”."),
        ({"DATABASE_URL": "mysql://user:hunter2@127.0.0.1/name"}, "DATABASE_URL must look like postgres://"),
    ],
)
def test_wrong_setting_is_one_sentence(installed, extra, message):
    script, _first = installed

    said = refusal(script, **extra)

    assert message in said
    assert "hunter2" not in said


def test_without_python_it_says_what_to_install(copy, tmp_path):
    for tool in ("sh", "dirname", "readlink", "cat"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")  # too old: the version check fails
    (tmp_path / "python3").chmod(0o755)
    bare = copy.parent / "bare" / "script"
    shutil.copytree(ROOT / "script", bare)

    said = refusal(bare / "server", PATH=str(tmp_path))

    assert "needs Python 3.11, 3.12, 3.13 or 3.14, and none was found" in said
    assert "apt install python3 python3-venv" in said


def test_runs_on_postgresql_with_redis(installed, tmp_path):
    import psycopg

    script, _first = installed
    database, redis = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    if not (database and redis):
        pytest.skip("set TEST_DATABASE_URL and TEST_REDIS_URL")
    server_url = database.rpartition("/")[0]
    name = f"portal_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        extra = {"DATABASE_URL": f"{server_url}/{name}", "REDIS_URL": redis, "DATA_DIR": str(tmp_path)}
        with running(script, "--no-demo", **extra) as server:
            assert server.get("/fa/")[0] == 200
            assert server.get(SEARCH)[0] == 200
        assert not (tmp_path / "portal.sqlite3").exists()
    finally:
        with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_missing_database_is_one_sentence(installed):
    script, _first = installed
    database = os.environ.get("TEST_DATABASE_URL")
    if not database:
        pytest.skip("set TEST_DATABASE_URL")

    said = refusal(script, DATABASE_URL=f"{database.rpartition('/')[0]}/there_is_no_such_database")

    assert "The database cannot be used" in said
    assert "there_is_no_such_database" in said
