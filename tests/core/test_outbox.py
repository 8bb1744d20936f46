from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import pytest
from django.core.management import CommandError, call_command
from django.core.signals import request_finished, request_started
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from portal.core import jobs, outbox
from portal.core.audience import AudienceInUse
from portal.core.events import DomainEvent, emit, subscribe, subscribed
from portal.core.models import OutboxMessage, PeriodicJob

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.models", "portal.core.outbox")]


@dataclass(frozen=True, kw_only=True)
class LampLit(DomainEvent):
    name: ClassVar[str] = "tests.lamp_lit"
    lamp_id: int
    secret: str = ""


class Recorder:
    """A handler that records its events, and fails as long as it is told to."""

    def __init__(self) -> None:
        self.events: list[LampLit] = []
        self.failures = 0

    def __call__(self, event: LampLit) -> None:
        if self.failures:
            self.failures -= 1
            raise ValueError(f"no power: {event.secret}")
        self.events.append(event)


@pytest.fixture
def handler():
    recorder = Recorder()
    with subscribed(LampLit, recorder, name="tests.recorder"):
        yield recorder


@pytest.fixture
def lit(handler) -> OutboxMessage:
    """A queued message for the handler."""
    with transaction.atomic():
        emit(LampLit(lamp_id=1, secret="چراغ"))
    return OutboxMessage.objects.get()


@pytest.fixture
def written():
    """The SQL statements that are executed."""
    statements: list[str] = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def make_due() -> None:
    OutboxMessage.objects.update(available_at=timezone.now())


@transaction.atomic
def light_and_fail(lamp_id: int) -> None:
    emit(LampLit(lamp_id=lamp_id))
    raise ZeroDivisionError


def test_an_event_is_delivered_after_the_commit(handler, after_commit):
    with after_commit(), transaction.atomic():
        emit(LampLit(lamp_id=7))
        assert handler.events == []

    assert handler.events == [LampLit(lamp_id=7)]
    assert OutboxMessage.objects.get().delivered_at is not None


def test_every_subscriber_has_a_message_of_its_own(handler, after_commit):
    other = Recorder()
    other.failures = 1
    with subscribed(LampLit, other, name="tests.other"), after_commit():
        emit(LampLit(lamp_id=7))

    assert len(handler.events) == 1
    assert OutboxMessage.objects.get(handler="tests.recorder").delivered_at is not None
    assert OutboxMessage.objects.get(handler="tests.other").delivered_at is None


def test_an_event_nobody_listens_to_leaves_nothing_behind(after_commit):
    with after_commit():
        emit(LampLit(lamp_id=7))

    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_delivered_when_the_transaction_rolls_back(handler):
    with pytest.raises(ZeroDivisionError):
        light_and_fail(7)

    assert handler.events == []
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_delivered_of_a_part_that_is_rolled_back(handler):
    with transaction.atomic():
        emit(LampLit(lamp_id=1))
        with pytest.raises(ZeroDivisionError):
            light_and_fail(2)

    assert [event.lamp_id for event in handler.events] == [1]


@pytest.mark.django_db(transaction=True)
def test_a_failing_handler_does_not_reach_the_caller_and_is_tried_again(handler):
    handler.failures = 1

    with transaction.atomic():
        emit(LampLit(lamp_id=7))

    assert handler.events == []
    assert outbox.drain() == outbox.DrainResult(0, 0)  # not before its pause has passed
    make_due()
    assert outbox.drain() == outbox.DrainResult(1, 0)
    assert handler.events == [LampLit(lamp_id=7)]


@pytest.mark.django_db(transaction=True)
def test_what_a_failing_handler_wrote_is_undone():
    def writes_and_fails(event: LampLit) -> None:
        AudienceInUse.objects.create(expression="half-done")
        raise ValueError

    with subscribed(LampLit, writes_and_fails), transaction.atomic():
        emit(LampLit(lamp_id=7))

    assert not AudienceInUse.objects.filter(expression="half-done").exists()
    assert OutboxMessage.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_handler_that_breaks_the_database_transaction_is_tried_again():
    def breaks(event: LampLit) -> None:
        OutboxMessage.objects.create(pk=OutboxMessage.objects.get().pk)

    with subscribed(LampLit, breaks), transaction.atomic():
        emit(LampLit(lamp_id=7))

    assert "IntegrityError" in OutboxMessage.objects.get().last_error


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_after_the_commit_does_not_reach_the_caller(handler, monkeypatch, caplog):
    def fail(pk: int) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(outbox, "_claim", fail)

    with transaction.atomic():
        emit(LampLit(lamp_id=7))

    assert handler.events == []
    assert OutboxMessage.objects.due().count() == 1
    assert "DatabaseError" in caplog.text


