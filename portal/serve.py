"""Start granian as the portal needs it: ``python -m portal.serve --port 8000``. docs/decisions/0021-serving.md."""

from __future__ import annotations

import argparse
import os
import resource
import sys
from contextlib import suppress

#: Open files per server process: connections, and the files that some of them download.
_FILES = 16_384
_SPARE_FILES = 256
#: Settings of glibc, which otherwise gives each thread a heap of its own and keeps what was freed (`script/bench memory`).
#: A page of a thread is a text of 250 kB that is copied several times while it is made: with glibc's own 128 kB, each copy
#: was asked of the system and given back to it, in 580 page faults that took a quarter of the page's processor time.
_ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "2097152", "MALLOC_MMAP_THRESHOLD_": "1048576"}
#: numpy's pool of threads, which would be started before the server processes are forked, and is of no use to short vectors.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


def command(arguments: argparse.Namespace, files: int) -> list[str]:
    """Return the command line; `files` is how many files a process may open."""
    return [
        sys.executable, "-m", "portal.preload", "--interface", "rsgi", "--loop", "uvloop",
        "--host", arguments.host, "--port", str(arguments.port),
        "--workers", str(arguments.workers), "--respawn-failed-workers",
        "--workers-kill-timeout", "5",  # a worker that is told to stop while it starts misses the signal
        "--http", "1", "--no-ws", "--log-level", arguments.log_level,
        "--http1-header-read-timeout", str(round(1000 * arguments.header_seconds)),
        # What waits in memory of a request's head, and for a client that reads slowly.
        "--http1-buffer-size", str(32 * 1024),
        "--backlog", "2048", "--backpressure", str(max(128, (files - _SPARE_FILES) // 2)),
        "--runtime-blocking-threads", "4",  # they read files
        arguments.application,
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m portal.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--log-level", default="warning")
    parser.add_argument("--header-seconds", type=float, default=10, help="time for the head of a request, and between")
    parser.add_argument("--application", default="portal.rsgi:application", help="for tests")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft < files:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for name, value in (_ALLOCATOR | _ONE_THREAD).items():
        os.environ.setdefault(name, value)
    os.execv(sys.executable, command(arguments, min(soft, _FILES)))  # noqa: S606 - our own command


if __name__ == "__main__":
    main()
