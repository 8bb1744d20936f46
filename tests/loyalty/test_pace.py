"""Fast earning: what is unusual waits for staff, and no point is lost by waiting."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.urls import reverse
from django.utils import timezone, translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from loyalty.exceptions import DecidedError, NoRightError, OwnPointsError, WalletFrozenError
from loyalty.models import Decision, Member, MemberAddress, PaceBaseline, PaceReview
from loyalty.queries import summary
from loyalty.services import earning, ledger, pace
from loyalty.services.earning.pace import hold_if_fast, most_awards
from loyalty.services.members import export_points, wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, WalletFactory, rule_in_force
from tests.loyalty.test_earning import NOW, happened
from tests.loyalty.test_tiers_admin import with_rights

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.pace", "loyalty.services.earning.pace", "loyalty.models.pace"),
]


@pytest.fixture(autouse=True)
def _few(settings):
    settings.POINTS_PACE_RULE, settings.POINTS_PACE_MEMBER, settings.POINTS_PACE_ADDRESS = 3, 5, 8


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(programme)
    return programme


def earns(person, count, *, first=1, **how):
    """So many accepted answers of a day; return the decisions."""
    return [earning.record(happened(person, person.pk * 1000 + first + number, **how))[0] for number in range(count)]


def points_of(person, programme):
    found = summary(wallet_for(user=person, programme=programme), today=NOW.date())
    return found.spendable, sum(one.points for one in found.arriving), found.reviewed


def decider():
    person = UserFactory(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="decide_votingreview"))
    return person


def test_what_is_faster_than_usual_waits_and_the_rest_does_not(programme):
    person = UserFactory()
    earns(person, 5)
    assert points_of(person, programme) == (300, 0, 200)
    [review] = PaceReview.objects.all()
    assert [(one["what"], one["count"]) for one in review.evidence] == [("rule", 4), ("rule", 5)]

    earns(person, 1, first=50, occurred_at=NOW + dt.timedelta(days=1))  # the next day is a new one
    assert points_of(person, programme) == (400, 0, 200)
    assert pace.waiting_in([review]) == {review.pk: 200}


def test_the_formula_has_a_floor_and_grows_with_what_is_usual(settings):
    settings.POINTS_PACE_DEVIATIONS = 4
    usual = PaceBaseline(mean=10, deviation=2, days=100)
    assert most_awards(3, usual) == 18
    assert most_awards(30, usual) == 30
    assert most_awards(3, usual, people=4) == 40 + 4 * 2 * 2
    assert most_awards(3, PaceBaseline(mean=10, deviation=2, days=29)) == 3  # too little to compare with
    assert most_awards(0, None) == float("inf")


def test_what_is_usual_is_measured_without_those_in_question(programme):
    for number, count in enumerate((1, 3)):
        earns(UserFactory(), count, first=number * 10, occurred_at=timezone.now() - dt.timedelta(days=2))
    earns(UserFactory(), 9, occurred_at=timezone.now() - dt.timedelta(days=2))
    assert pace.is_measuring_due(None)
    pace.measure()
    rows = {row.rule: (row.mean, row.deviation, row.days) for row in PaceBaseline.objects.all()}
    assert rows == {"answer": (2, 1, 2), "": (2, 1, 2)}
    assert not pace.is_measuring_due(None)


def test_members_at_one_address_are_counted_together(programme, rf):
    people = [UserFactory() for _each in range(4)]
    for person in people:
        pace.note_address(rf.get("/", REMOTE_ADDR="203.0.113.77"), person)
        earns(person, 2)
    assert PaceReview.objects.count() == 0
    earns(people[0], 1, first=50)
    [review] = PaceReview.objects.all()
    assert [(one["what"], one["count"], one["people"]) for one in review.evidence] == [("address", 9, 4)]
    assert not MemberAddress.objects.filter(address__contains="203").exists()


@pytest.mark.parametrize("neighbours", [0, 1, 3])
def test_looking_at_an_award_costs_three_queries_whoever_else_is_there(
    programme, rf, django_assert_num_queries, neighbours
):
    """Every vote and every post waits for it."""
    person = UserFactory()
    for each in [person, *(UserFactory() for _each in range(neighbours))]:
        pace.note_address(rf.get("/", REMOTE_ADDR="203.0.113.77"), each)
        [given] = earns(each, 1)
    wallet = wallet_for(user=person, programme=programme)
    with django_assert_num_queries(3):
        assert hold_if_fast(programme, wallet, given.event, {"answer"}) is None


def test_released_points_go_where_they_would_have_gone(programme):
    rule_in_force(programme, "later", trigger="community.reply", pending_days=3)
    person, by = UserFactory(), decider()
    earns(person, 4)
    earns(person, 4, first=20, trigger="community.reply", facts={})
    assert points_of(person, programme) == (300, 100, 400)
    review = PaceReview.objects.get()
    assert ledger.activate(wallet=review.wallet, today=dt.date(9999, 1, 1)) is not None
    assert points_of(person, programme) == (400, 0, 400)  # no day releases them

    assert pace.release(review, by=by).points == 400
    spendable, coming, reviewed = points_of(person, programme)
    assert (spendable + coming, reviewed) == (800, 0)
    with pytest.raises(DecidedError):
        pace.release(review, by=by)
    assert not list(ledger.check())


def test_points_that_expired_while_they_waited_can_be_spent(programme):
    person = UserFactory()
    earns(person, 4, occurred_at=NOW - dt.timedelta(days=800))
    review = PaceReview.objects.get()
    ledger.expire(wallet=review.wallet)
    assert points_of(person, programme) == (0, 0, 100)
    pace.release(review, by=decider())
    assert points_of(person, programme) == (100, 0, 0)


def test_what_is_taken_back_is_taken_back_for_good_and_explained(programme):
    person = UserFactory()
    given = earns(person, 5)
    review = PaceReview.objects.get()
    assert pace.reverse(review, by=decider()).points == 200
    assert points_of(person, programme) == (300, 0, 0)
    assert earning.settle([one.event for one in given], stands=lambda _event: True, because="") == []
    last = Decision.objects.order_by("-pk").first()
    with translation.override("fa"):
        assert "غیرعادی" in earning.explain(last).reason
    assert not list(ledger.check())


def test_what_goes_and_comes_back_waits_again(programme):
    person = UserFactory()
    given = earns(person, 4)[3]
    earning.settle([given.event], stands=lambda _event: False, because="removed")
    assert points_of(person, programme) == (300, 0, 0)
    earning.settle([given.event], stands=lambda _event: True, because="removed")
    assert points_of(person, programme) == (300, 0, 100)
    pace.release(PaceReview.objects.get(), by=decider())
    earning.settle([given.event], stands=lambda _event: False, because="removed")
    earning.settle([given.event], stands=lambda _event: True, because="removed")
    assert points_of(person, programme) == (400, 0, 0)


def test_nobody_decides_without_the_right_or_about_themselves_or_while_frozen(programme):
    person = UserFactory()
    earns(person, 4)
    review = PaceReview.objects.get()
    with pytest.raises(NoRightError):
        pace.release(review, by=UserFactory(is_staff=True))
    superuser = UserFactory(superuser=True)
    Member.objects.filter(user=person).update(user=superuser)
    with pytest.raises(OwnPointsError):
        pace.reverse(review, by=superuser)
    ledger.freeze(wallet=review.wallet, reason="fraud", actor="test")
    with pytest.raises(WalletFrozenError):
        pace.release(review, by=decider())
    assert PaceReview.objects.get().state == "open"


def test_who_leaves_has_no_reviews(programme):
    person = UserFactory()
    earns(person, 4)
    assert [one["state"] for one in pace.export_pace(person)] == ["open"]
    assert list(export_points(person))
    person.delete()
    assert not PaceReview.objects.exists()
    assert not list(ledger.check())


@pytest.mark.django_db(transaction=True)
def test_what_is_earned_while_somebody_decides_waits_for_no_closed_review(programme):
    """Two processes: whatever comes first, no point stays behind in a review that was closed."""
    person, by = UserFactory(), decider()
    earns(person, 4)
    review = PaceReview.objects.get()

    def earn_more():
        try:
            earns(person, 6, first=100)
        finally:
            connection.close()

    other = threading.Thread(target=earn_more)
    other.start()
    pace.release(review, by=by)
    other.join()
    for left in PaceReview.objects.filter(state="open"):
        pace.release(left, by=by)
    assert points_of(person, programme) == (1000, 0, 0)
    assert not list(ledger.check())


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["now", "later", "review", "review-later", "end", "activate", "expire", "back"]),
            st.integers(1, 50),
        ),
        max_size=25,
    )
)
def test_whatever_happens_every_point_is_somewhere(steps):
    wallet = WalletFactory()
    today, review, given, expired = NOW.date(), 1, [], 0
    for number, (step, amount) in enumerate(steps):
        if step in {"now", "later", "review", "review-later"}:
            later = today + dt.timedelta(days=3) if step.endswith("later") else None
            under = str(review) if step.startswith("review") else ""
            posted = ledger.earn(
                wallet=wallet, amount=amount, key=f"{number}", pending_until=later, review=under,
                occurred_at=dt.datetime.combine(today, dt.time(9), dt.UTC),
            )  # fmt: skip
            given.append((posted.journal_id, amount))
        elif step == "end":
            ledger.end_review(wallet=wallet, review=str(review), today=today)
            review += 1
        elif step == "back" and given:
            journal, _amount = given.pop()
            ledger.reverse(wallet=wallet, journal_id=journal, reversal="1")
        elif step == "activate":
            today += dt.timedelta(days=amount)
            ledger.activate(wallet=wallet, today=today)
        elif step == "expire":
            posted = ledger.expire(wallet=wallet, today=today)
            expired += posted.amount if posted else 0
    now = summary(wallet, today=dt.date(2020, 1, 1))
    total = now.spendable + sum(one.points for one in now.arriving) + now.reviewed - now.debt
    assert total == sum(amount for _journal, amount in given) - expired
    assert not list(ledger.check())


# The screens ---------------------------------------------------------------------------------------------------------


def test_staff_see_what_was_fast_and_decide(client, settings, programme, django_assert_max_num_queries):
    settings.STAFF_SECOND_FACTOR = False
    person = UserFactory()
    earns(person, 5)
    review = PaceReview.objects.get()
    with_rights(client, "view_votingreview")
    page = reverse("points_pace:inspect", args=[review.pk])
    assert "Take the points back" not in client.get(page, headers={"accept-language": "en"}).text
    assert client.post(page, {"dismiss": "1"}).status_code in {302, 403}
    review.refresh_from_db()
    assert review.state == "open"

    with_rights(client, "view_votingreview", "decide_votingreview")
    assert person.handle in client.get(reverse("points_pace:index")).text
    assert client.post(page, {"dismiss": "1"}).status_code == 302
    assert points_of(person, programme) == (500, 0, 0)
    assert client.get(page).status_code == 200


def test_the_member_sees_that_points_are_under_review_and_no_threshold(client, programme):
    person = UserFactory()
    earns(person, 5)
    client.force_login(person)
    page = client.get(reverse("loyalty:index"))
    assert "200" in page.text or "۲۰۰" in page.text
    assert "بررسی" in page.text
    assert "۲۵" not in page.text


def test_points_that_staff_released_in_one_programme_stay_when_another_takes_its_own_back():
    first, second = EarningFactory().programme, EarningFactory().programme
    for programme in (first, second):
        rule_in_force(programme)
    member = UserFactory()
    earns(member, 5)
    taken, released = (PaceReview.objects.get(wallet__programme=programme) for programme in (first, second))

    pace.release(released, by=decider())
    before = points_of(member, second)
    pace.reverse(taken, by=decider())

    assert points_of(member, second) == before
    assert points_of(member, first) != before


def test_who_was_looked_at_may_earn_twice_as_much_that_day():
    programme = EarningFactory().programme
    rule_in_force(programme)
    member = UserFactory()
    earns(member, 4)
    pace.release(PaceReview.objects.get(), by=decider())

    earns(member, 2, first=50)
    assert not PaceReview.objects.filter(state=PaceReview.State.OPEN).exists()
    earns(member, 5, first=60)
    assert PaceReview.objects.filter(state=PaceReview.State.OPEN).exists()