def test_pauses_double_from_ten_seconds_to_an_hour():
    pauses = [outbox.pause_after(attempts).total_seconds() for attempts in range(1, 13)]

    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]


def test_a_failed_attempt_sets_the_pause_and_says_what_happened_without_the_payload(lit, handler, caplog):
    handler.failures = 1
    before = timezone.now()

    with caplog.at_level(logging.WARNING):
        assert outbox.drain() == outbox.DrainResult(0, 1)

    lit.refresh_from_db()
    assert timedelta(seconds=9) < lit.available_at - before < timedelta(seconds=15)
    assert "ValueError" in lit.last_error
    assert "__call__" in lit.last_error
    assert "tests.recorder" in caplog.text
    assert "چراغ" not in caplog.text + lit.last_error


def test_after_twelve_attempts_a_message_is_given_up_and_kept(lit, handler, caplog):
    handler.failures = 99
    for _ in range(12):
        make_due()
        outbox.drain()

    make_due()
    assert outbox.drain() == outbox.DrainResult(0, 0)
    lit.refresh_from_db()
    assert lit.attempts == 12
    assert lit.failed_at is not None
    assert "given up" in caplog.text


def test_a_message_that_kills_every_process_is_given_up_too(lit, handler):
    OutboxMessage.objects.update(attempts=12)

    assert outbox.drain() == outbox.DrainResult(0, 1)

    lit.refresh_from_db()
    assert lit.failed_at is not None
    assert handler.events == []


def test_a_given_up_message_can_be_put_on_its_way_again(lit, handler):
    OutboxMessage.objects.update(
        attempts=12, failed_at=timezone.now(), available_at=timezone.now() + timedelta(hours=1)
    )

    assert outbox.retry_failed() == 1

    assert outbox.drain() == outbox.DrainResult(1, 0)


def test_a_message_for_a_handler_this_release_does_not_know_waits(lit):
    OutboxMessage.objects.update(handler="next.release.handler")

    assert outbox.drain() == outbox.DrainResult(0, 1)

    lit.refresh_from_db()
    assert lit.failed_at is None
    assert "UnknownHandler" in lit.last_error


def test_a_claimed_message_belongs_to_its_claimer_until_the_lease_ends(lit, handler):
    assert outbox._claim(lit.pk) is not None

    assert outbox._claim(lit.pk) is None
    assert outbox.drain() == outbox.DrainResult(0, 0)

    OutboxMessage.objects.update(available_at=timezone.now())
    assert outbox.drain() == outbox.DrainResult(1, 0)


def test_a_message_available_in_a_year_was_stored_by_a_wrong_clock_and_is_delivered(lit, handler):
    OutboxMessage.objects.update(available_at=timezone.now() + timedelta(days=365))

    outbox.drain()

    assert not OutboxMessage.objects.pending().exists()


def test_a_delivered_message_is_not_delivered_again(lit, handler):
    outbox.drain()
    make_due()

    assert outbox._attempt(lit.pk) is outbox._Outcome.NOT_OURS
    assert len(handler.events) == 1


def test_who_lost_the_lease_while_working_undoes_the_work(lit, handler):
    def takes_too_long(event: LampLit) -> None:
        AudienceInUse.objects.create(expression="too-late")
        OutboxMessage.objects.update(attempts=2)  # another worker claimed it meanwhile

    with outbox.temporary_subscriptions():
        outbox._subscriptions.clear()
        subscribe(LampLit, takes_too_long, name="tests.recorder")
        assert outbox._attempt(lit.pk) is outbox._Outcome.NOT_OURS

    assert not AudienceInUse.objects.filter(expression="too-late").exists()
    lit.refresh_from_db()
    assert lit.delivered_at is None


