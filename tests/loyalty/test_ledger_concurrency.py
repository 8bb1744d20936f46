"""The ledger with real threads and processes, and with processes that are killed."""

from __future__ import annotations

import datetime as dt
import signal
import threading

import pytest
from django.db import connection

from loyalty.exceptions import InsufficientPointsError, KeyReusedError, LedgerError
from loyalty.models import Account, Checkpoint, Journal
from loyalty.models.ledger import Kind
from loyalty.services import ledger
from tests.factories.loyalty import ProgrammeFactory, WalletFactory
from tests.loyalty.ledger_worker import DAY, awards, spend
from tests.processes import start_module

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("loyalty.services.ledger.posting", "loyalty.services.ledger.batches"),
]


def at_once(count, work):
    """Call `work(number)` in so many threads at the same time; return what each returned or raised."""
    barrier = threading.Barrier(count)
    results = [None] * count

    def run(number):
        try:
            barrier.wait(20)
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001 - returned to the test
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.fixture
def start():
    """Return a function that starts a process with the same database."""
    processes = []

    def run(*arguments):
        process = start_module("tests.loyalty.ledger_worker", *arguments)
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def wallet():
    """A wallet with 1,000 points in two lots."""
    wallet = WalletFactory()
    ledger.earn(wallet=wallet, amount=405, key="1", expires_on=DAY)
    ledger.earn(wallet=wallet, amount=595, key="2", expires_on=DAY + dt.timedelta(days=30))
    return wallet


def test_of_200_spends_at_once_exactly_as_many_succeed_as_there_are_points_for(wallet):
    def hold_ten(number):
        return spend(wallet, str(number), 10)

    results = at_once(20, hold_ten)

    assert sum(results) == 100
    last = Journal.objects.filter(wallet=wallet).order_by("number").last()
    assert (last.number, last.available, last.held) == (102, 0, 1000)
    assert list(ledger.check()) == []


@pytest.mark.sqlite  # it locks files between processes; on PostgreSQL threads have connections of their own
def test_processes_that_spend_at_once_do_not_spend_more_than_there_is(wallet, start):
    process = start("spend", wallet.pk, "there", 100)
    assert process.stdout.readline() == "ready\n"
    here = spend(wallet, "here", 100)

    out, err = process.communicate(timeout=60)

    assert err == ""
    assert here + int(out) == 100
    last = Journal.objects.filter(wallet=wallet).order_by("number").last()
    assert (last.available, last.held) == (0, 1000)
    assert list(ledger.check()) == []


def test_the_same_key_from_20_threads_makes_one_journal(wallet):
    results = at_once(20, lambda _number: ledger.earn(wallet=wallet, amount=7, key="same", expires_on=DAY))

    assert len({posted.journal_id for posted in results}) == 1
    assert sorted(posted.is_new for posted in results) == [False] * 19 + [True]
    assert {posted.balances.available for posted in results} == {1007}
    assert Journal.objects.filter(key="same").count() == 1


def test_the_same_key_for_different_wallets_belongs_to_one_of_them(wallet):
    wallets = [wallet, *WalletFactory.create_batch(7, programme=wallet.programme)]

    results = at_once(8, lambda number: ledger.earn(wallet=wallets[number], amount=7, key="same", expires_on=DAY))

    assert sorted(type(result).__name__ for result in results) == ["KeyReusedError"] * 7 + ["Posted"]
    assert Journal.objects.filter(key="same").count() == 1
    assert list(ledger.check()) == []


def test_a_budget_is_not_overdrawn_by_awards_to_many_wallets_at_once():
    programme = ProgrammeFactory()
    wallets = WalletFactory.create_batch(8, programme=programme)
    ledger.fund(programme=programme, budget="نوروز", amount=45, key="f", actor="staff")

    def award(number):
        return ledger.earn(wallet=wallets[number], amount=10, key=str(number), expires_on=DAY, budget="نوروز")

    results = at_once(8, award)

    assert sorted(type(result).__name__ for result in results) == ["InsufficientPointsError"] * 4 + ["Posted"] * 4
    budget = Account.objects.get(kind=Kind.BUDGET)
    assert (budget.credits, budget.debits) == (45, 40)


