"""Badges: earned by what stands, taken back with it, given again, shown to others, and never lost by an edit."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from loyalty.events import PointsDecided
from loyalty.exceptions import NotADraftError, NotPermittedError
from loyalty.models import Badge, BadgeRecord, Decision, EarningRule, Wallet
from loyalty.services import badges, earning
from loyalty.services.members import export_badges, forget_member
from portal.core import outbox
from portal.core.formats import date_text
from portal.core.localized import LocalizedText
from portal.notifications import queries as notifications
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory
from tests.factories.loyalty import EarningFactory, badge_in_force, rule_in_force
from tests.loyalty.test_earning import happened
from tests.loyalty.test_ledger_concurrency import at_once
from tests.loyalty.test_tiers import earn, lose

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.models.badges",
        "loyalty.services.badges.following",
        "loyalty.services.badges.publishing",
        "loyalty.own_badges",
    ),
]


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(programme)
    return programme


@pytest.fixture
def person():
    return MemberFactory(language="fa")


def records():
    return [(row.badge.code, row.what) for row in BadgeRecord.objects.order_by("pk").select_related("badge")]


# Earning -------------------------------------------------------------------------------------------------------------


def test_a_badge_goes_with_what_it_rested_on_and_comes_back_with_it(programme, person):
    badge_in_force(programme, target=2)
    earn(person, 1)
    assert records() == []
    earn(person, 2)
    assert records() == [("helper", "awarded")]
    row = BadgeRecord.objects.get()
    assert row.evidence == {"count": 2, "target": 2, "decision": Decision.objects.latest("pk").pk}

    lose(1)
    assert records() == [("helper", "awarded"), ("helper", "revoked")]
    earn(person, 3)
    assert records()[2:] == [("helper", "awarded")]
    assert [row["what"] for row in export_badges(person)] == ["awarded", "revoked", "awarded"]
    assert badges.holders() == {row.badge_id: 1}


def test_what_gave_no_points_is_not_counted(programme, person):
    badge_in_force(programme, target=2)
    earn(person, 1, 2, refused="own-thread")
    badges.judge_everybody()
    assert records() == []


def test_a_decision_that_is_followed_again_changes_nothing(programme, person):
    badge_in_force(programme, target=1)
    earn(person, 1)
    for decision in Decision.objects.all():
        badges.follow_decision(PointsDecided(event_id=decision.event_id, wallet_id=decision.wallet_id))
    assert badges.judge_everybody() == 0
    assert records() == [("helper", "awarded")]


def test_the_job_finds_what_was_earned_before_the_badge_was_published(programme, person):
    earn(person, 1)
    before = timezone.now()
    badge_in_force(programme, target=1)
    assert badges.is_judging_due(before)
    assert badges.judge_everybody() == 1
    assert not badges.is_judging_due(timezone.now())
    assert badges.is_judging_due(timezone.now() - dt.timedelta(days=1))


def test_a_badge_that_ended_is_kept_and_still_goes_with_what_it_rested_on(programme, person):
    badge, other, staff = badge_in_force(programme, target=1), MemberFactory(), UserFactory(superuser=True)
    earn(person, 1)
    assert badges.retire(badge, by=staff)
    earn(other, 2)
    badges.judge_everybody()
    assert records() == [("helper", "awarded")]  # nobody else gets it

    lose(1)
    assert records()[-1] == ("helper", "revoked")


def test_time_takes_no_badge_away(programme, person):
    badge_in_force(programme, "busy", target=2, period="rolling", days=30)
    earn(person, 1, days_ago=400)
    earn(person, 2, days_ago=380)
    earn(person, 3, days_ago=200)
    badges.judge_everybody()
    assert records() == [("busy", "awarded")]


def test_a_rule_that_is_edited_or_ended_takes_no_badge_away(programme, person):
    badge_in_force(programme, target=1)
    earn(person, 1)
    earning.retire(EarningRule.objects.get(), by=UserFactory(superuser=True))
    badges.judge_everybody()
    assert records() == [("helper", "awarded")]


def test_nobody_who_left_gets_a_badge(programme, person):
    earn(person, 1)
    badge_in_force(programme, target=1)
    forget_member(person)
    assert badges.judge_everybody() == 0


@given(
    days=st.lists(st.integers(0, 60), max_size=20),
    within=st.integers(1, 40),
)
def test_the_best_window_is_what_trying_all_of_them_finds(days, within):
    first = dt.date(2026, 1, 1)
    dates = sorted(first + dt.timedelta(days=day) for day in days)
    badge = Badge(target=1, period="rolling", days=within)
    tried = [
        sum(start <= day < start + dt.timedelta(days=within) for day in dates)
        for start in (first + dt.timedelta(days=day) for day in range(61))
    ]
    assert badges.best_count(badge, dates) == max(tried)


# Making --------------------------------------------------------------------------------------------------------------


def draft(programme, **values):
    fixed = {
        "name": LocalizedText(fa="یار", en="Helper"), "text": LocalizedText(fa="کمک", en="Help"),
        "trigger": "community.solution", "target": 1,
    }  # fmt: skip
    by = UserFactory(superuser=True)
    return badges.save_badge(Badge(programme=programme, code="draft"), by=by, **{**fixed, **values})


def test_who_may_is_asked(programme):
    nobody, made = UserFactory(is_staff=True), draft(programme)
    for refused in (
        lambda: badges.save_badge(made, by=nobody, target=2),
        lambda: badges.publish(made, by=nobody),
        lambda: badges.retire(made, by=nobody),
        lambda: badges.set_up(programme=programme, by=nobody),
    ):
        with pytest.raises(NotPermittedError):
            refused()


@pytest.mark.parametrize(
    "values",
    [
        {"trigger": "nothing.like_this"},
        {"target": 0},
        {"period": "rolling"},
        {"period": "fixed", "starts_on": dt.date(2026, 3, 2), "ends_on": dt.date(2026, 3, 1)},
        {"name": LocalizedText()},
    ],
)
def test_a_badge_that_nobody_could_earn_is_not_saved(programme, values):
    with pytest.raises(ValidationError):
        draft(programme, **values)


def test_what_was_published_stays_as_it_is(programme):
    badge, staff = badge_in_force(programme), UserFactory(superuser=True)
    with pytest.raises(NotADraftError):
        badges.save_badge(badge, by=staff, target=3)
    with pytest.raises(NotADraftError):
        badges.publish(badge, by=staff)
    with pytest.raises(TypeError):
        Badge.objects.get(pk=badge.pk).save()
    for change in (
        lambda: Badge.objects.filter(pk=badge.pk).update(target=3),
        lambda: Badge.objects.filter(pk=badge.pk).delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_records_are_not_changed_or_deleted(programme, person):
    badge_in_force(programme, target=1)
    earn(person, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        BadgeRecord.objects.update(what="revoked")
    with pytest.raises(IntegrityError), transaction.atomic():
        BadgeRecord.objects.all()._raw_delete("default")


def test_a_preview_counts_and_writes_nothing(programme, person):
    made = draft(programme, target=2)
    earn(person, 1)
    earn(MemberFactory(), 2, 3)
    assert badges.preview(made) == (2, 1, 1)
    assert records() == []


# Pages ---------------------------------------------------------------------------------------------------------------


def test_a_member_sees_what_they_have_and_how_far_the_next_is(client, programme, person):
    badge_in_force(programme, target=1)
    badge_in_force(programme, "expert", target=4, name=LocalizedText(fa="استاد", en="Expert"))
    earn(person, 1)
    client.force_login(person)
    page = client.get("/fa/loyalty/").text
    assert "نشان‌ها" in page
    assert "یار" in page
    assert "۱ از ۴" in page

    with CaptureQueriesContext(connection) as few:
        client.get("/fa/loyalty/")
    for number in range(5, 9):
        badge_in_force(programme, f"more-{number}", target=number)
    earn(person, *range(2, 5))
    with CaptureQueriesContext(connection) as more:
        client.get("/fa/loyalty/")
    assert len(more) <= len(few)


def test_somebody_without_points_sees_what_there_is_to_earn(client, programme, person):
    badge_in_force(programme, target=3)
    client.force_login(person)
    assert "۰ از ۳" in client.get("/fa/loyalty/").text


def test_the_public_page_shows_it_from_the_moment_it_is_earned_until_it_goes(
    client, programme, person, django_capture_on_commit_callbacks
):
    badge_in_force(programme, target=1)
    badge_in_force(programme, "buyer", target=1, is_public=False, name=LocalizedText(fa="خریدار", en="Buyer"))
    address = reverse("community:person", args=[person.handle])
    title = '<h3 class="card__title">یار</h3>'
    assert title not in client.get(address).text  # and is kept
    with django_capture_on_commit_callbacks(execute=True):
        earn(person, 1)
    page = client.get(address).text
    assert title in page
    assert "یک پاسخ شما پذیرفته شد" not in page  # that is said to its owner
    with translation.override("fa"):
        assert date_text(timezone.localdate()) in page
    assert "خریدار" not in page
    with django_capture_on_commit_callbacks(execute=True):
        lose(1)
    assert title not in client.get(address).text


def test_the_member_is_told_in_their_language_until_it_goes(programme, person):
    badge_in_force(programme, target=1)
    earn(person, 1)
    [told] = notifications.recent(person)
    assert "یار" in told.notice.title
    lose(1)
    assert notifications.recent(person) == []


def test_nobody_is_told_while_the_programme_is_not_shown(programme, person):
    programme.earning.is_open = False
    programme.earning.save()
    badge_in_force(programme, target=1)
    earn(person, 1)
    assert records() == [("helper", "awarded")]
    assert notifications.recent(person) == []


# At the same moment --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_judged_by_many_at_once_it_is_given_once(programme, person):
    badge = badge_in_force(programme, target=1)
    earning.record(happened(person))
    wallet = Wallet.objects.get()
    at_once(8, lambda _number: badges.judge(programme, [wallet.pk], [badge]))
    assert records() == [("helper", "awarded")]
    outbox.drain()
    assert records() == [("helper", "awarded")]
