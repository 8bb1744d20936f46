"""script/server: sets up and starts the portal in one command; later starts take a few seconds.

Settings are environment variables (docs/operate.md lists them all); the first ones needed:

  HOST, PORT     address and port             127.0.0.1, 8000
  DATA_DIR       database, uploads, keys      var/ in the project folder
  DATABASE_URL   postgres://user@host/name    SQLite in DATA_DIR
  WORKERS        server processes             2
  SEMANTIC       1: install the packages of semantic search (95 MB, once)
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from _common import PYTHON, ROOT, ensure_venv, environment, our_folders, say, stop

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS = 10
READY_SECONDS = 60
#: Until a process that ended by itself is started again; twice as long every time, unless it was steady for a while.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, STEADY_SECONDS = 1, 30, 60
WILDCARDS = {"0.0.0.0", "::", ""}  # noqa: S104 - recognised, not bound to
LAUNCHER = os.getpid()
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Stopped(Exception):  # noqa: N818 - not an error
    """Raised on Ctrl-C, and on the signal of a service manager."""


def main() -> None:
    arguments = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    children: list[subprocess.Popen[bytes]] = []
    try:
        serve(arguments, children)
    except Stopped:
        say("\nStopping …")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stop_children(children)


def on_signal(number: int, frame: object) -> None:
    raise Stopped


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/server", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--no-demo", action="store_true", help="start empty: without the demo company's articles and people"
    )
    parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1", help="address to listen on (HOST)")
    parser.add_argument("--port", default=os.environ.get("PORT") or "8000", help="port to listen on (PORT)")
    arguments = parser.parse_args()
    arguments.port = whole_number("PORT", arguments.port, 1, 65535)
    arguments.workers = whole_number("WORKERS", os.environ.get("WORKERS") or "2", 1, 64)
    return arguments


def whole_number(name: str, text: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
        stop(f"{name} must be a whole number from {lowest} to {highest}, not “{text}”.")
    return int(text)


def serve(arguments: argparse.Namespace, children: list[subprocess.Popen[bytes]]) -> None:
    """Run all steps in order; those that can fail for reasons outside the portal come before the slow ones."""
    check_port(arguments.host, arguments.port)
    data_dir = Path(os.environ.get("DATA_DIR") or ROOT / "var").absolute()
    check_writable(data_dir)
    check_database(os.environ.get("DATABASE_URL", ""))
    ensure_venv(semantic=os.environ.get("SEMANTIC", "").lower() in {"1", "true", "yes", "on"})
    url = address(arguments.host, arguments.port)
    env = portal_environment(arguments, data_dir, url)
    mark = fingerprint(env, demo=not arguments.no_demo)
    sign_ins = recall(env, mark)
    known = sign_ins is not None
    if sign_ins is None:
        sign_ins = prepare(env, mark, demo=not arguments.no_demo, children=children)
    server = start_server(arguments, env, sign_ins, children)
    if wait_until_ready(arguments, server) >= HTTPStatus.INTERNAL_SERVER_ERROR and known:
        # The database is not the one we prepared: emptied, restored, or unreachable. `prepare` fixes that or says why
        # not.
        stop_children([server])
        children.remove(server)
        sign_ins = prepare(env, mark, demo=not arguments.no_demo, children=children)
        server = start_server(arguments, env, sign_ins, children)
        wait_until_ready(arguments, server)
    first_link = "" if sign_ins else link_of_first_administrator(env)
    announce(arguments.host, url, env, sign_ins, first_link)
    watch(server, lambda: start_server(arguments, env, sign_ins, children), env, children)


# Preconditions -------------------------------------------------------------------------------------------------------


def check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _name, where = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        stop(f"HOST is “{host}”, which is neither an address nor a name this machine knows. Try HOST=127.0.0.1.")
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind(where)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                stop(
                    f"Port {port} is taken by another program (or another portal).\n"
                    f"Stop it, or choose a different port:  PORT={port + 1 if port < 65535 else 8000} script/server"
                )
            if error.errno == errno.EACCES:
                stop(
                    f"Port {port} needs more rights than this account has. Choose one above 1023:  PORT=8000 script/server"
                )
            stop(f"HOST is “{host}”, which is not an address of this machine ({error.strerror}). Try HOST=127.0.0.1.")


def check_writable(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir) as file:
            file.write(b"can we write?")
    except OSError as error:
        stop(
            f"Cannot write in {data_dir}: {error.strerror}.\n"
            "The portal keeps its database and uploads there; choose another folder with DATA_DIR."
        )


def check_database(database_url: str) -> None:
    """Exit if nothing listens where DATABASE_URL points; passwords etc. are checked by `prepare`."""
    try:
        parts = urlsplit(database_url)
        host, port = parts.hostname, parts.port or 5432
    except ValueError:
        stop("DATABASE_URL cannot be understood. It looks like postgres://user:password@host:5432/name.")
    if not parts.scheme.startswith(("postgres", "pgsql")) or not host or host.startswith("%2f"):
        return
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        stop(
            f"The database does not answer at {host}:{port} ({error.strerror or error}). Check DATABASE_URL and start it."
        )


# The portal ----------------------------------------------------------------------------------------------------------


def address(host: str, port: int) -> str:
    """The URL to print, and the default of BASE_URL."""
    shown = "localhost" if host in WILDCARDS | LOOPBACK else host  # browsers do not accept passkeys for IP addresses
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def portal_environment(arguments: argparse.Namespace, data_dir: Path, url: str) -> dict[str, str]:
    env = environment(DATA_DIR=str(data_dir))
    set_default(env, "DJANGO_SETTINGS_MODULE", "portal.settings.production")
    set_default(env, "BASE_URL", url)
    set_default(env, "ALLOWED_HOSTS", ",".join(allowed_hosts(arguments.host)))
    set_default(env, "PGCONNECT_TIMEOUT", "10")
    if not env.get("SECRET_KEY"):
        make_secret_key(data_dir / "secret_key")
    return env


def set_default(env: dict[str, str], name: str, value: str) -> None:
    """Like `dict.setdefault`, but an empty variable counts as unset, as in the settings."""
    env[name] = env.get(name) or value


def allowed_hosts(host: str) -> list[str]:
    """The default of ALLOWED_HOSTS: localhost, HOST, and all addresses of this machine if it listens on all of them."""
    names = {"localhost", "127.0.0.1", "[::1]"}
    if host not in WILDCARDS:
        names.add(f"[{host}]" if ":" in host else host)
        return sorted(names)
    own = socket.gethostname()
    names |= {own, socket.getfqdn()}
    with suppress(OSError):
        names |= {str(found[4][0]) for found in socket.getaddrinfo(own, None, family=socket.AF_INET)}
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, but selects the address of the outgoing interface
        names.add(probe.getsockname()[0])
    return sorted(name for name in names if name)


def make_secret_key(file: Path) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as stream:
        stream.write(secrets.token_urlsafe(50))


def fingerprint(env: dict[str, str], *, demo: bool) -> str:
    """A hash of everything that affects `prepare`: our files, the packages, the settings."""
    digest = hashlib.sha256(f"{PYTHON} {sys.version} {demo}".encode())
    settings = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "portal" / "settings").glob("*.py")))
    for name in sorted(env):
        if f'"{name}"' in settings or "_CLIENT_" in name or name == "DJANGO_SETTINGS_MODULE":
            digest.update(f"{name}={env[name]}\n".encode())
    for folder in (*(ROOT / name for name in our_folders()), ROOT / "requirements.txt"):
        for file in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if file.suffix in {".mo", ".pyc", ".tmp"} or not file.is_file():
                continue
            about = file.stat()
            digest.update(f"{file} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def recall(env: dict[str, str], mark: str) -> list[list[str]] | None:
    """The sign-ins of the last `prepare`; None if anything that affects it has changed since."""
    data_dir = Path(env["DATA_DIR"])
    static = Path(env.get("STATIC_ROOT") or data_dir / "static") / "staticfiles.json"
    if not static.is_file() or not (env.get("DATABASE_URL") or (data_dir / "portal.sqlite3").is_file()):
        return None
    with suppress(OSError, ValueError, KeyError):
        report = json.loads((data_dir / "prepared.json").read_text(encoding="utf-8"))
        if report["mark"] == mark:
            return list(report["sign_ins"])
    return None


def prepare(env: dict[str, str], mark: str, *, demo: bool, children: list[subprocess.Popen[bytes]]) -> list[list[str]]:
    """Run `manage.py prepare`; return the demo's sign-ins, which are empty without the demo."""
    report = Path(env["DATA_DIR"]) / "prepared.json"
    report.unlink(missing_ok=True)
    command = ["manage.py", "prepare", "--report", str(report), *(["--demo"] if demo else [])]
    process = start(command, env, children)
    if process.wait():
        stop("The portal could not be prepared; the reason is above.")
    children.remove(process)
    sign_ins = list(json.loads(report.read_text(encoding="utf-8"))["sign_ins"])
    report.write_text(json.dumps({"mark": mark, "sign_ins": sign_ins}), encoding="utf-8")
    return sign_ins


