"""Records are queued in memory and stored by a thread; requests never wait for that."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from portal.insight import recorder as recorder_module
from portal.insight.recorder import BATCH, Recorder
from tests.insight.rows import store, stored

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.insight.recorder")]
WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def recorder():
    made = Recorder()
    yield made
    made.end(30)


@pytest.fixture
def rows(recorder):
    return recorder.kind("rows", store=store)


def wait_until(is_so, seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        threading.Event().wait(0.02)
    return is_so()


# The queue ----------------------------------------------------------------------------------------------------------


def test_recording_asks_nothing_of_the_database(rows, django_assert_num_queries):
    with django_assert_num_queries(0):
        rows.record("a")

    assert (len(rows), stored()) == (1, [])


def test_records_are_stored_in_order(recorder, rows):
    names = [f"{number}" for number in range(3 * BATCH + 1)]
    for name in names:
        rows.record(name)

    recorder.flush()

    assert (len(recorder), stored()) == (0, names)


def test_without_its_thread_nothing_is_stored_by_itself(recorder, rows):
    before = set(threading.enumerate())  # a test before this one may have left a thread that is ending
    for number in range(2 * BATCH):
        rows.record(f"{number}")

    recorder.finish()

    assert set(threading.enumerate()) <= before
    assert len(recorder) == 2 * BATCH


def test_a_batch_is_one_call(recorder):
    sizes = []
    kind = recorder.kind("counted", store=lambda batch: sizes.append(len(batch)))
    for number in range(BATCH + 7):
        kind.record(number)

    recorder.flush()

    assert sizes == [BATCH, 7]


def test_a_full_queue_drops_counts_and_says_so(recorder, caplog):
    small = recorder.kind("small", store=store, max_waiting=3)
    for number in range(5):
        small.record(f"{number}")

    assert (len(small), small.dropped, small.state) == (3, 2, "dropping")
    with caplog.at_level(logging.WARNING):
        recorder.flush()
    assert stored() == ["0", "1", "2"]
    assert "2 rows were dropped" in caplog.text
    assert small.dropped == 0


def test_kinds_take_turns_and_fill_queues_of_their_own(recorder):
    calls = []
    busy = recorder.kind("busy", store=lambda batch: calls.append("busy"), max_waiting=3 * BATCH)
    quiet = recorder.kind("quiet", store=lambda batch: calls.append("quiet"))
    for number in range(5 * BATCH):
        busy.record(number)
    quiet.record(1)

    recorder.flush()

    assert calls == ["busy", "quiet", "busy", "busy"]
    assert (busy.dropped, quiet.dropped) == (0, 0)  # reset after reporting, once records were stored again


# Errors -------------------------------------------------------------------------------------------------------------


class Away:
    """A database that is unavailable until told otherwise."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error

    def __call__(self, names) -> None:
        if self.error is not None:
            raise self.error
        store(names)


def test_while_the_database_is_away_records_wait_however_long_it_takes(recorder, caplog):
    away = Away(OperationalError("server closed the connection: 09121234567"))
    kind = recorder.kind("rows", store=away)
    kind.record("a")
    kind.record("b")

    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            recorder.flush()
    assert (len(kind), stored()) == (2, [])
    assert caplog.text.count("cannot be stored now") == 1
    assert "0912" not in caplog.text

    away.error = None
    with caplog.at_level(logging.WARNING):
        recorder.flush()
    assert stored() == ["a", "b"]
    assert "is stored again" in caplog.text


def test_a_record_that_is_refused_takes_no_other_with_it(recorder, rows, caplog):
    for name in ("a", "09121234567", "09121234567", "b"):  # the duplicate is refused
        rows.record(name)

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            recorder.flush()

    assert stored() == ["a", "09121234567", "b"]
    assert (len(rows), rows.state) == (0, "dropping")
    assert "1 rows lost" in caplog.text
    assert "0912" not in caplog.text


def test_a_failure_that_passes_loses_nothing(recorder):
    away = Away(DatabaseError("?"))
    kind = recorder.kind("rows", store=away)
    kind.record("a")

    recorder.flush()
    recorder.flush()
    away.error = None
    recorder.flush()

    assert (stored(), kind.state) == (["a"], "ok")


def test_the_database_goes_away_while_a_refused_batch_is_taken_apart(recorder):
    calls = []

    def refuse_all_then_be_away(names):
        calls.append(list(names))
        if len(calls) == 5:
            raise OperationalError
        if len(names) > 1:
            raise DatabaseError
        store(names)

    kind = recorder.kind("rows", store=refuse_all_then_be_away)
    for name in "abc":
        kind.record(name)
    for _ in range(4):
        recorder.flush()

    assert calls[3:5] == [["a"], ["b"]]
    assert (stored(), len(kind)) == (["a"], 2)


def test_a_kind_that_fails_holds_up_no_other(recorder):
    broken = recorder.kind("broken", store=Away(RuntimeError("broken")))
    away = recorder.kind("away", store=Away(OperationalError("away")))
    rows = recorder.kind("rows", store=store)
    for kind in (broken, away, rows):
        kind.record("a")

    recorder.flush()

    assert stored() == ["a"]


