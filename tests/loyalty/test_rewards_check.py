"""`ledger_check` compares redemptions with holds, codes, stocks and steps, and says what does not agree."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from loyalty.models import Redemption, Reward, RewardPrice, VoucherCode
from loyalty.queries import wallets_of
from loyalty.services import ledger, rewards
from loyalty.services.members import wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import ProgrammeFactory, RewardFactory
from tests.loyalty.books import everything
from tests.loyalty.test_ledger_check import triggers_off

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.services.rewards.checking")]

HELD = "redemption whose held points are not its price"
SPENT = "redemption that was not held or spent as its state says"
STEPS = "redemption whose steps do not lead to its state"
BACK = "redemption of which the ledger gave back other points"
CODE = "redemption without its code, or with one that is not its own"
STOCK = "reward that counts other redemptions than there are"


@pytest.fixture
def life():
    """One of everything: a code, something ordered, cancelled, done, given back in part and in full."""
    programme, staff, person = ProgrammeFactory(), UserFactory(superuser=True), UserFactory()
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=1000, key="start")
    voucher = RewardFactory(programme=programme, kind="voucher")
    rewards.make_codes(reward=voucher, count=2, by=staff)
    benefit = RewardFactory(programme=programme)
    wallet = wallets_of(person).get()

    def take(reward, key):
        return rewards.redeem(
            user=person, reward=reward, key=key, price=100, seen=rewards.last_of(wallet), is_confirmed=True
        )

    made = {"code": take(voucher, "1"), "ordered": take(benefit, "2"), "cancelled": take(benefit, "3")}
    rewards.cancel(redemption=made["cancelled"], user=person)
    made["void"] = rewards.refund(redemption=take(voucher, "4"), by=staff, reason="lost", key="r")
    made["done"] = rewards.advance(redemption=take(benefit, "5"), by=staff, to="delivered")
    rewards.refund(redemption=made["done"], by=staff, reason="lost", key="r", amount=30)
    return made


def problems():
    return {(problem.what, problem.row_id) for problem in ledger.check()}


def change(redemption, **values):
    Redemption.objects.filter(pk=redemption.pk).update(**values)
    return redemption.pk


def test_what_was_done_by_the_services_agrees(life, django_assert_max_num_queries):
    with django_assert_max_num_queries(60):
        assert problems() == set()


def test_a_state_that_the_ledger_does_not_know_of(life):
    pk = change(life["ordered"], state="delivered")
    assert problems() == {(HELD, pk), (SPENT, pk), (STEPS, pk)}


def test_points_held_for_what_was_cancelled(life):
    pk = change(life["ordered"], state="cancelled")
    assert {(HELD, pk), (STEPS, pk), (STOCK, life["ordered"].reward_id)} == problems()


def test_another_price_than_the_ledger_took(life):
    pk = change(life["code"], price=99)
    assert problems() == {(SPENT, pk)}


def test_other_points_given_back_than_the_ledger_gave(life):
    pk = change(life["done"], refunded=31)
    assert problems() == {(BACK, pk), (STEPS, pk)}


def test_a_code_that_is_gone_or_belongs_to_another_reward(life):
    VoucherCode.objects.filter(redemption=life["code"]).update(status="void")
    assert problems() == {(CODE, life["code"].pk)}
    VoucherCode.objects.filter(redemption=life["code"]).update(status="issued", reward=life["done"].reward)
    assert problems() == {(CODE, life["code"].pk)}


def test_a_code_that_is_reserved_or_empty(life):
    code = VoucherCode.objects.get(redemption=life["code"])
    VoucherCode.objects.filter(pk=code.pk).update(status="reserved")
    what = "code that cannot be shown, or is reserved for nobody"
    assert problems() == {(CODE, life["code"].pk), (what, code.pk)}
    VoucherCode.objects.filter(pk=code.pk).update(status="issued", sealed="")
    assert problems() == {(what, code.pk)}


def test_a_reward_that_counts_wrongly(life):
    Reward.objects.filter(pk=life["done"].reward_id).update(sold=7)
    assert problems() == {(STOCK, life["done"].reward_id)}


def test_a_step_that_is_missing(life):
    with triggers_off() as cursor:
        cursor.execute("DELETE FROM loyalty_redemptionstep WHERE redemption_id = %s AND number = 2", [life["done"].pk])
    assert problems() == {(STEPS, life["done"].pk)}


def test_points_held_for_a_redemption_that_is_not_there(life):
    wallet = life["code"].wallet
    for name in (str(uuid.uuid4()), "x"):
        ledger.hold(wallet=wallet, hold=f"redemption:{name}", amount=1)
    assert [what for what, _row in problems()] == ["points held for a redemption that is not there"] * 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE loyalty_redemptionstep SET points = points + 1",
        "UPDATE loyalty_redemptionstep SET actor = actor",
        "DELETE FROM loyalty_redemptionstep",
        "UPDATE loyalty_rewardprice SET price = 1",
        "DELETE FROM loyalty_rewardprice",
    ],
)
def test_steps_and_prices_stay_as_they_were_written_whoever_writes(life, statement):
    table = "redemptionstep" if "step" in statement else "rewardprice"
    RewardPrice.objects.create(reward=life["done"].reward, price=5, actor="x")
    statements = [statement]
    if connection.vendor == "sqlite":  # it replaces rows without asking triggers for deletions
        statements.append(f"INSERT OR REPLACE INTO loyalty_{table} SELECT * FROM loyalty_{table}")  # noqa: S608
    else:
        connection.check_constraints()  # a table with checks left to do is not emptied anyhow
        statements.append(f"TRUNCATE loyalty_{table} CASCADE")
    before = everything()

    for refused in statements:
        with (
            pytest.raises(IntegrityError, match=f"loyalty_{table}"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(refused)

    assert everything() == before


def test_their_missing_triggers_are_found(life):
    with connection.cursor() as cursor:
        connection.check_constraints()
        on_table = " ON loyalty_redemptionstep" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER loyalty_redemptionstep_update{on_table}")

    assert problems() == {("trigger loyalty_redemptionstep_update is missing or disabled", None)}
