"""granian, with the application loaded before its processes are forked: what it loads is in memory once, not once each.

Run by `portal.serve`, with granian's own command line, of which the last argument is the application.
docs/decisions/0021-serving.md.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
from importlib import import_module

from granian.cli import entrypoint


def preload(target: str) -> None:
    """Import the application, and the addresses that Django otherwise imports with its first request.

    Nothing that is loaded here may start a thread or keep a connection open: neither survives a fork.
    """
    import_module(target.partition(":")[0])
    from django.db import connections  # noqa: PLC0415 - needs the settings, which the application chooses
    from django.urls import get_resolver  # noqa: PLC0415

    get_resolver()._populate()  # noqa: SLF001 - Django has no other way to do it now
    connections.close_all()
    # Objects loaded by now live as long as the process. Garbage collection would write to each of them, and so copy the
    # page it is on into each process; it also takes a tenth of the time of a page.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")  # granian takes it; no longer the default from Python 3.14 on
    preload(sys.argv[-1])
    entrypoint()  # type: ignore[no-untyped-call]
