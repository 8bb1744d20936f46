"""Tiers: status points follow awards, members move up at once and down after a notice, and nothing else moves them."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.exceptions import GrantRefusedError, NotADraftError, NotPermittedError, SpendingStoppedError
from loyalty.models import Decision, Journal, Tier, TierMembership, TierProgramme, TierSet, Wallet
from loyalty.models.tiers import TierMembership as Move
from loyalty.services import earning, ledger, tiers
from loyalty.services.members import export_tiers, forget_member
from loyalty.services.tiers import publishing
from portal.core import outbox
from portal.notifications import queries as notifications
from portal.notifications.models import Notification
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force, tiers_in_force
from tests.loyalty.test_earning import happened
from tests.loyalty.test_ledger_concurrency import at_once

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.models.tiers",
        "loyalty.services.tiers.evaluating",
        "loyalty.services.tiers.points",
        "loyalty.services.tiers.publishing",
        "loyalty.notifications",
        "loyalty.management.commands.set_up_tiers",
    ),
]

Reason = Move.Reason


@pytest.fixture
def programme():
    """Awards of 100 points; silver takes 100, gold 300, diamond 500."""
    programme = EarningFactory().programme
    rule_in_force(programme)
    return programme


@pytest.fixture
def rules(programme):
    return tiers_in_force(programme)


@pytest.fixture
def person():
    return UserFactory(language="fa")


def earn(person, *numbers, days_ago=0, **how):
    """Have answers of the person accepted, and the worker do the rest."""
    at = timezone.now() - dt.timedelta(days=days_ago)
    for number in numbers:
        earning.record(happened(person, number, occurred_at=at, **how))
    outbox.drain()


def lose(*numbers):
    events = earning.events_of(*(f"community.post:{number}" for number in numbers))
    earning.settle(events, stands=lambda _event: False, because="removed")
    outbox.drain()


def moves():
    rows = TierMembership.objects.order_by("pk").select_related("to_tier")
    return [(row.reason, row.to_tier.code) for row in rows]


def status_wallet():
    return Wallet.objects.get(programme__tiers_of__isnull=False)


def later(rules, days):
    day = today_of(rules.tiers.status) + dt.timedelta(days=days)
    tiers.evaluate_all(rules=rules, today=day)
    outbox.drain()
    return day


# Status points -------------------------------------------------------------------------------------------------------


def test_an_award_gives_status_points_at_once_and_the_tier_they_are_enough_for(rules, person):
    earn(person, 1)
    assert moves() == [("upgrade", "silver")]
    earn(person, 2, 3, 4, 5)
    assert moves() == [("upgrade", "silver"), ("upgrade", "gold"), ("upgrade", "diamond")]
    row = TierMembership.objects.latest("pk")
    assert (row.evidence["points"], row.evidence["set"], row.from_tier.code) == (500, rules.number, "gold")
    assert row.evidence["journal"] == Journal.objects.filter(wallet=row.wallet).latest("pk").pk


def test_a_decision_that_is_followed_again_gives_nothing_again(rules, person):
    earn(person, 1, 2)
    for decision in Decision.objects.all():
        tiers.mirror(event_id=decision.event_id, wallet_id=decision.wallet_id)

    assert ledger_points() == 200
    assert list(ledger.check()) == []


def ledger_points():
    return Journal.objects.filter(wallet=status_wallet()).latest("number").available


def test_points_that_are_taken_back_and_given_again_are_so_here_in_any_order(rules, person):
    earning.record(happened(person, 1, occurred_at=timezone.now()))
    events = earning.events_of("community.post:1")
    for stands in (False, True, False, True):
        earning.settle(events, stands=lambda _event, stands=stands: stands, because="removed")
    outbox.drain()
    assert ledger_points() == 100

    lose(1)
    assert ledger_points() == 0
    assert list(ledger.check()) == []


def test_what_a_campaign_adds_does_not_lift_anybody(programme, rules, person):
    decision = earning.record(happened(person, 1, occurred_at=timezone.now()))[0]
    Decision.objects.bulk_create(
        [
            Decision(
                event=decision.event, wallet=decision.wallet, round=1, outcome="earned", points=250,
                considered=[decision.considered[0] | {"points": 250, "bonus": 150}],
            )
        ]
    )  # fmt: skip
    outbox.drain()

    assert Journal.objects.filter(wallet=status_wallet()).latest("pk").amount == 100


def test_nobody_without_tiers_or_with_a_closed_membership_gets_status_points(programme, person):
    earn(person, 1)
    assert not Wallet.objects.exclude(programme=programme).exists()

    tiers_in_force(programme)
    [decision] = Decision.objects.all()
    forget_member(person)
    assert tiers.mirror(event_id=decision.event_id, wallet_id=decision.wallet_id) is None


def test_past_awards_count_once_when_a_programme_gets_tiers(programme, person):
    earn(person, 1, 2, 3)
    lose(3)
    staff = UserFactory(superuser=True)
    for _twice in range(2):
        call_command("set_up_tiers", "--by", staff.email, "--code", programme.code, "--publish", stdout=io.StringIO())

    assert ledger_points() == 200
    assert list(ledger.check()) == []
    with pytest.raises(CommandError):
        call_command("set_up_tiers", "--by", staff.email, "--code", "x")
    with pytest.raises(CommandError):
        call_command("set_up_tiers", "--by", UserFactory().email, "--code", EarningFactory().programme.code)


def test_a_copy_of_ones_data_has_moves_and_warnings(rules, person):
    earn(person, 1)
    [move] = export_tiers(person)
    assert (move["from"], move["to"], move["why"]) == ("bronze", "silver", "upgrade")
    assert list(export_tiers(UserFactory())) == []


def test_spending_expiry_and_corrections_never_lower_a_tier(rules, person, programme):
    """Invariant I17 of the design."""
    earn(person, 1, 2, 3)
    wallet = Wallet.objects.get(programme=programme)
    ledger.hold(wallet=wallet, hold="h", amount=200)
    ledger.capture(wallet=wallet, hold="h")
    ledger.adjust(wallet=wallet, amount=-50, key="k", reason="mistake", actor="user:1")
    ledger.expire(wallet=wallet, today=today_of(programme) + dt.timedelta(days=3000))
    status = status_wallet()
    ledger.expire(wallet=status, today=today_of(programme) + dt.timedelta(days=3000))

    later(rules, 1)

    assert moves() == [("upgrade", "silver"), ("upgrade", "gold")]
    assert ledger_points() == 300
    with pytest.raises(SpendingStoppedError):
        ledger.hold(wallet=status, hold="s", amount=1)


# Down ----------------------------------------------------------------------------------------------------------------


def test_points_that_are_too_old_lead_down_one_step_after_a_notice_and_the_days_of_grace(rules, person):
    earn(person, 1, 2, 3, days_ago=300)
    assert moves()[-1] == ("upgrade", "gold")

    noticed = later(rules, 66)
    notice = TierMembership.objects.latest("pk")
    assert (notice.reason, notice.to_tier.code, notice.due_on) == ("notice", "gold", noticed + dt.timedelta(days=30))
    later(rules, 95)
    assert TierMembership.objects.latest("pk") == notice
    later(rules, 96)
    assert moves()[-1] == ("downgrade", "silver")
    later(rules, 97)
    assert moves()[-1] == ("notice", "silver")


def test_whoever_has_enough_again_keeps_the_tier(rules, person):
    earn(person, 1, 2, 3, days_ago=370)
    earn(person, 4)
    wallet = status_wallet()
    assert moves() == [("upgrade", "silver")]
    TierMembership.objects.create(
        wallet=wallet, number=2, from_tier=gold(rules), to_tier=gold(rules), reason="notice",
        due_on=today_of(rules.tiers.status) + dt.timedelta(days=5), actor="rules",
    )  # fmt: skip

    earn(person, 5, 6)

    assert moves()[-1] == ("kept", "gold")


def gold(rules):
    return rules.rows.get(code="gold")


def test_a_tier_reached_by_points_that_are_taken_back_goes_at_once(rules, person):
    earn(person, 1, 2, 3)
    lose(1)

    assert moves()[-1] == ("taken-back", "silver")


def test_a_tier_held_for_long_is_not_lost_overnight_when_points_are_taken_back(rules, person):
    earn(person, 1, 2, 3)
    row = TierMembership.objects.latest("pk")
    with_older_row(row)
    lose(1)

    assert moves()[-1] == ("notice", "gold")


def with_older_row(row):
    """Have the member be in the tier for long: rows cannot be changed, so later ones say so."""
    TierMembership.objects.create(
        wallet_id=row.wallet_id, number=row.number + 1, from_tier=row.to_tier, to_tier=row.to_tier, reason="granted",
        due_on=row.created_at.date() - dt.timedelta(days=100), actor="user:1", created_at=row.created_at - dt.timedelta(days=200),
    )  # fmt: skip
    TierMembership.objects.create(
        wallet_id=row.wallet_id, number=row.number + 2, from_tier=row.to_tier, to_tier=row.to_tier, reason="kept",
        actor="rules",
    )  # fmt: skip


@pytest.mark.parametrize("calendar", ["jalali", "gregorian"])
def test_with_calendar_years_the_better_of_two_counts(programme, person, calendar):
    type(programme).objects.update(calendar=calendar)
    programme.refresh_from_db()
    rules = tiers_in_force(programme, window="calendar", downgrade="full", grace_days=0)
    earn(person, 1, 2, 3)
    assert moves()[-1] == ("upgrade", "gold")

    later(rules, 366)
    assert moves()[-1] == ("upgrade", "gold")
    later(rules, 366 + 366)
    assert moves()[-1] == ("downgrade", "bronze")


def test_the_year_begins_as_in_the_calendar_of_the_programme(programme):
    day = dt.date(2026, 3, 22)
    starts = {}
    for calendar in ("jalali", "gregorian"):
        programme.calendar = calendar
        periods = tiers.periods_that_count(programme, "calendar", day)
        starts[calendar] = [start.date() for start, _end in periods]
    assert starts["jalali"] == [dt.date(2025, 3, 21), dt.date(2026, 3, 21)]
    assert starts["gregorian"] == [dt.date(2025, 1, 1), dt.date(2026, 1, 1)]


# Versions ------------------------------------------------------------------------------------------------------------


def test_a_preview_says_who_would_move_and_changes_nothing(programme, rules, person):
    earn(person, 1, 2, 3)
    earn(UserFactory(), 4)
    staff = UserFactory(superuser=True)
    rows = [
        {"code": "bronze", "name": {"fa": "برنزی"}, "threshold": 0},
        {"code": "silver", "name": {"fa": "نقره‌ای"}, "threshold": 50},
        {"code": "gold", "name": {"fa": "طلایی"}, "threshold": 1000},
    ]
    draft = tiers.save_draft(tiers=rules.tiers, rows=rows, by=staff)
    before = moves()

    found = tiers.preview(draft)

    assert found.members == 2
    assert dict(found.moves) == {("notice", 2, 1): 1}
    assert dict(found.in_tier) == {2: 1, 1: 1}
    assert found.losing == [str(Wallet.objects.filter(programme=rules.tiers.status).earliest("pk").member_key)]
    assert moves() == before


def test_another_version_moves_nobody_down_without_a_notice_and_renames_what_is_gone(programme, rules, person):
    earn(person, 1, 2, 3)
    staff = UserFactory(superuser=True)
    rows = [
        {"code": "member", "name": {"fa": "عضو"}, "threshold": 0},
        {"code": "friend", "name": {"fa": "یار"}, "threshold": 250},
        {"code": "diamond", "name": {"fa": "الماسی"}, "threshold": 900},
    ]
    new = tiers.publish(tiers.save_draft(tiers=rules.tiers, rows=rows, by=staff), by=staff)

    tiers.evaluate_all(rules=new)

    assert moves()[-1] == ("replaced", "friend")
    tiers.evaluate_all(rules=new)
    assert len(moves()) == 3


def test_a_published_version_is_not_changed_by_anybody(rules):
    with pytest.raises(TypeError):
        rules.save()
    tier = rules.rows.first()
    with pytest.raises(TypeError):
        tier.save()
    for change in (
        lambda: TierSet.objects.filter(pk=rules.pk).update(grace_days=1),
        lambda: TierSet.objects.filter(pk=rules.pk).delete(),
        lambda: Tier.objects.filter(pk=tier.pk).update(threshold=7),
        lambda: Tier.objects.filter(pk=tier.pk).delete(),
        lambda: Tier.objects.bulk_create([Tier(tier_set=rules, code="x", name={}, threshold=8)]),
        lambda: TierSet.objects.bulk_create([TierSet(tiers=rules.tiers, number=9, state="published")]),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_moves_are_neither_changed_nor_deleted(rules, person):
    earn(person, 1)
    for change in (
        lambda: TierMembership.objects.update(actor="user:1"),
        lambda: TierMembership.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_only_those_who_may_make_tiers(programme, rules):
    nobody = UserFactory()
    staff = UserFactory(superuser=True)
    rows = [{"code": "a", "name": {"fa": "آ"}, "threshold": 0}]
    draft = tiers.save_draft(tiers=rules.tiers, rows=rows, by=staff)
    for act in (
        lambda: tiers.save_draft(tiers=rules.tiers, rows=rows, by=nobody),
        lambda: tiers.publish(draft, by=nobody),
        lambda: tiers.set_up(programme=programme, by=nobody),
        lambda: tiers.grant(
            user=UserFactory(), programme=programme, tier="gold", until=tomorrow(), reason="trial", by=nobody
        ),
        lambda: tiers.end_grant(user=UserFactory(), programme=programme, by=nobody),
    ):
        with pytest.raises(NotPermittedError):
            act()
    tiers.publish(draft, by=staff)
    with pytest.raises(NotADraftError):
        tiers.publish(draft, by=staff)
    assert tiers.set_up(programme=programme, by=staff) is None


@pytest.mark.parametrize(
    "rows",
    [
        [{"code": "a", "name": {"fa": "آ"}, "threshold": 5}],
        [{"code": "a", "name": {"fa": "آ"}, "threshold": 0}, {"code": "b", "name": {"fa": "ب"}, "threshold": 0}],
        [{"code": "a", "name": {"fa": "آ"}, "threshold": 0}, {"code": "a", "name": {"fa": "ب"}, "threshold": 1}],
    ],
)
def test_tiers_that_leave_somebody_without_one_are_refused(rules, rows):
    with pytest.raises(publishing.ValidationError):
        tiers.save_draft(tiers=rules.tiers, rows=rows, by=UserFactory(superuser=True))


# By hand -------------------------------------------------------------------------------------------------------------


def tomorrow(days=1):
    return timezone.localdate() + dt.timedelta(days=days)


def give(person, programme, **how):
    fixed = {"tier": "gold", "until": tomorrow(30), "reason": "goodwill", "by": UserFactory(superuser=True)}
    return tiers.grant(user=person, programme=programme, **{**fixed, **how})


def test_a_tier_given_by_staff_lasts_until_its_day_and_ends_without_waiting(programme, rules, person):
    row = give(person, programme)
    assert (row.reason, row.to_tier.code, row.grant_reason) == ("granted", "gold", "goodwill")

    later(rules, 29)
    assert moves() == [("granted", "gold")]
    later(rules, 32)
    assert moves() == [("granted", "gold"), ("grant-ended", "bronze")]


def test_a_grant_does_not_stop_points_from_leading_higher(programme, rules, person):
    give(person, programme, tier="silver")
    earn(person, 1, 2, 3)
    assert moves() == [("granted", "silver"), ("upgrade", "gold")]
    assert tiers.end_grant(user=person, programme=programme, by=UserFactory(superuser=True)).to_tier.code == "gold"


def test_a_grant_is_taken_back(programme, rules, person):
    give(person, programme)
    staff = UserFactory(superuser=True)
    assert tiers.end_grant(user=person, programme=programme, by=staff).to_tier.code == "bronze"
    assert tiers.end_grant(user=person, programme=programme, by=staff) is None


@pytest.mark.parametrize(
    "how", [{"until": tomorrow(0)}, {"until": tomorrow(2000)}, {"tier": "bronze"}, {"tier": "x"}, {"reason": "?"}]
)
def test_a_grant_that_makes_no_sense_is_refused(programme, rules, person, how):
    give(person, programme, tier="silver")
    with pytest.raises(GrantRefusedError):
        give(person, programme, **how)


def test_nobody_gives_a_tier_to_themselves(programme, rules):
    staff = UserFactory(superuser=True)
    with pytest.raises(GrantRefusedError):
        give(staff, programme, by=staff)


# Telling -------------------------------------------------------------------------------------------------------------


def plain(text):
    """Return the text without the marks around names."""
    return text.replace("\u2068", "").replace("\u2069", "")


def told(person):
    return [plain(each.notice.title) for each in notifications.fold(person, list(Notification.objects.order_by("-pk")))]


def test_members_are_told_that_they_move_up_and_that_they_will_move_down(rules, person, mailoutbox):
    earn(person, 1, 2, 3, days_ago=300)
    assert "شما به سطح «طلایی» رسیدید" in plain(mailoutbox[-1].body)
    later(rules, 66)
    assert "سطح «طلایی» شما تا" in told(person)[0]
    later(rules, 96)
    assert told(person)[0] == "سطح شما اکنون «نقره‌ای» است"


def test_a_notice_that_is_over_is_no_news(rules, person):
    earn(person, 1, 2, 3, days_ago=300)
    later(rules, 66)
    earn(person, 7, 8, 9)

    assert not any("برقرار است" in title for title in told(person))


def test_news_of_others_are_not_shown(rules, person):
    earn(person, 1)

    assert notifications.fold(UserFactory(), list(Notification.objects.all())) == []


def test_nobody_is_told_before_the_programme_is_shown(programme, rules, person):
    programme.earning.is_open = False
    programme.earning.save()
    earn(person, 1)

    assert moves() == [("upgrade", "silver")]
    assert not Notification.objects.exists()


# Many ----------------------------------------------------------------------------------------------------------------


def test_a_portion_costs_the_same_number_of_queries_however_many_are_in_it(rules, person):
    earn(person, 1)
    tiers.evaluate_all(rules=rules)
    counts = []
    for number in (2, 3):
        for more in range(4 * (number - 2)):
            earn(UserFactory(), 10 * number + more)
        with CaptureQueriesContext(connection) as captured:
            tiers.evaluate_all(rules=rules)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_job_runs_once_a_day_and_after_tiers_were_published(programme, rules, person):
    assert tiers.is_evaluation_due(None)
    assert not tiers.is_evaluation_due(timezone.now())
    assert tiers.is_evaluation_due(timezone.now() - dt.timedelta(days=1))
    assert tiers.is_evaluation_due(rules.published_at - dt.timedelta(seconds=1))
    earn(person, 1)
    tiers.evaluate_everybody()
    assert len(moves()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_evaluations_at_the_same_moment_write_one_row(programme, person):
    rules = tiers_in_force(programme)
    earning.record(happened(person, 1, occurred_at=timezone.now()))
    [decision] = Decision.objects.all()

    def work(number):
        if number % 2:
            wallet = tiers.mirror(event_id=decision.event_id, wallet_id=decision.wallet_id)
            return tiers.evaluate(wallet)
        return tiers.evaluate_all(rules=rules)

    results = at_once(8, work)

    assert not [result for result in results if isinstance(result, Exception)]
    tiers.evaluate_all(rules=rules)
    assert moves() == [("upgrade", "silver")]
    assert (TierProgramme.objects.count(), ledger_points()) == (1, 100)
    outbox.drain()
    assert Notification.objects.count() == 1
    assert list(ledger.check()) == []
