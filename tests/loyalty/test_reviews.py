"""Voting reviews: what looks agreed, who decides, what becomes of the points."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from community.models import Vote
from loyalty import queries
from loyalty.exceptions import DecidedError, NoRightError, OwnPointsError
from loyalty.models import Decision, Member, ReviewedMember, VotingReview
from loyalty.services import earning, reviews
from loyalty.services.reviews import GivenVote, deciding, find
from portal import points
from tests.factories.accounts import UserFactory
from tests.factories.community import PostFactory
from tests.factories.loyalty import EarningFactory, rule_in_force
from tests.loyalty.test_earning import happened
from tests.loyalty.test_tiers_admin import with_rights

MONDAY = dt.datetime(2026, 11, 2, 8, tzinfo=dt.UTC)
A, B, C, D, E = (uuid.UUID(int=number) for number in range(1, 6))


def votes(*pairs, every=dt.timedelta(hours=7)):
    """So many votes of one for another: (giver, receiver, count)."""
    many = [(giver, receiver) for giver, receiver, count in pairs for _each in range(count)]
    return [GivenVote(f"vote:{n}", giver, receiver, MONDAY + n * every) for n, (giver, receiver) in enumerate(many)]


def kinds(given):
    return {(found.kind, found.members) for found in find(given)}


# Finding -------------------------------------------------------------------------------------------------------------


def test_two_who_vote_for_each_other_and_few_others_are_found():
    given = votes((A, B, 6), (B, A, 5), (A, C, 3), (D, B, 9))
    assert kinds(given) == {("mutual", frozenset({A, B}))}
    [found] = find(given)
    assert found.evidence == [
        {"giver": str(A), "receiver": str(B), "votes": 6, "of": 9},
        {"giver": str(B), "receiver": str(A), "votes": 5, "of": 5},
    ]


@pytest.mark.parametrize(
    "given",
    [
        [(A, B, 4), (B, A, 20)],  # too few in one direction
        [(A, B, 6), (B, A, 6), (A, C, 8), (A, D, 8)],  # a small part of what one of them gives
        [(A, B, 40), (C, B, 40), (D, B, 40)],  # somebody whom many like
        [(A, A, 30)],
    ],
)
def test_what_is_no_agreement_is_not_found(given):
    assert kinds(votes(*given)) == set()


def test_a_small_group_that_votes_within_itself_is_found_once():
    ring = [(A, B, 6), (B, A, 6), (B, C, 3), (C, A, 3)]
    assert kinds(votes(*ring, (C, D, 4))) == {("ring", frozenset({A, B, C}))}
    # Most of what they give goes to others.
    assert kinds(votes((A, B, 3), (B, C, 3), (C, A, 3), (A, D, 9), (A, E, 9))) == set()


def test_a_crowd_is_no_ring():
    people = [uuid.UUID(int=number) for number in range(10, 20)]
    circle = [(one, other, 3) for one, other in zip(people, [*people[1:], people[0]], strict=True)]
    assert kinds(votes(*circle)) == set()


def test_votes_within_minutes_are_found_and_no_others_of_the_same_two():
    quick = votes((A, B, 5), every=dt.timedelta(minutes=2))
    slow = [GivenVote("late", A, B, MONDAY + dt.timedelta(days=3))]
    [found] = find([*slow, *quick])
    assert (found.kind, [vote.source for vote in found.votes]) == ("burst", [vote.source for vote in quick])
    assert find(votes((A, B, 5), every=dt.timedelta(minutes=3))) == []


# Deciding ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair(db):
    """Two members who were paid for each other's votes: 100 points each time."""
    earning_of = EarningFactory()
    rule_in_force(earning_of.programme, trigger=points.VOTE)
    one, other = UserFactory(), UserFactory()
    for giver, author in ((one, other), (other, one)):
        for _each in range(5):
            vote = Vote.objects.create(post=PostFactory(author=author), user=giver, helper=author)
            earning.record(happened(author, trigger=points.VOTE, source_id=f"community.vote:{vote.pk}", facts={}))
    return one, other


def available(person):
    [wallet] = queries.wallets_of(person)
    return queries.summary(wallet).spendable


def decider():
    person = UserFactory(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="decide_votingreview"))
    return person


@pytest.mark.both_databases("loyalty.services.reviews.deciding")
def test_confirming_takes_the_points_back_once_and_for_good(pair):
    assert [available(person) for person in pair] == [500, 500]
    assert reviews.open_reviews() == 1
    assert reviews.open_reviews() == 0
    review = VotingReview.objects.get()
    by = decider()

    assert reviews.confirm(review, by=by).points == 1000
    with pytest.raises(DecidedError):
        reviews.confirm(review, by=by)

    assert [available(person) for person in pair] == [0, 0]
    reversals = Decision.objects.filter(outcome="reversed")
    assert set(reversals.values_list("reason", flat=True)) == {earning.VOTING_REVIEW}
    events = earning.events_from(points.VOTE, review.sources)
    assert earning.settle(events, stands=lambda _event: True, because="") == []  # nothing gives them again


