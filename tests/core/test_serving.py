"""The portal's server: slow clients stop nobody, and what is refused at the door. Sockets are the clients."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.http import FileResponse, HttpResponse
from django.urls import reverse
from django.utils import translation

from community.services.uploads import MAX_BYTES
from portal import serve
from portal.core.serving.application import Application
from portal.core.serving.connections import ConnectionGuard, _network
from portal.core.serving.files import part_of
from portal.core.serving.limits import Limits
from portal.core.serving.middleware import REFUSAL_KEY
from portal.core.serving.permissions import who_sends_more
from tests.factories.accounts import UserFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FORM_BYTES = 2000
LARGER_BYTES = 3_000_000
CONNECTIONS = 60
FILE = bytes(range(256)) * 40_000  # 10 MB: more than the buffers of both sides


@dataclass(frozen=True)
class Site:
    """`serving_site` behind the server."""

    port: int
    pid: int

    def connect(self, first: bytes = b"", *, receive_buffer: int = 0) -> socket.socket:
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(10)
        client.connect(("127.0.0.1", self.port))
        if first:
            client.sendall(first)
        return client

    def exchange(self, sent: bytes) -> bytes:
        """Send it, and return all that comes until the server closes the connection."""
        with self.connect(sent) as client:
            return read_all(client)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content

    def memory_mb(self) -> float:
        """Resident memory of the worker."""
        (worker,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

    def tell(self, method: str = "GET", path: str = "/", **extra: Any) -> dict[str, Any]:
        """What the site says about a request."""
        told: dict[str, Any] = json.loads(self.ask(method, path, **extra)[2])
        return told


def raw(line: str, *headers: str, body: bytes = b"") -> bytes:
    """A request as it is sent."""
    return "\r\n".join([f"{line} HTTP/1.1", "Host: portal.example", *headers, "", ""]).encode() + body


def read_all(client: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := client.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def read_head(client: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and (chunk := client.recv(65536)):
        received += chunk
    return received


@contextmanager
def served(folder: Path, *arguments: str, **limits: Any) -> Iterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.serve", "--port", str(port), "--workers", "1", "--log-level", "error",
         "--application", "tests.core.serving_site:application", *arguments],
        cwd=ROOT, start_new_session=True,
        env={**os.environ, "SERVING_LIMITS": json.dumps(limits), "SERVING_FILES": str(folder), "DJANGO_SETTINGS_MODULE": ""},
    )  # fmt: skip
    try:
        site = Site(port, process.pid)
        deadline = time.monotonic() + 30
        while True:
            try:
                site.tell()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline  # noqa: PT018
                time.sleep(0.05)
        yield site
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "long.bin").write_bytes(FILE)
    (folder / "short.txt").write_bytes(b"short")
    (folder / "empty.txt").touch()
    with served(
        folder, "--header-seconds", "0.6",
        form_bytes=FORM_BYTES, larger={"/upload/": LARGER_BYTES, "/posts/*/edit/": LARGER_BYTES}, languages=["fa"], body_seconds=0.6,
        connections_per_address=CONNECTIONS,
    ) as ready:  # fmt: skip
        yield ready


# Slow clients --------------------------------------------------------------------------------------------------------


def test_slow_clients_of_all_kinds_together_stop_nobody(site):
    """With one thread, and a file or a body read by it, the first of these would be the last."""
    kinds = [
        raw("GET /"),
        raw("GET /files/long.bin"),
        raw("GET /parts/long.bin/5/9000000"),
        raw("POST /", "Content-Length: 1000", body=b"slow"),
        b"GET / HTTP/1.1\r\nHost: port",
    ]
    with ExitStack() as stack:
        for first in kinds * 10:
            stack.enter_context(site.connect(first, receive_buffer=4096))

        began = time.monotonic()
        answers = [site.ask("GET", "/")[0] for _ in range(5)]

        assert answers == [200] * 5
        assert time.monotonic() - began < 5


def test_stalled_downloads_take_no_memory(site):
    """20 times 10 MB would be seen."""
    with ExitStack() as stack:
        before = site.memory_mb()

        for path in ("/files/long.bin", "/parts/long.bin/5/9000000") * 10:
            read_head(stack.enter_context(site.connect(raw(f"GET {path}"), receive_buffer=4096)))

        assert site.memory_mb() - before < 50


def test_stalled_download_goes_on_where_it_was(site):
    with site.connect(raw("GET /files/long.bin"), receive_buffer=4096) as client:
        head, _gap, content = read_head(client).partition(b"\r\n\r\n")
        site.tell()
        while len(content) < len(FILE):
            content += client.recv(1 << 20)

    assert f"content-length: {len(FILE)}".encode() in head
    assert content == FILE


def test_body_that_does_not_arrive_in_time_is_answered_with_408_and_never_reaches_a_view(site):
    before = site.tell()["asked"]

    said = site.exchange(raw("POST /", "Content-Length: 100", body=b"slow"))

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in said
    assert said.endswith(b"page 408")
    assert site.tell()["asked"] == before + 1


def test_body_in_single_bytes_is_complete_if_it_is_in_time(site):
    with site.connect(raw("POST /", "Content-Length: 50", "Connection: close")) as client:
        for _ in range(50):
            client.sendall(b"x")
        said = read_all(client)

    assert json.loads(said.partition(b"\r\n\r\n")[2])["digest"] == hashlib.sha256(b"x" * 50).hexdigest()


def test_head_that_does_not_arrive_in_time_ends_the_connection(site):
    assert b" 200 " not in site.exchange(b"GET / HTTP/1.1\r\nHost: port")


def test_body_that_breaks_off_never_reaches_a_view(site):
    before = site.tell()["asked"]

    with site.connect(raw("POST /", "Content-Length: 100", body=b"half")) as client:
        client.shutdown(socket.SHUT_WR)
        read_all(client)

    assert site.tell()["asked"] == before + 1


# How much ------------------------------------------------------------------------------------------------------------


def test_form_up_to_the_limit_arrives(site):
    body = os.urandom(FORM_BYTES)

    told = site.tell("POST", body=body)

    assert told["digest"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("cookie", ["", "sessionid=real"])
def test_body_above_the_limit_is_refused_before_it_is_sent(site, cookie):
    """The client waits for `100 Continue`, which the server sends when it begins to read."""
    before = site.tell()["asked"]

    said = site.exchange(
        raw("POST /fa/search/", f"Cookie: {cookie}", "Expect: 100-continue", f"Content-Length: {FORM_BYTES + 1}")
    )

    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.endswith(b"page 413")
    assert site.tell()["asked"] == before + 1


def test_browser_that_sends_a_large_body_anyway_gets_to_read_why_it_was_refused(site):
    status, headers, content = site.ask("POST", "/", body=b"x" * 12_000_000)  # more than the buffers of both sides

    assert (status, content) == (413, b"page 413")
    assert headers["Connection"] == "close"
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/upload/new/", "/fa/upload/new/", "/posts/7/edit/", "/fa/posts/7/edit/"])
def test_larger_body_arrives_where_files_are_expected_from_somebody_signed_in(site, path):
    body = os.urandom(LARGER_BYTES)

    told = site.tell("POST", path, body=body, headers={"Cookie": "sessionid=real"})

    assert told["digest"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("path", "cookie", "size"),
    [
        ("/upload/", "sessionid=invented", FORM_BYTES + 1),
        ("/upload/", "sessionid=real", LARGER_BYTES + 1),
        ("/other/upload/", "sessionid=real", FORM_BYTES + 1),
        ("/posts/7/8/edit/", "sessionid=real", FORM_BYTES + 1),
        ("/posts//edit/", "sessionid=real", FORM_BYTES + 1),
        ("/posts/7/", "sessionid=real", FORM_BYTES + 1),
    ],
)
def test_larger_body_is_refused_from_others_elsewhere_or_above_its_own_limit(site, path, cookie, size):
    status, _headers, _content = site.ask("POST", path, body=b"x" * size, headers={"Cookie": cookie})

    assert status == 413


def test_larger_body_that_breaks_off_never_reaches_a_view(site):
    before = site.tell()["asked"]

    with site.connect(
        raw("POST /upload/", "Cookie: sessionid=real", "Content-Length: 2000000", body=b"half")
    ) as client:
        client.shutdown(socket.SHUT_WR)
        read_all(client)

    assert site.tell()["asked"] == before + 1


def test_nobody_keeps_others_from_sending_larger_bodies(tmp_path):
    """All that one account sends at once leaves room for the others."""
    line = ("Content-Length: 2000000",)
    with served(tmp_path, larger={"/upload/": LARGER_BYTES}, body_seconds=60) as site, ExitStack() as stack:
        for _ in range(Limits().larger_at_once_per_account):
            head = raw("POST /upload/", "Cookie: sessionid=real", "Expect: 100-continue", *line)
            assert b" 100 " in stack.enter_context(site.connect(head)).recv(1000)

        more = site.ask("POST", "/upload/", body=b"x" * 200_000, headers={"Cookie": "sessionid=real"})
        other = site.ask("POST", "/upload/", body=b"x" * 200_000, headers={"Cookie": "sessionid=other"})

    assert (more[0], other[0]) == (503, 200)
    assert Limits().larger_at_once_per_account < Limits().larger_at_once


def test_limits_of_bodies_are_those_of_the_proxy():
    units = {"k": 1024, "m": 1024 * 1024}
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    size = r"\s+\{\s+client_max_body_size (\d+)([km]);"
    prefixes = {path: int(number) * units[unit] for path, number, unit in re.findall(rf"location (/\S*){size}", text)}
    expressions = [
        (re.compile(path), int(number) * units[unit])
        for path, number, unit in re.findall(rf"location ~ (\S+){size}", text)
    ]

    def allowed(path: str) -> int:
        for expression, limit in expressions:
            if expression.search(path):
                return limit
        return prefixes[max((prefix for prefix in prefixes if path.startswith(prefix)), key=len)]

    limits = Limits.from_settings()
    usual = ["/", "/fa/", "/fa/search/", "/community/", "/fa/community/t/5/", "/en/community/t/5/vote/", "/x/admin/"]
    larger = [prefix.replace("*", "5") for prefix in django_settings.LARGER_BODIES]
    for path in [*usual, *larger, *(f"/fa{path}" for path in larger if path.startswith("/community/"))]:
        assert allowed(path) == limits.body_bytes(path), path
    assert allowed("/") == Limits().form_bytes
    assert set(prefixes) - {"/"} <= set(django_settings.LARGER_BODIES)


@pytest.mark.parametrize("language", ["fa", "en"])
def test_members_may_send_a_picture_wherever_a_form_of_the_community_takes_one(language):
    limits = Limits.from_settings()
    with translation.override(language):
        paths = [reverse(f"community:{name}") for name in ("ask", "upload")]
        paths += [reverse("community:reply", args=[2**40]), reverse("community:edit", args=[7])]

    for path in paths:
        assert limits.body_bytes(path) > MAX_BYTES + limits.form_bytes, path


@pytest.fixture(scope="module")
def community_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same site with the limits of the portal."""
    limits = Limits.from_settings()
    with served(tmp_path_factory.mktemp("files"), larger=limits.larger, languages=sorted(limits.languages)) as ready:
        yield ready