@pytest.mark.django_db(transaction=True)
def test_events_of_handlers_are_delivered_in_their_turn():
    seen: list[int] = []

    def chain(event: LampLit) -> None:
        seen.append(event.lamp_id)
        if event.lamp_id < 5:
            emit(LampLit(lamp_id=event.lamp_id + 1))

    with subscribed(LampLit, chain), transaction.atomic():
        emit(LampLit(lamp_id=1))

    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_events_that_cause_each_other_without_end_stop_and_wait_for_the_runner():
    seen: list[int] = []

    def endless(event: LampLit) -> None:
        seen.append(event.lamp_id)
        emit(LampLit(lamp_id=event.lamp_id + 1))

    with subscribed(LampLit, endless), transaction.atomic():
        emit(LampLit(lamp_id=1))

    assert len(seen) == outbox.INLINE_MESSAGES
    assert OutboxMessage.objects.due().count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_does_not_wait_for_many_slow_handlers(monkeypatch):
    seen: list[int] = []

    def slow(event: LampLit) -> None:
        seen.append(event.lamp_id)
        clock[0] += 0.4

    clock = [0.0]
    monkeypatch.setattr(outbox.time, "monotonic", lambda: clock[0])
    with subscribed(LampLit, slow):
        request_started.send(sender=None)
        for lamp_id in range(5):
            with transaction.atomic():
                emit(LampLit(lamp_id=lamp_id))
        assert seen == [0, 1, 2]  # the third began within the time limit of one second
        assert OutboxMessage.objects.due().count() == 2

        request_finished.send(sender=None)
        outbox.drain()
    assert seen == [0, 1, 2, 3, 4]


def test_a_pass_can_be_limited_and_stopped(handler):
    with transaction.atomic():
        for lamp_id in range(5):
            emit(LampLit(lamp_id=lamp_id))

    assert outbox.drain(limit=2) == outbox.DrainResult(2, 0)
    assert outbox.drain(should_stop=lambda: len(handler.events) >= 3) == outbox.DrainResult(1, 0)
    assert [event.lamp_id for event in handler.events] == [0, 1, 2]


@pytest.mark.parametrize("message_count", [1, 3])
def test_emitting_costs_one_query_whatever_the_number_of_subscribers(django_assert_num_queries, message_count):
    with outbox.temporary_subscriptions():
        for number in range(message_count):
            subscribe(LampLit, Recorder(), name=f"tests.recorder_{number}")

        with django_assert_num_queries(1):
            emit(LampLit(lamp_id=1))

    assert OutboxMessage.objects.count() == message_count


def test_old_delivered_messages_are_purged_and_given_up_ones_kept(handler):
    old = timezone.now() - timedelta(days=31)
    for fields in ({"delivered_at": old}, {"delivered_at": timezone.now()}, {"failed_at": old}, {}):
        OutboxMessage.objects.create(event="e", handler="h", payload={}, available_at=old, **fields)

    call_command("run_outbox", purge_days=30)

    assert OutboxMessage.objects.filter(delivered_at__lt=old + timedelta(days=1)).count() == 0
    assert OutboxMessage.objects.count() == 3


def test_a_purge_of_many_messages_deletes_them_some_at_a_time(monkeypatch, written):
    old = timezone.now() - timedelta(days=31)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(event="e", handler="h", payload={}, delivered_at=old) for _ in range(5)
    )
    monkeypatch.setattr(outbox, "_PURGE_BATCH", 2)

    assert outbox.purge(older_than=timedelta(days=30)) == 5

    assert len([sql for sql in written if sql.startswith("DELETE")]) == 3


def test_the_worker_deletes_old_messages_by_itself_and_writes_nothing_when_there_are_none(settings, written):
    old = timezone.now() - timedelta(days=8)
    kept = OutboxMessage.objects.create(event="e", handler="h", payload={}, delivered_at=timezone.now())
    OutboxMessage.objects.create(event="e", handler="h", payload={}, delivered_at=old)
    assert settings.OUTBOX_KEEP_DAYS == 7

    jobs.run_due()
    assert OutboxMessage.objects.get() == kept
    assert any("DELETE" in sql for sql in written)

    jobs._idle_since.clear()
    PeriodicJob.objects.update(due_at=timezone.now())
    written.clear()
    jobs.run_due()
    outbox.drain()
    assert [sql for sql in written if not sql.startswith("SELECT")] == []


def test_the_command_does_one_pass_and_tells(lit, handler, capsys):
    call_command("run_outbox")

    assert capsys.readouterr().out == "1 delivered, 0 to be tried again or given up.\n"
    assert len(handler.events) == 1


def test_the_command_can_retry_what_was_given_up(lit, handler, capsys):
    OutboxMessage.objects.update(attempts=12, failed_at=timezone.now())

    call_command("run_outbox", retry_failed=True)

    assert "1 failed messages are due again." in capsys.readouterr().out
    assert len(handler.events) == 1