def start_server(
    arguments: argparse.Namespace,
    env: dict[str, str],
    sign_ins: list[list[str]],
    children: list[subprocess.Popen[bytes]],
) -> subprocess.Popen[bytes]:
    """Start the server with two workers: docs/decisions/0021-serving.md."""
    if sign_ins:
        set_default(env, "STAFF_SECOND_FACTOR", "False")
    command = ["-m", "portal.serve", "--host", arguments.host, "--port", str(arguments.port)]
    command += ["--workers", str(arguments.workers)]
    # A visitor should learn soon that the database is locked; the outbox worker can wait longer.
    server_env = {**env, "DATABASE_LOCK_SECONDS": env.get("DATABASE_LOCK_SECONDS") or "3"}
    return start(command, server_env, children)


def wait_until_ready(arguments: argparse.Namespace, server: subprocess.Popen[bytes]) -> int:
    """Wait for the server; return the status of its first response to /health/."""
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(arguments.host, arguments.host)  # noqa: S104
    deadline = time.monotonic() + READY_SECONDS
    while True:
        if server.poll() is not None:
            stop(f"The server stopped while starting (code {server.returncode}); the reason is above.")
        if time.monotonic() > deadline:
            stop(f"The server did not answer within {READY_SECONDS} seconds.")
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, arguments.port, timeout=10)
            connection.request("GET", "/health/")
            return connection.getresponse().status
        time.sleep(0.05)


