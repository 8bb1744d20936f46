"""Measure downloads with the programs people use. Run by `script/bench downloads`.

A large file of the demo portal is fetched from the portal itself, through nginx, and through nginx that sends the file itself
(X-Accel-Redirect): with curl, with curl that is killed and resumed, with aria2 over eight connections, and with aria2 that
is killed and resumed. Each time the bytes must have the SHA-256 of the page. Then the answers to HEAD, ranges of all kinds,
`If-Range` and `If-None-Match` are compared with what RFC 9110 says. Memory of the server must stay flat meanwhile, a
download must count once a client, and pages must be as fast beside 20 slow downloads as without them.

What is not installed (nginx, curl, aria2c) is left out and said.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.connections import RATIO_BAR, Case, Result, take, times  # noqa: E402 - the path first
from bench.pages import DISCOVER, memory_of, portal_environment, run, server  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: How much memory the server may take more while it sends the file in all ways, in MB.
MEMORY_BAR_MB = 30
SLOW_DOWNLOADS = 20
NAME = "سفت‌افزار آزمایشی ۱.۰.bin"
ACCEL = "/files-of-the-portal/"
_CLIENT_SECONDS = 120
#: How fast those clients read that are to be killed, or to be slow.
_KILLED_BYTES_PER_SECOND = 60_000_000
_SLOW_BYTES_PER_SECOND = 100_000
#: Run inside the portal: stores the file and prints its path, digest and number.
STORE = """
import json, os, sys
from django.core.files.base import ContentFile
from django.utils import timezone
from portal.accounts.models import User
from portal.core.audience import PUBLIC
from portal.downloads import services
from portal.downloads.models import Download, Release
download, _new = Download.objects.get_or_create(slug="bench", defaults={{"name": {{"en": "Bench", "fa": "سنجش"}}, "audience": PUBLIC}})
number = download.releases.count() + 1
release = Release.objects.create(download=download, version=f"1.0.{{number}}", released_on=timezone.localdate())
file = services.add_file(release=release, file=ContentFile(os.urandom({size}), {name!r}), platform="any")
services.publish_release(release=release, by=User.objects.filter(is_superuser=True).first())
print(json.dumps({{"path": file.get_absolute_url(), "sha256": file.sha256, "pk": file.pk, "media": file.file.path}}))
"""
#: Run inside the portal: how often the file counts.
COUNT = """
from portal.downloads.models import Transfer
print(Transfer.objects.filter(file={pk}).count(), Transfer.objects.filter(file={pk}, is_complete=True).count())
"""
_NGINX = """
{user}worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Host $host:{port};
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $remote_addr;
        location {accel} {{ internal; alias {media}/; }}
        location / {{ proxy_pass http://127.0.0.1:{portal}; }}
    }}
}}
"""


@dataclass
class Way:
    """One way from the file to its reader, and what was found on it."""

    name: str
    failed: list[str] = field(default_factory=list)
    passed: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def expect(self, what: str, is_so: bool) -> None:
        """Note whether something is as it should be."""
        if is_so:
            self.passed += 1
        else:
            self.failed.append(what)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200, help="size of the file")
    parser.add_argument("--rounds", type=int, default=4, help="interleaved rounds of pages beside slow downloads")
    parser.add_argument("--seconds", type=float, default=3, help="how long pages are requested in each round")
    parser.add_argument("--rate", type=float, default=30, help="requests a second")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the demo portal there and reuse it")
    parser.add_argument("--quick", action="store_true", help="a small file and one short round")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    arguments.blocking_threads = 1  # of a server that is not measured here
    if not shutil.which("curl"):
        sys.exit("curl is not installed: nothing can be measured.")
    if arguments.quick:
        arguments.megabytes, arguments.rounds, arguments.seconds = 8, 1, 1
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        env = portal_environment(folder)
        print("Preparing a demo portal …", flush=True)
        run("manage.py", "prepare", "--demo", env=env)
        pages = json.loads(run("manage.py", "shell", "--no-imports", "-c", DISCOVER, env=env).splitlines()[-1])
        code = STORE.format(size=arguments.megabytes * 1024 * 1024, name=NAME)
        file = json.loads(run("manage.py", "shell", "--no-imports", "-c", code, env=env).splitlines()[-1])
        ways, memory, slow = measure(env, file, pages, arguments)
        counted = run("manage.py", "shell", "--no-imports", "-c", COUNT.format(pk=file["pk"]), env=env).split()[-2:]
    missed = report(ways, memory, slow, [int(number) for number in counted], arguments)
    if arguments.json:
        figures = {
            "ways": {way.name: {"passed": way.passed, "failed": way.failed, "seconds": way.seconds} for way in ways},
            "memory_mb": memory, "counted": counted, "missed": missed,
            "pages": {case.name: {"quiet_ms": case.quiet.p95, "beside_ms": case.beside.p95} for case in slow.cases},
        }  # fmt: skip
        arguments.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    if missed and arguments.check:
        sys.exit(1)


def measure(
    env: dict[str, str], file: dict[str, Any], pages: dict[str, Any], arguments: argparse.Namespace
) -> tuple[list[Way], dict[str, list[float]], Result]:
    """Fetch the file in all ways; return what was found, the memory before and at most, and the times of pages."""
    ways, memory = [], {}
    slow = Result("beside slow downloads", [
        Case("article, anonymous", pages["articles"]), Case("search, signed in", pages["searches"], pages["cookie"])
    ])  # fmt: skip
    for is_handed_over in (False, True):
        more = {"MEDIA_ACCEL_PREFIX": ACCEL, "TRUSTED_PROXY_COUNT": "1"} if is_handed_over else {}
        with server("portal.rsgi:application", env | more, arguments) as (base, pid):
            port = int(base.rpartition(":")[2])
            for case in slow.cases:  # every worker has rendered every page before memory counts
                asyncio.run(times(port, case, arguments.rate, 4, Result("", [])))
            with _watched(pid) as seen:
                if not is_handed_over:
                    ways.append(fetch("the portal", port, file))
                if shutil.which("nginx"):
                    with _nginx(port, Path(file["media"])) as front:
                        ways.append(fetch("nginx, X-Accel" if is_handed_over else "nginx", front, file))
                else:
                    print("nginx is not installed: left out.")
            memory["handed over" if is_handed_over else "by itself"] = [seen[0], max(seen)]
            if not is_handed_over:
                _beside_slow(port, pid, file, slow, arguments)
            time.sleep(2)  # the recorder stores what it counted
    return ways, memory, slow


def fetch(name: str, port: int, file: dict[str, Any]) -> Way:
    """Fetch the file from a port with every program and every kind of request."""
    print(f"{name} …", flush=True)
    way = Way(name)
    content = Path(file["media"]).read_bytes()
    _requests(way, port, file["path"], content)
    url = f"http://127.0.0.1:{port}{file['path']}"
    curl = ["curl", "-sf", "--max-time", str(_CLIENT_SECONDS)]
    limit = str(_KILLED_BYTES_PER_SECOND)
    aria = ["aria2c", "-q", "-x8", "-s8", "-k1M", "--file-allocation=none", "--allow-overwrite=true", "-o", "file", url]
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        run_all: list[tuple[str, list[str], list[str]]] = [
            ("curl", [*curl, "-o", "file", url], []),
            ("curl, resumed", [*curl, "-C", "-", "-o", "file", url], [*curl, "--limit-rate", limit, "-o", "file", url]),
            ("aria2, 8 connections", aria, []),
            ("aria2, resumed", [*aria, "-c"], [*aria, f"--max-overall-download-limit={limit}"]),
        ]
        for program, command, killed in run_all:
            if not shutil.which(command[0]):
                print(f"{command[0]} is not installed: left out.")
                continue
            target = Path(folder) / "file"
            for left in Path(folder).iterdir():
                left.unlink()
            if killed:
                way.expect(f"{program}: was killed in the middle", _killed(killed, target, len(content)))
            began = time.monotonic()
            done = subprocess.run(command, cwd=folder, timeout=_CLIENT_SECONDS, check=False)
            way.seconds[program] = time.monotonic() - began
            got = hashlib.sha256(target.read_bytes()).hexdigest() if target.exists() else ""
            way.expect(f"{program}: exit {done.returncode}, SHA-256", done.returncode == 0 and got == file["sha256"])
    return way


def _killed(command: list[str], target: Path, size: int) -> bool:
    """Start it and kill it when a fifth is there; return whether it was not complete then."""
    process = subprocess.Popen(command, cwd=target.parent)
    deadline = time.monotonic() + _CLIENT_SECONDS
    while (target.stat().st_blocks * 512 if target.exists() else 0) < size // 5:
        if process.poll() is not None or time.monotonic() > deadline:
            break
        time.sleep(0.005)
    process.kill()
    return process.wait() != 0


def _requests(way: Way, port: int, path: str, content: bytes) -> None:
    """Ask in every way RFC 9110 knows, and compare."""
    size = len(content)

    def ask(method: str = "GET", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.headers, body

    status, head, body = ask("HEAD")
    etag, changed = head.get("ETag", ""), head.get("Last-Modified", "")
    way.expect("HEAD", (status, body, head.get("Accept-Ranges")) == (200, b"", "bytes"))
    # nginx that sends the file itself states its length only with GET.
    way.expect("HEAD: length", head.get("Content-Length", str(size)) == str(size))
    way.expect("strong ETag", etag.startswith('"'))
    way.expect("name", unquote(head.get("Content-Disposition", "")).endswith(NAME))
    for asked, first, last in [
        ("bytes=0-0", 0, 0), ("bytes=0-99", 0, 99), (f"bytes={size // 2}-{size // 2 + 9}", size // 2, size // 2 + 9),
        (f"bytes={size - 5}-", size - 5, size - 1), ("bytes=-7", size - 7, size - 1),
        (f"bytes=5-{size * 2}", 5, size - 1), (f"bytes=-{size * 2}", 0, size - 1),
    ]:  # fmt: skip
        status, head, body = ask(Range=asked)
        right = (206, f"bytes {first}-{last}/{size}", content[first : last + 1])
        # A suffix longer than the file is the file: in whole is right as well.
        is_whole = (status, body) == (200, content) and first == 0 and last == size - 1
        way.expect(f"Range: {asked}", (status, head.get("Content-Range"), body) == right or is_whole)
    status, head, _body = ask(Range=f"bytes={size}-")
    way.expect("beyond the end", (status, head.get("Content-Range")) == (416, f"bytes */{size}"))
    for nonsense in ("bytes=x-", "lines=1-2", "bytes=9-2"):
        status, _head, body = ask(Range=nonsense)
        way.expect(f"Range: {nonsense}", status in {200, 416} and (status != 200 or body == content))
    status, head, body = ask(Range="bytes=0-9,100-119")
    way.expect("several ranges", _is_right_multipart(status, head, body, content, [(0, 9), (100, 119)]))
    status, _head, body = ask(Range="bytes=10-19", If_Range=etag)
    way.expect("If-Range", (status, body) == (206, content[10:20]))
    for other in ('"another"', f"W/{etag}", "Thu, 01 Jan 1998 00:00:00 GMT"):
        status, _head, body = ask(Range="bytes=10-19", If_Range=other)
        way.expect(f"If-Range: {other}", (status, body) == (200, content))
    status, _head, body = ask(Range="bytes=10-19", If_Range=changed)
    way.expect("If-Range: date", (status, body) in {(206, content[10:20]), (200, content)})
    status, _head, body = ask(If_None_Match=etag)
    way.expect("If-None-Match", (status, body) == (304, b""))


def _is_right_multipart(
    status: int, head: http.client.HTTPMessage, body: bytes, content: bytes, spans: list[tuple[int, int]]
) -> bool:
    """Return whether several ranges were refused by sending everything, or each was sent as it should."""
    if status == 200:
        return body == content
    message = message_from_bytes(b"Content-Type: " + head["Content-Type"].encode() + b"\r\n\r\n" + body)
    parts = message.get_payload()
    if status != 206 or not isinstance(parts, list):
        return False
    stated = [part["Content-Range"] for part in parts]  # type: ignore[index]  # parts are messages
    is_inside = all(content[first : last + 1] in body for first, last in spans)
    return is_inside and stated == [f"bytes {first}-{last}/{len(content)}" for first, last in spans]


@contextmanager
def _nginx(portal: int, media: Path) -> Iterator[int]:
    """Run nginx in front of the portal; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        user = "user root;\n" if os.geteuid() == 0 else ""
        root = media.parent.parent  # the file is in the folder of downloads of the media
        text = _NGINX.format(user=user, folder=folder, port=port, portal=portal, accel=ACCEL, media=root)
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(text, encoding="utf-8")
        process = subprocess.Popen(["nginx", "-p", folder, "-c", configuration], stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        sys.exit("nginx did not start")
                    time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """Watch the memory of the server: proportional set size of all its processes in MB, several times a second."""
    seen = [memory_of(pid)["pss"]]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.2):
            seen.append(memory_of(pid)["pss"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def _beside_slow(port: int, pid: int, file: dict[str, Any], slow: Result, arguments: argparse.Namespace) -> None:
    """Time pages without and beside slow downloads, in turn."""
    for number in range(arguments.rounds):
        print(f"pages beside slow downloads: round {number + 1} of {arguments.rounds} …", flush=True)
        _each_page(slow, lambda case: case.quiet, port, pid, arguments)
        slow.memory_mb.append(memory_of(pid)["pss"])
        with ExitStack() as stack:
            for _client in range(SLOW_DOWNLOADS):
                stack.enter_context(_slow_download(port, file["path"]))
            time.sleep(1)
            _each_page(slow, lambda case: case.beside, port, pid, arguments)
            slow.memory_mb.append(memory_of(pid)["pss"])


def _each_page(slow: Result, which: Callable[[Case], Any], port: int, pid: int, arguments: argparse.Namespace) -> None:
    for case in slow.cases:
        take(which(case), pid, times(port, case, arguments.rate, arguments.seconds, slow))


@contextmanager
def _slow_download(port: int, path: str) -> Iterator[None]:
    """A program that fetches the file at 100 kB/s."""
    url = f"http://127.0.0.1:{port}{urlsplit(path).path}"
    command = ["curl", "-s", "--limit-rate", str(_SLOW_BYTES_PER_SECOND), "-o", os.devnull, url]
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def report(
    ways: list[Way], memory: dict[str, list[float]], slow: Result, counted: list[int], arguments: argparse.Namespace
) -> list[str]:
    """Print what was found; return what misses a bar."""
    missed = [f"{way.name}: {what}" for way in ways for what in way.failed]
    print(f"\nA file of {arguments.megabytes} MB\n")
    for way in ways:
        rates = ", ".join(f"{name} {arguments.megabytes / took:.0f} MB/s" for name, took in way.seconds.items())
        print(f"{way.name:<16}{way.passed} right, {len(way.failed)} wrong   {rates}")
    for name, (before, most) in memory.items():
        print(f"memory, {name}: {before:.0f} MB before, {most:.0f} MB at most (bar: {MEMORY_BAR_MB} MB more)")
        if most - before > MEMORY_BAR_MB:
            missed.append(f"memory, {name}")
    print(f"\n{'beside ' + str(SLOW_DOWNLOADS) + ' slow downloads':<26}{'p95 quiet':>12}{'beside':>10}{'ratio':>8}")
    for case in slow.cases:
        print(f"{case.name:<26}{case.quiet.p95:>9.1f} ms{case.beside.p95:>7.1f} ms{case.ratio:>8.2f}")
        if case.ratio > RATIO_BAR:
            missed.append(f"{case.name} beside slow downloads")
    print(
        f"memory in turn: {', '.join(f'{megabytes:.0f}' for megabytes in slow.memory_mb)} MB; failed requests: {slow.failed}"
    )
    print(f"counted as begun {counted[0]}, as complete {counted[1]} (one address: 8 at the most)")
    if slow.failed:
        missed.append(f"{slow.failed} requests failed")
    if not 1 <= counted[1] <= counted[0] <= 8:
        missed.append("counts")
    print(f"\nMissed: {', '.join(missed)}." if missed else "\nAll bars are held.")
    return missed


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
