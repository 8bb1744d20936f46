"""What the database refuses, whoever writes: every statement here goes round the services."""
# ruff: noqa: S608 - names of tables and columns

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3

import pytest
from django.db import IntegrityError, connection, transaction

from loyalty.models import Account, Journal, Posting, Wallet
from loyalty.models.ledger import Kind
from loyalty.services import ledger
from tests.factories.loyalty import WalletFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.models.ledger")]

DAY = dt.date(2026, 12, 21)


@pytest.fixture
def wallet():
    wallet = WalletFactory()
    ledger.earn(wallet=wallet, amount=50, key="e", expires_on=DAY)
    ledger.hold(wallet=wallet, hold="h", amount=20, today=DAY)
    return wallet


def execute(sql, *parameters):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def everything():
    return [list(model.objects.order_by("pk").values_list()) for model in (Account, Journal, Posting, Wallet)]


@contextlib.contextmanager
def refused(name="."):
    """The block must fail and leave every row as it was."""
    before = everything()
    with pytest.raises(IntegrityError, match=name):
        yield
    assert everything() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE loyalty_journal SET amount = amount + 1",
        "UPDATE loyalty_journal SET key = 'free again'",
        "UPDATE loyalty_posting SET amount = amount",
        "UPDATE loyalty_account SET credits = credits + 1",
        "UPDATE loyalty_account SET debits = debits - 1",
        "UPDATE loyalty_account SET credits = 0, debits = 0",
        "UPDATE loyalty_account SET bucket = '2099-01-01'",
        "UPDATE loyalty_wallet SET member_key = '00000000000000000000000000000000'",
        "UPDATE loyalty_switchrecord SET reason = 'other'",
        "UPDATE loyalty_checkpoint SET hash = 'other'",
        "DELETE FROM loyalty_journal",
        "DELETE FROM loyalty_posting",
        "DELETE FROM loyalty_account",
        "DELETE FROM loyalty_wallet",
        "DELETE FROM loyalty_switchrecord",
        "DELETE FROM loyalty_checkpoint",
    ],
)
def test_rows_of_the_ledger_are_neither_changed_nor_deleted(wallet, statement):
    execute(
        "INSERT INTO loyalty_checkpoint (number, last_journal, journals, postings, points, hash, created_at)"
        " VALUES (1, 0, 0, 0, 0, '', '2026-01-01')"
    )
    ledger.freeze(wallet=wallet, reason="x", actor="y")

    with refused(statement.split()[1 if statement.startswith("UPDATE") else 2]):
        execute(statement)


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["journal", "posting", "account", "wallet"])
def test_tables_of_the_ledger_cannot_be_emptied(wallet, table):
    connection.check_constraints()  # a table with checks left to do is not emptied anyhow
    with refused("loyalty_[a-z]*_truncate"):
        execute(f"TRUNCATE loyalty_{table} CASCADE")


@pytest.mark.sqlite
@pytest.mark.parametrize("table", ["journal", "posting", "account", "wallet"])
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "UPDATE OR REPLACE"])
def test_replacing_a_row_is_refused_as_well(wallet, table, verb):
    """SQLite deletes the row in the way without calling triggers for deletions."""
    names = {
        field.column
        for field in {"journal": Journal, "posting": Posting, "account": Account, "wallet": Wallet}[table]._meta.fields
    }
    columns = ", ".join(sorted(names - {"id"}))

    if verb.startswith("UPDATE"):
        with refused(f"loyalty_{table}"):
            execute(f"{verb} loyalty_{table} SET id = id + 1")
        return
    with refused(f"loyalty_{table}"):
        execute(f"{verb} INTO loyalty_{table} (id, {columns}) SELECT id, {columns} FROM loyalty_{table} LIMIT 1")
    with refused(f"loyalty_{table}"):  # the row in the way is found by another unique column
        execute(f"{verb} INTO loyalty_{table} ({columns}) SELECT {columns} FROM loyalty_{table} LIMIT 1")


