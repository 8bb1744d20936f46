"""The admin's screens of challenges: who may, drafts, who would have completed one, publishing and ending."""

from __future__ import annotations

import pytest
from django.urls import reverse

from loyalty.models import Challenge
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, challenge_in_force, points_for_challenges, rule_in_force
from tests.loyalty.test_tiers import earn
from tests.loyalty.test_tiers_admin import with_rights

pytestmark = pytest.mark.django_db

LIST, ADD, EDIT = "points_challenges:index", "points_challenges:add", "points_challenges:edit"


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
        "programme": programme.pk, "code": "three", "name_fa": "سه کمک", "name_en": "Three", "text_fa": "سه بار کمک",
        "text_en": "Help three times", "icon": "flag", "trigger": "community.solution", "target": "۲", "period": "month",
        "repeats": "on", "points": "۵۰", "is_badge": "", "segment": "", "from_tier": "", **values,
    }  # fmt: skip


def test_a_challenge_is_drafted_tried_published_and_ended(client, staff, programme):
    earn(UserFactory(), 1, 2)
    page = client.post(reverse(ADD), form(programme, preview="1"))
    assert "۱ عضو می‌توانست در آن شرکت کند" in page.text
    challenge = Challenge.objects.get()
    assert (challenge.target, challenge.points, challenge.state) == (2, 50, "draft")
    address = reverse(EDIT, args=[challenge.pk])

    refused = client.post(address, form(programme, publish="1"), follow=True)
    assert "چالشی را کامل می‌کنید" in refused.text  # nothing gives points for it yet
    points_for_challenges(programme)
    client.post(address, form(programme, publish="1"))
    challenge.refresh_from_db()
    assert (challenge.state, challenge.published_by) == ("published", f"user:{staff.pk}")
    assert 'name="publish"' not in client.get(address).text

    client.post(address, {"end": "1"})
    challenge.refresh_from_db()
    assert challenge.state == "retired"
    assert "سه کمک" in client.get(reverse(LIST)).text


@pytest.mark.parametrize(
    ("values", "is_seen"),
    [
        ({"segment": "", "is_badge": ""}, True),
        ({"segment": "silent", "is_badge": ""}, False),
        ({"segment": "silent", "is_badge": "yes"}, True),
        ({"segment": "", "is_badge": "no"}, False),
    ],
)
def test_others_see_no_badge_of_a_segment_unless_staff_choose_it(client, staff, programme, values, is_seen):
    client.post(reverse(ADD), form(programme, **values))
    challenge = Challenge.objects.get()
    assert challenge.is_badge == is_seen
    page = client.get(reverse(EDIT, args=[challenge.pk]))
    assert page.context["form"]["is_badge"].value() == values["is_badge"]
    assert "پیش دیگران فاش می‌کند" in page.text


def test_a_draft_that_becomes_one_for_a_segment_is_no_badge_any_more(client, staff, programme):
    client.post(reverse(ADD), form(programme))
    client.post(reverse(EDIT, args=[Challenge.objects.get().pk]), form(programme, segment="silent"))
    assert not Challenge.objects.get().is_badge


def test_what_is_wrong_is_said_at_its_field(client, staff, programme):
    page = client.post(reverse(ADD), form(programme, period="fixed", starts_on="1405/9/8"))
    assert page.status_code == 422
    assert "روز نخست و روز آخر را بنویسید" in page.text
    challenge_in_force(programme)
    assert client.post(reverse(ADD), form(programme)).status_code == 422
    assert Challenge.objects.count() == 1


def test_only_those_who_may(client, programme):
    challenge = challenge_in_force(programme)
    with_rights(client, "change_challenge")
    assert client.get(reverse(LIST)).status_code == 200
    for refused in (
        client.post(reverse(ADD), form(programme, code="other", publish="1")),
        client.post(reverse(EDIT, args=[challenge.pk]), {"end": "1"}),
    ):
        assert refused.url == reverse("wagtailadmin_home")
    assert list(Challenge.objects.values_list("state", flat=True)) == ["published"]
    with_rights(client)
    assert client.get(reverse(LIST)).url == reverse("wagtailadmin_home")
