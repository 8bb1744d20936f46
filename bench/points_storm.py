"""Kills workers that spend, report and give back points, and stops their database; then proves that nothing is lost.

On SQLite in a temporary folder: workers get SIGKILL. On a PostgreSQL server of its own, made in a temporary folder: workers
get SIGKILL, and the server is stopped at once (`pg_ctl stop -m immediate`) in between. Afterwards the books are proved, and
everything that was acknowledged is done again: nothing may change. What is done is in `tests/loyalty/storm.py`.

  bench/points_storm.py [--kills 120] [--stops 12]
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=120, help="workers to kill on each database")
    parser.add_argument("--stops", type=int, default=12, help="times to stop PostgreSQL")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--here", metavar="FOLDER", help=argparse.SUPPRESS)  # in the process of one database
    arguments = parser.parse_args()
    if arguments.here is not None:
        run(arguments.kills, arguments.stops, arguments.here)
        return
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        folder = Path(name)
        if arguments.only != "postgresql":
            in_a_process(f"sqlite:///{folder / 'storm.sqlite3'}", folder, "", arguments)
        if arguments.only != "sqlite":
            with own_server(folder) as url:
                in_a_process(url, folder, str(folder / "pg"), arguments)


def in_a_process(url: str, folder: Path, server: str, arguments: argparse.Namespace) -> None:
    """Let a process that uses the database do it."""
    env = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
    numbers = ["--kills", str(arguments.kills), "--stops", str(arguments.stops)]
    subprocess.run([sys.executable, __file__, "--here", server, *numbers], env=env, check=True)


def run(kills: int, stops: int, server: str) -> None:
    """Migrate, make the storm and look at what is left."""
    import django  # noqa: PLC0415 - in this process only

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - needs the setup above
    from django.db import connection  # noqa: PLC0415 - needs the setup above

    # Tests stay untyped, so it is not imported where types are checked; it needs the setup above.
    storm: Any = import_module("tests.loyalty.storm")
    call_command("migrate", verbosity=0)
    storm.prepare(codes=kills * 20)
    stopped = 0

    def stop_server() -> None:
        nonlocal stopped
        control(Path(server), "stop", "-m", "immediate")
        control(Path(server), "start")
        stopped += 1

    began = time.perf_counter()
    told = storm.storm(kills=kills, stop_server=stop_server if server else None, stops=stops)
    seconds = time.perf_counter() - began
    there = storm.verify(told)
    print(
        f"{connection.vendor}: {kills} workers killed and {stopped} immediate stops of the server in {seconds:.0f} s; "
        f"{sum(map(len, told.values()))} things acknowledged, {there} of them done: all there, none twice, the books are right."
    )


# A server of its own ---------------------------------------------------------------------------------------------------


def _bin(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def _as_its_owner(command: list[str]) -> list[str]:
    """PostgreSQL does not run for root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def control(data: Path, verb: str, *more: str) -> None:
    """Start or stop the server."""
    command = [_bin("pg_ctl"), "-D", str(data), "-w", "-t", "60", "-l", str(data / "log"), verb, *more]
    subprocess.run(_as_its_owner(command), check=True, stdout=subprocess.DEVNULL)


@contextmanager
def own_server(folder: Path) -> Iterator[str]:
    """Make a server in the folder, on a free port; yield the address of a database. It keeps what it committed."""
    data = folder / "pg"
    data.mkdir()
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(data, "postgres")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    subprocess.run(
        _as_its_owner(
            [_bin("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        ),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{data}'\n")
    control(data, "start")
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        control(data, "stop", "-m", "immediate")


if __name__ == "__main__":
    main()
