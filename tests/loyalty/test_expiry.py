"""Warnings before points expire: when, how often, to whom, and in which words."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.buckets import today_of
from loyalty.models import Earning, ExpiryWarning, Member
from loyalty.services import expiry, ledger
from loyalty.services.members import forget_member, wallet_for
from portal.accounts.models import User
from portal.core import outbox
from portal.notifications import queries
from portal.notifications.models import Notification
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory
from tests.loyalty.test_ledger_concurrency import at_once

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.expiry", "loyalty.models.notices", "loyalty.notifications"),
]


@pytest.fixture
def programme():
    return EarningFactory().programme


@pytest.fixture
def today(programme):
    return today_of(programme)


def member(programme, **lots):
    """Return a wallet with points by the number of days for which they can still be spent: ``in_30=1200``."""
    wallet = wallet_for(user=UserFactory(language="fa"), programme=programme)
    for name, points in lots.items():
        day = today_of(programme) + dt.timedelta(days=int(name.removeprefix("in_")))
        ledger.earn(wallet=wallet, amount=points, key=f"{wallet.pk}:{name}", expires_on=day)
    return wallet


def person_of(wallet):
    return User.objects.get(pk=Member.objects.get(key=wallet.member_key).user_id)


def warn(programme, today, *, later=0):
    told = expiry.warn_of_expiry(programme=programme, today=today + dt.timedelta(days=later))
    outbox.drain()
    return told


def steps():
    return list(ExpiryWarning.objects.order_by("pk").values_list("step", "points"))


@pytest.mark.parametrize(("left", "step"), [(31, None), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, None)])
def test_each_day_has_the_step_that_is_due(left, step):
    day = dt.date(2026, 12, 21)

    assert expiry.step_of(day, day - dt.timedelta(days=left)) == step


def test_a_member_is_told_three_times_and_no_more(programme, today):
    member(programme, in_40=1200)

    told = [warn(programme, today, later=days) for days in range(41) for _twice in range(2)]

    assert sum(told) == 3
    assert steps() == [(30, 1200), (7, 1200), (1, 1200)]
    assert Notification.objects.count() == 3


def test_days_that_were_missed_are_caught_up_with_in_one_warning(programme, today):
    member(programme, in_5=10)

    warn(programme, today)

    assert steps() == [(7, 10)]


def test_the_words_list_amounts_and_dates_of_today(programme, today, mailoutbox):
    wallet = member(programme, in_3=1200, in_20=300)
    person = person_of(wallet)

    warn(programme, today)

    (arrived,) = mailoutbox
    assert "۱٬۵۰۰ امتیاز به‌زودی منقضی می‌شود" in arrived.body
    assert "۱٬۲۰۰ تا" in arrived.body
    assert "۳۰۰ تا" in arrived.body
    ledger.hold(wallet=wallet, hold="h", amount=1300, today=today)
    [told] = queries.fold(person, list(Notification.objects.all()))
    assert told.notice.title.startswith("۲۰۰ ")
    assert told.notice.text.startswith("تا ")  # one day, said once
    assert told.notice.text.endswith(" خرجشان کنید.")
    assert told.notice.url.endswith("/loyalty/rewards/")


def test_what_was_spent_meanwhile_is_no_news_and_not_mailed(programme, today, mailoutbox):
    wallet = member(programme, in_3=5)
    expiry.warn_of_expiry(programme=programme, today=today)
    ledger.hold(wallet=wallet, hold="h", amount=5, today=today)

    outbox.drain()

    assert mailoutbox == []


@pytest.mark.parametrize("end", ["freeze", "close"])
def test_nobody_is_warned_of_what_they_cannot_spend(programme, today, end):
    wallet = member(programme, in_3=5)
    getattr(ledger, end)(wallet=wallet, reason="check", actor="user:1")

    assert warn(programme, today) == 0
    assert not expiry.due_lots(programme, today).exists()


def test_whoever_has_left_and_whoever_must_not_know_is_not_told(programme, today):
    wallet = member(programme, in_3=5)
    Earning.objects.update(is_open=False)
    expiry.warn_all()
    assert not ExpiryWarning.objects.exists()

    Earning.objects.update(is_open=True)
    forget_member(person_of(wallet))
    assert warn(programme, today) == 0


def test_nobody_is_told_at_night(programme, monkeypatch):
    member(programme, in_3=5)
    monkeypatch.setattr(expiry, "FROM_HOUR", 24)
    assert not expiry.is_anybody_to_warn()
    expiry.warn_all()
    assert not ExpiryWarning.objects.exists()

    monkeypatch.setattr(expiry, "FROM_HOUR", 0)
    assert expiry.is_anybody_to_warn()
    expiry.warn_all()
    assert not expiry.is_anybody_to_warn()


def test_a_job_that_is_killed_goes_on_where_it_was(programme, today, monkeypatch):
    monkeypatch.setattr(expiry, "PORTION", 1)
    for _number in range(3):
        member(programme, in_3=5)
    notified = expiry.notify

    def fail_the_second_time(**how):
        if ExpiryWarning.objects.count() > 1:
            raise RuntimeError
        notified(**how)

    monkeypatch.setattr(expiry, "notify", fail_the_second_time)
    with pytest.raises(RuntimeError):
        expiry.warn_of_expiry(programme=programme, today=today)
    assert ExpiryWarning.objects.count() == 1

    monkeypatch.setattr(expiry, "notify", notified)
    assert warn(programme, today) == 2
    assert Notification.objects.count() == 3


def test_a_portion_costs_the_same_number_of_queries_however_many_it_warns(programme, today, monkeypatch):
    monkeypatch.setattr(expiry, "notify", lambda **_how: None)
    counts = []
    for many in (1, 6):
        for _number in range(many):
            member(programme, in_3=5)
        with CaptureQueriesContext(connection) as captured:
            expiry.warn_of_expiry(programme=programme, today=today)
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_jobs_that_run_at_the_same_moment_warn_once(programme, today):
    for _number in range(5):
        member(programme, in_3=5)

    told = at_once(6, lambda _number: expiry.warn_of_expiry(programme=programme, today=today))

    assert sum(told) == 5
    outbox.drain()
    assert (ExpiryWarning.objects.count(), Notification.objects.count()) == (5, 5)
