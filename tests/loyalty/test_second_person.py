"""What may cost much is written by one person and decided by another: offers, rules, campaigns, their budgets."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.exceptions import NotPermittedError, SecondPersonError
from loyalty.models import Campaign, Challenge, Offer, OfferPolicy, PointsPolicy
from loyalty.models.earning import VersionState
from loyalty.services import adjusting, challenges, earning, ledger, offers
from loyalty.services.earning import Happened
from loyalty.services.offers import publishing
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, OfferFactory, WalletFactory, points_for_challenges
from tests.loyalty.test_adjusting_admin import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


@pytest.fixture
def writer():
    return UserFactory(superuser=True)


@pytest.fixture
def other():
    return UserFactory(superuser=True)


def draft_of(programme, writer, **values):
    return publishing.save_offer(OfferFactory(programme=programme, state=Offer.State.DRAFT), by=writer, **values)


@pytest.mark.parametrize(("cost", "budget"), [(10, 10_001), (100_001, 1), (1, None)])
def test_a_costly_offer_is_published_by_somebody_else(programme, writer, other, cost, budget):
    offer = draft_of(programme, writer, cost=cost, budget=budget)
    with pytest.raises(SecondPersonError):
        publishing.publish_offer(offer, by=writer)
    assert Offer.objects.get().state == Offer.State.DRAFT
    assert publishing.publish_offer(offer, by=other).state == Offer.State.PUBLISHED


@pytest.mark.parametrize(("cost", "budget"), [(10, 10_000), (0, None)])
def test_others_are_published_by_whoever_wrote_them(programme, writer, cost, budget):
    offer = draft_of(programme, writer, cost=cost, budget=budget)
    assert publishing.publish_offer(offer, by=writer).state == Offer.State.PUBLISHED


def test_the_limit_is_set_by_programme_and_may_be_none(programme, writer):
    policy = adjusting.policy_of(programme)
    policy.budget_alone_up_to = 5
    policy.save()
    offer = draft_of(programme, writer, cost=6, budget=1)
    with pytest.raises(SecondPersonError):
        publishing.publish_offer(offer, by=writer)
    PointsPolicy.objects.update(budget_alone_up_to=None)
    assert publishing.publish_offer(offer, by=writer).state == Offer.State.PUBLISHED


def campaign_of(programme, writer, budget):
    now = timezone.now()
    return earning.save_campaign(
        Campaign(programme=programme, code="c"), by=writer, name={"fa": "x"}, percent=200, starts_at=now,
        ends_at=now + dt.timedelta(days=1), budget=budget,
    )  # fmt: skip


def test_a_campaign_without_limit_is_published_by_somebody_else(programme, writer, other):
    campaign = campaign_of(programme, writer, "")
    with pytest.raises(SecondPersonError):
        earning.publish_campaign(campaign, by=writer)
    earning.publish_campaign(campaign, by=other)
    assert campaign.state == VersionState.PUBLISHED


def test_a_large_budget_is_filled_by_somebody_else_also_in_parts(programme, writer, other):
    campaign = campaign_of(programme, writer, "c")
    earning.publish_campaign(campaign, by=writer)
    earning.fund_campaign(campaign, points=60_000, by=writer, token=uuid.uuid4())
    with pytest.raises(SecondPersonError):
        earning.fund_campaign(campaign, points=60_000, by=writer, token=uuid.uuid4())
    earning.fund_campaign(campaign, points=60_000, by=other, token=uuid.uuid4())
    assert earning.budgets_of([campaign])[campaign.pk] == (120_000, 120_000)
    assert list(ledger.check()) == []


def test_saving_what_another_person_wrote_unchanged_makes_nobody_its_writer(programme, writer, other):
    offer = draft_of(programme, writer, cost=999, budget=1_000_000)
    publishing.save_offer(offer, by=other, cost=999, budget=1_000_000)
    with pytest.raises(SecondPersonError):
        publishing.publish_offer(offer, by=writer)


def test_what_changed_since_somebody_looked_is_not_published(client, programme, writer):
    offer = draft_of(programme, writer, cost=10, budget=20_000)
    signed_in(client, "change_offer", "publish_offer")
    page = reverse("offers_admin:publish", args=[offer.pk])
    seen = client.get(page).context["seen"]
    publishing.save_offer(offer, by=writer, cost=999)

    said = client.post(page, {"seen": seen}, follow=True).text
    assert "در این میان" in said
    assert Offer.objects.get().state == Offer.State.DRAFT
    client.post(page, {"seen": client.get(page).context["seen"]})
    assert Offer.objects.get().state == Offer.State.PUBLISHED


def test_a_budget_shared_by_its_code_is_asked_about_as_one(programme, writer, other):
    """What somebody may not do for their own campaign is not done through that of another with the same budget."""
    own = campaign_of(programme, writer, "shared")
    earning.publish_campaign(own, by=other)
    others = Campaign(programme=programme, code="d")
    earning.save_campaign(
        others, by=other, name={"fa": "y"}, percent=200, starts_at=own.starts_at, ends_at=own.ends_at, budget="shared"
    )

    with pytest.raises(SecondPersonError):
        earning.fund_campaign(others, points=200_000, by=writer, token=uuid.uuid4())
    earning.fund_campaign(own, points=200_000, by=UserFactory(superuser=True), token=uuid.uuid4())
    with pytest.raises(SecondPersonError):
        earning.publish_campaign(others, by=other)


def test_staff_read_why_they_cannot_publish_alone(client, programme):
    person = signed_in(client, "change_offer", "publish_offer")
    offer = draft_of(programme, person, cost=1, budget=None)
    page = client.post(reverse("offers_admin:publish", args=[offer.pk]), follow=True)
    assert "شخص دیگری" in page.text
    assert Offer.objects.get().state == Offer.State.DRAFT


# Copies and terms ----------------------------------------------------------------------------------------------------


def test_an_offer_is_copied_as_a_draft_of_its_own(client, programme):
    signed_in(client, "change_offer")
    now = timezone.now()
    offer = OfferFactory(
        programme=programme, code="gift", starts_at=now - dt.timedelta(days=9), ends_at=now - dt.timedelta(days=2),
        accepted=3, budget=5,
    )  # fmt: skip
    page = reverse("offers_admin:edit", args=[offer.pk])
    assert 'name="copy"' in client.get(page).text
    client.post(page, {"copy": "1"})
    client.post(page, {"copy": "1"})
    copies = list(Offer.objects.exclude(pk=offer.pk).order_by("pk"))
    assert [one.code for one in copies] == ["gift-2", "gift-3"]
    copy = copies[0]
    assert (copy.state, copy.accepted, copy.published_by, copy.budget) == (Offer.State.DRAFT, 0, "", 5)
    assert copy.salt != offer.salt
    assert copy.ends_at - copy.starts_at == dt.timedelta(days=7)
    assert copy.ends_at > now
    assert (copy.title, copy.placements) == (offer.title, offer.placements)
    with pytest.raises(NotPermittedError):
        publishing.copy_offer(offer, by=UserFactory())


def test_the_terms_of_offers_are_set_by_whoever_may(client, programme):
    page = reverse("offers_admin:terms")
    signed_in(client, "change_offer")
    assert client.get(page).status_code in {302, 403}
    signed_in(client, "change_offerpolicy")
    assert "باشگاه نورا" in client.get(page).text
    form = {
        "holdout_percent": "7", "per_day": "4", "regular_weeks": "5", "regular_weeks_to_stay": "3", "own_percent": "75",
        "own_percent_to_stay": "60", "stay_days": "10",
    }  # fmt: skip

    def sent(**changed):
        values = {f"{programme.pk}-{name}": value for name, value in {**form, **changed}.items()}
        return client.post(page, {"programme": programme.pk, **values})

    assert sent(regular_weeks_to_stay="6").status_code == 422
    assert not OfferPolicy.objects.exists()
    salt = OfferPolicy.of(programme).salt
    assert sent().status_code == 302
    policy = OfferPolicy.objects.get()
    assert (policy.holdout_percent, policy.own_percent, policy.salt) == (7, 75, salt)


def test_the_terms_are_read_once_a_visit(programme):
    person = UserFactory()
    offers.set_consent(user=person, programme=programme, purpose=offers.Purpose.PROFILING, is_given=True, source="page")
    OfferFactory(programme=programme, audience={"fact": "points", "op": "gte", "value": 0})
    with CaptureQueriesContext(connection) as queries:
        offers.decide(person=person, programme=programme, slot="list")
    assert sum("loyalty_offerpolicy" in query["sql"] for query in queries) == 1


def rule_of(programme, writer, **values):
    return earning.create_rule(
        programme=programme, code="r", name={"fa": "x"}, by=writer, trigger="community.solution", **values
    )


def test_a_rule_that_would_have_cost_much_is_published_by_somebody_else(programme, writer, other):
    for number in range(3):
        earning.record(
            Happened(
                trigger="community.solution", source_id=f"p:{number}", subject=f"p:{number}",
                user_id=UserFactory().pk, occurred_at=timezone.now(),
            )
        )  # fmt: skip
    draft = rule_of(programme, writer, points=40_000)
    with pytest.raises(SecondPersonError):
        earning.publish(draft, by=writer)
    # Saving what somebody else wrote is not writing it.
    draft = earning.save_draft(rule=draft.rule, by=other, points=40_000)
    assert draft.drafted_by == f"user:{writer.pk}"
    assert earning.publish(draft, by=other).state == VersionState.PUBLISHED


@pytest.mark.parametrize(("points", "is_alone"), [(100_000, True), (100_001, False)])
def test_of_what_never_happened_one_award_decides(programme, writer, points, is_alone):
    draft = rule_of(programme, writer, points=points)
    if is_alone:
        assert earning.publish(draft, by=writer).state == VersionState.PUBLISHED
        return
    with pytest.raises(SecondPersonError):
        earning.publish(draft, by=writer)


ORDERS = {"trigger": "shop.order", "points": 1, "per_fact": "amount", "per_units": 1000}


@pytest.mark.parametrize(
    ("values", "is_alone"),
    [
        ({}, False),
        ({"cap_day": 100_001}, False),
        ({"cap_month": 100_000}, True),
        ({"conditions": {"fact": "amount", "op": "gte", "value": 5}}, False),
        ({"conditions": {"fact": "amount", "op": "lte", "value": 100_000_000}}, True),
        ({"conditions": {"fact": "amount", "op": "lte", "value": 100_001_000}}, False),
    ],
)
def test_a_rule_for_each_unit_is_published_alone_only_with_a_limit(programme, writer, other, values, is_alone):
    draft = earning.create_rule(programme=programme, code="r", name={"fa": "x"}, by=writer, **ORDERS, **values)
    if not is_alone:
        with pytest.raises(SecondPersonError):
            earning.publish(draft, by=writer)
    assert earning.publish(draft, by=writer if is_alone else other).state == VersionState.PUBLISHED


def test_a_campaign_that_runs_counts_for_the_most_of_a_rule_and_of_a_challenge(programme, writer, other):
    earning.publish_campaign(campaign_of(programme, writer, ""), by=other)  # twice the points
    draft = rule_of(programme, writer, points=50_001)
    with pytest.raises(SecondPersonError):
        earning.publish(draft, by=writer)
    points_for_challenges(programme, points=3, cap_month=200)
    WalletFactory(programme=programme)
    made = Challenge(programme=programme, code="c", trigger="community.solution", target=1, repeats=False, points=20)
    assert challenges.most_points(made) == 120
    made.points = 40
    assert challenges.most_points(made) == 200  # its limit


def test_a_rule_that_multiplies_the_points_of_challenges_is_not_published_alone(programme, writer):
    values = {"trigger": challenges.CHALLENGE, "per_fact": "points"}
    draft = earning.create_rule(programme=programme, code="r", name={"fa": "x"}, by=writer, points=1, **values)
    assert earning.most_points(draft) == 100_000
    draft = earning.save_draft(rule=draft.rule, by=writer, points=2)
    with pytest.raises(SecondPersonError):
        earning.publish(draft, by=writer)
