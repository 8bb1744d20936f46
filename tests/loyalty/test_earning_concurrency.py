"""Events that are decided about at the same moment, by real threads and by a process."""

from __future__ import annotations

import datetime as dt

import pytest

from loyalty.models import Account, Campaign, Decision, Journal, LoyaltyEvent, Member
from loyalty.models.ledger import Kind
from loyalty.services import earning, ledger
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force
from tests.loyalty.test_earning import NOW, happened
from tests.loyalty.test_ledger_concurrency import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases("loyalty.services.earning.deciding"),
]


@pytest.fixture
def programme():
    return EarningFactory().programme


def test_one_event_that_comes_many_times_at_once_pays_once(programme):
    rule_in_force(programme)
    person = UserFactory()

    results = at_once(8, lambda _number: earning.record(happened(person)))

    assert len({decision.pk for [decision] in results}) == 1
    assert (Decision.objects.count(), Journal.objects.count(), Member.objects.count()) == (1, 1, 1)


def test_limits_hold_for_events_that_come_at_once(programme):
    programme.earning.cap_month = 190
    programme.earning.save()
    rule_in_force(programme, points=10, cap_day=150)
    rule_in_force(programme, "more", points=5)
    person = UserFactory()

    results = at_once(20, lambda number: earning.record(happened(person, number)))

    assert sum(decision.points for [decision] in results) == 190
    by_rule = {row["reason"]: 0 for row in Journal.objects.values("reason")}
    for journal in Journal.objects.all():
        by_rule[journal.reason] += journal.amount
    assert by_rule["answer"] <= 150
    assert list(ledger.check()) == []


def test_a_budget_is_not_overdrawn_by_many_members_at_once(programme):
    rule_in_force(programme)
    created = Campaign.objects.create(
        programme=programme, code="noruz", name={"fa": "نوروز"}, percent=150, budget="noruz",
        starts_at=NOW - dt.timedelta(days=1), ends_at=NOW + dt.timedelta(days=1),
    )  # fmt: skip
    earning.publish_campaign(created, by=UserFactory(superuser=True))
    ledger.fund(programme=programme, budget="noruz", amount=180, key="f", actor="user:1")
    people = UserFactory.create_batch(10)

    results = at_once(10, lambda number: earning.record(happened(people[number], number)))

    assert sum(decision.points for [decision] in results) == 10 * 100 + 180
    budget = Account.objects.get(kind=Kind.BUDGET)
    assert budget.credits == budget.debits
    assert list(ledger.check()) == []


def test_what_is_taken_back_and_given_again_at_once_is_given_or_not_but_never_twice(programme):
    rule_in_force(programme)
    person = UserFactory()
    earning.record(happened(person))

    def settle(number):
        events = list(LoyaltyEvent.objects.all())
        return earning.settle(events, stands=lambda _event: bool(number % 2), because="removed")

    at_once(10, settle)

    last = Decision.objects.order_by("round").last()
    available = Journal.objects.order_by("number").last().available
    assert available == (0 if last.outcome == "reversed" else 100)
    assert sorted(Decision.objects.values_list("round", flat=True)) == list(range(Decision.objects.count()))
    assert list(ledger.check()) == []