@pytest.mark.parametrize(
    "path",
    ["/fa/community/upload/", "/en/community/ask/", "/fa/community/t/12/reply/", "/en/community/p/12/edit/"],
)
def test_picture_of_a_member_passes_through_the_server(community_site, path):
    body = os.urandom(2_000_000)

    told = community_site.tell("POST", path, body=body, headers={"Cookie": "sessionid=real"})

    assert told["digest"] == hashlib.sha256(body).hexdigest()
    assert community_site.ask("POST", path, body=body)[0] == 413


def test_head_of_a_request_is_limited(site):
    before = site.tell()["asked"]

    for size in (32 * 1024, 33_000, 40_000, 60_000, 70_000, 500_000):
        many = [f"X-Long-{number}: {'x' * (size // 10)}" for number in range(10)]
        for headers in ([f"X-Long: {'x' * size}"], many):
            assert site.exchange(raw("GET /", *headers)).startswith(b"HTTP/1.1 431 "), size
    assert site.exchange(raw(f"GET /?{'x' * 33_000}")).startswith(b"HTTP/1.1 431 ")
    assert site.tell()["asked"] == before + 1


def test_head_up_to_the_limit_arrives(site):
    assert site.ask("GET", "/", headers={"X-Long": "x" * 31_500})[0] == 200


