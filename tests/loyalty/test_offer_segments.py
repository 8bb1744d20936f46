"""How members take part in the community: thresholds to enter and to stay, and for whom it is worked out at all."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from community.models import CommunityProfile, Post, Tag
from loyalty.models import Member, OfferPolicy, SegmentMembership
from loyalty.services import offers
from loyalty.services.members import wallet_for
from loyalty.services.offers import Participation, Purpose, judge
from portal import offer_facts
from portal.notifications.models import Follow
from tests.factories.community import MemberFactory, PostFactory, ThreadFactory
from tests.factories.loyalty import EarningFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.offers.segments", "community.merits"),
]


@pytest.fixture
def programme():
    return EarningFactory().programme


def member(programme):
    person = MemberFactory()
    wallet_for(user=person, programme=programme)
    offers.set_consent(user=person, programme=programme, purpose=Purpose.PROFILING, is_given=True, source="test")
    return person


def segment_of(person):
    row = SegmentMembership.objects.filter(member_key=Member.objects.get(user=person).key).first()
    return row.segment if row else ""


def wrote(person, days_ago):
    """Reply to somebody."""
    post = PostFactory(author=person)
    Post.objects.filter(pk=post.pk).update(created_at=timezone.now() - dt.timedelta(days=days_ago, minutes=1))


def helps(person, weeks):
    """Reply to others in so many weeks."""
    for week in range(weeks):
        wrote(person, days_ago=7 * week)


@pytest.mark.parametrize(
    ("done", "now_in", "days", "segment"),
    [
        ((9, 0, 6, True), "", 0, "regular"),
        ((9, 0, 5, True), "", 0, ""),
        ((9, 0, 5, True), "regular", 20, "regular"),
        ((9, 0, 3, True), "regular", 20, ""),
        ((9, 0, 3, True), "regular", 13, "regular"),
        ((10, 8, 2, True), "", 0, "own-thread"),
        ((10, 7, 2, True), "", 0, ""),
        ((10, 7, 2, True), "own-thread", 20, "own-thread"),
        ((10, 6, 2, True), "own-thread", 20, ""),
        ((0, 0, 0, True), "", 0, "silent"),
        ((0, 0, 0, False), "", 0, ""),
        ((0, 0, 0, False), "silent", 14, ""),
        ((1, 1, 0, True), "silent", 3, "silent"),
    ],
)
def test_thresholds_to_enter_and_to_stay_differ_and_nobody_leaves_at_once(done, now_in, days, segment):
    assert judge(Participation(*done), now_in=now_in, days=days, policy=OfferPolicy()) == segment


def test_members_are_sorted_by_what_they_did(programme):
    regular, asker, silent, absent = (member(programme) for _ in range(4))
    helps(regular, 7)
    thread = ThreadFactory(author=asker)
    PostFactory(author=asker, thread=thread)
    CommunityProfile.objects.update_or_create(user=silent, defaults={"last_seen_on": timezone.localdate()})
    wrote(absent, days_ago=100)

    moved = offers.work_out_segments()

    assert [segment_of(one) for one in (regular, asker, silent, absent)] == ["regular", "own-thread", "silent", ""]
    assert moved == 3
    assert offers.work_out_segments() == 0
    row = SegmentMembership.objects.get(segment="regular")
    assert row.evidence == {"posts": 7, "own_posts": 0, "help_weeks": 7, "is_seen": True}


def test_nobody_is_looked_at_who_does_not_want_it(programme):
    person, other = member(programme), MemberFactory()
    wallet_for(user=other, programme=programme)
    for one in (person, other):
        helps(one, 7)
    offers.work_out_segments()
    assert (segment_of(person), segment_of(other)) == ("regular", "")

    offers.set_consent(user=person, programme=programme, purpose=Purpose.PROFILING, is_given=False, source="test")

    assert segment_of(person) == ""  # at once, not tonight
    offers.work_out_segments()
    assert segment_of(person) == ""


def test_the_number_of_queries_does_not_depend_on_the_number_of_members(programme):
    queries = []
    for _ in range(2):
        for _ in range(2):
            member(programme)
        with CaptureQueriesContext(connection) as asked:
            offers.work_out_segments()
        queries.append(len(asked))

    assert queries[0] == queries[1]


def test_conditions_can_ask_for_tags_that_somebody_follows(programme):
    person, tag = member(programme), Tag.objects.create(name="فیبر", slug="fibre")
    Follow.objects.create(person=person, target=f"community.tag:{tag.pk}")
    tree = {"fact": "follows", "op": "eq", "value": "fibre"}

    offers.validate(tree, programme)

    assert [who.user_id for who in offers.members_matching(tree, programme)] == [person.pk]


def test_suspended_people_are_told_apart(programme):
    person = member(programme)
    assert not offer_facts.is_suspended(person.pk)
    until = timezone.now() + dt.timedelta(days=1)
    CommunityProfile.objects.update_or_create(user=person, defaults={"suspended_until": until})

    assert offer_facts.is_suspended(person.pk)