def test_no_more_is_refunded_or_taken_back_at_once_than_there_was(wallet):
    award = Journal.objects.get(key="1")
    ledger.hold(wallet=wallet, hold="h", amount=100, today=DAY)
    ledger.capture(wallet=wallet, hold="h")

    def correct(number):
        if number % 2:
            return ledger.refund(wallet=wallet, hold="h", refund=str(number), amount=30)
        return ledger.reverse(wallet=wallet, journal_id=award.pk, reversal=str(number), amount=110)

    results = at_once(10, correct)

    assert sum(isinstance(result, LedgerError) for result in results) == 4  # 3 refunds and 3 reversals succeed
    assert sorted(Journal.objects.exclude(reverses=None).values_list("code", "amount")) == [
        *[("refund", 30)] * 3, *[("reverse", 110)] * 3,
    ]  # fmt: skip
    assert list(ledger.check()) == []


def test_batches_and_single_awards_at_once_award_everything_once_in_any_order(wallet):
    WalletFactory.create_batch(9, programme=wallet.programme)
    due = awards(wallet, "award", 60)

    def award(number):
        if number == 0:
            return [ledger.earn(wallet=one.wallet, amount=1, key=one.key, expires_on=DAY) for one in due]
        order = due[:: 1 if number % 2 else -1]
        return list(ledger.earn_many(programme=wallet.programme, awards=order))

    results = at_once(5, award)

    assert sorted(posted.is_new for result in results for posted in result) == [False] * 240 + [True] * 60
    assert Journal.objects.filter(key__startswith="award:").count() == 60
    assert list(ledger.check()) == []


def test_batches_that_give_one_key_to_different_wallets_award_it_once(wallet):
    other = WalletFactory(programme=wallet.programme)

    def award(number):
        one = ledger.Award(wallet=(wallet, other)[number], amount=5, key="same", expires_on=DAY)
        more = ledger.Award(wallet=(wallet, other)[number], amount=1, key=f"own:{number}", expires_on=DAY)
        return list(ledger.earn_many(programme=wallet.programme, awards=[one, more]))

    results = at_once(2, award)

    assert sorted(isinstance(result[0], KeyReusedError) for result in results) == [False, True]
    assert [result[1].is_new for result in results] == [True, True]
    assert list(ledger.check()) == []


def test_what_expires_at_once_in_several_workers_expires_once(wallet):
    results = at_once(
        4, lambda _number: ledger.expire_due(programme=wallet.programme, today=DAY + dt.timedelta(days=1))
    )

    assert sorted(results) == [0, 0, 0, 1]
    assert Journal.objects.get(code="expire").amount == 405


def test_checkpoints_made_while_others_write_cover_everything(wallet):
    def work(number):
        if number == 0:
            return [ledger.make_checkpoint() for _ in range(5)]
        return [ledger.earn(wallet=wallet, amount=1, key=f"{number}:{one}", expires_on=DAY) for one in range(10)]

    results = at_once(4, work)
    ledger.make_checkpoint()

    assert not any(isinstance(result, Exception) for result in results)
    assert sum(Checkpoint.objects.values_list("journals", flat=True)) == Journal.objects.count() == 32
    assert list(ledger.check()) == []


def test_whoever_is_frozen_while_spending_stops_spending(wallet):
    frozen = threading.Event()

    def work(number):
        if number == 0:
            ledger.freeze(wallet=wallet, reason="x", actor="y")
            frozen.set()
            return Journal.objects.filter(code="hold").count()
        spent = 0
        for one in range(15):
            try:
                ledger.hold(wallet=wallet, hold=f"{number}:{one}", amount=1, today=DAY)
                spent += 1
            except InsufficientPointsError:
                raise
            except LedgerError:
                break
        return spent

    at_freeze, *spent = at_once(4, work)

    assert sum(spent) == at_freeze == Journal.objects.filter(code="hold").count()


def test_a_batch_that_is_killed_in_the_middle_has_lost_nothing_it_reported_and_can_be_repeated(wallet, start):
    WalletFactory.create_batch(6, programme=wallet.programme)
    process = start("award", wallet.pk, "award", 4000)
    assert process.stdout.readline() == "ready\n"
    reported = {process.stdout.readline().strip() for _ in range(70)}

    process.send_signal(signal.SIGKILL)

    reported |= set(process.stdout.read().split("\n")[:-1])
    assert process.wait(20) == -signal.SIGKILL
    stored = set(Journal.objects.filter(key__startswith="award:").values_list("key", flat=True))
    assert reported <= stored
    assert len(stored) < 4000  # it was killed in time
    assert len(stored) % 20 == 0  # portions are whole
    assert list(ledger.check()) == []

    due = awards(wallet, "award", len(stored) + 100)
    again = list(ledger.earn_many(programme=wallet.programme, awards=due))

    assert sum(posted.is_new for posted in again) == 100
    assert Journal.objects.filter(key__startswith="award:").count() == len(stored) + 100
    assert list(ledger.check()) == []