@pytest.mark.parametrize("arguments", [["--interval", "0"], ["--purge-days", "-1"], ["--interval", "soon"]])
def test_the_command_refuses_senseless_numbers(arguments):
    with pytest.raises(CommandError):
        call_command("run_outbox", *arguments)


# Waiting for an unavailable server ------------------------------------------------------------------------------------


class Waiting(Recorder):
    """A handler whose server is unavailable as long as it is told so."""

    is_away = True

    def __call__(self, event: LampLit) -> None:
        if self.is_away:
            raise outbox.NotNowError
        super().__call__(event)


@pytest.fixture
def waiting():
    with subscribed(LampLit, handler := Waiting(), name="tests.waiting"), transaction.atomic():
        emit(LampLit(lamp_id=1))
        yield handler


def test_a_message_that_cannot_be_delivered_yet_waits_without_a_word(waiting, caplog):
    for _ in range(outbox.MAX_ATTEMPTS + 2):
        make_due()
        outbox.drain()

    message = OutboxMessage.objects.get()
    assert (message.attempts, message.failed_at, message.delivered_at) == (0, None, None)
    assert message.available_at > timezone.now()
    assert caplog.records == []


def test_what_waits_is_delivered_at_once_when_its_server_is_back(waiting):
    outbox.drain()
    waiting.is_away = False
    assert outbox.drain().delivered == 0

    outbox.hurry(["tests.waiting"])

    assert outbox.drain(handlers=["tests.other"]).delivered == 0
    assert outbox.drain(handlers=["tests.waiting"]).delivered == 1
    assert [event.lamp_id for event in waiting.events] == [1]


def test_what_was_given_up_gets_another_chance_and_what_is_delivered_stays_so(lit, handler):
    outbox.drain()
    assert len(handler.events) == 1
    OutboxMessage.objects.create(
        event=LampLit.name, handler="tests.recorder", payload={"lamp_id": 2}, failed_at=timezone.now(), last_error="?"
    )

    assert outbox.hurry(["tests.recorder"]) == 1

    outbox.drain()
    assert [event.lamp_id for event in handler.events] == [1, 2]


def test_who_does_not_want_an_event_is_not_sent_it_but_gets_what_waited():
    recorder = Recorder()
    wanted = True
    with outbox.temporary_subscriptions():
        subscribe(LampLit, recorder, name="tests.recorder", when=lambda: wanted)
        with transaction.atomic():
            emit(LampLit(lamp_id=1))
        wanted = False
        with transaction.atomic():
            emit(LampLit(lamp_id=2))

        outbox.drain()

    assert [event.lamp_id for event in recorder.events] == [1]


