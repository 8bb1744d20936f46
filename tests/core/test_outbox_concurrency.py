"""The outbox with real threads and processes, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from portal.core import jobs, outbox
from portal.core import worker as worker_module
from portal.core.audience import AudienceInUse
from portal.core.events import DomainEvent, emit, subscribe
from portal.core.models import OutboxMessage, PeriodicJob
from tests.core.outbox_worker import LampLit, connect
from tests.outbox import at_work, is_settled, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("portal.core.outbox"),
]

MESSAGES = 40


@dataclass(frozen=True, kw_only=True)
class LampMoved(DomainEvent):
    name: ClassVar[str] = "tests.lamp_moved_elsewhere"
    merges: ClassVar[bool] = True
    lamp_id: int


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "journal"


def lines(journal: Path) -> list[str]:
    return journal.read_text().split() if journal.exists() else []


@pytest.fixture
def waiting(journal):
    """Messages of a process that ended before it could deliver them."""
    with outbox.temporary_subscriptions():
        connect(journal)
        now = timezone.now()
        OutboxMessage.objects.bulk_create(
            OutboxMessage(
                event=LampLit.name,
                handler="tests.note",
                payload=LampLit(lamp_id=lamp_id).to_payload(),
                available_at=now - timedelta(seconds=MESSAGES - lamp_id),
            )
            for lamp_id in range(MESSAGES)
        )
        yield


def in_threads(count: int, work) -> list[BaseException]:
    """Run `work(number)` in so many threads at once; return the errors they raised."""
    barrier = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001 - returned to the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


@pytest.fixture
def start():
    """Return a function that starts processes of the portal on the same database; all are stopped after the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        processes.append(_start(*arguments))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        user = f"{database['USER']}:{database['PASSWORD']}@" if database["USER"] else ""
        url = f"postgres://{user}{database['HOST']}:{database['PORT']}/{database['NAME']}"
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "portal.settings.test"},
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def worker(start, journal):
    return lambda *arguments: start("-m", "tests.core.outbox_worker", str(journal), *arguments)


def test_threads_that_drain_at_once_deliver_each_message_once(waiting, journal):
    errors = in_threads(8, lambda _number: outbox.drain())

    assert errors == []
    assert Counter(lines(journal)) == Counter(str(number) for number in range(MESSAGES))
    assert OutboxMessage.objects.exclude(delivered_at=None).count() == MESSAGES
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {1}


def test_processes_that_drain_at_once_deliver_each_message_once(waiting, journal, worker):
    processes = [worker() for _ in range(2)]
    outbox.drain()

    assert [process.communicate(timeout=60)[1] for process in processes] == [b"", b""]
    assert Counter(lines(journal)) == Counter(str(number) for number in range(MESSAGES))
    assert not OutboxMessage.objects.pending().exists()


def test_threads_that_emit_at_once_deliver_all_their_own_messages(journal):
    def light(number: int) -> None:
        for step in range(5):
            with transaction.atomic():
                AudienceInUse.objects.create(expression=f"lamp-{number}-{step}")
                emit(LampLit(lamp_id=number * 5 + step))

    with outbox.temporary_subscriptions():
        connect(journal)
        errors = in_threads(6, light)

    assert errors == []
    assert Counter(lines(journal)) == Counter(str(number) for number in range(30))
    assert not OutboxMessage.objects.pending().exists()


def test_a_message_whose_process_was_killed_is_delivered_after_its_lease(waiting, journal, worker):
    OutboxMessage.objects.exclude(pk=OutboxMessage.objects.earliest("available_at").pk).delete()
    process = worker("60")
    assert until(lambda: lines(journal) == ["started"])

    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)

    assert outbox.drain() == outbox.DrainResult(0, 0)  # the lease of the dead process is still valid
    message = OutboxMessage.objects.get()
    assert timedelta(0) < message.available_at - timezone.now() <= outbox.LEASE
    message.available_at -= outbox.LEASE  # a minute passes
    message.save()
    assert outbox.drain() == outbox.DrainResult(1, 0)
    assert lines(journal) == ["started", "0"]
    assert OutboxMessage.objects.get().attempts == 2


