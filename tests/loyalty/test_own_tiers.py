"""The path through the tiers on a member's page."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.models import TierMembership, Wallet
from loyalty.own_tiers import path_of
from loyalty.services import tiers
from portal.core.scopes import content_changed
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force, tiers_in_force
from tests.loyalty.test_tiers import earn, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown():
    shown = EarningFactory()
    rule_in_force(shown.programme)
    content_changed("site")
    return shown


@pytest.fixture
def person(client):
    person = UserFactory(language="fa")
    client.force_login(person)
    return person


def test_shows_where_the_member_is_and_how_far_the_next_tier_is(client, shown, person):
    tiers_in_force(shown.programme)
    earn(person, 1, 2)

    page = client.get("/fa/loyalty/").text

    assert "راه شما تا «طلایی»" in page
    assert "۱۰۰ امتیاز مانده" in page
    assert page.count('aria-current="step"') == 1
    assert "نشان نقره‌ای روی کارت عضویت" in page
    assert "دعوت به آزمایش دستگاه‌های تازه" in page


def test_shows_when_a_tier_ends(client, shown, person):
    rules = tiers_in_force(shown.programme)
    earn(person, 1, 2, 3, days_ago=300)
    day = later(rules, 66) + dt.timedelta(days=30)

    path = path_of(person, shown)

    assert (path.now.code, path.ends_on) == ("gold", day)
    assert "پایان می‌یابد، مگر" in client.get("/fa/loyalty/").text


def test_shows_until_when_staff_gave_a_tier(client, shown, person):
    tiers_in_force(shown.programme)
    until = timezone.localdate() + dt.timedelta(days=9)
    staff = UserFactory(superuser=True)
    tiers.grant(user=person, programme=shown.programme, tier="diamond", until=until, reason="trial", by=staff)

    path = path_of(person, shown)

    assert (path.granted_until, path.next, path.missing) == (until, None, 0)
    assert "سطح شما: «الماسی»" in client.get("/fa/loyalty/").text


def test_somebody_without_points_is_in_the_first_tier_and_nothing_is_written(client, shown, person):
    assert path_of(person, shown) is None
    tiers_in_force(shown.programme)

    assert "راه شما تا «نقره‌ای»" in client.get("/fa/loyalty/").text
    assert not Wallet.objects.exists()
    assert not TierMembership.objects.exists()


def test_the_page_costs_as_many_queries_after_many_moves(client, shown, person):
    tiers_in_force(shown.programme)
    counts = []
    for numbers in ((1,), (2, 3, 4)):
        earn(person, *numbers)
        path_of(person, shown)
        with CaptureQueriesContext(connection) as captured:
            path_of(person, shown)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 6
