"""Shops that report and reserve at the same moment: each event pays once, each reservation ends once."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from loyalty.exceptions import HoldEndedError
from loyalty.models import Journal, ShopEvent, ShopOrder
from loyalty.queries import summary
from loyalty.services import ledger, shop
from loyalty.services.members import wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force
from tests.loyalty.test_ledger_concurrency import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("loyalty.services.shop.orders", "loyalty.services.shop.holds"),
]


@pytest.fixture
def wallet():
    programme = EarningFactory().programme
    rule_in_force(
        programme, "purchase", trigger="shop.order", points=1, per_fact="amount", per_units=1000, pending_days=0
    )
    return wallet_for(user=UserFactory(), programme=programme)


def row(kind, wallet, name, amount):
    return kind(
        id=name, member=wallet.member_key, number="1", amount=amount, currency="IRR", occurred_at=timezone.now()
    )


def test_the_same_order_and_refund_ten_times_at_once_pay_once(wallet):
    paid, back = row(shop.Order, wallet, "paid", 90_000), row(shop.Refund, wallet, "back", 30_000)

    results = at_once(
        10, lambda number: shop.report((paid, back)[number % 2], programme=wallet.programme, source="till").status
    )

    assert sorted(results)[:2] == ["done", "done"] or "waiting" in results
    assert set(results) <= {"done", "known", "waiting"}
    assert (ShopOrder.objects.count(), ShopEvent.objects.count()) == (1, 2)
    assert summary(wallet).spendable == 60
    assert list(ledger.check()) == []


def test_a_reservation_is_spent_or_released_by_one_of_many_at_once(wallet):
    ledger.earn(wallet=wallet, amount=100, key="start")

    def act(number):
        try:
            if number % 3 == 0:
                return ledger.hold(wallet=wallet, hold="shop:till:1", amount=30).is_new
            if number % 3 == 1:
                return ledger.capture(wallet=wallet, hold="shop:till:1", amount=20).is_new
            return ledger.release(wallet=wallet, hold="shop:till:1", reason="shop").is_new
        except HoldEndedError:
            return None

    at_once(12, act)

    codes = list(Journal.objects.filter(wallet=wallet, key__endswith=":shop:till:1").values_list("code", flat=True))
    assert codes.count("hold") == 1
    assert codes.count("capture") + codes.count("release") <= 1
    points = summary(wallet)
    left = {"capture": (80, 0), "release": (100, 0)}.get(codes[-1] if len(codes) > 1 else "", (70, 30))
    assert (points.spendable, points.held) == left
    assert list(ledger.check()) == []


def test_what_shops_forget_is_released_once_after_its_days_and_nothing_else(wallet, monkeypatch):
    """By jobs that run at the same moment. What waits for staff, what is spent and what is fresh stays as it is."""
    ledger.earn(wallet=wallet, amount=100, key="start")
    for hold in ("shop:till:old", "shop:till:paid", "redemption:x"):
        ledger.hold(wallet=wallet, hold=hold, amount=10)
    ledger.capture(wallet=wallet, hold="shop:till:paid")
    assert shop.release_forgotten() == 0

    later = timezone.now() + dt.timedelta(days=shop.HOLD_DAYS, minutes=1)
    monkeypatch.setattr("loyalty.services.shop.holds.timezone.now", lambda: later)
    results = at_once(3, lambda _number: shop.release_forgotten())

    assert sorted(results) == [0, 0, 1]
    points = summary(wallet)
    assert (points.spendable, points.held) == (80, 10)
    assert Journal.objects.get(code="release").reason == "forgotten"
    with pytest.raises(HoldEndedError):
        ledger.capture(wallet=wallet, hold="shop:till:old")
    assert not shop.is_any_forgotten()