@pytest.mark.parametrize("model", [Journal, Posting, Account, Wallet])
def test_the_orm_does_not_change_them_either(wallet, model):
    row = model.objects.first()

    with pytest.raises(TypeError):
        row.delete()
    if model in {Journal, Posting}:
        with pytest.raises(TypeError, match="append-only"):
            row.save()
    with refused(), transaction.atomic():
        model.objects.all().delete()


def lot(wallet, kind=Kind.AVAILABLE, ref=""):
    return Account.objects.get_or_create(programme=wallet.programme, wallet=wallet, kind=kind, ref=ref, bucket=DAY)[0]


def account(wallet, kind):
    return Account.objects.get_or_create(programme=wallet.programme, wallet=None, kind=kind)[0]


def write(wallet, *legs, extra=(), **columns):
    """Insert a journal with these legs, as somebody would who knows the tables, and as of the balances 30, 0, 20, 0."""
    last = Journal.objects.order_by("pk").last()
    values = {
        "id": last.pk + 1, "programme_id": wallet.programme_id, "wallet_id": wallet.pk, "number": 3, "code": "adjust",
        "key": "k", "request_hash": "", "amount": 5, "legs": len(legs), "available": 30, "pending": 0, "held": 20, "debt": 0,
        "reverses_id": None, "source": "", "reason": "", "actor": "", "approver": "",
        "occurred_at": "2026-01-01", "created_at": "2026-01-01", **columns,
    }  # fmt: skip

    def add(*postings):
        for seq, (debit, credit, amount) in postings:
            execute(
                "INSERT INTO loyalty_posting (journal_id, seq, debit_id, credit_id, amount) VALUES (%s, %s, %s, %s, %s)",
                values["id"], seq, debit.pk, credit.pk, amount,
            )  # fmt: skip

    with transaction.atomic():
        add(*enumerate(legs))
        marks = ", ".join(["%s"] * len(values))
        execute(f"INSERT INTO loyalty_journal ({', '.join(values)}) VALUES ({marks})", *values.values())
        add(*enumerate(extra, len(legs)))
        connection.check_constraints()


def test_a_journal_that_adds_up_may_be_written_by_hand(wallet):
    """The check works: each of the refusals below differs from this in one thing."""
    write(wallet, (account(wallet, Kind.ISSUE), lot(wallet), 5), available=35)

    assert lot(wallet).credits - lot(wallet).debits == 35


