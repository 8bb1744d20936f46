from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from portal.core import jobs
from portal.core.models import PeriodicJob

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.jobs")]

HOUR = timedelta(hours=1)


@pytest.fixture
def runs(monkeypatch) -> list[str]:
    """The list of jobs that ran; the portal's own jobs are removed during the test."""
    monkeypatch.setattr(jobs, "_jobs", {})
    monkeypatch.setattr(jobs, "_idle_since", {})
    return []


def make_due(name: str = "tests.note") -> None:
    PeriodicJob.objects.filter(name=name).update(due_at=timezone.now())


def test_a_new_job_runs_at_once_and_again_after_its_interval(runs):
    jobs.every(HOUR, name="tests.note", run=lambda: runs.append("ran"))

    assert [jobs.run_due(), jobs.run_due()] == [1, 0]
    row = PeriodicJob.objects.get()
    assert timedelta(minutes=59) < row.due_at - timezone.now() < HOUR
    assert row.finished_at is not None
    make_due()
    assert [jobs.run_due(), len(runs)] == [1, 2]


def test_a_job_due_in_a_year_was_stored_by_a_wrong_clock_and_runs_now(runs):
    jobs.every(HOUR, name="tests.note", run=lambda: runs.append("ran"))
    jobs.run_due()
    PeriodicJob.objects.update(due_at=timezone.now() + timedelta(days=365))

    assert [jobs.run_due(), jobs.run_due()] == [1, 0]


def test_nothing_due_costs_one_query(runs, django_assert_num_queries):
    jobs.every(HOUR, name="tests.note", run=lambda: runs.append("ran"))
    jobs.run_due()

    with django_assert_num_queries(1):
        jobs.run_due()


def test_a_failing_job_stops_no_other_and_is_tried_again_soon(runs, caplog):
    def fail():
        raise ValueError("somebody@example.com")

    jobs.every(HOUR, name="tests.a", run=fail)
    jobs.every(HOUR, name="tests.b", run=lambda: runs.append("ran"))

    with caplog.at_level(logging.ERROR):
        assert jobs.run_due() == 1

    row = PeriodicJob.objects.get(name="tests.a")
    assert runs == ["ran"]
    assert row.due_at - timezone.now() < timedelta(minutes=6)
    assert "ValueError" in row.last_error
    assert "somebody@" not in row.last_error + caplog.text


def test_the_job_of_a_worker_that_died_is_done_by_the_next_one(runs):
    jobs.every(HOUR, name="tests.note", run=lambda: runs.append("ran"))
    PeriodicJob.objects.create(name="tests.note")
    assert jobs._claim("tests.note") == 1  # then the worker dies

    assert jobs.run_due() == 0
    make_due()  # the lease has expired

    assert jobs.run_due() == 1
    assert PeriodicJob.objects.get().claims == 2


def test_a_worker_that_was_too_slow_leaves_the_book_to_the_next_one(runs):
    def slow():
        make_due()
        assert jobs._claim("tests.note") == 2  # another worker, after the lease expired

    jobs.every(HOUR, name="tests.note", run=slow)

    jobs.run_due()

    assert PeriodicJob.objects.get().finished_at is None


def test_jobs_run_with_the_outbox(runs):
    jobs.every(HOUR, name="tests.note", run=lambda: runs.append("ran"))

    call_command("run_outbox")
    call_command("run_outbox")

    assert runs == ["ran"]


def test_a_job_with_nothing_to_do_writes_nothing_and_is_asked_once_per_interval(runs, django_assert_num_queries):
    asked = []
    jobs.every(HOUR, name="tests.note", run=lambda: runs.append("ran"), is_needed=asked.append)

    for _ in range(3):
        with django_assert_num_queries(1):
            assert jobs.run_due() == 0

    assert (runs, asked) == ([], [None])
    assert not PeriodicJob.objects.exists()


def test_a_job_runs_when_it_says_that_it_is_needed_and_hears_when_it_last_ended(runs, monkeypatch):
    answers = []
    jobs.every(
        HOUR, name="tests.note", run=lambda: runs.append("ran"), is_needed=lambda end: answers.append(end) or True
    )
    jobs.run_due()
    make_due()
    jobs.run_due()

    assert runs == ["ran", "ran"]
    assert answers[0] is None
    assert answers[1] < PeriodicJob.objects.get().finished_at


def test_a_job_that_cannot_be_asked_stops_no_other(runs, caplog):
    def fail(_last_end):
        raise ValueError("somebody@example.com")

    jobs.every(HOUR, name="tests.a", run=lambda: runs.append("never"), is_needed=fail)
    jobs.every(HOUR, name="tests.b", run=lambda: runs.append("ran"))

    assert jobs.run_due() == 1
    assert runs == ["ran"]
    assert "somebody@" not in caplog.text
    assert "tests.a could not be asked" in caplog.text


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_run_a_job_once(runs):
    jobs.every(HOUR, name="tests.note", run=lambda: runs.append("ran"))
    barrier = threading.Barrier(4)

    def work():
        barrier.wait(timeout=10)
        jobs.run_due()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert runs == ["ran"]
