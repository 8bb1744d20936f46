"""How active members are: fifths worked out by the database, names made of them, and what editors are shown."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.models import Activity, ActivityCell, Decision, LoyaltyEvent, Member, MemberConsent, SegmentMembership
from loyalty.services import offers
from loyalty.services.members import wallet_for
from loyalty.services.offers import Purpose, activity
from portal.accounts import own_data
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory
from tests.loyalty.test_adjusting_admin import signed_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.offers.activity", "loyalty.segments_admin"),
]

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


def member(programme, days=(), points=10, *, wants=True):
    """A member who got points so many days ago, for each of them."""
    person = UserFactory()
    wallet = wallet_for(user=person, programme=programme)
    if wants:
        offers.set_consent(user=person, programme=programme, purpose=Purpose.PROFILING, is_given=True, source="test")
    for ago in days:
        decided(wallet, ago, points)
    return person


def decided(wallet, ago, points, *outcomes):
    event = LoyaltyEvent.objects.create(
        trigger="community.solution",
        source_id=uuid.uuid4().hex,
        subject="x",
        member_key=wallet.member_key,
        occurred_at=timezone.now() - ago * DAY,
    )
    for number, outcome in enumerate(outcomes or ("earned",)):
        Decision.objects.create(event=event, wallet=wallet, round=number, outcome=outcome, points=points)


def cells():
    return dict(ActivityCell.objects.values_list("member_key", "cell"))


def key_of(person):
    return Member.objects.get(user=person).key


def active(recency, weight, *, last=1, first=300):
    now = timezone.now()
    return activity.Active(uuid.uuid4(), now - first * DAY, now - last * DAY, 1, 1, recency, weight, weight)


@pytest.mark.parametrize(
    ("one", "cell"),
    [
        (active(5, 5), Activity.CHAMPION),
        (active(3, 5), Activity.LOYAL),
        (active(5, 3), Activity.LOYAL),
        (active(5, 1, first=10), Activity.NEW),
        (active(5, 1), Activity.OCCASIONAL),
        (active(1, 4, last=61), Activity.AT_RISK),
        (active(2, 2, last=61), Activity.LOST),
        # Where everybody comes every day, the last fifth was there yesterday.
        (active(1, 4, last=2), Activity.LOYAL),
        (active(1, 1, last=2, first=2), Activity.NEW),
    ],
)
def test_names_are_made_of_fifths_and_nobody_who_was_there_is_lost(one, cell):
    assert activity.cell_of(one, timezone.now()) is cell


def test_members_are_sorted_by_what_they_did(programme):
    champion = member(programme, days=range(1, 30), points=100)
    loyal = member(programme, days=range(20, 40, 2), points=50)
    leaving = member(programme, days=range(90, 110), points=60)
    lost, new = member(programme, days=[300]), member(programme, days=[2])

    assert offers.work_out_activity() == 5
    assert offers.work_out_activity() == 0

    found = cells()
    expected = ["champion", "loyal", "at-risk", "lost", "new"]
    assert [found[key_of(one)] for one in (champion, loyal, leaving, lost, new)] == expected
    row = ActivityCell.objects.get(member_key=key_of(champion))
    assert (row.fifths, row.evidence["times"], row.evidence["points"]) == ([5, 5, 5], 29, 2900)


def test_who_is_equal_is_in_the_same_fifth(programme):
    for _ in range(7):
        member(programme, days=[3], points=10)
    offers.work_out_activity()
    assert set(ActivityCell.objects.values_list("frequency", "value")) == {(1, 1)}


def test_what_was_taken_back_and_what_is_long_ago_does_not_count(programme):
    person = member(programme, days=[400])
    decided(wallet_for(user=person, programme=programme), 3, 50, "earned", "reversed")
    offers.work_out_activity()
    assert cells() == {}


def test_only_who_wants_personal_offers_is_looked_at_and_leaving_is_at_once(programme):
    person, _other = member(programme, days=[3]), member(programme, days=[3], wants=False)
    offers.sort_members()
    assert set(cells()) == {key_of(person)}
    assert any(kind == "activity" for kind, _values in offers.export_offers(person))

    offers.set_consent(user=person, programme=programme, purpose=Purpose.PROFILING, is_given=False, source="test")
    assert cells() == {}
    offers.sort_members()
    assert cells() == {}


def test_it_goes_with_the_member(programme):
    person = member(programme, days=[3])
    offers.sort_members()
    own_data.erase(person)
    assert cells() == {}


def test_conditions_can_ask_for_it(programme):
    person, _other = member(programme, days=[2]), member(programme)
    offers.work_out_activity()
    tree = {"fact": "activity", "op": "in", "value": ["new", "champion"]}
    offers.validate(tree, programme)
    assert [who.user_id for who in offers.members_matching(tree, programme)] == [person.pk]


def test_the_number_of_queries_does_not_depend_on_the_number_of_members(programme):
    queries = []
    for _ in range(2):
        for _ in range(3):
            member(programme, days=[1])
        with CaptureQueriesContext(connection) as asked:
            offers.work_out_activity()
        queries.append(len(asked))
    assert queries[0] == queries[1]


def test_editors_see_sizes_in_steps_and_begin_an_offer_from_there(client, programme):
    for number in range(43):
        key = uuid.uuid4()
        MemberConsent.objects.create(member_key=key, purpose="profiling", number=1, is_given=True, source="test")
        if number < 42:
            ActivityCell.objects.create(member_key=key, cell="loyal", recency=3, frequency=3, value=3)
        if number < 19:
            SegmentMembership.objects.create(member_key=key, segment="silent")
    signed_in(client, "change_offer")

    page = client.get(reverse("points_segments:index")).text

    assert "حدود ۴۰" in page
    assert "۴۲" not in page
    assert "۱۹" not in page
    address = f"{reverse('offers_admin:add')}?activity=loyal"
    assert address in page
    assert client.get(address).context["form"].initial["fact_0"] == "activity"
    assert client.get(f"{reverse('offers_admin:add')}?activity=nonsense").status_code == 200