def link_of_first_administrator(env: dict[str, str]) -> str:
    """A link that makes the first administrator in the browser; empty if there is one."""
    command = [str(PYTHON), "manage.py", "first_administrator_link"]
    made = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return made.stdout.strip() if made.returncode == 0 else ""


def announce(host: str, url: str, env: dict[str, str], sign_ins: list[list[str]], first_link: str) -> None:
    lines = ["", f"The portal is ready:  {url}/fa/  ·  {url}/en/", f"For staff:            {url}/admin/"]
    if sign_ins:
        widths = [max(map(len, column)) for column in zip(*sign_ins, strict=True)]
        lines += ["", "This is the demo. Sign in with e-mail and password:"]
        lines += [
            "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in sign_ins
        ]
        if env["STAFF_SECOND_FACTOR"].lower() in {"false", "0", "off", "no"}:
            lines += ["", "Staff need no second factor here (STAFF_SECOND_FACTOR=False, for the demo only)."]
        if host not in LOOPBACK:
            lines += ["These passwords are public, and the portal listens beyond this machine: for trying only."]
    elif first_link:
        lines += ["", "Nobody manages the portal yet. Make the first administrator here, once and within a day:"]
        lines += [f"  {first_link}"]
    if not env.get("EMAIL_URL"):
        lines += [f"Mails go nowhere; they are kept as files in {Path(env['DATA_DIR']) / 'mail'}."]
    lines += [f"Data is kept in {env['DATA_DIR']}. Ctrl-C stops the portal."]
    say("\n".join(lines))


# Processes -----------------------------------------------------------------------------------------------------------


def start(command: list[str], env: dict[str, str], children: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start Python with `command` in a new process group, so that Ctrl-C reaches only us."""
    child = subprocess.Popen(
        [PYTHON, *command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        start_new_session=True, preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one thread
    )  # fmt: skip
    children.append(child)
    return child


def end_with_parent() -> None:
    """On Linux, make a child receive SIGTERM if this launcher is killed.

    A best effort: a worker that is being started at that moment may keep running.
    """
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG
    if os.getppid() != LAUNCHER:  # it was killed before the line above: there will be no signal
        os._exit(1)


def watch(
    server: subprocess.Popen[bytes], start_again: Callable[[], subprocess.Popen[bytes]], env: dict[str, str],
    children: list[subprocess.Popen[bytes]],
) -> NoReturn:  # fmt: skip
    """Run the outbox worker alongside the server, and restart whichever ends, until we are stopped."""

    def start_outbox() -> subprocess.Popen[bytes]:
        return start(["manage.py", "run_outbox", "--loop"], env, children)

    kept = [Kept("The server", start_again, server), Kept("The outbox worker", start_outbox, start_outbox())]
    while True:
        for each in kept:
            each.look_after(children)
        time.sleep(0.2)


class Kept:
    """A process that is started again whenever it ends: soon, and ever later if it keeps ending.

    The server ends by itself when one of its workers dies twice within seconds, as when the system has no memory left.
    """

    def __init__(
        self, name: str, start_again: Callable[[], subprocess.Popen[bytes]], process: subprocess.Popen[bytes]
    ) -> None:
        self._name, self._start_again, self._process = name, start_again, process
        self._started = time.monotonic()
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._due: float | None = None

    def look_after(self, children: list[subprocess.Popen[bytes]]) -> None:
        """Notice that the process has ended, or start it again when it is time to."""
        now = time.monotonic()
        if self._due is not None:
            if now < self._due:
                return
            try:
                self._process, self._started, self._due = self._start_again(), now, None
            except OSError as error:  # no memory, or the programs are being replaced: what runs goes on
                self._postpone(now, f"{self._name} could not be started ({error})")
        elif self._process.poll() is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # what it had started would keep the port
            children.remove(self._process)
            if now - self._started > STEADY_SECONDS:
                self._wait_seconds = FIRST_WAIT_SECONDS
            self._postpone(now, f"{self._name} stopped by itself (code {self._process.returncode})")

    def _postpone(self, now: float, what: str) -> None:
        say(f"{what}; starting it again in {self._wait_seconds} s.")
        self._due = now + self._wait_seconds
        self._wait_seconds = min(2 * self._wait_seconds, LONGEST_WAIT_SECONDS)


def stop_children(children: list[subprocess.Popen[bytes]]) -> None:
    """Terminate all process groups, wait for them together, then kill those that are left."""
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=max(0.0, deadline - time.monotonic()))
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


if __name__ == "__main__":
    main()