@pytest.mark.parametrize(
    "wrong",
    [
        {"available": 36}, {"available": 30}, {"pending": 5}, {"debt": 5}, {"held": 25, "available": 30}, {"number": 4},
        {"number": 2, "key": "k2"}, {"number": 1}, {"legs": 2}, {"legs": 0}, {"amount": 0}, {"amount": -5}, {"key": "e"},
        {"wallet_id": None, "number": 0, "available": 0, "held": 0}, {"programme_id": -1}, {"reverses_id": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_journal_that_does_not_add_up_is_refused(wallet, wrong):
    if wrong == {"programme_id": -1}:
        wrong = {"programme_id": WalletFactory().programme_id}
    if wrong == {"reverses_id": 1}:
        wrong = {"reverses_id": Journal.objects.get(code="hold").pk, "amount": 21}
    origin, target = account(wallet, Kind.ISSUE), lot(wallet)

    with refused(), transaction.atomic():
        write(wallet, (origin, target, 5), **{"available": 35, **wrong})


def test_a_lot_is_never_negative(wallet):
    target = account(wallet, Kind.REDEEMED)

    with refused("loyalty_account_lot_not_negative"):
        write(wallet, (lot(wallet), target, 31), available=0)
    with refused("loyalty_account_lot_not_negative"):  # although the member has as many points
        write(wallet, (lot(wallet, Kind.HELD, "h"), target, 21), held=0, available=29)


def test_a_budget_is_never_negative(wallet):
    budget, target = account(wallet, Kind.BUDGET), lot(wallet)

    with refused("loyalty_account_budget_not_negative"):
        write(wallet, (budget, target, 5), available=35)


@pytest.mark.parametrize("amount", [0, -5, 10**12 + 1])
def test_an_amount_is_positive_and_possible(wallet, amount):
    origin, target = account(wallet, Kind.ISSUE), lot(wallet)

    with refused("loyalty_posting_amount_positive"):
        write(wallet, (origin, target, amount), available=30 + amount)


@pytest.mark.sqlite  # PostgreSQL's columns have types
def test_an_amount_is_a_whole_number(wallet):
    origin, target = account(wallet, Kind.ISSUE), lot(wallet)

    with refused("loyalty_posting_count"):
        write(wallet, (origin, target, 0.5), available=30)


def test_points_that_stay_where_they_are_are_refused(wallet):
    target = lot(wallet)

    with refused("loyalty_posting_moves"):
        write(wallet, (target, target, 5))


def test_a_posting_without_a_journal_is_refused(wallet):
    origin, target = account(wallet, Kind.ISSUE), lot(wallet)

    with refused(), transaction.atomic():
        execute(
            "INSERT INTO loyalty_posting (journal_id, seq, debit_id, credit_id, amount) VALUES (99999, 0, %s, %s, 5)",
            origin.pk, target.pk,
        )  # fmt: skip
        connection.check_constraints()


def test_nothing_is_added_to_a_journal_that_exists(wallet):
    origin, target = account(wallet, Kind.ISSUE), lot(wallet)

    with refused("loyalty_posting_sealed"):
        write(wallet, (origin, target, 5), available=35, extra=[(origin, target, 7)])


def test_points_do_not_move_to_another_member_or_programme(wallet):
    other, stranger = WalletFactory(programme=wallet.programme), WalletFactory()
    targets = [lot(other), lot(stranger), account(stranger, Kind.REDEEMED)]

    for target in targets:
        with refused("loyalty_posting_one_wallet"):
            write(wallet, (lot(wallet), target, 5), available=25)


def test_a_journal_of_one_member_does_not_touch_another_through_the_programme(wallet):
    other = WalletFactory(programme=wallet.programme)
    clearing, target = account(wallet, Kind.CLEARING), lot(other)

    with refused("loyalty_journal_complete"):
        write(wallet, (lot(wallet), clearing, 5), (clearing, target, 5), available=25)


def test_a_lot_begins_empty_and_in_the_programme_of_its_wallet(wallet):
    values = {"wallet": wallet, "kind": Kind.AVAILABLE, "bucket": dt.date(2027, 1, 20)}

    for wrong in ({"credits": 5}, {"debits": 0, "last_posting": 9}, {"programme": WalletFactory().programme}):
        with refused("loyalty_account_insert"), transaction.atomic():
            Account.objects.create(**{"programme": wallet.programme, **values, **wrong})
    with refused("loyalty_account_kind_fits_owner"), transaction.atomic():
        Account.objects.create(programme=wallet.programme, wallet=None, kind=Kind.AVAILABLE)


def test_no_more_is_reversed_than_was_booked_even_by_hand(wallet):
    award = Journal.objects.get(code="earn")
    origin = account(wallet, Kind.ISSUE)
    write(wallet, (lot(wallet), origin, 30), available=0, amount=30, reverses_id=award.pk)
    forfeit, debt = account(wallet, Kind.FORFEIT), lot(wallet, Kind.DEBT)

    with refused("loyalty_journal_reversed_once"):
        write(
            wallet, (forfeit, debt, 21), available=0, debt=21, amount=21, reverses_id=award.pk, number=4, key="k2"
        )  # fmt: skip
    other = WalletFactory(programme=wallet.programme)
    target = lot(other)
    with refused("loyalty_journal_reversed_once"):
        write(
            other, (origin, target, 1), available=1, held=0, amount=1, reverses_id=award.pk, number=1, key="k2",
            wallet_id=other.pk,
        )  # fmt: skip


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_connection_of_its_own_is_refused_as_well(wallet):
    """Without Django's settings of the connection."""
    with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        for statement in (
            "DELETE FROM loyalty_journal",
            "REPLACE INTO loyalty_posting SELECT * FROM loyalty_posting LIMIT 1",
            "UPDATE loyalty_account SET credits = 10000",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="refused by the ledger"):
                other.execute(statement)
