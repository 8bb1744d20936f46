"""Deciding about events: once, for ever, with a reason; taking back and giving again; limits and budgets."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from loyalty.exceptions import InvalidConditionError, NotADraftError, NotPermittedError
from loyalty.models import (
    Account,
    Campaign,
    Decision,
    EarningRule,
    Journal,
    LoyaltyEvent,
    RuleCounter,
    RuleVersion,
    Wallet,
)
from loyalty.models.ledger import Kind
from loyalty.queries import summary
from loyalty.services import earning, ledger
from loyalty.services.earning import Happened
from loyalty.services.members import forget_member
from portal.core.outbox import NotNowError
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, ProgrammeFactory, rule_in_force

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.models.earning", "loyalty.services.earning.deciding", "loyalty.services.earning.publishing"
    ),
]

NOW = dt.datetime(2026, 11, 29, 9, tzinfo=dt.UTC)


@pytest.fixture
def programme():
    return EarningFactory().programme


@pytest.fixture
def person():
    return UserFactory()


def happened(person, number=1, **how):
    fixed = {
        "trigger": "community.solution",
        "source_id": f"community.post:{number}",
        "subject": f"community.post:{number}",
        "user_id": person.pk,
        "occurred_at": NOW,
        "facts": {"by_consensus": False, "votes": 2},
    }
    return Happened(**{**fixed, **how})


def record(person, number=1, **how):
    [decision] = earning.record(happened(person, number, **how))
    return decision


def settle(number=1, *, stands, because="removed"):
    return earning.settle(earning.events_of(f"community.post:{number}"), stands=lambda _event: stands, because=because)


def balance(decision):
    last = Journal.objects.filter(wallet=decision.wallet).order_by("number").last()
    return (last.available, last.pending, last.debt) if last else (0, 0, 0)


def reasons(decision):
    return {one["rule"]: one["reason"] for one in decision.considered}


# Once ----------------------------------------------------------------------------------------------------------------


def test_an_event_is_decided_about_and_booked_with_its_reasons(programme, person):
    rule_in_force(programme)
    rule_in_force(programme, "popular", conditions={"fact": "votes", "op": "gte", "value": 5})
    decision = record(person)

    assert (decision.outcome, decision.points, balance(decision)) == ("earned", 100, (100, 0, 0))
    assert reasons(decision) == {"answer": "", "popular": "condition"}
    assert [one["about"] for one in decision.considered] == ["", "votes"]
    journal = Journal.objects.get()
    assert journal.key == "earn:answer:community.solution:community.post:1"
    assert (journal.source, journal.reason) == ("community.post:1", "answer")
    assert decision.considered[0]["journals"] == [journal.pk]
    assert list(ledger.check()) == []


def test_an_event_that_comes_again_pays_nothing_and_gets_the_same_decision(programme, person):
    rule_in_force(programme)
    first = record(person)
    rule_in_force(programme, "another")

    again = record(person, facts={"by_consensus": True, "votes": 9}, occurred_at=NOW + dt.timedelta(days=400))

    assert again == first
    assert again.considered == first.considered
    assert (Journal.objects.count(), Decision.objects.count(), LoyaltyEvent.objects.count()) == (1, 1, 1)


def test_another_version_of_the_rule_does_not_pay_for_the_same_event(programme, person):
    version = rule_in_force(programme)
    record(person)
    staff = UserFactory(superuser=True)
    earning.publish(earning.save_draft(rule=version.rule, by=staff, points=500), by=staff)

    assert record(person).points == 100
    assert record(person, 2).points == 500
    assert record(person, 2).considered[0]["version"] == 2


def test_nothing_is_recorded_without_a_programme_that_records(person):
    ProgrammeFactory()

    assert earning.record(happened(person)) == []
    assert not LoyaltyEvent.objects.exists()


def test_every_programme_decides_for_itself(programme, person):
    other = EarningFactory().programme
    rule_in_force(programme)
    rule_in_force(other, points=7)

    assert [decision.points for decision in earning.record(happened(person))] == [100, 7]


@pytest.mark.parametrize("reason", ["staff", "own-thread", "own-vote", "voting-review"])
def test_what_is_refused_gives_nothing_and_says_why(programme, person, reason):
    rule_in_force(programme)
    decision = record(person, refused=reason)

    assert (decision.outcome, decision.points, decision.reason, decision.considered) == ("none", 0, reason, [])


def test_without_a_rule_it_says_so(programme, person):
    assert record(person).reason == "no-rule"


def test_odd_signs_are_kept_and_change_nothing(programme, person):
    rule_in_force(programme)

    assert record(person, flags=("joined-together",)).flags == ["joined-together"]
    assert balance(Decision.objects.get()) == (100, 0, 0)


def test_facts_that_the_trigger_does_not_have_are_refused(programme, person):
    for facts in ({"secret": 1}, {"votes": "2"}, {"votes": True}):
        with pytest.raises(ValueError, match="community"):
            earning.record(happened(person, facts=facts))
    assert not LoyaltyEvent.objects.exists()


def test_events_and_decisions_know_a_key_and_no_person(programme, person):
    rule_in_force(programme)
    decision = record(person)

    assert decision.event.member_key == decision.wallet.member_key
    names = {field.name for model in (LoyaltyEvent, Decision) for field in model._meta.get_fields()}
    assert not names & {"user", "person", "member", "body", "text", "title"}


def test_while_earning_is_stopped_the_event_waits(programme, person):
    rule_in_force(programme)
    ledger.set_switches(programme=programme, stop_earning=True, reason="attack", actor="user:1")
    with pytest.raises(NotNowError), transaction.atomic():
        earning.record(happened(person))
    assert not Decision.objects.exists()

    ledger.set_switches(programme=programme, stop_earning=False, reason="over", actor="user:1")
    assert record(person).points == 100


def test_who_left_earns_nothing(programme, person):
    rule_in_force(programme)
    wallet = record(person).wallet
    key = wallet.member_key
    forget_member(person)
    event = LoyaltyEvent.objects.create(
        trigger="community.solution", source_id="community.post:2", subject="community.post:2", member_key=key,
        occurred_at=NOW,
    )  # fmt: skip
    Decision.objects.create(event=event, wallet=wallet, outcome="none", reason="withdrawn")

    [decision] = settle(2, stands=True)

    assert (decision.outcome, decision.reason) == ("none", "closed")
    assert list(ledger.check()) == []


# Taken back, given again ---------------------------------------------------------------------------------------------


def test_what_is_gone_takes_its_points_away_once(programme, person):
    rule_in_force(programme, pending_days=3)
    first = record(person)
    assert balance(first) == (0, 100, 0)

    [back] = settle(stands=False)

    assert (back.outcome, back.points, back.reason, back.round) == ("reversed", 100, "removed", 1)
    assert balance(first) == (0, 0, 0)
    assert settle(stands=False) == []
    assert record(person) == first
    assert balance(first) == (0, 0, 0)


def test_points_that_are_spent_become_a_debt(programme, person):
    rule_in_force(programme)
    first = record(person)
    ledger.hold(wallet=first.wallet, hold="h", amount=70, today=NOW.date())
    ledger.capture(wallet=first.wallet, hold="h")

    settle(stands=False)

    assert balance(first) == (0, 0, 70)


def test_what_comes_back_gives_its_points_again_exactly_once(programme, person):
    rule_in_force(programme, cap_day=100)
    first = record(person)
    for again in (1, 2):
        settle(stands=False)
        [given] = settle(stands=True)
        assert (given.outcome, given.points, given.round) == ("earned", 100, 2 * again)
        assert settle(stands=True) == []
        assert balance(first) == (100, 0, 0)
    assert list(ledger.check()) == []


def test_what_was_gone_before_it_was_looked_at_is_decided_about_when_it_is_back(programme, person):
    rule_in_force(programme)
    assert record(person, stands=False).reason == "withdrawn"
    assert settle(stands=False) == []

    [given] = settle(stands=True)

    assert (given.outcome, given.points) == ("earned", 100)
    assert settle(stands=True) == []


def test_what_a_review_takes_back_does_not_come_again(programme, person):
    rule_in_force(programme)
    first = record(person)
    settle(stands=False, because=earning.VOTING_REVIEW)

    assert settle(stands=True) == []
    assert balance(first) == (0, 0, 0)


def test_a_review_also_refuses_what_was_gone_when_it_came(programme, person):
    rule_in_force(programme)
    first, gone = record(person), record(person, 2, stands=False)
    settle(stands=False)

    for number in (1, 2):
        [refused] = settle(number, stands=False, because=earning.VOTING_REVIEW)
        assert (refused.outcome, refused.points, refused.reason) == ("none", 0, earning.VOTING_REVIEW)
        assert settle(number, stands=False, because=earning.VOTING_REVIEW) == []
        assert settle(number, stands=True) == []
    assert gone.wallet == first.wallet
    assert balance(first) == (0, 0, 0)


@pytest.mark.parametrize(("amount", "left"), [(None, 0), (30, 70)])
def test_what_staff_took_back_does_not_come_again(programme, person, amount, left):
    rule_in_force(programme)
    first = record(person)
    [journal] = first.considered[0]["journals"]
    ledger.reverse(wallet=first.wallet, journal_id=journal, reversal="staff", amount=amount, actor="user:1")

    for _again in range(2):
        settle(stands=False)
        assert balance(first) == (0, 0, 0)
        settle(stands=True)
        assert balance(first) == (left, 0, 0)
    assert all(earning.explain(decision).rules for decision in Decision.objects.all())
    assert list(ledger.check()) == []


def test_what_staff_took_back_of_a_campaign_does_not_come_again(programme, person):
    rule_in_force(programme)
    campaign(programme)
    first = record(person)
    bonus = first.considered[0]["journals"][-1]
    ledger.reverse(wallet=first.wallet, journal_id=bonus, reversal="staff", actor="user:1")

    settle(stands=False)
    [given] = settle(stands=True)

    assert (given.points, balance(first)) == (100, (100, 0, 0))
    assert list(ledger.check()) == []


# Limits and budgets --------------------------------------------------------------------------------------------------


def test_limits_hold_for_the_day_of_the_event_in_the_programme(programme, person):
    rule_in_force(programme, cap_day=150)
    late = dt.datetime(2026, 11, 29, 20, 29, tzinfo=dt.UTC)  # 23:59 in Tehran

    assert [record(person, number, occurred_at=late).points for number in (1, 2, 3)] == [100, 50, 0]
    assert record(person, 4, occurred_at=late + dt.timedelta(minutes=1)).points == 100
    assert [row.outcome for row in Decision.objects.order_by("pk")] == ["earned", "clipped", "none", "earned"]


def test_a_limit_that_is_set_later_counts_what_was_earned_before(programme, person):
    version = rule_in_force(programme)
    record(person)
    staff = UserFactory(superuser=True)
    earning.publish(earning.save_draft(rule=version.rule, by=staff, cap_month=120), by=staff)

    assert record(person, 2).points == 20


def test_the_members_limit_counts_all_rules(programme, person):
    programme.earning.cap_week = 130
    programme.earning.save()
    rule_in_force(programme)
    rule_in_force(programme, "more", points=20)

    assert record(person).points == 120
    assert record(person, 2).points == 10
    counter = RuleCounter.objects.get(rule="", period__startswith="week:")
    assert (counter.points, counter.times) == (130, 2)


def campaign(programme, **values):
    fixed = {"code": "noruz", "name": {"fa": "نوروز"}, "percent": 150}
    dates = {"starts_at": NOW - dt.timedelta(days=1), "ends_at": NOW + dt.timedelta(days=1)}
    created = Campaign.objects.create(programme=programme, **{**fixed, **dates, **values})
    earning.publish_campaign(created, by=UserFactory(superuser=True))
    return created


def test_a_campaign_pays_its_part_out_of_its_budget_until_that_is_empty(programme, person):
    rule_in_force(programme)
    campaign(programme, budget="noruz")
    ledger.fund(programme=programme, budget="noruz", amount=80, key="f", actor="user:1")

    assert [record(person, number).points for number in (1, 2, 3)] == [150, 130, 100]
    assert [row.outcome for row in Decision.objects.order_by("pk")] == ["earned", "clipped", "clipped"]
    budget = Account.objects.get(kind=Kind.BUDGET)
    assert budget.credits - budget.debits == 0

    settle(1, stands=False)
    budget.refresh_from_db()
    assert budget.credits - budget.debits == 50
    assert settle(1, stands=True)[0].points == 150
    assert list(ledger.check()) == []


def test_pending_points_come_on_the_day_the_rule_says(programme, person):
    rule_in_force(programme, pending_days=3)
    decision = record(person)

    [arriving] = summary(decision.wallet, today=NOW.date()).arriving
    assert (arriving.day, arriving.points) == (dt.date(2026, 12, 2), 100)


# Who makes rules -----------------------------------------------------------------------------------------------------


def draft(programme, by, **values):
    return earning.create_rule(
        programme=programme,
        code="x",
        name={"fa": "قاعده"},
        by=by,
        **{"trigger": "community.solution", "points": 5, **values},
    )


def test_only_those_who_may_write_rules_write_them_and_others_publish(programme):
    nobody = UserFactory(staff=True)
    for refused in (
        lambda: draft(programme, nobody),
        lambda: earning.publish(draft(programme, UserFactory(superuser=True)), by=nobody),
        lambda: earning.retire(EarningRule.objects.get(), by=nobody),
        lambda: earning.save_draft(rule=EarningRule.objects.get(), by=nobody, points=9),
        lambda: earning.publish_campaign(Campaign(programme=programme), by=nobody),
        lambda: earning.end_campaign(Campaign(programme=programme), by=nobody),
    ):
        with pytest.raises(NotPermittedError):
            refused()
    assert RuleVersion.objects.get().state == "draft"


@pytest.mark.parametrize(
    "values",
    [
        {"trigger": "unknown"},
        {"conditions": {"fact": "kind", "op": "eq", "value": "ideas"}},
        {"per_fact": "by_consensus"},
        {"points": 0},
        {"points": 10**9},
        {"per_units": 0},
        {"pending_days": 61},
        {"rounding": "bankers"},
    ],
)
def test_a_rule_that_could_not_be_judged_is_not_even_drafted(programme, values):
    with pytest.raises((InvalidConditionError, ValidationError)):
        draft(programme, UserFactory(superuser=True), **values)
    assert not EarningRule.objects.exists()


def test_an_edit_makes_a_new_version_and_publishing_it_ends_the_old_one(programme):
    staff = UserFactory(superuser=True)
    first = earning.publish(draft(programme, staff), by=staff)
    second = earning.save_draft(rule=first.rule, by=staff, points=6)
    assert earning.save_draft(rule=first.rule, by=staff, cap_day=60).pk == second.pk

    earning.publish(second, by=staff)

    states = RuleVersion.objects.order_by("number").values_list("number", "points", "cap_day", "state")
    assert list(states) == [(1, 5, None, "retired"), (2, 6, 60, "published")]
    with pytest.raises(NotADraftError):
        earning.publish(first, by=staff)
    assert earning.retire(first.rule, by=staff)
    assert not earning.retire(first.rule, by=staff)


# What the database refuses -------------------------------------------------------------------------------------------


def everything():
    models = (RuleVersion, Campaign, LoyaltyEvent, Decision)
    return [list(model.objects.order_by("pk").values_list()) for model in models]


@contextlib.contextmanager
def refused(error=IntegrityError):
    before = everything()
    with pytest.raises(error), transaction.atomic():
        yield
    assert everything() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE loyalty_ruleversion SET points = 9 WHERE state = 'published'",
        "UPDATE loyalty_ruleversion SET state = 'draft' WHERE state = 'published'",
        "UPDATE loyalty_ruleversion SET state = 'retired', points = 9 WHERE state = 'published'",
        "UPDATE loyalty_ruleversion SET conditions = '{\"a\": 1}', state = 'retired' WHERE state = 'published'",
        "UPDATE loyalty_ruleversion SET state = 'published' WHERE state = 'retired'",
        "DELETE FROM loyalty_ruleversion WHERE state <> 'draft'",
        "UPDATE loyalty_campaign SET percent = 900",
        "DELETE FROM loyalty_campaign",
        "UPDATE loyalty_loyaltyevent SET facts = '{}'",
        "DELETE FROM loyalty_loyaltyevent",
        "UPDATE loyalty_decision SET points = 5",
        "DELETE FROM loyalty_decision",
    ],
)
def test_what_was_published_or_decided_cannot_be_changed_by_any_statement(programme, person, statement):
    version = rule_in_force(programme)
    staff = UserFactory(superuser=True)
    earning.publish(earning.save_draft(rule=version.rule, by=staff, points=7), by=staff)
    campaign(programme)
    record(person)

    with refused(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.sqlite
@pytest.mark.parametrize("table", ["ruleversion", "campaign", "loyaltyevent", "decision"])
def test_nothing_is_replaced(programme, person, table):
    rule_in_force(programme)
    campaign(programme)
    record(person)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pragma_table_info(%s)", [f"loyalty_{table}"])
        columns = ", ".join(f'"{name}"' for (name,) in cursor.fetchall())
    with refused(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT OR REPLACE INTO loyalty_{table} ({columns}) SELECT {columns} FROM loyalty_{table}"  # noqa: S608
        )


def test_the_orm_refuses_it_too(programme, person):
    version = rule_in_force(programme)
    running = campaign(programme)
    decision = record(person)
    version.points = 900
    for change in (
        version.save, version.delete, running.delete, decision.save, decision.delete, decision.event.delete,
        RuleCounter.objects.first().delete,
    ):  # fmt: skip
        with refused(TypeError):
            change()
    version.state = "draft"
    with refused(TypeError):
        version.save()
    with refused():
        RuleVersion.objects.bulk_create(
            [RuleVersion(rule=version.rule, number=5, trigger="community.solution", points=1, state="published")]
        )
    assert Wallet.objects.count() == 1
    assert timezone.now() > version.published_at