# Other servers ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_while_another_server_is_worked_with_no_transaction_is_open():
    were_open = []

    def note(event: LampLit) -> None:
        were_open.append(connection.in_atomic_block)

    with outbox.temporary_subscriptions():
        subscribe(LampLit, note, name="tests.here")
        subscribe(LampLit, note, name="tests.elsewhere", is_remote=True)
        with transaction.atomic():
            emit(LampLit(lamp_id=1))
        outbox.drain()

    assert were_open == [True, False]
    assert OutboxMessage.objects.exclude(delivered_at=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_left_to_the_worker_is_done_by_it_in_a_transaction():
    were_open = []
    with outbox.temporary_subscriptions():
        subscribe(
            LampLit, lambda event: were_open.append(connection.in_atomic_block), name="tests.much", is_for_worker=True
        )
        with transaction.atomic():
            emit(LampLit(lamp_id=1))
        assert (were_open, OutboxMessage.objects.get().attempts) == ([], 0)

        outbox.drain(but_not=outbox.remote_handlers())

    assert were_open == [True]


@pytest.mark.django_db(transaction=True)
def test_whoever_writes_a_message_never_calls_a_remote_handler_the_worker_does():
    handler = Recorder()
    with outbox.temporary_subscriptions():
        subscribe(LampLit, handler, name="tests.elsewhere", is_remote=True)
        with transaction.atomic():
            emit(LampLit(lamp_id=1))
        assert (handler.events, OutboxMessage.objects.get().attempts) == ([], 0)
        assert outbox.due_handlers() == outbox.remote_handlers() & {"tests.elsewhere"} == {"tests.elsewhere"}

        outbox.drain(but_not=["tests.elsewhere"])
        assert handler.events == []
        outbox.drain(handlers=["tests.elsewhere"])

    assert [event.lamp_id for event in handler.events] == [1]


@pytest.mark.django_db(transaction=True)
def test_a_remote_handler_that_fails_is_tried_again():
    class FailsOnce(Recorder):
        def __call__(self, event: LampLit) -> None:
            super().__call__(event)
            if len(self.events) == 1:
                raise ConnectionError

    handler = FailsOnce()
    with outbox.temporary_subscriptions():
        subscribe(LampLit, handler, name="tests.elsewhere", is_remote=True)
        with transaction.atomic():
            emit(LampLit(lamp_id=1))
        outbox.drain()
        assert OutboxMessage.objects.get().attempts == 1
        make_due()
        outbox.drain()

    assert len(handler.events) == 2
    assert OutboxMessage.objects.get().delivered_at is not None


# Merging repeated events ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class LampMoved(DomainEvent):
    name: ClassVar[str] = "tests.lamp_moved"
    merges: ClassVar[bool] = True
    lamp_id: int
    places: list[int] = field(default_factory=list)


@pytest.fixture
def mover():
    """A handler that only the worker calls."""
    with outbox.temporary_subscriptions():
        subscribe(LampMoved, recorder := Recorder(), name="tests.mover", is_remote=True)
        yield recorder


def move(lamp_id: int, *places: int) -> None:
    with transaction.atomic():
        emit(LampMoved(lamp_id=lamp_id, places=list(places)))


def test_an_event_that_repeats_one_that_waits_is_not_written(mover):
    for _ in range(20):
        move(1, 2, 3)
    move(1, 3, 2)
    move(2, 2, 3)

    outbox.drain()

    assert mover.events == [LampMoved(lamp_id=1, places=[2, 3]), LampMoved(lamp_id=1, places=[3, 2]), LampMoved(lamp_id=2, places=[2, 3])]  # fmt: skip
    assert OutboxMessage.objects.count() == 3


def test_events_that_do_not_merge_are_all_written(handler):
    for _ in range(2):
        with transaction.atomic():
            emit(LampLit(lamp_id=1))

    assert OutboxMessage.objects.count() == 2


def test_an_event_that_repeats_a_delivered_or_given_up_one_is_written(mover):
    move(1)
    outbox.drain()
    move(1)
    OutboxMessage.objects.pending().update(failed_at=timezone.now())
    move(1)

    outbox.drain()

    assert len(mover.events) == 2
    assert OutboxMessage.objects.count() == 3


def test_an_event_that_repeats_one_whose_handler_runs_is_written_and_delivered_afterwards():
    """The handler may have read the data before the change that the second event announces."""
    seen = []

    def note(event: LampMoved) -> None:
        seen.append(event.lamp_id)
        if len(seen) == 1:
            move(1)
            move(1)

    with outbox.temporary_subscriptions():
        subscribe(LampMoved, note, name="tests.mover", is_remote=True)
        move(1)
        outbox.drain()

    assert seen == [1, 1]


def test_an_event_that_repeats_one_that_failed_is_tried_at_once(mover):
    mover.failures = 1
    move(1)
    outbox.drain()
    move(1)

    assert outbox.drain() == outbox.DrainResult(1, 0)


def test_one_that_was_put_off_takes_repetitions_in():
    server = Waiting()
    with outbox.temporary_subscriptions():
        subscribe(LampMoved, server, name="tests.mover", is_remote=True)
        for _ in range(3):
            move(1)
            outbox.drain()
        server.is_away = False
        outbox.hurry(["tests.mover"])
        outbox.drain()

    assert len(server.events) == 1
    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_waits_here_is_delivered_with_the_event_that_repeats_it():
    recorder = Recorder()
    with outbox.temporary_subscriptions():
        subscribe(LampMoved, recorder, name="tests.mover")
        OutboxMessage.objects.create(
            event=LampMoved.name,
            handler="tests.mover",
            payload=LampMoved(lamp_id=1).to_payload(),
            merge_key=outbox._merge_key(LampMoved.name, LampMoved(lamp_id=1).to_payload()),
        )
        move(1)

    assert len(recorder.events) == 1
    assert OutboxMessage.objects.get().delivered_at is not None


def test_a_pause_a_handler_asks_for_is_kept():
    def later(event: LampLit) -> None:
        raise outbox.NotNowError(timedelta(seconds=5))

    with subscribed(LampLit, later, name="tests.later"), transaction.atomic():
        emit(LampLit(lamp_id=1))
        outbox.drain()

    assert timedelta(seconds=3) < OutboxMessage.objects.get().available_at - timezone.now() <= timedelta(seconds=5)