PRELOADED = """
import os, threading
from portal.preload import preload
preload("portal.rsgi:application")
from django.db import connections
from django.urls import get_resolver
sockets = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")
           and os.readlink(f"/proc/self/fd/{name}").startswith(("socket:", "anon_inode:"))]
assert len(os.listdir("/proc/self/task")) == threading.active_count() == 1, os.listdir("/proc/self/task")
assert not sockets, sockets
assert all(connection.connection is None for connection in connections.all(initialized_only=True))
assert get_resolver()._populated
print("nothing is left open")
"""


def test_what_is_loaded_before_the_fork_starts_no_thread_and_keeps_nothing_open(tmp_path):
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "preloaded" * 8,
        "ALLOWED_HOSTS": "localhost",
        "OPENBLAS_NUM_THREADS": "1",
    }

    done = subprocess.run(
        [sys.executable, "-c", PRELOADED], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout == "nothing is left open\n", done.stderr


_COPIES = """
import resource
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
page = "صفحه" * 32_000
for number in range(220):
    if number == 20:
        before = faults()
    copies = [page + str(number) for copy in range(4)]
print(faults() - before)
"""


def test_making_a_long_page_asks_the_system_for_no_memory():
    """Each copy of a text above glibc's own limit would be 60 page faults, whoever reads the page."""
    ended = subprocess.run(
        [sys.executable, "-c", _COPIES], env=os.environ | serve._ALLOCATOR, capture_output=True, text=True, check=True
    )

    assert int(ended.stdout) < 200


def test_the_application_is_in_memory_once_however_many_processes_serve_it(tmp_path):
    with served(tmp_path, "--workers", "2") as started:
        loaded = Path(f"/proc/{started.pid}/statm").read_text().split()
        workers = children_of(started.pid)
        own = [sum(int(line.split()[1]) for line in smaps(worker) if line.startswith("Private")) for worker in workers]

    assert len(workers) == 2
    assert max(own) * 1024 < int(loaded[1]) * os.sysconf("SC_PAGE_SIZE") / 2


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def smaps(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()


def test_when_too_many_wait_for_django_the_next_is_told_to_come_back():
    said: list[Any] = []
    application = Application(Limits(waiting=0), who_sends_more=int, handler=SimpleNamespace())  # type: ignore[arg-type] - unused
    exchange: Any = SimpleNamespace(response_str=lambda *arguments: said.append(arguments))
    scope: Any = SimpleNamespace(headers={}, method="GET", path="/", query_string="")

    asyncio.run(application.__rsgi__(scope, exchange))

    status, headers, text = said[0]
    assert status == 503
    assert ("Retry-After", "5") in headers
    assert "شلوغ" in text


# One request inside another ------------------------------------------------------------------------------------------

HIDDEN = raw("GET /hidden/")


@pytest.mark.parametrize(
    ("lengths", "status"),
    [
        (("Transfer-Encoding: chunked", "Content-Length: 4"), "411"),
        (("Content-Length: 4", "Transfer-Encoding: chunked"), "411"),
        (("Transfer-Encoding: chunked",), "411"),
        (("Transfer-Encoding: gzip, chunked",), "411"),
        (("Content-Length: 5", "Content-Length: 4"), "400"),
        (("Content-Length: 5, 4",), "400"),
        (("Content-Length: +5",), "400"),
        (("Content-Length: -1",), "400"),
    ],
)
def test_body_of_ambiguous_length_is_refused_and_nothing_behind_it_is_read(site, lengths, status):
    before = site.tell()["asked"]

    said = site.exchange(raw("POST /", *lengths, body=b"0\r\n\r\n" + HIDDEN))

    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert said.count(b"HTTP/1.1 ") == 1
    assert site.tell()["asked"] == before + 1


def test_pipelined_requests_are_answered_in_order(site):
    said = site.exchange(raw("GET /one/") + raw("GET /two/") + raw("GET /three/", "Connection: close"))

    assert re.findall(rb'"path": "(/\w+/)"', said) == [b"/one/", b"/two/", b"/three/"]


def test_websocket_is_not_opened(site):
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    said = site.exchange(
        raw("GET /", "Upgrade: websocket", "Connection: Upgrade, close", "Sec-WebSocket-Version: 13", key)
    )

    assert not said.startswith(b"HTTP/1.1 101")


# What Django is told, and what it says ---------------------------------------------------------------------------------


def test_request_arrives_as_it_was_sent(site):
    told = site.tell(
        "PUT", "/%D9%85%D9%82%D8%A7%D9%84%D9%87/?q=%D8%B3&q=2", body=b"four",
        headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Content-Type": "text/x-test"},
    )  # fmt: skip

    assert (told["method"], told["path"], told["query"]) == ("PUT", "/مقاله/", "q=%D8%B3&q=2")
    assert told["address"] == "127.0.0.1"
    assert told["scheme"] == "http"
    assert told["size"] == 4
    headers = told["headers"]
    assert headers["X-Forwarded-For"] == "203.0.113.9"
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["Content-Type"] == "text/x-test"
    assert headers["Content-Length"] == "4"


def test_header_with_an_underscore_cannot_pose_as_that_of_a_proxy(site):
    said = site.exchange(raw("GET /", "X_Forwarded_For: 198.51.100.1", "Connection: close"))

    assert b"HTTP/1.1 200" in said
    assert b"198.51.100.1" not in said


def test_repeated_headers_are_joined(site):
    twice = ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", "Cookie: a=1", "Cookie: b=2")
    said = site.exchange(raw("GET /", *twice, "Connection: close"))
    headers = json.loads(said.partition(b"\r\n\r\n")[2])["headers"]

    assert headers["X-Forwarded-For"] == "192.0.2.1,192.0.2.2"
    assert headers["Cookie"] == "a=1; b=2"


def test_every_cookie_is_set(site):
    headers = site.ask("GET", "/cookies/")[1]

    assert [cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie") or ()] == ["first=1", "second=2"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/files/long.bin", FILE),
        ("/files/short.txt", b"short"),
        ("/files/empty.txt", b""),
        ("/parts/long.bin/7/5000000", FILE[7:5_000_007]),
        ("/parts/long.bin/7/5", FILE[7:12]),
    ],
)
def test_file_arrives_whole_and_the_connection_goes_on(site, path, expected):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)

    for _ in range(2):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.read() == expected
        assert response.headers["Content-Length"] == str(len(expected))
    connection.request("HEAD", path)
    response = connection.getresponse()

    assert response.headers["Content-Length"] == str(len(expected))
    assert response.read() == b""
    connection.close()


