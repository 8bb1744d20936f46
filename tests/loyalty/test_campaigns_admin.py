"""The admin's screens of campaigns: a draft in the editor's calendar, publishing, ending, and the budget."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from loyalty.exceptions import KeyReusedError, NotADraftError, NotPermittedError
from loyalty.models import Account, Campaign, Member, SegmentMembership
from loyalty.models.ledger import Kind
from loyalty.services import earning, ledger
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory
from tests.factories.loyalty import EarningFactory, rule_in_force
from tests.loyalty.test_adjusting_admin import signed_in
from tests.loyalty.test_earning import happened

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.earning.campaigning", "loyalty.migrations.0033_campaign_segments"),
]

ADD = "points_campaigns:add"


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


def form(programme, **values):
    fixed = {
        "programme": programme.pk, "code": "noruz", "name_fa": "نوروز", "name_en": "Noruz", "percent": "150",
        "starts_at": "۱۴۰۵/۱۲/۲۹ ۲۰:۰۰", "ends_at": "1406/01/13 24:00".replace("24:00", "23:59"), "weekdays": ["4", "5"],
        "hour_from": "0", "hour_to": "24", "rules": ["answer"], "budget": "noruz", "save": "1",
    }  # fmt: skip
    return {**fixed, **values}


def test_a_campaign_is_drafted_funded_published_and_ended(client, programme):
    rule_in_force(programme)
    signed_in(client, "change_earningrule", "publish_earningrule", "fund_budget")
    made = client.post(reverse(ADD), form(programme))
    campaign = Campaign.objects.get()
    page = reverse("points_campaigns:edit", args=[campaign.pk])
    assert made.headers["Location"] == page
    assert campaign.starts_at == dt.datetime(2027, 3, 20, 16, 30, tzinfo=dt.UTC)
    assert (campaign.weekdays, campaign.rules, campaign.state) == ([4, 5], ["answer"], "draft")
    shown = client.get(page).text
    assert 'value="1405/12/29 20:00"' in shown

    token = re.search(r'name="token" value="([^"]+)"', shown)[1]
    for _time in range(2):
        client.post(page, {"fund": "1", "points": "۱٬۰۰۰", "token": token})
    assert Account.objects.get(kind=Kind.BUDGET).credits == 1000
    assert "۱٬۰۰۰" in client.get(reverse("points_campaigns:index")).text

    again = {name: value for name, value in form(programme).items() if name not in {"programme", "code", "save"}}
    client.post(page, {**again, "percent": "200", "publish": "1"})
    campaign.refresh_from_db()
    assert (campaign.state, campaign.percent) == ("published", 200)
    client.post(page, {**again, "percent": "300", "save": "1"})
    client.post(page, {"end": "1"})
    campaign.refresh_from_db()
    assert (campaign.state, campaign.percent) == ("retired", 200)
    assert client.get(page).status_code == 200


def test_a_campaign_for_segments_gives_others_the_usual_points_and_names_no_segment(client, programme):
    rule_in_force(programme)
    signed_in(client, "change_earningrule")
    assert client.post(reverse(ADD), form(programme, segments=["nobody"])).status_code == 422
    now = timezone.now()
    times = {"starts_at": now - dt.timedelta(days=1), "ends_at": now + dt.timedelta(days=1)}
    writer, other = UserFactory(superuser=True), UserFactory(superuser=True)
    client.post(reverse(ADD), form(programme, segments=["silent", "lost"], rules=[], budget=""))
    campaign = Campaign.objects.get()
    assert campaign.segments == ["silent", "lost"]
    campaign = earning.save_campaign(
        campaign, by=writer, name={"fa": "برگشتن", "en": "Come back"}, weekdays=[], **times
    )
    earning.publish_campaign(campaign, by=other)
    silent, regular, unasked = (MemberFactory() for _ in range(3))
    for person, segment in ((silent, "silent"), (regular, "regular")):
        SegmentMembership.objects.create(member_key=Member.objects.create(user=person).key, segment=segment)

    given = {}
    for number, person in enumerate((silent, regular, unasked)):
        [given[person]] = earning.record(happened(person, number, occurred_at=now))

    assert [given[person].points for person in (silent, regular, unasked)] == [150, 100, 100]
    with override("en"):
        [told] = earning.explain(given[regular]).rules
    assert told.endswith("100 points. A campaign of that time was for some members only.")
    with override("en"):
        assert "some members" not in earning.explain(given[silent]).rules[0]
    draft = earning.create_rule(
        programme=programme, code="more", name={"fa": "x"}, by=writer, trigger="community.solution", points=10
    )
    assert earning.simulate(draft, days=5).then.by_rule == {"answer": 350, "more": 35}
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.update(segments=None)


def test_a_campaign_for_everybody_that_is_saved_again_keeps_its_writer(client, programme):
    rule_in_force(programme)
    writer = signed_in(client, "change_earningrule")
    client.post(reverse(ADD), form(programme))
    campaign = Campaign.objects.get()
    assert campaign.segments is None
    signed_in(client, "change_earningrule")
    client.post(reverse("points_campaigns:edit", args=[campaign.pk]), form(programme))
    assert Campaign.objects.get().drafted_by == f"user:{writer.pk}"


def test_a_second_person_publishes_on_the_screen_what_the_first_wrote(client, programme):
    """The screen saves what it shows before it publishes: that makes nobody the writer of it."""
    rule_in_force(programme)
    writer = signed_in(client, "change_earningrule", "publish_earningrule")
    client.post(reverse(ADD), form(programme, budget=""))
    campaign = Campaign.objects.get()
    page = reverse("points_campaigns:edit", args=[campaign.pk])
    again = {
        name: value for name, value in form(programme, budget="").items() if name not in {"programme", "code", "save"}
    }

    client.post(page, {**again, "publish": "1"})
    campaign.refresh_from_db()
    assert campaign.state == "draft"
    signed_in(client, "change_earningrule", "publish_earningrule")
    client.post(page, {**again, "publish": "1"})

    campaign.refresh_from_db()
    assert (campaign.state, campaign.drafted_by) == ("published", f"user:{writer.pk}")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"starts_at": "1405/13/01 10:00"}, "روز و ساعت"),
        ({"starts_at": "1405/12/01 24:10"}, "روز و ساعت"),
        ({"ends_at": "1405/12/01 10:00"}, "پس از"),
        ({"percent": "100"}, "percent"),
        ({"hour_from": "9", "hour_to": "9"}, "hour_to"),
        ({"code": "نوروز"}, "code"),
        ({"rules": ["unknown"]}, "rules"),
    ],
)
def test_what_never_takes_place_is_refused_with_words(client, programme, values, message):
    rule_in_force(programme)
    signed_in(client, "change_earningrule")
    response = client.post(reverse(ADD), form(programme, **values))
    assert response.status_code == 422
    assert message in response.text
    assert not Campaign.objects.exists()


def test_a_code_is_taken_once(client, programme):
    rule_in_force(programme)
    signed_in(client, "change_earningrule")
    client.post(reverse(ADD), form(programme))
    assert client.post(reverse(ADD), form(programme)).status_code == 422
    assert Campaign.objects.count() == 1


def test_every_act_needs_its_right(client, programme):
    campaign = Campaign(
        programme=programme, code="c", name={"fa": "x"}, percent=150, budget="b",
        starts_at=dt.datetime(2027, 1, 1, tzinfo=dt.UTC), ends_at=dt.datetime(2027, 2, 1, tzinfo=dt.UTC),
    )  # fmt: skip
    nobody, drafter = UserFactory(), UserFactory(superuser=True)
    with pytest.raises(NotPermittedError):
        earning.save_campaign(campaign, by=nobody)
    campaign = earning.save_campaign(campaign, by=drafter)
    with pytest.raises(NotPermittedError):
        earning.fund_campaign(campaign, points=5, by=nobody, token=uuid.uuid4())
    earning.publish_campaign(campaign, by=drafter)
    with pytest.raises(NotADraftError):
        earning.save_campaign(campaign, by=drafter, percent=300)
    token = uuid.uuid4()
    earning.fund_campaign(campaign, points=5, by=drafter, token=token)
    with pytest.raises(KeyReusedError):
        earning.fund_campaign(campaign, points=6, by=drafter, token=token)
    assert earning.budgets_of([campaign]) == {campaign.pk: (5, 5)}
    assert list(ledger.check()) == []

    signed_in(client, "change_earningrule")
    page = reverse("points_campaigns:edit", args=[campaign.pk])
    for act in ({"fund": "1", "points": "5", "token": str(uuid.uuid4())}, {"end": "1"}):
        assert client.post(page, act).status_code in {302, 403}
    campaign.refresh_from_db()
    assert campaign.state == "published"
    signed_in(client, "view_member")
    assert client.get(reverse("points_campaigns:index")).status_code in {302, 403}