def test_what_was_dismissed_is_opened_again_by_new_votes_alone(pair):
    reviews.open_reviews()
    reviews.dismiss(VotingReview.objects.get(), by=decider())
    assert [available(person) for person in pair] == [500, 500]
    assert reviews.open_reviews() == 0

    Vote.objects.create(
        post=PostFactory(author=pair[1]),
        user=pair[0],
        helper=pair[1],
        created_at=timezone.now() + dt.timedelta(minutes=1),
    )
    assert reviews.open_reviews() == 1


def test_nobody_decides_without_the_right_or_about_themselves(pair):
    reviews.open_reviews()
    review = VotingReview.objects.get()
    with pytest.raises(NoRightError):
        reviews.confirm(review, by=UserFactory(is_staff=True))
    superuser = UserFactory(superuser=True)
    Member.objects.filter(user=pair[0]).update(user=superuser)
    with pytest.raises(OwnPointsError):
        reviews.dismiss(review, by=superuser)
    assert [available(pair[1])] == [500]


@pytest.mark.both_databases("loyalty.models.reviews")
def test_two_processes_open_one_review(pair, monkeypatch):
    """The second has looked before the first one wrote."""
    first = find(deciding._of_members(points.votes_since(MONDAY)))
    assert deciding._open(first[0])

    looking = VotingReview.objects.filter
    monkeypatch.setattr(VotingReview.objects, "filter", lambda **which: _BeforeAll(looking(**which)))
    assert not deciding._open(first[0])
    monkeypatch.undo()
    assert VotingReview.objects.count() == 1


class _BeforeAll:
    def __init__(self, found):
        self.found = found

    def filter(self, **which):
        return self.found.none()

    def aggregate(self, **_which):
        return {"last": None}


def test_staff_are_in_no_review(pair):
    pair[0].is_staff = True
    pair[0].save()
    assert reviews.open_reviews() == 0


def test_who_leaves_is_in_no_review(pair):
    reviews.open_reviews()
    review = VotingReview.objects.get()
    reviews.dismiss(review, by=decider())
    assert [one["kind"] for one in reviews.export_reviews(pair[0])] == ["mutual"]
    key = Member.objects.get(user=pair[0]).key
    pair[0].delete()
    review.refresh_from_db()
    assert str(key) not in str(review.evidence)
    assert not ReviewedMember.objects.filter(member_key=key).exists()
    pair[1].delete()
    assert not VotingReview.objects.exists()


# The screens ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_older_reviews_follow_the_last_one_that_was_shown(client, settings, monkeypatch):
    settings.STAFF_SECOND_FACTOR = False
    monkeypatch.setattr("loyalty.reviews_admin._PAGE", 2)
    now = timezone.now()
    made = [
        VotingReview.objects.create(
            kind="burst", fingerprint=str(number), evidence=[], state="open" if number == 0 else "dismissed",
            last_vote_at=now,
        )
        for number in range(5)
    ]  # fmt: skip
    with_rights(client, "view_votingreview")
    page = reverse("points_reviews:index")

    def shown(**asked):
        answer = client.get(page, asked)
        return [review.pk for review, _names in answer.context["rows"]], answer.context["next"]

    assert shown() == ([made[0].pk, made[4].pk, made[3].pk], made[3].pk)
    assert shown(before=made[3].pk) == ([made[2].pk, made[1].pk], None)


@pytest.mark.both_databases("loyalty.reviews_admin")
def test_the_screens_show_who_voted_for_whom_and_decide(pair, client, settings):
    settings.STAFF_SECOND_FACTOR = False
    reviews.open_reviews()
    review = VotingReview.objects.get()
    page = reverse("points_reviews:inspect", args=[review.pk])

    with_rights(client, "view_votingreview")
    shown = client.get(page).text
    assert pair[0].handle in shown
    assert 'name="confirm"' not in shown
    assert client.post(page, {"confirm": "1"}).url == reverse("wagtailadmin_home")

    staff = UserFactory(superuser=True, language="fa")
    client.force_login(staff)
    assert "دو نفر به هم رأی می‌دهند" in client.get(reverse("points_reviews:index")).text
    client.post(page, {"confirm": "1"})
    review.refresh_from_db()
    assert (review.state, review.points, review.decided_by) == ("confirmed", 1000, f"user:{staff.pk}")

    with_rights(client)
    assert client.get(page).url == reverse("wagtailadmin_home")
