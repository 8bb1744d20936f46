"""`manage.py ledger_check` finds whatever is wrong, and the hash chain shows what was changed."""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import threading
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from loyalty.models import Account, Checkpoint, Journal, Posting, Wallet
from loyalty.models.ledger import Kind
from loyalty.services import ledger
from loyalty.services.ledger import checking
from tests.factories.loyalty import ProgrammeFactory, WalletFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.ledger.checking", "loyalty.services.ledger.checkpoints"),
]

DAY = dt.date(2026, 12, 21)
TRIGGERS = importlib.import_module("loyalty.migrations.0002_ledger_triggers")


@pytest.fixture
def wallet():
    """A wallet with a journal of every kind, beside others."""
    programme = ProgrammeFactory()
    wallet, other = WalletFactory.create_batch(2, programme=programme)
    ledger.fund(programme=programme, budget="نوروز", amount=100, key="f", actor="staff")
    ledger.earn(wallet=wallet, amount=50, key="1", expires_on=DAY, budget="نوروز")
    award = ledger.earn(wallet=wallet, amount=20, key="2", expires_on=DAY, pending_until=DAY)
    ledger.activate(wallet=wallet, today=DAY)
    ledger.hold(wallet=wallet, hold="h", amount=60, today=DAY)
    ledger.capture(wallet=wallet, hold="h", amount=55)
    ledger.refund(wallet=wallet, hold="h", refund="r", amount=5)
    ledger.reverse(wallet=wallet, journal_id=award.journal_id, reversal="r")
    ledger.earn(wallet=wallet, amount=30, key="3", expires_on=DAY)
    ledger.earn(wallet=other, amount=7, key="4", expires_on=DAY)
    ledger.expire(wallet=other, today=DAY + dt.timedelta(days=1))
    return wallet


