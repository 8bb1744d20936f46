"""A process that records something and exits: `python worker.py <way> <database>`."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")

import django
from django.conf import settings
from django.db import connections, transaction

django.setup()
settings.ACTIVITY_THREAD = True
connections["default"].settings_dict["NAME"] = sys.argv[2]

from portal.core.models import PeriodicJob  # noqa: E402 - Django must be ready
from portal.insight.recorder import recorder  # noqa: E402 - as above
from tests.insight import rows  # noqa: E402 - as above

kind = recorder.kind("rows", store=rows.store)


def in_multiprocessing() -> None:
    process = multiprocessing.get_context("fork").Process(target=kind.record, args=("child",))
    process.start()
    process.join()


def in_a_fork_that_inherits_a_waiting_record() -> None:
    kind.record("parent")
    in_multiprocessing()


def in_a_fork_while_another_thread_holds_the_locks() -> None:
    """Fork while another thread holds the locks: in the child, that thread does not exist and cannot release them."""
    held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with kind._lock, recorder._storing, recorder._starting:
            held.set()
            may_go.wait()

    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if not child:
        kind.record("child")
        sys.exit()  # like a server worker, which runs exit handlers
    os.waitpid(child, 0)
    may_go.set()


def while_the_database_hangs() -> None:
    def hang(_names: object) -> None:
        time.sleep(3600)

    hanging = recorder.kind("hanging", store=hang)
    hanging.record("x")


def killed_in_the_middle_of_a_batch() -> None:
    def store_half(names: object) -> None:
        with transaction.atomic():
            PeriodicJob.objects.create(name="first half")
            print("stored", flush=True)
            time.sleep(3600)

    half = recorder.kind("half", store=store_half)
    half.record("first half")
    time.sleep(3600)


WAYS = {
    "exit": lambda: kind.record("parent"),
    "multiprocessing": in_multiprocessing,
    "fork": in_a_fork_that_inherits_a_waiting_record,
    "locks": in_a_fork_while_another_thread_holds_the_locks,
    "hang": while_the_database_hangs,
    "kill": killed_in_the_middle_of_a_batch,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]]()