def test_expected_body_is_asked_for(site):
    with site.connect(raw("POST /", "Expect: 100-continue", "Content-Length: 4", "Connection: close")) as client:
        assert client.recv(25).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"four")
        assert b'"size": 4' in read_all(client)


def test_response_that_reads_no_regular_file_is_sent_by_django(tmp_path):
    gone = tmp_path / "gone"
    gone.write_bytes(b"content")
    opened = gone.open("rb")
    gone.unlink()

    assert part_of(FileResponse(opened)) is None  # by its name it could not be found
    assert part_of(HttpResponse(b"content")) is None
    with Path("/dev/null").open("rb") as device:
        assert part_of(FileResponse(device)) is None


# Connections ---------------------------------------------------------------------------------------------------------


def test_one_address_holds_only_so_many_connections_and_is_served_all_the_same(site):
    with ExitStack() as stack:
        clients = [stack.enter_context(site.connect()) for _ in range(CONNECTIONS * 2)]

        assert site.ask("GET", "/")[0] == 200
        closed = 0
        for client in clients:  # the time for the head would close the others, too, but not while it is sent
            client.settimeout(5)
            closed += client.recv(1) == b""

        assert closed >= CONNECTIONS


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Five connections of one address within this process; the third has sent something last."""
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as listener:
        made = []
        for _ in range(5):
            client = stack.enter_context(socket.create_connection(listener.getsockname()))
            made.append((client, stack.enter_context(listener.accept()[0])))
        yield made


def test_what_has_been_silent_for_longest_is_closed_first(pairs, monkeypatch):
    numbers = [str(accepted.fileno()) for _client, accepted in pairs]
    monkeypatch.setattr("portal.core.serving.connections._numbers", lambda: [int(number) for number in numbers])
    time.sleep(0.02)  # the kernel counts in milliseconds
    pairs[2][0].sendall(b"x")

    closed = ConnectionGuard(Limits(connections_per_address=1)).look()

    assert closed == 4
    assert pairs[2][1].recv(1) == b"x"
    assert [client.recv(1) for client, _accepted in (*pairs[:2], *pairs[3:])] == [b""] * 4


def test_looking_at_connections_leaves_the_locks_on_files_as_they_are(tmp_path, monkeypatch):
    """Without those on SQLite's files, another process that exits deletes the journal under this one."""
    database = tmp_path / "locked.sqlite3"
    delete_journal = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM t').connection.close()"
    ours = sqlite3.connect(database, isolation_level=None)
    ours.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    numbers = [int(each.name) for each in Path("/dev/fd").iterdir()]
    monkeypatch.setattr("portal.core.serving.connections._numbers", lambda: numbers)

    ConnectionGuard(Limits(connections_per_address=100)).prepare_listeners()
    subprocess.run([sys.executable, "-c", delete_journal, str(database)], check=True)

    assert database.with_name("locked.sqlite3-wal").exists()
    ours.close()


