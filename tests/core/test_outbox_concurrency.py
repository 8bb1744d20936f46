"""Real threads and real processes on the database at hand: run on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from portal.core import outbox
from portal.core.audience import AudienceInUse
from portal.core.events import emit
from portal.core.models import OutboxMessage
from tests.core.outbox_worker import LampLit, connect

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("portal.core.outbox"),
]

MESSAGES = 40


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "journal"


def lines(journal: Path) -> list[str]:
    return journal.read_text().split() if journal.exists() else []


@pytest.fixture
def waiting(journal):
    """Messages written by a process that ended before it could deliver them."""
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
    """Run `work(number)` in so many threads at once; the errors they ended with."""
    barrier = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001 - told to the test
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
    """Starts other processes of the portal on the same database, and sees that none outlives the test."""
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


def until(condition, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


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

    assert outbox.drain() == outbox.DrainResult(0, 0)  # the lease of the dead process holds
    message = OutboxMessage.objects.get()
    assert timedelta(0) < message.available_at - timezone.now() <= outbox.LEASE
    message.available_at -= outbox.LEASE  # a minute passes
    message.save()
    assert outbox.drain() == outbox.DrainResult(1, 0)
    assert lines(journal) == ["started", "0"]
    assert OutboxMessage.objects.get().attempts == 2


def test_the_loop_delivers_what_comes_and_ends_cleanly_on_a_signal(waiting, start):
    # Nobody subscribed in that process: it fails the message, which is enough to see it at work.
    OutboxMessage.objects.exclude(pk=OutboxMessage.objects.earliest("available_at").pk).delete()
    process = start("manage.py", "run_outbox", "--loop", "--interval", "0.1")
    assert until(lambda: OutboxMessage.objects.get().attempts == 1)

    process.send_signal(signal.SIGTERM)
    _out, err = process.communicate(timeout=20)

    assert process.returncode == 0
    assert b"Traceback" not in err