@contextmanager
def triggers_off():
    """Somebody with all rights on the database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET LOCAL session_replication_role = replica")
            yield cursor
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'loyalty_%'")
            triggers = cursor.fetchall()
            for name, _sql in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            yield cursor
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
            for _name, sql in triggers:
                cursor.execute(sql)


def problems(**options):
    return {(problem.what, problem.wallet_id) for problem in ledger.check(**options)}


def test_right_books_have_no_problems_whatever_the_portions(wallet, monkeypatch, capsys):
    assert problems() == set()
    monkeypatch.setattr(checking, "PORTION", 3)
    ledger.make_checkpoint()

    assert problems() == set()
    call_command("ledger_check")

    assert capsys.readouterr().out.startswith(
        f"The books are right: {Journal.objects.count()} journals. Checkpoint 1: "
    )


COUNTERS = "account whose counters are not its postings"
BALANCES = "journal whose postings do not lead from the balances before to those after"
LOTS = "wallet whose lots are not the balances of its last journal"
STRAY = "posting between accounts that are not of its journal"
ORPHAN = "posting without a journal, an account or an amount"
REVERSED = "journal of which more was reversed than it booked"
NEGATIVE = "account below zero"
CLEARING = "clearing account that is not cleared"


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE loyalty_account SET credits = credits + 1 WHERE kind = 10 AND wallet_id = {w}", {COUNTERS, LOTS}),
        ("UPDATE loyalty_account SET credits = 1 WHERE kind = 1", {COUNTERS}),
        ("UPDATE loyalty_account SET debits = 0, credits = 0 WHERE kind = 6", {COUNTERS}),
        ("UPDATE loyalty_posting SET amount = amount + 1 WHERE journal_id = {j}", {COUNTERS, BALANCES}),
        ("DELETE FROM loyalty_posting WHERE journal_id = {j}", {COUNTERS, BALANCES}),
        ("UPDATE loyalty_posting SET journal_id = 99999 WHERE journal_id = {j}", {ORPHAN, BALANCES}),
        ("UPDATE loyalty_journal SET available = available + 1 WHERE id = {j}", {BALANCES}),
        ("UPDATE loyalty_journal SET available = available + 1 WHERE id = {last}", {BALANCES, LOTS}),
        ("UPDATE loyalty_journal SET number = number + 10 WHERE id = {last}", {BALANCES}),
        ("UPDATE loyalty_journal SET legs = 9 WHERE id = {j}", {BALANCES}),
        ("UPDATE loyalty_journal SET amount = 51 WHERE code = 'reverse'", {REVERSED}),
        ("UPDATE loyalty_journal SET wallet_id = {other}, number = 77 WHERE id = {last}", {BALANCES, STRAY, LOTS}),
        ("UPDATE loyalty_account SET wallet_id = {other}, bucket = '2001-01-01' WHERE kind = 12", {STRAY}),
        ("UPDATE loyalty_account SET kind = 7, ref = 'x' WHERE kind = 2", {CLEARING}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_every_damage_is_found(wallet, damage, found):
    journal = Journal.objects.get(wallet=wallet, number=1)
    last = Journal.objects.filter(wallet=wallet).order_by("number").last()
    other = Wallet.objects.exclude(pk=wallet.pk).get()

    savepoint = transaction.savepoint()
    with triggers_off() as cursor:
        cursor.execute(damage.format(w=wallet.pk, j=journal.pk, last=last.pk, other=other.pk))
    reported = {what for what, _wallet in problems()}
    transaction.savepoint_rollback(savepoint)

    assert reported == found


@pytest.mark.sqlite  # PostgreSQL checks constraints even without triggers
def test_an_account_below_zero_is_found(wallet):
    with triggers_off() as cursor:
        cursor.execute(
            "UPDATE loyalty_account SET debits = credits + 1 WHERE kind = 10 AND wallet_id = %s", [wallet.pk]
        )

    assert (NEGATIVE, wallet.pk) in problems()


def test_a_missing_trigger_is_found(wallet):
    connection.check_constraints()  # PostgreSQL does not change a table with checks left to do
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TRIGGER loyalty_posting_delete" + (" ON loyalty_posting" if connection.vendor == "postgresql" else "")
        )

    assert problems() == {("trigger loyalty_posting_delete is missing or disabled", None)}


@pytest.mark.postgres
def test_a_disabled_trigger_is_found():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE loyalty_posting DISABLE TRIGGER loyalty_posting_inserted")

    assert problems() == {("trigger loyalty_posting_inserted is missing or disabled", None)}


def test_all_triggers_of_the_migration_are_expected():
    assert {"sqlite": set(TRIGGERS.SQLITE), "postgresql": set(TRIGGERS.POSTGRESQL)} == checking.TRIGGERS


def test_the_command_fails_lists_what_is_wrong_and_freezes_on_request(wallet, capsys):
    with triggers_off() as cursor:
        cursor.execute(
            "UPDATE loyalty_account SET credits = credits + 1 WHERE kind = 10 AND wallet_id = %s", [wallet.pk]
        )
    stored = list(Account.objects.values_list("credits", "debits"))

    with pytest.raises(CommandError, match=r"^2 problems, in 1 wallets\. Nothing was repaired\.$"):
        call_command("ledger_check")
    assert Wallet.objects.get(pk=wallet.pk).status == Wallet.Status.OPEN
    with pytest.raises(CommandError, match="which are frozen"):
        call_command("ledger_check", freeze=True)

    assert f"(wallet {wallet.pk})" in capsys.readouterr().err
    assert Wallet.objects.get(pk=wallet.pk).status == Wallet.Status.FROZEN
    assert list(Account.objects.values_list("credits", "debits")) == stored


def test_checking_costs_the_same_number_of_queries_for_more_journals(wallet):
    before = queries_of_a_check()

    for number in range(20):
        ledger.earn(wallet=wallet, amount=1, key=f"more:{number}")

    assert queries_of_a_check() == before


def queries_of_a_check():
    count = 0

    def counting(execute, *args):
        nonlocal count
        count += 1
        return execute(*args)

    with connection.execute_wrapper(counting):
        assert list(ledger.check()) == []
    return count


# The chain -----------------------------------------------------------------------------------------------------------


def test_checkpoints_cover_every_journal_once(wallet, monkeypatch, caplog):
    monkeypatch.setattr("loyalty.services.ledger.checkpoints.PORTION", 2)
    assert ledger.is_checkpoint_due()
    with caplog.at_level(logging.INFO, "loyalty"):
        first = ledger.make_checkpoint()
    assert ledger.make_checkpoint() is None
    assert not ledger.is_checkpoint_due()
    ledger.earn(wallet=wallet, amount=1, key="more")
    second = ledger.make_checkpoint()

    assert (first.number, second.number) == (1, 2)
    assert first.journals + second.journals == Journal.objects.count()
    assert first.postings + second.postings == Posting.objects.count()
    assert first.points + second.points == sum(Posting.objects.values_list("amount", flat=True))
    assert first.hash in caplog.text
    assert problems(head=first.hash) == problems(head=second.hash) == set()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE loyalty_journal SET reason = 'other' WHERE number = 1",
        "UPDATE loyalty_journal SET occurred_at = '2026-01-01' WHERE number = 1",
        "UPDATE loyalty_account SET bucket = '2099-01-01' WHERE id = (SELECT min(id) FROM loyalty_account WHERE kind = 10)",
        "UPDATE loyalty_checkpoint SET last_journal = last_journal - 1 WHERE number = 1",
        "UPDATE loyalty_checkpoint SET hash = 'f' WHERE number = 1",
        "DELETE FROM loyalty_checkpoint WHERE number = 1",
    ],
)
def test_what_was_covered_cannot_be_changed_unnoticed(wallet, change):
    ledger.make_checkpoint()
    ledger.earn(wallet=wallet, amount=1, key="more")
    ledger.make_checkpoint()

    with triggers_off() as cursor:
        cursor.execute(change)

    assert any("checkpoint" in what for what, _wallet in problems())


def test_a_chain_that_was_computed_anew_lacks_the_hash_that_was_written_down(wallet, capsys):
    call_command("ledger_checkpoint")
    number, written_down = capsys.readouterr().out.split()
    with triggers_off() as cursor:
        cursor.execute("UPDATE loyalty_journal SET reason = 'other' WHERE number = 1")
        cursor.execute("DELETE FROM loyalty_checkpoint")
    call_command("ledger_checkpoint")

    assert number == "1"
    assert problems() == set()
    assert problems(head=written_down) == {("the chain does not contain the hash that was written down", None)}


def test_a_checkpoint_of_nothing_is_none(capsys):
    call_command("ledger_checkpoint")

    assert capsys.readouterr().out == "Nothing was booked yet.\n"
    assert not Checkpoint.objects.exists()


def test_two_workers_make_one_checkpoint(wallet, monkeypatch):
    """The other one is faster while this one hashes."""
    hashing = ledger.checkpoints.cover

    def slow(*arguments):
        monkeypatch.setattr(ledger.checkpoints, "cover", hashing)
        assert ledger.make_checkpoint() is not None
        return hashing(*arguments)

    monkeypatch.setattr(ledger.checkpoints, "cover", slow)

    assert ledger.make_checkpoint() is None
    assert Checkpoint.objects.count() == 1


def test_kinds_of_accounts_never_change_their_numbers():
    """They are stored, and written in triggers."""
    assert {kind.name: kind.value for kind in Kind} == {
        "ISSUE": 1, "REDEEMED": 2, "EXPIRED": 3, "FORFEIT": 4, "ADJUST": 5, "BUDGET": 6, "CLEARING": 7,
        "AVAILABLE": 10, "PENDING": 11, "HELD": 12, "DEBT": 13,
    }  # fmt: skip


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_check_sees_one_state_and_lets_others_write(wallet, monkeypatch):
    written = []

    def write():
        try:
            written.append(ledger.earn(wallet=wallet, amount=1, key="meanwhile"))
        finally:
            connection.close()

    def missing_triggers(_names):
        Journal.objects.count()  # the state is that of the first query
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(20)
        written.append(Journal.objects.filter(key="meanwhile").exists())
        return []

    monkeypatch.setattr(checking, "missing_triggers", missing_triggers)

    assert list(ledger.check()) == []
    assert written[0].is_new
    assert written[1] is False
    assert Journal.objects.filter(key="meanwhile").exists()