def test_an_event_that_repeats_one_that_waits_is_heard_after_its_own_commit(journal):
    """The queued message must not be delivered before the change that the second event announces is visible."""
    seen: list[list[str]] = []

    def note(event: LampMoved) -> None:
        seen.append(sorted(AudienceInUse.objects.values_list("expression", flat=True)))

    with outbox.temporary_subscriptions():
        subscribe(LampMoved, note, name="tests.mover", is_remote=True)
        with transaction.atomic():
            emit(LampMoved(lamp_id=1))
        is_merged, may_commit = threading.Event(), threading.Event()

        def change(number: int) -> None:
            if number:
                is_merged.wait(20)
                outbox.drain()  # on PostgreSQL it skips the message, on SQLite it waits
                return
            with transaction.atomic():
                AudienceInUse.objects.create(expression="moved")
                emit(LampMoved(lamp_id=1))
                is_merged.set()
                may_commit.wait(1)

        errors = in_threads(2, change)
        outbox.drain()

    assert errors == []
    assert OutboxMessage.objects.count() == 1
    assert seen == [["moved"]]


def test_transactions_that_repeat_the_same_events_in_any_order_do_not_wait_for_each_other():
    with outbox.temporary_subscriptions():
        subscribe(LampMoved, lambda event: None, name="tests.mover", is_remote=True)
        with transaction.atomic():
            for lamp_id in (1, 2):
                emit(LampMoved(lamp_id=lamp_id))

        def move(number: int) -> None:
            for _ in range(10):
                with transaction.atomic():
                    for lamp_id in (1, 2) if number % 2 else (2, 1):
                        emit(LampMoved(lamp_id=lamp_id))

        errors = in_threads(6, move)

    assert errors == []
    assert OutboxMessage.objects.count() <= 14  # SQLite: 2; PostgreSQL: up to one of each per concurrent transaction


# The worker ----------------------------------------------------------------------------------------------------------


def test_a_server_that_hangs_holds_up_neither_other_servers_nor_our_own_work_nor_jobs(monkeypatch):
    done: list[str] = []
    goes_on = threading.Event()
    monkeypatch.setattr(jobs, "_jobs", {})
    jobs.every(timedelta(hours=1), name="tests.job", run=lambda: done.append("job"))
    with outbox.temporary_subscriptions():
        subscribe(LampLit, lambda event: goes_on.wait(30), name="tests.hanging", is_remote=True)
        subscribe(LampLit, lambda event: done.append("other server"), name="tests.other", is_remote=True)
        with transaction.atomic():
            emit(LampLit(lamp_id=1))
        with at_work(), ExitStack() as stack:
            stack.callback(goes_on.set)
            assert until(lambda: OutboxMessage.objects.get(handler="tests.hanging").attempts == 1)
            with outbox.temporary_subscriptions():
                subscribe(LampLit, lambda event: done.append("here"), name="tests.here")
                OutboxMessage.objects.create(event=LampLit.name, handler="tests.here", payload={"lamp_id": 1})
                assert until(lambda: sorted(done) == ["here", "job", "other server"], 10)
            began = time.monotonic()
            AudienceInUse.objects.create(expression="written")
            assert time.monotonic() - began < 1
            goes_on.set()
            assert until(is_settled)


def test_the_worker_delivers_within_a_second_and_writes_nothing_while_nothing_is_due():
    delivered = threading.Event()
    with outbox.temporary_subscriptions():
        subscribe(LampLit, lambda event: delivered.set(), name="tests.elsewhere", is_remote=True)
        with at_work(worker_module.INTERVAL):
            assert until(PeriodicJob.objects.exclude(finished_at=None).exists)
            before = changes()
            assert not until(lambda: changes() != before, 1.5)

            with transaction.atomic():
                emit(LampLit(lamp_id=1))
            assert delivered.wait(1)


def changes() -> object:
    """A value that changes with every write to the tables of messages and jobs."""
    return [
        list(PeriodicJob.objects.order_by("pk").values_list("name", "claims", "due_at")),
        list(OutboxMessage.objects.order_by("pk").values_list("pk", "attempts", "available_at")),
    ]


def test_the_loop_delivers_what_comes_and_ends_cleanly_on_a_signal(waiting, start):
    # There is no subscriber in that process, so the message fails, which is enough to see that the loop works.
    OutboxMessage.objects.exclude(pk=OutboxMessage.objects.earliest("available_at").pk).delete()
    process = start("manage.py", "run_outbox", "--loop", "--interval", "0.1")
    assert until(lambda: OutboxMessage.objects.get().attempts == 1)

    process.send_signal(signal.SIGTERM)
    _out, err = process.communicate(timeout=20)

    assert process.returncode == 0
    assert b"Traceback" not in err
