"""The admin's screens of tiers: who may, drafts, the preview, publishing, and giving a tier."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from loyalty.models import TierMembership, TierSet
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, rule_in_force, tiers_in_force
from tests.loyalty.test_tiers import earn

pytestmark = pytest.mark.django_db

LIST, EDIT, MEMBERS = "points_tiers:index", "points_tiers:edit", "points_tier_members:index"


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(programme)
    return programme


@pytest.fixture
def rules(programme):
    return tiers_in_force(programme)


@pytest.fixture
def staff(client):
    person = UserFactory(superuser=True, language="fa")
    client.force_login(person)
    return person


def with_rights(client, *names):
    person = UserFactory(is_staff=True)
    wanted = Permission.objects.filter(codename__in=[*names, "access_admin"])
    person.user_permissions.set(wanted)
    client.force_login(person)
    return person


def form(rules, *tiers, **values):
    data = {
        "window": "rolling",
        "grace_days": "30",
        "downgrade": "step",
        "tier-TOTAL_FORMS": "6",
        "tier-INITIAL_FORMS": "6",
    }
    for number in range(6):
        code, threshold = tiers[number] if number < len(tiers) else ("", "")
        data |= {
            f"tier-{number}-code": code, f"tier-{number}-threshold": threshold, f"tier-{number}-name_fa": code,
            f"tier-{number}-colour": "gold", f"tier-{number}-icon": "star", f"tier-{number}-benefits_fa": "یک\nدو",
        }  # fmt: skip
    return data | values


def test_a_programme_begins_with_four_tiers_that_are_published(client, staff, programme):
    assert "پیش‌نویس چهار سطح" in client.get(reverse(LIST)).text
    client.post(reverse(LIST))
    draft = TierSet.objects.get()
    page = client.get(reverse(EDIT, args=[draft.tiers_id]))

    assert [row["code"].value() for row in page.context["rows"].forms] == [
        *("bronze", "silver", "gold", "diamond"), None, None,
    ]  # fmt: skip
    assert "طلایی" in client.get(reverse(LIST)).text


def test_a_draft_is_previewed_and_published(client, staff, rules):
    earn(UserFactory(), 1, 2, 3)
    url = reverse(EDIT, args=[rules.tiers_id])
    tiers = (("bronze", "۰"), ("gold", "۱۰۰۰"))

    page = client.post(url, form(rules, *tiers, preview="1"))
    assert "امتیاز ناکافی" in page.text
    assert TierMembership.objects.count() == 2
    assert TierSet.objects.get(state="published") == rules

    assert client.post(url, form(rules, *tiers, publish="1")).status_code == 302
    new = TierSet.objects.get(state="published")
    assert [(tier.code, tier.threshold, str(tier.benefits)) for tier in new.rows.all()] == [
        ("bronze", 0, "یک\nدو"),
        ("gold", 1000, "یک\nدو"),
    ]


@pytest.mark.parametrize(
    "tiers", [[("a", "5")], [("a", "0"), ("b", "0")], [("a", "")], [("a", "-1")], [("a a", "0")], []]
)
def test_tiers_that_make_no_sense_are_refused(client, staff, rules, tiers):
    page = client.post(reverse(EDIT, args=[rules.tiers_id]), form(rules, *tiers, save="1"))

    assert page.status_code == 422
    assert "چیزی ذخیره نشد" in page.text
    assert list(TierSet.objects.all()) == [rules]


@pytest.mark.parametrize(
    ("right", "allowed"),
    [
        ("view_decision", set()),
        ("change_tierset", {LIST, EDIT}),
        ("publish_tierset", {LIST, EDIT}),
        ("view_tiermembership", {MEMBERS}),
        ("grant_tier", {MEMBERS}),
    ],
)
def test_each_screen_asks_who_may(client, rules, right, allowed):
    with_rights(client, right)
    for name in (LIST, EDIT, MEMBERS):
        url = reverse(name, args=[rules.tiers_id] if name == EDIT else [])
        assert (client.get(url).status_code == 200) == (name in allowed)


def test_who_may_write_may_not_publish_and_who_may_look_may_not_give(client, rules):
    url = reverse(EDIT, args=[rules.tiers_id])
    with_rights(client, "change_tierset")
    client.post(url, form(rules, ("a", "0"), publish="1"))
    with_rights(client, "publish_tierset")
    client.post(url, form(rules, ("a", "0"), publish="1"))
    client.post(reverse(LIST))
    assert list(TierSet.objects.all()) == [rules]

    person = UserFactory()
    with_rights(client, "view_tiermembership")
    client.post(reverse(MEMBERS), {"who": person.handle, "tier": "gold", "until": "2027-01-01", "reason": "trial"})
    assert not TierMembership.objects.exists()


def test_a_tier_is_given_and_ended(client, staff, rules):
    person = UserFactory()
    until = timezone.localdate() + dt.timedelta(days=30)
    given = {"who": person.email, "tier": "gold", "until": until.isoformat(), "reason": "goodwill"}

    assert client.post(reverse(MEMBERS), given).status_code == 302
    page = client.get(reverse(MEMBERS), {"who": person.handle})
    assert "دادهٔ کارکنان" in page.text
    assert "دلجویی" in page.text
    assert client.post(reverse(MEMBERS), given | {"tier": "silver"}).status_code == 422

    client.post(reverse(MEMBERS), {"who": person.handle, "end": "1"})
    assert TierMembership.objects.latest("pk").reason == "grant-ended"
    assert "کسی این نشانی" in client.get(reverse(MEMBERS), {"who": "x@y.example"}).text