def test_the_state_tells_of_records_that_wait_too_long(recorder, monkeypatch):
    kind = recorder.kind("rows", store=Away(OperationalError("away")))
    assert recorder.state == "ok"
    kind.record("a")
    recorder.flush()
    assert recorder.state == "ok"

    now = time.monotonic()
    monkeypatch.setattr(recorder_module.time, "monotonic", lambda: now + 61)
    assert recorder.state == "waiting"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_thread_that_is_told_to_end_stores_what_waits_and_the_next_record_starts_another(settings, recorder, rows):
    settings.ACTIVITY_THREAD = True
    rows.record("a")
    first = recorder._thread

    recorder.end(30)

    assert (first.is_alive(), recorder._thread, stored()) == (False, None, ["a"])

    rows.record("b")
    recorder.end(30)

    assert stored() == ["a", "b"]


# Threads ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def threaded(settings):
    settings.ACTIVITY_THREAD = True


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_the_thread_stores_what_many_threads_record(threaded, recorder, rows):
    def work(start):
        for number in range(50):
            rows.record(f"{start} {number}")

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wait_until(lambda: len(stored()) == 200)
    assert (len(recorder), rows.dropped, rows.state) == (0, 0, "ok")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_ten_thousand_records_at_once_each_is_stored_or_counted(threaded, recorder):
    dropped = []
    kind = recorder.kind("rows", store=store, max_waiting=2_000)
    lose = kind._lose
    kind._lose = lambda number: (dropped.append(number), lose(number))
    longest = []

    def work(start):
        slowest = 0.0
        for number in range(1_250):
            before = time.perf_counter()
            kind.record(f"{start} {number}")
            slowest = max(slowest, time.perf_counter() - before)
        longest.append(slowest)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wait_until(lambda: len(recorder) == 0)
    recorder.finish(30)
    assert sum(dropped) > 0  # the queue was full
    assert len(stored()) + sum(dropped) == 10_000
    assert max(longest) < 1.0  # requests wait for other threads, never for the database


@contextmanager
def a_locked_table():
    """Lock the table the writer needs, on another connection."""
    locking = connections.create_connection("default")
    try:
        if connection.vendor == "postgresql":
            locking.set_autocommit(False)
            locking.cursor().execute("LOCK TABLE core_periodicjob IN ACCESS EXCLUSIVE MODE")
        else:
            locking.cursor().execute("BEGIN IMMEDIATE")
        yield
        locking.connection.rollback()
    finally:
        locking.close()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_while_the_database_hangs_nobody_waits_and_afterwards_everything_is_stored(threaded, recorder, rows):
    with a_locked_table():
        for number in range(BATCH):
            rows.record(f"{number}")
        assert wait_until(lambda: len(rows) == 0)  # the thread has taken a batch, and is blocked
        before = time.monotonic()
        for number in range(BATCH, 1_000):
            rows.record(f"{number}")
        assert time.monotonic() - before < 1.0

        before = time.monotonic()
        recorder.finish(0.2)
        assert time.monotonic() - before < 1.0
        assert len(rows) == 950

    assert wait_until(lambda: len(stored()) == 1_000)
    assert rows.dropped == 0


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_the_thread_survives_whatever_happens_to_it(threaded, recorder, rows, monkeypatch):
    flush = recorder.flush
    happened = threading.Event()

    def fail_once():
        if not happened.is_set():
            happened.set()
            raise RuntimeError
        flush()

    monkeypatch.setattr(recorder, "flush", fail_once)
    rows.record("a")
    recorder.finish()

    assert happened.is_set()
    assert wait_until(lambda: stored() == ["a"])


def test_without_a_thread_to_be_had_pages_go_on(threaded, recorder, rows, monkeypatch, caplog):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        rows.record("a")
    assert "Activity is not stored" in caplog.text

    monkeypatch.setattr(recorder, "_start", lambda: None)
    rows.record("b")
    recorder.flush()
    assert stored() == ["a", "b"]


# Processes ----------------------------------------------------------------------------------------------------------


def run(way: str, **options) -> subprocess.CompletedProcess[str]:
    name = str(connection.settings_dict["NAME"])
    return subprocess.run(
        [sys.executable, str(WORKER), way, name], check=True, timeout=60, capture_output=True, text=True, **options
    )


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("way", "expected"),
    [("exit", ["parent"]), ("multiprocessing", ["child"]), ("fork", ["child", "parent"]), ("locks", ["child"])],
)
def test_a_process_that_ends_stores_what_waits(way, expected):
    done = run(way)

    assert sorted(stored()) == expected, done.stderr


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_process_ends_in_time_though_the_database_hangs():
    before = time.monotonic()

    run("hang")

    assert time.monotonic() - before < 30  # 3 s of waiting; the rest is start-up time


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_leaves_whole_batches_and_no_lock():
    command = [sys.executable, str(WORKER), "kill", str(connection.settings_dict["NAME"])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stored\n"
        process.kill()

    assert stored() == []
    with transaction.atomic():
        store(["next"])
    assert stored() == ["next"]
