"""Challenges: completed by what stands, taken back with it, paid once, for whom they are; and weeks in a row."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from loyalty import own_challenges
from loyalty.buckets import month_begin, today_of, week_begin
from loyalty.events import ChallengeMoved, PointsDecided
from loyalty.exceptions import NotADraftError, NotPermittedError, SecondPersonError
from loyalty.models import Challenge, ChallengeRecord, Decision, PointsPolicy, Programme, SegmentMembership, Wallet
from loyalty.queries import summary
from loyalty.services import badges, challenges, earning, ledger
from loyalty.services.members import export_challenges, forget_member
from loyalty.services.offers import Purpose, set_consent
from portal.core import outbox
from portal.core.localized import LocalizedText
from portal.notifications import queries as notifications
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory
from tests.factories.loyalty import (
    EarningFactory,
    challenge_in_force,
    points_for_challenges,
    rule_in_force,
    tiers_in_force,
)
from tests.loyalty.test_earning import happened
from tests.loyalty.test_ledger_concurrency import at_once
from tests.loyalty.test_tiers import earn, lose

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.models.challenges",
        "loyalty.own_challenges",
        "loyalty.services.challenges.following",
        "loyalty.services.challenges.publishing",
    ),
]

PAGE = "/fa/loyalty/challenges/"


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(programme)
    return programme


@pytest.fixture
def person():
    return MemberFactory(language="fa")


def records():
    return [(row.period, row.what) for row in ChallengeRecord.objects.order_by("pk")]


def this_month(programme):
    return month_begin(today_of(programme), in_calendar=programme.calendar).isoformat()


# Completing ----------------------------------------------------------------------------------------------------------


def test_a_challenge_and_its_points_go_with_what_it_rested_on_and_come_back(programme, person):
    points_for_challenges(programme)
    challenge_in_force(programme, points=50)
    month = this_month(programme)
    earn(person, 1)
    assert records() == []
    earn(person, 2)
    assert records() == [(month, "completed")]
    wallet = Wallet.objects.get()
    assert summary(wallet).spendable == 250

    lose(1)
    assert records()[1:] == [(month, "revoked")]
    assert summary(wallet).spendable == 100
    [reversed_one] = Decision.objects.filter(event__trigger=challenges.CHALLENGE, outcome="reversed")
    assert reversed_one.reason == "challenge-undone"
    earn(person, 3)
    assert records()[2:] == [(month, "completed")]
    assert summary(wallet).spendable == 250
    assert [row["what"] for row in export_challenges(person)] == ["completed", "revoked", "completed"]
    assert challenges.completions() == {Challenge.objects.get().pk: 1}
    assert list(ledger.check()) == []


def test_points_for_it_are_pending_and_limited_like_all_others(programme, person):
    points_for_challenges(programme, pending_days=3, cap_month=60)
    challenge_in_force(programme, "first", points=50, target=1)
    challenge_in_force(programme, "second", points=50, target=1)
    earn(person, 1)

    wallet = Wallet.objects.get()
    assert summary(wallet).spendable == 100  # of the answer
    assert sum(arriving.points for arriving in summary(wallet).arriving) == 60


def test_what_is_followed_again_changes_nothing(programme, person):
    points_for_challenges(programme)
    challenge_in_force(programme, points=50, target=1)
    earn(person, 1)
    for decision in Decision.objects.all():
        challenges.follow_decision(PointsDecided(event_id=decision.event_id, wallet_id=decision.wallet_id))
    for row in ChallengeRecord.objects.all():
        challenges.follow_completion(
            ChallengeMoved(challenge=row.challenge_id, wallet=row.wallet_id, period=row.period)
        )
    assert challenges.judge_everybody() == 0
    assert len(records()) == 1
    assert summary(Wallet.objects.get()).spendable == 150


def test_with_two_programmes_the_points_come_in_that_of_the_challenge_alone(programme, person):
    other = EarningFactory().programme
    for each in (programme, other):
        points_for_challenges(each)
    rule_in_force(other)
    challenge_in_force(programme, points=50, target=1)
    earn(person, 1)

    spendable = {wallet.programme_id: summary(wallet).spendable for wallet in Wallet.objects.all()}
    assert spendable == {programme.pk: 150, other.pk: 100}
    lose(1)
    assert {summary(wallet).spendable for wallet in Wallet.objects.all()} == {0}
    assert {row.wallet.programme for row in Decision.objects.filter(event__trigger=challenges.CHALLENGE)} == {programme}
    assert list(ledger.check()) == []


def test_every_month_begins_anew_in_the_calendar_of_the_programme(programme, person):
    today = today_of(programme)
    begin = month_begin(today, in_calendar=programme.calendar)
    last_day = (today - begin).days + 1  # days ago
    challenge_in_force(programme, target=2, starts_on=begin - dt.timedelta(days=40))
    earn(person, 1, days_ago=last_day)
    earn(person, 2)
    assert records() == []  # one in each month
    earn(person, 3, days_ago=last_day)
    assert records() == [
        (month_begin(begin - dt.timedelta(days=1), in_calendar=programme.calendar).isoformat(), "completed")
    ]
    earn(person, 4)
    assert records()[1:] == [(begin.isoformat(), "completed")]


def test_what_cannot_be_repeated_is_completed_once(programme, person):
    begin = dt.date.fromisoformat(this_month(programme))
    before = (today_of(programme) - begin).days + 5
    challenge_in_force(programme, target=1, repeats=False, starts_on=begin - dt.timedelta(days=40))
    earn(person, 1)
    earn(person, 2, days_ago=before)
    assert records() == [("once", "completed")]
    lose(1)
    assert records() == [("once", "completed")]  # the other one stands


def test_between_two_days_nothing_else_counts(programme, person):
    today = today_of(programme)
    challenge_in_force(
        programme,
        target=2,
        period="fixed",
        starts_on=today - dt.timedelta(days=3),
        ends_on=today + dt.timedelta(days=3),
    )
    earn(person, 1, days_ago=4)
    earn(person, 2, days_ago=3)
    assert records() == []
    earn(person, 3)
    assert records() == [("once", "completed")]


def test_the_job_finds_what_was_done_before_it_was_published(programme, person):
    earn(person, 1)
    before = timezone.now()
    challenge = challenge_in_force(programme, target=1)
    assert challenge.starts_on.isoformat() == this_month(programme)
    assert challenges.is_judging_due(before)
    assert challenges.judge_everybody() == 1
    assert not challenges.is_judging_due(timezone.now())


def test_one_that_ended_is_kept_and_still_goes_with_what_it_rested_on(programme, person):
    challenge, other = challenge_in_force(programme, target=1), MemberFactory()
    earn(person, 1)
    assert challenges.retire(challenge, by=UserFactory(superuser=True))
    earn(other, 2)
    challenges.judge_everybody()
    assert len(records()) == 1  # nobody else
    lose(1)
    assert records()[-1][1] == "revoked"


def test_nobody_who_left_completes_anything(programme, person):
    earn(person, 1)
    challenge_in_force(programme, target=1)
    forget_member(person)
    assert challenges.judge_everybody() == 0


def test_only_whom_it_is_for_completes_it_and_keeps_it(programme, person):
    challenge_in_force(programme, target=1, segment="silent")
    earn(person, 1)
    wallet = Wallet.objects.get()
    membership = SegmentMembership.objects.create(member_key=wallet.member_key, segment="silent")
    earn(person, 2)
    assert records() == []  # does not want personal offers
    set_consent(user=person, programme=programme, purpose=Purpose.PROFILING, is_given=True, source="page")
    earn(person, 3)
    assert len(records()) == 1
    membership.delete()
    assert challenges.judge_everybody() == 0


def test_one_for_a_tier_is_for_those_who_have_reached_it(programme, person):
    tiers_in_force(programme)
    challenge_in_force(programme, target=1, from_tier="gold")
    earn(person, 1)
    assert records() == []
    earn(person, 2, 3)
    challenges.judge_everybody()
    assert len(records()) == 1


@given(moves=st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 70), st.booleans()), max_size=14))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_followed_move_by_move_comes_to_what_all_of_it_anew_comes_to(programme, moves):
    """Whatever happened in whatever order: what was noted is what the awards that stand say."""
    with transaction.atomic():
        person = MemberFactory()
        begin = today_of(programme) - dt.timedelta(days=100)
        Challenge.objects.filter(state="draft").delete()
        for code, values in (("each", {"repeats": True}), ("one", {"repeats": False, "target": 3})):
            if not Challenge.objects.filter(programme=programme, code=code).exists():
                challenge_in_force(programme, code, starts_on=begin, **values)
        base = person.pk * 100
        for number, is_given, days_ago, is_worked in moves:
            if is_given:
                at = timezone.now() - dt.timedelta(days=days_ago)
                earning.record(happened(person, base + number, occurred_at=at))
            events = earning.events_of(f"community.post:{base + number}")
            earning.settle(events, stands=lambda _event, stands=is_given: stands, because="removed")
            if is_worked:
                outbox.drain()
        outbox.drain()

        followed = noted()
        assert challenges.judge_everybody() == 0
        assert noted() == followed
        for challenge in Challenge.objects.select_related("programme"):
            for wallet in Wallet.objects.filter(programme=challenge.programme):
                found = badges.standing_awards(programme, [wallet.pk], {challenge.trigger})
                days = [day for own in found.values() for day in own.days]
                expected = challenges.counts(challenge, days, in_calendar=programme.calendar)
                assert {period for pk, owner, period in followed if (pk, owner) == (challenge.pk, wallet.pk)} == {
                    period for period, times in expected.items() if times >= challenge.target
                }
        transaction.set_rollback(True)


def noted():
    last = challenges.last_records(Wallet.objects.values_list("pk", flat=True))
    return {(row.challenge_id, row.wallet_id, row.period) for row in last.values() if row.what == "completed"}


# Making --------------------------------------------------------------------------------------------------------------


def draft(programme, by=None, **values):
    fixed = {
        "name": LocalizedText(fa="چالش", en="Challenge"), "text": LocalizedText(fa="کمک", en="Help"),
        "trigger": "community.solution", "target": 1,
    }  # fmt: skip
    fresh = Challenge(programme=programme, code="draft")
    return challenges.save_challenge(fresh, by=by or UserFactory(superuser=True), **{**fixed, **values})


def test_who_may_is_asked(programme):
    nobody, made = UserFactory(is_staff=True), draft(programme)
    for refused in (
        lambda: challenges.save_challenge(made, by=nobody, target=2),
        lambda: challenges.publish(made, by=nobody),
        lambda: challenges.retire(made, by=nobody),
    ):
        with pytest.raises(NotPermittedError):
            refused()


@pytest.mark.parametrize(
    "values",
    [
        {"trigger": "nothing.like_this"},
        {"trigger": challenges.CHALLENGE},
        {"target": 0},
        {"period": "fixed"},
        {"starts_on": dt.date(2026, 3, 2), "ends_on": dt.date(2026, 3, 1)},
        {"name": LocalizedText()},
    ],
)
def test_a_challenge_that_nobody_could_complete_is_not_saved(programme, values):
    with pytest.raises(ValidationError):
        draft(programme, **values)


def test_points_need_a_rule_and_much_needs_a_second_person(programme, person):
    writer, other = UserFactory(superuser=True), UserFactory(superuser=True)
    made = draft(programme, by=writer, points=1000)
    with pytest.raises(challenges.NoRuleError):
        challenges.publish(made, by=writer)
    points_for_challenges(programme)
    PointsPolicy.objects.create(programme=programme, budget_alone_up_to=11_999)
    earn(person, 1)  # one member, twelve months
    assert challenges.most_points(made) == 12_000
    with pytest.raises(SecondPersonError):
        challenges.publish(made, by=writer)
    assert challenges.publish(made, by=other).state == "published"


def test_what_was_published_stays_as_it_is(programme, person):
    challenge, staff = challenge_in_force(programme, target=1), UserFactory(superuser=True)
    earn(person, 1)
    with pytest.raises(NotADraftError):
        challenges.save_challenge(challenge, by=staff, target=3)
    for change in (
        lambda: Challenge.objects.filter(pk=challenge.pk).update(points=3),
        lambda: Challenge.objects.filter(pk=challenge.pk).delete(),
        lambda: ChallengeRecord.objects.update(what="revoked"),
        lambda: ChallengeRecord.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_preview_tells_of_months_that_are_over_and_writes_nothing(programme, person):
    begin = dt.date.fromisoformat(this_month(programme))
    made = draft(programme, target=2, points=10)
    last_month = (today_of(programme) - begin).days + 2
    earn(person, 1, 2, days_ago=last_month)
    earn(MemberFactory(), 3, days_ago=last_month)
    found = challenges.preview(made)
    assert found.members == 2
    assert [(tried.completed, tried.near, tried.points) for tried in found.times] == [(0, 0, 0), (0, 0, 0), (1, 1, 10)]
    assert found.times[-1].last_day == begin - dt.timedelta(days=1)
    assert records() == []


# Pages ---------------------------------------------------------------------------------------------------------------


def test_a_member_sees_what_runs_how_far_they_are_and_what_they_completed(client, programme, person):
    challenge_in_force(programme, target=1)
    challenge_in_force(programme, "more", target=4, name=LocalizedText(fa="چهارتا", en="Four"))
    challenge_in_force(programme, "few", target=1, segment="silent", name=LocalizedText(fa="پنهان", en="Hidden"))
    earn(person, 1)
    client.force_login(person)
    page = client.get(PAGE).text
    assert "۱ از ۴" in page
    assert "پاسخ شما پذیرفته" in page
    assert "کامل شد در" in page
    assert "پنهان" not in page
    assert "چهارتا" in client.get("/fa/loyalty/").text

    with CaptureQueriesContext(connection) as few:
        client.get(PAGE)
    for number in range(5, 9):
        challenge_in_force(programme, f"more-{number}", target=number)
    earn(person, *range(2, 5))
    with CaptureQueriesContext(connection) as more:
        client.get(PAGE)
    assert len(more) <= len(few)


def test_somebody_without_points_sees_what_can_be_taken_on(client, programme, person):
    challenge_in_force(programme, target=3)
    client.force_login(person)
    assert "۰ از ۳" in client.get(PAGE).text
    assert not Wallet.objects.exists()


def test_what_is_completed_is_among_the_badges_others_see_until_it_goes(programme, person):
    challenge_in_force(programme, target=1)
    challenge_in_force(programme, "own", target=1, is_badge=False)
    earn(person, 1)
    [honour] = own_challenges.public_challenges_of(person.pk)
    assert honour.icon == "flag"
    lose(1)
    assert own_challenges.public_challenges_of(person.pk) == []


def test_the_member_is_told_in_their_language_until_it_goes(programme, person):
    points_for_challenges(programme)
    challenge_in_force(programme, target=1, points=50)
    earn(person, 1)
    [told] = notifications.recent(person)
    assert "دو گره‌گشایی" in told.notice.title
    assert "۵۰" in told.notice.text
    lose(1)
    assert notifications.recent(person) == []


def test_members_are_told_what_a_challenge_gives_and_then_what_it_gave(client, programme, person):
    points_for_challenges(programme, cap_month=30)
    challenge_in_force(programme, target=1, points=50)
    client.force_login(person)
    assert "تا ۳۰ امتیاز وقتی کاملش کنید" in client.get(PAGE).text  # the rule gives no more
    challenge_in_force(programme, "second", target=2, points=20)
    earn(person, 1)
    page = client.get(PAGE)
    assert "۳۰ امتیاز برای آن" in page.text
    assert "۵۰" not in page.text
    assert [past.given for past in page.context["own"].past] == [30]
    [told] = notifications.recent(person)
    assert "۳۰" in told.notice.text
    earn(person, 2)  # nothing is left of the limit
    page = client.get(PAGE)
    assert [(each.is_completed, each.given) for each in page.context["own"].running] == [(True, 0), (True, 30)]
    told = notifications.recent(person)[0].notice
    assert told.text == "دو پاسخ پذیرفته‌شده در یک ماه"


def test_without_limits_the_points_of_a_challenge_are_promised_and_without_a_rule_none(client, programme, person):
    rule = points_for_challenges(programme, points=2)
    challenge_in_force(programme, target=1, points=50)
    client.force_login(person)
    assert ">۱۰۰ امتیاز وقتی کاملش کنید" in client.get(PAGE).text.replace("\n", "").replace("  ", "")
    earning.retire(rule.rule, by=UserFactory(superuser=True))
    assert client.get(PAGE).context["own"].running[0].worth is None


# Weeks in a row ------------------------------------------------------------------------------------------------------

GREGORIAN, JALALI = Programme.Calendar.GREGORIAN, Programme.Calendar.JALALI
#: A Monday that begins a quarter.
MONDAY = dt.date(2026, 6, 29) + dt.timedelta(days=7)


def row(pattern, *, in_calendar=GREGORIAN, begin=MONDAY):
    """The row of weeks after weeks with (x) and without (.) help; the last one is that of today."""
    days = [begin + dt.timedelta(days=7 * week + week % 7) for week, mark in enumerate(pattern) if mark == "x"]
    return challenges.streak_of(days, begin + dt.timedelta(days=7 * (len(pattern) - 1)), in_calendar=in_calendar)


@pytest.mark.parametrize(
    ("pattern", "weeks", "best", "free"),
    [
        (".", 0, 0, 0),
        ("x", 1, 1, 0),
        ("xx.", 2, 2, 0),  # this week is not over
        ("xx.x", 3, 3, 1),
        ("x.x.x", 3, 3, 2),
        ("xx..x", 3, 3, 2),
        ("xx...x", 1, 2, 0),  # a third week off in the quarter
        ("x.x.x.x", 3, 3, 2),
        ("xx...", 2, 2, 2),
        ("xx....", 0, 2, 0),
    ],
)
def test_two_weeks_off_in_a_quarter_end_nothing(pattern, weeks, best, free):
    found = row(pattern)
    assert (found.weeks, found.best, len(found.free)) == (weeks, best, free)
    assert found.since == (None if not weeks else found.since)


def test_each_quarter_has_weeks_off_of_its_own_in_either_calendar():
    # Of thirteen weeks to a quarter.
    pattern = "x" * 10 + "..x" + ".." + "x"
    assert row(pattern).weeks == 12
    saturday = JalaliDate(1405, 4, 6).to_gregorian()
    assert saturday.weekday() == 5
    assert row(pattern, in_calendar=JALALI, begin=saturday).weeks == 12
    assert row("x" * 8 + "..x.x", in_calendar=JALALI, begin=saturday).weeks == 2


def days_of(week):
    return MONDAY + dt.timedelta(days=7 * week)


@given(weeks=st.sets(st.integers(0, 40)), more=st.integers(0, 40))
def test_help_never_shortens_a_row(weeks, more):
    today = MONDAY + dt.timedelta(days=7 * 41)
    days = [MONDAY + dt.timedelta(days=7 * week) for week in weeks]
    before = challenges.streak_of(days, today, in_calendar=GREGORIAN)
    after = challenges.streak_of([*days, MONDAY + dt.timedelta(days=7 * more)], today, in_calendar=GREGORIAN)
    assert after.weeks >= before.weeks
    assert after.best >= before.best
    assert before.weeks == len({week for week in weeks if before.since and days_of(week) >= before.since})


def test_a_week_is_that_of_the_programme_not_of_the_server(client, programme, person):
    """Saturday begins when it begins in Tehran, half past eight on Friday evening in London."""
    zone = dt.timezone(dt.timedelta(hours=3, minutes=30))
    saturday = week_begin(today_of(programme), in_calendar=programme.calendar) - dt.timedelta(days=7)
    first = dt.datetime.combine(saturday, dt.time(0, 30), zone)
    earning.record(happened(person, 1, occurred_at=first))
    earning.record(happened(person, 2, occurred_at=first - dt.timedelta(hours=1)))
    client.force_login(person)

    page = client.get(PAGE)

    assert page.context["own"].streak.weeks == 2
    assert "۲ هفتهٔ پیاپی" in page.text
    assert "امتیازی" in page.text
    lose(2)
    assert client.get(PAGE).context["own"].streak is None


# At the same moment --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_judged_by_many_at_once_it_is_completed_and_paid_once(programme, person):
    points_for_challenges(programme)
    challenge = challenge_in_force(programme, target=1, points=50)
    earning.record(happened(person))
    wallet = Wallet.objects.get()

    def complete(_number):
        challenges.judge(programme, [wallet.pk], [challenge])
        challenges.follow_completion(
            ChallengeMoved(challenge=challenge.pk, wallet=wallet.pk, period=this_month(programme))
        )

    at_once(6, complete)
    outbox.drain()
    assert [what for _period, what in records()] == ["completed"]
    assert summary(wallet).spendable == 150
