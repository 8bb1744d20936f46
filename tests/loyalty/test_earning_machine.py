"""Rules, orders, rewards and the ledger together against a simple model, in any order, repeated and failing (Hypothesis).

The model knows two members, what they did, and what that is worth: as plain numbers, sharing no code with the portal. After
every step all balances, the budget, the stock and the limits must be those of the model, and everything that was
acknowledged can be sent again without a trace. LEDGER_EXAMPLES=200 looks longer.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from unittest import mock

import pytest
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from loyalty.exceptions import LedgerError, NotAvailableError
from loyalty.models import Account, Campaign, Journal, Member, Redemption, Reward, RuleCounter, VoucherCode
from loyalty.models.ledger import Kind
from loyalty.queries import whole_statement
from loyalty.services import earning, ledger, rewards, shop
from loyalty.services.members import wallet_for
from portal.core.localized import LocalizedText
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, RewardFactory, rule_in_force
from tests.loyalty.books import everything
from tests.loyalty.machines import CommandMachine, run_machine

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.both_databases(
        "loyalty.services.earning.deciding", "loyalty.services.rewards.redeeming", "loyalty.services.shop.orders"
    ),
]

START = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
WHO = st.integers(0, 1)
ANSWER, ANSWER_DAYS, ANSWER_CAP = 30, 2, 100  # half as much again from a campaign, as long as its budget lasts
BUDGET, PER = 60, 100
BENEFIT, STOCK = 25, 4
VOUCHER, CODES, LIMIT = 40, 3, 2


class Person:
    """What a member should have."""

    def __init__(self):
        self.available = self.held = self.debt = 0
        self.pending = Counter()  # day it becomes available → points
        self.used = Counter()  # day → points of the rule for answers
        self.vouchers = 0  # taken and not wholly given back

    def arrive(self, points):
        paid = min(self.debt, points)
        self.debt -= paid
        self.available += points - paid

    def give_up(self, points, due=None):
        """Return how many of them were there."""
        coming = min(points, self.pending[due]) if due else 0
        if coming:
            self.pending[due] -= coming
        there = min(points - coming, self.available)
        self.available -= there
        self.debt += points - coming - there
        return coming + there

    def balances(self):
        return (self.available, self.pending.total(), self.held, self.debt)


class Answer:
    """An event, what stands of it, and what was given for it the last time."""

    def __init__(self, who, day):
        self.who, self.day = who, day
        self.stands = True
        self.is_decided = False
        self.given = None  # (points of the rule, of the campaign, day they come) while it has them
        self.taken = None  # (points of the rule, of the campaign) that may come again


class EarningMachine(CommandMachine):
    def __init__(self):
        super().__init__()
        self.clock = mock.patch("django.utils.timezone.now", return_value=START)
        self.now = self.clock.start()
        self.programme = EarningFactory(programme__expiry_months=0, programme__calendar="gregorian").programme
        self.staff = UserFactory(superuser=True)
        rule_in_force(self.programme, "answer", points=ANSWER, pending_days=ANSWER_DAYS, cap_day=ANSWER_CAP)
        rule_in_force(self.programme, "order", trigger="shop.order", points=1, per_fact="amount", per_units=PER)
        campaign = Campaign.objects.create(
            programme=self.programme, code=f"c{self.programme.pk}", name=LocalizedText(fa="نیم", en="Half"), percent=150, rules=["answer"], budget="b",
            starts_at=START - dt.timedelta(days=1), ends_at=START + dt.timedelta(days=4000),
        )  # fmt: skip
        earning.publish_campaign(campaign, by=self.staff)
        ledger.fund(programme=self.programme, budget="b", amount=BUDGET, key=f"fund:{self.programme.pk}", actor="x")
        self.benefit = RewardFactory(programme=self.programme, price=BENEFIT, stock=STOCK)
        self.voucher = RewardFactory(programme=self.programme, price=VOUCHER, kind="voucher", limit=LIMIT)
        rewards.make_codes(reward=self.voucher, count=CODES, by=self.staff)
        self.users = UserFactory.create_batch(2)
        self.wallets = [wallet_for(user=user, programme=self.programme) for user in self.users]
        self.people = [Person(), Person()]
        self.answers, self.orders, self.ordered, self.bought = {}, {}, {}, {}
        self.budget, self.stock, self.codes = BUDGET, STOCK, CODES

    def stored(self):
        return everything()

    @property
    def today(self):
        return self.now.return_value.date()

    # What is given ------------------------------------------------------------------------------------------------------

    def record(self, number):
        answer = self.answers[number]
        earning.record(
            earning.Happened(
                trigger="community.solution", source_id=self.name_of(number), subject=self.name_of(number),
                user_id=self.users[answer.who].pk, occurred_at=answer.day, stands=answer.stands,
            )
        )  # fmt: skip
        return True

    def name_of(self, number):
        return f"community.post:{self.programme.pk}{number:03}"

    def settle(self, number):
        answer = self.answers[number]
        earning.settle(earning.events_of(self.name_of(number)), stands=lambda _event: answer.stands, because="removed")
        return True

    def judge(self, answer, comes_from):
        """What the rule and the campaign give for an answer that stands, by the limits of its own day."""
        person, day = self.people[answer.who], answer.day.date()
        room = max(0, ANSWER_CAP - person.used[day])
        points = min(ANSWER + ANSWER // 2, room)
        base = min(ANSWER, points)
        bonus = min(points - base, self.budget)
        person.used[day] += base + bonus
        self.pay(answer, base, bonus, comes_from)

    def pay(self, answer, base, bonus, day):
        self.budget -= bonus
        due = day + dt.timedelta(days=ANSWER_DAYS)
        self.people[answer.who].pending[due] += base + bonus
        answer.given, answer.taken = ((base, bonus, due), None) if base else (None, None)

    @rule(who=WHO, days_ago=st.integers(0, 1), stands=st.booleans())
    def answer(self, who, days_ago, stands):
        number = len(self.answers)
        answer = self.answers[number] = Answer(who, self.now.return_value - dt.timedelta(days=days_ago))
        answer.stands = stands
        self.give(self.record, number=number)
        if stands:
            answer.is_decided = True
            self.judge(answer, comes_from=answer.day.date())

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def an_answer_comes_or_goes(self, data):
        number = data.draw(st.sampled_from(sorted(self.answers)))
        answer = self.answers[number]
        answer.stands = not answer.stands
        self.give(self.settle, number=number)
        if not answer.stands and answer.given:
            base, bonus, due = answer.given
            person = self.people[answer.who]
            person.give_up(base, due)
            self.budget += person.give_up(bonus, due)
            answer.given, answer.taken = None, (base, bonus)
        elif answer.stands and answer.taken:
            base, bonus = answer.taken
            self.pay(answer, base, min(bonus, self.budget), self.today)
        elif answer.stands and not answer.is_decided:
            answer.is_decided = True
            self.judge(answer, comes_from=self.today)

    @rule(who=WHO, amount=st.integers(0, 5000))
    def buy(self, who, amount):
        name = f"o{len(self.orders)}"
        row = shop.Order(
            id=f"{name}-paid", member=self.wallets[who].member_key, number=name, amount=amount, currency="IRR",
            occurred_at=self.now.return_value,
        )  # fmt: skip
        done = self.give(shop.report, row=row, programme=self.programme, source="till")
        assert done.points == amount // PER
        self.orders[name] = [who, amount, 0]
        self.people[who].arrive(amount // PER)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), amount=st.integers(1, 3000))
    def bring_back(self, data, amount):
        name = data.draw(st.sampled_from(sorted(self.orders)))
        who, whole, before = self.orders[name]
        row = shop.Refund(
            id=self.new_id(), member=self.wallets[who].member_key, number=name, amount=amount, currency="IRR",
            occurred_at=self.now.return_value,
        )  # fmt: skip
        try:
            done = self.give(shop.report, row=row, programme=self.programme, source="till")
        except shop.RowRefusedError:
            assert amount > whole - before
            return
        after = self.orders[name][2] = before + amount
        assert after <= whole
        points = whole // PER * after // whole - whole // PER * before // whole
        assert done.points == points
        self.people[who].give_up(points)

    @rule(days=st.integers(0, 3))
    def days_pass(self, days):
        self.now.return_value += dt.timedelta(days=days)
        for wallet, person in zip(self.wallets, self.people, strict=True):
            self.give(ledger.activate, wallet=wallet)
            due = [day for day in person.pending if day <= self.today]
            person.arrive(sum(person.pending.pop(day) for day in due))

    # What is taken ------------------------------------------------------------------------------------------------------

    def redeem(self, who, reward, key, seen):
        return rewards.redeem(
            user=self.users[who], reward=reward, key=key, price=reward.price, seen=seen, is_confirmed=True
        )

    @rule(who=WHO, is_code=st.booleans())
    def take(self, who, is_code):
        person, reward = self.people[who], self.voucher if is_code else self.benefit
        there = self.codes and person.vouchers < LIMIT if is_code else self.stock
        taken = self.give(
            self.redeem, who=who, reward=reward, key=uuid.uuid4().hex, seen=rewards.last_of(self.wallets[who])
        )
        if not there or person.available < reward.price:
            assert isinstance(taken, NotAvailableError)
            return
        assert isinstance(taken, Redemption)
        person.available -= reward.price
        if is_code:
            self.codes -= 1
            person.vouchers += 1
            self.bought[taken.pk] = [who, taken, VOUCHER]
        else:
            self.stock -= 1
            person.held += BENEFIT
            self.ordered[taken.pk] = [who, taken]

    @precondition(lambda self: self.ordered)
    @rule(data=st.data(), is_done=st.booleans())
    def deliver_or_cancel(self, data, is_done):
        number = data.draw(st.sampled_from(sorted(self.ordered)))
        who, taken = self.ordered.pop(number)
        self.people[who].held -= BENEFIT
        if is_done:
            self.give(rewards.advance, redemption=taken, by=self.staff, to="delivered")
            self.bought[number] = [who, taken, BENEFIT]
        else:
            self.give(rewards.cancel, redemption=taken, user=self.users[who])
            self.people[who].arrive(BENEFIT)
            self.stock += 1

    @precondition(lambda self: self.bought)
    @rule(data=st.data(), points=st.none() | st.integers(1, 50))
    def give_back(self, data, points):
        number = data.draw(st.sampled_from(sorted(self.bought)))
        who, taken, left = self.bought[number]
        result = self.give(
            rewards.refund, redemption=taken, by=self.staff, reason="damaged", key=self.new_id(), amount=points
        )
        if not left or (points or 0) > left:
            assert isinstance(result, LedgerError)
            return
        points = points or left
        self.bought[number][2] -= points
        self.people[who].arrive(points)
        if left == points and taken.reward_id == self.voucher.pk:
            self.people[who].vouchers -= 1

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data):
        command, arguments, _answer = data.draw(st.sampled_from(self.done))
        if command is ledger.activate:
            return
        before = self.stored()
        command(**arguments)
        assert self.stored() == before

    # What must hold -----------------------------------------------------------------------------------------------------

    @invariant()
    def everybody_has_what_the_model_says(self):
        for wallet, person in zip(self.wallets, self.people, strict=True):
            last = Journal.objects.filter(wallet=wallet).order_by("number").last()
            stored = (last.available, last.pending, last.held, last.debt) if last else (0, 0, 0, 0)
            assert stored == person.balances()
            assert not (person.debt and person.available)

    @invariant()
    def no_limit_is_passed(self):
        [budget] = Account.objects.filter(programme=self.programme, kind=Kind.BUDGET)
        assert budget.credits - budget.debits == self.budget >= 0
        assert Reward.objects.get(pk=self.benefit.pk).on_shelf == self.stock >= 0
        free = VoucherCode.objects.filter(reward=self.voucher, status=VoucherCode.Status.FREE)
        assert free.count() == self.codes >= 0
        for wallet, person in zip(self.wallets, self.people, strict=True):
            rows = RuleCounter.objects.filter(wallet=wallet, rule="answer", period__startswith="day:")
            counted = {row.period: row.points for row in rows}
            assert counted == {f"day:{day}": points for day, points in person.used.items() if points}
            assert all(points <= ANSWER_CAP for points in person.used.values())

    def teardown(self):
        try:
            assert list(ledger.check()) == []
            assert Member.objects.filter(key__in=[wallet.member_key for wallet in self.wallets]).count() == 2
            for wallet in self.wallets:
                lines = list(whole_statement(wallet))
                if lines:
                    assert lines[0].balance == tuple(map(sum, zip(*(line.change for line in lines), strict=True)))
        finally:
            self.clock.stop()


def test_no_sequence_of_events_orders_and_redemptions_loses_or_invents_a_point():
    run_machine(EarningMachine, few=8 if connection.vendor == "sqlite" else 4, steps=30)
