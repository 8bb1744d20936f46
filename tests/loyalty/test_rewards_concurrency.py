"""Many at once: nothing is taken twice, nothing is sold that is not there, and the books agree afterwards."""

from __future__ import annotations

import pytest

from loyalty.exceptions import NotAvailableError, SeenTooLongAgoError
from loyalty.models import Redemption, Reward, VoucherCode
from loyalty.queries import summary, wallets_of
from loyalty.services import ledger, rewards
from loyalty.services.members import wallet_for
from loyalty.services.rewards import redeeming
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import ProgrammeFactory, RewardFactory
from tests.loyalty.test_ledger_concurrency import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("loyalty.services.rewards.redeeming", "loyalty.services.rewards.fulfilling"),
]


def member(programme, points=100):
    person = UserFactory()
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=points, key=f"start:{person.pk}")
    return person


def take(person, reward, key, seen=0):
    return rewards.redeem(user=person, reward=reward, key=key, price=reward.price, seen=seen)


def names_of(results):
    return sorted(type(result).__name__ for result in results)


def codes_for(reward, count):
    rewards.make_codes(reward=reward, count=count, by=UserFactory(superuser=True))


def test_of_60_that_spend_10_of_100_points_exactly_10_do(monkeypatch):
    programme = ProgrammeFactory()
    person, reward = member(programme), RewardFactory(programme=programme, price=10)
    monkeypatch.setattr(redeeming, "last_of", lambda _wallet: 0)  # as if each had looked again

    results = at_once(60, lambda number: take(person, reward, f"k{number}"))

    assert names_of(results) == ["NotAvailableError"] * 50 + ["Redemption"] * 10
    points = summary(wallets_of(person).get())
    assert (points.spendable, points.held) == (0, 100)
    assert list(ledger.check()) == []


def test_windows_of_one_member_take_one_reward_together():
    programme = ProgrammeFactory()
    person, reward = member(programme), RewardFactory(programme=programme, price=10)

    results = at_once(8, lambda number: take(person, reward, f"k{number}"))

    assert names_of(results) == ["Redemption"] + [SeenTooLongAgoError.__name__] * 7
    assert Redemption.objects.count() == 1


def test_the_last_piece_goes_to_one_of_twenty():
    programme = ProgrammeFactory()
    reward = RewardFactory(programme=programme, stock=1)
    people = [member(programme) for _number in range(20)]

    results = at_once(20, lambda number: take(people[number], reward, "k"))

    assert names_of(results) == ["NotAvailableError"] * 19 + ["Redemption"]
    assert Reward.objects.get().sold == 1
    assert sorted(summary(wallets_of(person).get()).held for person in people) == [0] * 19 + [100]
    assert list(ledger.check()) == []


def test_codes_are_handed_out_once_each_and_to_nobody_without_one():
    programme = ProgrammeFactory()
    reward = RewardFactory(programme=programme, kind="voucher")
    codes_for(reward, 5)
    people = [member(programme) for _number in range(8)]

    results = at_once(8, lambda number: take(people[number], reward, "k"))

    taken = [result for result in results if isinstance(result, Redemption)]
    assert [type(result) for result in results].count(NotAvailableError) == 3
    assert len({rewards.shown_code(redemption) for redemption in taken}) == len(taken) == 5
    assert VoucherCode.objects.filter(status="issued").count() == 5
    assert list(ledger.check()) == []


def test_the_same_form_20_times_at_once_is_one_redemption():
    programme = ProgrammeFactory()
    person, reward = member(programme), RewardFactory(programme=programme, kind="voucher")
    codes_for(reward, 3)

    results = at_once(20, lambda _number: take(person, reward, "same"))

    assert len({result.pk for result in results}) == 1
    assert (Redemption.objects.count(), VoucherCode.objects.filter(status="free").count()) == (1, 2)
    assert list(ledger.check()) == []


def test_it_is_either_cancelled_or_packed():
    programme = ProgrammeFactory()
    staff, person = UserFactory(superuser=True), member(programme)
    reward = RewardFactory(programme=programme, kind="benefit", stock=5)
    own = take(person, reward, "k")

    def act(number):
        if number % 2:
            return rewards.cancel(redemption=own, user=person).state
        return rewards.advance(redemption=own, by=staff, to="delivered").state

    results = at_once(6, act)

    state = Redemption.objects.get().state
    assert [result for result in results if isinstance(result, str)] == [state] * 3
    assert Reward.objects.get().sold == (0 if state == "cancelled" else 1)
    assert list(ledger.check()) == []


def test_a_refund_pressed_by_several_at_once_is_given_once():
    programme = ProgrammeFactory()
    staff, person = UserFactory(superuser=True), member(programme)
    own = take(person, RewardFactory(programme=programme), "k")
    own = rewards.advance(redemption=own, by=staff, to="delivered")

    at_once(6, lambda _number: rewards.refund(redemption=own, by=staff, reason="lost", key="r", amount=60))

    own.refresh_from_db()
    assert (own.refunded, summary(wallets_of(person).get()).spendable) == (60, 60)
    assert list(ledger.check()) == []