def test_connection_whose_client_stalls_is_dropped_by_the_kernel(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        monkeypatch.setattr("portal.core.serving.connections._numbers", lambda: [listener.fileno()])
        found = ConnectionGuard(Limits(stalled_seconds=120)).prepare_listeners()
        client.connect(listener.getsockname())
        accepted, _address = listener.accept()
        with accepted:
            assert found
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_customer_with_a_whole_network_counts_as_one_address(address, counted_as):
    assert _network(address) == counted_as


# In the portal -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "path", "language", "text"),
    [
        (413, "/fa/search/", "fa", "این یک‌جا زیاد است"),
        (413, "/en/search/", "fa", "That is too much at once"),
        (408, "/admin/images/add/", "fa", "رسیدنش بیش از اندازه طول کشید"),
        (411, "/fa/", "fa", "این درخواست خوانده نشد"),
    ],
)
def test_refusal_is_a_page_in_the_readers_language(client, status, path, language, text):
    response = client.post(path, headers={"accept-language": language}, **{REFUSAL_KEY: status})

    assert response.status_code == status
    assert text in response.text
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_more_may_be_sent_with_a_session_of_an_active_account_and_to_the_admin_by_staff(client, editor):
    member = UserFactory()
    staff_key = client.cookies["sessionid"].value
    client.cookies.clear()
    client.force_login(member)
    member_key = client.cookies["sessionid"].value
    anonymous = SessionStore()
    anonymous.create()

    def may(key: str | None, path: str = "/fa/questions/") -> bool:
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "wsgi.input": BytesIO()}
        return bool(who_sends_more({**environ, **({"HTTP_COOKIE": f"sessionid={key}"} if key else {})}))

    assert may(member_key)
    assert not may(member_key, "/admin/documents/add/")
    assert may(staff_key, "/admin/documents/add/")
    assert not any(may(key) for key in (None, "invented", anonymous.session_key))
    member.is_active = False
    member.save()
    assert not may(member_key)
