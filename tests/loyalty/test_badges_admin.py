"""The admin's screens of badges: who may, drafts, who would have one, publishing and ending."""

from __future__ import annotations

import pytest
from django.urls import reverse

from loyalty.models import Badge
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, badge_in_force, rule_in_force
from tests.loyalty.test_tiers import earn
from tests.loyalty.test_tiers_admin import with_rights

pytestmark = pytest.mark.django_db

LIST, ADD, EDIT = "points_badges:index", "points_badges:add", "points_badges:edit"


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(programme)
    return programme


@pytest.fixture
def staff(client):
    person = UserFactory(superuser=True, language="fa")
    client.force_login(person)
    return person


def form(programme, **values):
    return {
        "programme": programme.pk, "code": "helper", "name_fa": "یار", "name_en": "Helper", "text_fa": "کمک کرد",
        "text_en": "Helped", "icon": "medal", "trigger": "community.solution", "target": "۲", "period": "ever",
        "is_public": "on", **values,
    }  # fmt: skip


def test_a_badge_is_drafted_tried_published_and_ended(client, staff, programme):
    earn(UserFactory(), 1, 2)
    page = client.post(reverse(ADD), form(programme, preview="1"))
    assert "کسانی که گرفته‌اند: ۱" in page.text
    badge = Badge.objects.get()
    assert (badge.target, badge.state) == (2, "draft")

    address = reverse(EDIT, args=[badge.pk])
    client.post(address, form(programme, period="rolling", days="30", publish="1"))
    badge.refresh_from_db()
    assert (badge.state, badge.days, badge.published_by) == ("published", 30, f"user:{staff.pk}")
    assert 'name="publish"' not in client.get(address).text

    client.post(address, {"end": "1"})
    badge.refresh_from_db()
    assert badge.state == "retired"
    assert "یار" in client.get(reverse(LIST)).text


def test_what_is_wrong_is_said_at_its_field(client, staff, programme):
    page = client.post(reverse(ADD), form(programme, period="fixed", starts_on="1405/9/8"))
    assert page.status_code == 422
    assert "روز نخست و روز آخر را بنویسید" in page.text
    badge_in_force(programme)
    assert client.post(reverse(ADD), form(programme)).status_code == 422
    assert Badge.objects.count() == 1


def test_a_programme_begins_with_drafts(client, staff, programme):
    client.post(reverse(LIST))
    client.post(reverse(LIST))
    assert set(Badge.objects.values_list("state", flat=True)) == {"draft"}
    assert Badge.objects.count() == 4


def test_only_those_who_may(client, programme):
    badge = badge_in_force(programme)
    with_rights(client, "change_badge")
    assert client.get(reverse(LIST)).status_code == 200
    for refused in (
        client.post(reverse(ADD), form(programme, code="other", publish="1")),
        client.post(reverse(EDIT, args=[badge.pk]), {"end": "1"}),
    ):
        assert refused.url == reverse("wagtailadmin_home")
    assert list(Badge.objects.values_list("state", flat=True)) == ["published"]
    with_rights(client)
    assert client.get(reverse(LIST)).url == reverse("wagtailadmin_home")
