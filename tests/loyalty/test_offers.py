"""Which offers a member sees: conditions, groups, caps, answers, the budget; and that looking writes nothing."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.exceptions import OfferGoneError
from loyalty.models import (
    Member,
    Offer,
    OfferAnswer,
    OfferAssignment,
    OfferDecision,
    OfferPolicy,
    OfferShown,
    SegmentMembership,
)
from loyalty.services import ledger, offers, rewards
from loyalty.services.members import wallet_for
from loyalty.services.offers import Purpose, impressions
from loyalty.services.offers.answering import Kind
from portal.core.scopes import content_changed
from portal.insight.recorder import recorder
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.loyalty import EarningFactory, OfferFactory, RewardFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.services.offers.answering",
        "loyalty.services.offers.deciding",
        "loyalty.services.offers.impressions",
    ),
]

OLD = {"fact": "account_days", "op": "gte", "value": 0}
HAS_X2 = {"fact": "product", "op": "eq", "value": "x2"}


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    OfferPolicy.objects.create(programme=programme, holdout_percent=0)
    content_changed("offers")
    return programme


def wants(person, programme, is_given=True):
    return offers.set_consent(
        user=person, programme=programme, purpose=Purpose.PROFILING, is_given=is_given, source="test"
    )


@pytest.fixture
def person(programme):
    """A member who wants personal offers."""
    person = UserFactory()
    wallet_for(user=person, programme=programme)
    wants(person, programme)
    return person


def key_of(person):
    return Member.objects.get(user=person).key


def shown_to(person, programme, slot="list", at=None):
    """Look at a place, and have it stored."""
    page = offers.decide(person=person, programme=programme, slot=slot, at=at)
    if page.looked is not None:
        offers.looks.record(page.looked)
        recorder.flush()
    return [chosen.offer for chosen in page.offers]


# Who sees what -------------------------------------------------------------------------------------------------------


def test_personal_offers_are_for_those_who_fulfil_the_conditions_and_want_them(programme, person):
    general = OfferFactory(programme=programme)
    personal = OfferFactory(programme=programme, audience=HAS_X2)
    without = UserFactory()
    product = ProductFactory(code="x2")
    for one in (person, without):
        OwnershipFactory(user=one, product=product)
    wallet_for(user=without, programme=programme)

    assert shown_to(person, programme) == [personal, general]
    assert shown_to(without, programme) == [general]
    assert shown_to(None, programme) == [general]
    decision = OfferDecision.objects.get()
    assert (decision.chosen, decision.arm, decision.member_key) == (personal, "treatment", key_of(person))
    assert decision.candidates == [
        {
            "offer": personal.pk, "score": 5.0, "propensity": 1.0,
            "reasons": [{"fact": "product", "value": "x2"}],
        }
    ]  # fmt: skip
    assert set(OfferShown.objects.values_list("member_key", flat=True)) == {key_of(person)}

    wants(person, programme, is_given=False)
    assert shown_to(person, programme) == [general]


@pytest.mark.parametrize("what", ["staff", "frozen", "suspended"])
def test_staff_frozen_and_suspended_members_get_general_offers_only(programme, person, what, monkeypatch):
    general = OfferFactory(programme=programme)
    OfferFactory(programme=programme, audience=OLD)
    if what == "staff":
        person.is_staff = True
        person.save()
    elif what == "frozen":
        ledger.freeze(wallet=wallet_for(user=person, programme=programme), reason="review", actor="user:1")
    else:
        monkeypatch.setattr("loyalty.services.offers.deciding._bars", [lambda user_id: user_id == person.pk])

    assert shown_to(person, programme) == [general]
    assert not OfferDecision.objects.exists()


def test_what_is_over_used_up_elsewhere_or_cannot_be_had_is_not_shown(programme, person):
    now = timezone.now()
    for values in (
        {"state": "draft"},
        {"state": "stopped"},
        {"starts_at": now + dt.timedelta(days=1)},
        {"ends_at": now - dt.timedelta(minutes=1)},
        {"budget": 1, "accepted": 1},
        {"placements": ["home"]},
        {"path": "", "reward": RewardFactory(programme=programme, is_published=False)},
        {"path": "", "reward": RewardFactory(programme=programme, stock=0)},
        {"path": "", "reward": RewardFactory(programme=programme, from_tier="gold")},
        {"programme": EarningFactory().programme},
    ):
        OfferFactory(**{"programme": programme, **values})
    dear = OfferFactory(programme=programme, path="", reward=RewardFactory(programme=programme, price=10**6))

    assert shown_to(person, programme) == []
    # Whoever has its address sees what it is about, and a visitor may have the points.
    assert offers.offer_for(person, programme, dear.pk).offer == dear
    assert shown_to(None, programme) == [dear]


def test_a_reward_that_somebody_took_is_not_offered_to_them_and_it_is_noted_why(programme, person):
    wallet = wallet_for(user=person, programme=programme)
    ledger.earn(wallet=wallet, amount=100, key="start")
    reward = RewardFactory(programme=programme, price=40)
    its = OfferFactory(programme=programme, audience=OLD, path="", reward=reward, category="rewards")
    dear = OfferFactory(programme=programme, path="", reward=RewardFactory(programme=programme, price=200))
    other = OfferFactory(programme=programme, audience=OLD, category="plans")
    assert shown_to(person, programme) == [its, other]

    taken = rewards.redeem(user=person, reward=reward, key="k", price=40, seen=0, is_confirmed=True)

    page = offers.decide(person=person, programme=programme, slot="list")
    assert [one.offer for one in page.offers] == [other]
    assert [row for row in page.looked.places[0].candidates if "left_out" in row] == [
        {"offer": its.pk, "reasons": [], "left_out": "already_had"},
        {"offer": dear.pk, "reasons": [], "left_out": "insufficient_balance"},
    ]
    rewards.cancel(redemption=taken, user=person)
    assert set(shown_to(person, programme)) == {its, other}


def test_there_is_at_most_one_personal_offer_of_each_category(programme, person):
    for category in ("plans", "plans", "devices"):
        OfferFactory(programme=programme, audience=OLD, category=category)

    shown = shown_to(person, programme)

    assert sorted(offer.category for offer in shown) == ["devices", "plans"]
    assert OfferAssignment.objects.count() == 3  # all of them could get each of the three


# Groups --------------------------------------------------------------------------------------------------------------


def test_groups_stay_as_they_are_and_have_the_size_that_was_chosen(programme):
    offer = OfferFactory(programme=programme, audience=OLD, holdout_percent=30, salt="one")
    policy = OfferPolicy(programme=programme, holdout_percent=10, salt="two")
    keys = [Member(user_id=number).key for number in range(2000)]

    arms = [offers.arm_of(offer, policy, key) for key in keys]

    assert arms == [offers.arm_of(offer, policy, key) for key in keys]
    assert 0.07 < arms.count("holdout") / 2000 < 0.13
    assert 0.22 < arms.count("control") / 2000 < 0.32
    offer.salt = "another"
    assert arms != [offers.arm_of(offer, policy, key) for key in keys]


@pytest.mark.parametrize(("percents", "arm"), [((90, 0), "control"), ((0, 10), "holdout")])
def test_a_comparison_group_sees_it_nowhere_and_it_is_noted(programme, person, percents, arm, monkeypatch):
    of_offer, of_all = percents
    monkeypatch.setattr("loyalty.services.offers.deciding.group_of", lambda _salt, _key: 0)
    OfferPolicy.objects.update(holdout_percent=of_all)
    general = OfferFactory(programme=programme)
    personal = OfferFactory(programme=programme, audience=OLD, holdout_percent=of_offer)

    for slot in ("list", "home", "points"):
        assert shown_to(person, programme, slot) == [general]

    assert offers.offer_for(person, programme, personal.pk) is None
    with pytest.raises(OfferGoneError):
        offers.accept(user=person, programme=programme, number=personal.pk)
    assert set(OfferDecision.objects.values_list("chosen", "arm")) == {(personal.pk, arm)}
    assert set(OfferShown.objects.values_list("offer", "arm")) == {(personal.pk, arm)}  # would have been shown
    assert OfferAssignment.objects.get().arm == arm


# Caps ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caps", "seen_at"),
    [
        ({"cap_day": 2}, [0, 1, 24.1, 25.1, 168.1]),
        ({"cap_week": 1}, [0, 168.1]),
        ({"cap_total": 3}, [0, 1, 2]),
    ],
)
def test_an_offer_is_shown_no_more_often_than_its_caps(programme, person, caps, seen_at):
    offer = OfferFactory(programme=programme, audience=OLD, ends_at=timezone.now() + dt.timedelta(days=30), **caps)
    start = timezone.now()
    hours = [0, 0.2, 1, 1.3, 2, 3, 24.1, 25.1, 26, 168.1]

    seen = [hour for hour in hours if shown_to(person, programme, at=start + dt.timedelta(hours=hour))]

    counted = [(at - start).total_seconds() / 3600 for at in OfferShown.objects.values_list("at", flat=True)]
    assert counted == pytest.approx(seen_at)  # a visit counts once
    assert {hour for hour in seen if hour in seen_at} == set(seen_at)
    assert not set(seen) - set(seen_at) - {0.2, 1.3}
    assert offer.pk == OfferShown.objects.values_list("offer", flat=True).distinct().get()


def test_all_personal_offers_together_are_capped_in_a_place(programme, person):
    OfferPolicy.objects.update(per_day=2)
    for category in ("plans", "devices", "rewards"):
        OfferFactory(programme=programme, audience=OLD, category=category)
    start = timezone.now()

    assert len(shown_to(person, programme, "list", start)) == 3
    assert shown_to(person, programme, "list", start + dt.timedelta(hours=1)) == []
    assert len(shown_to(person, programme, "home", start + dt.timedelta(hours=1))) == 2


# Answers -------------------------------------------------------------------------------------------------------------


def test_what_was_hidden_stays_away_until_it_is_taken_back(programme, person):
    general = OfferFactory(programme=programme)
    plan, other = (OfferFactory(programme=programme, audience=OLD, category="devices") for _ in range(2))
    say = {"user": person, "programme": programme}

    offers.hide(**say, number=general.pk, kind=Kind.DISMISSED)
    assert general not in shown_to(person, programme)
    assert offers.undo(**say, number=general.pk)
    assert not offers.undo(**say, number=general.pk)
    assert general in shown_to(person, programme)

    for _ in range(2):  # once or twice is the same
        offers.hide(**say, number=plan.pk, kind=Kind.LESS)
    assert other not in shown_to(person, programme)
    later = timezone.now() + dt.timedelta(days=91)
    Offer.objects.update(ends_at=later + dt.timedelta(days=1))
    assert other in shown_to(person, programme, at=later)


def test_accepting_counts_once_and_cannot_be_taken_back(programme, person):
    offer = OfferFactory(programme=programme, audience=OLD, budget=5)
    SegmentMembership.objects.create(member_key=key_of(person), segment="silent")

    for _ in range(2):
        assert offers.accept(user=person, programme=programme, number=offer.pk) == offer

    offer.refresh_from_db()
    answer = OfferAnswer.objects.get()
    assert (offer.accepted, answer.kind, answer.segment) == (1, "accepted", "silent")
    assert not offers.undo(user=person, programme=programme, number=offer.pk)
    assert shown_to(person, programme) == []


def test_nobody_answers_what_is_not_for_them(programme, person):
    offer = OfferFactory(programme=programme, audience=HAS_X2)

    for number in (offer.pk, 10**9):
        with pytest.raises(OfferGoneError):
            offers.accept(user=person, programme=programme, number=number)
        with pytest.raises(OfferGoneError):
            offers.hide(user=person, programme=programme, number=number, kind=Kind.DISMISSED)
    assert not OfferAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_more_accept_it_than_there_are_when_all_come_at_once(programme):
    offer = OfferFactory(programme=programme, budget=2)
    people = [UserFactory() for _ in range(4)]
    for one in people:
        wallet_for(user=one, programme=programme)
    gate = threading.Barrier(5)
    outcomes: list[str] = []

    def accept(one):
        try:
            gate.wait()
            offers.accept(user=one, programme=programme, number=offer.pk)
            outcomes.append("yes")
        except OfferGoneError:
            outcomes.append("gone")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=accept, args=[one]) for one in [*people, people[0]]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    offer.refresh_from_db()
    assert len(outcomes) == 5
    assert offer.accepted == OfferAnswer.objects.count() == 2


# Costs ---------------------------------------------------------------------------------------------------------------


def test_looking_writes_nothing_and_costs_the_same_for_many_offers(programme, person):
    ProductFactory(code="x2")
    reward = RewardFactory(programme=programme, limit=1)
    queries = []
    for _ in range(2):
        for category in ("plans", "devices", "rewards"):
            OfferFactory(programme=programme, audience={"or": [OLD, HAS_X2]}, category=category)
            OfferFactory(programme=programme, audience=OLD, path="", reward=reward, category=category)
            OfferFactory(programme=programme)
        content_changed("offers")
        impressions._tallies._values.clear()
        with CaptureQueriesContext(connection) as asked:
            page = offers.decide(person=person, programme=programme, slot="list")
        assert page.offers
        queries.append([query["sql"] for query in asked])

    assert len(queries[0]) == len(queries[1]) <= 21
    assert all(sql.lstrip("(").startswith("SELECT") for sql in queries[1])


def test_without_offers_nothing_is_asked(programme, person):
    offers.decide(person=person, programme=programme, slot="home")

    with CaptureQueriesContext(connection) as asked:
        assert offers.decide(person=person, programme=programme, slot="home").offers == []
    assert len(asked) == 0


def test_the_same_day_decides_the_same_and_is_stored_once(programme, person):
    for category in ("plans", "devices", "rewards", "learning"):
        OfferFactory(programme=programme, audience=OLD, category=category)

    first = shown_to(person, programme)

    assert shown_to(person, programme) == first
    assert OfferDecision.objects.count() == OfferShown.objects.count() == 4


def test_what_was_shown_to_somebody_who_left_is_not_stored(programme, person):
    OfferFactory(programme=programme, audience=OLD)
    page = offers.decide(person=person, programme=programme, slot="list")
    offers.looks.record(page.looked)
    person.delete()

    recorder.flush()

    assert not OfferShown.objects.exists()
    assert not OfferAssignment.objects.exists()


def test_what_is_old_is_forgotten(programme, person):
    offer = OfferFactory(programme=programme, audience=OLD)
    shown_to(person, programme)
    assert not offers.is_anything_old()
    OfferShown.objects.update(at=timezone.now() - dt.timedelta(days=400))
    OfferDecision.objects.update(at=timezone.now() - dt.timedelta(days=91))

    assert offers.is_anything_old()
    assert offers.forget_old() == 2
    assert not OfferShown.objects.exists()
    assert offer.assignments.exists()


def test_reasons_are_those_of_the_stored_decision(programme, person):
    product = ProductFactory(code="x2")
    own = OwnershipFactory(user=person, product=product)
    offer = OfferFactory(programme=programme, audience={"or": [HAS_X2, OLD]})
    shown_to(person, programme)
    own.delete()

    [first, second] = offers.offer_for(person, programme, offer.pk).reasons

    assert (first, second) == ({"fact": "product", "value": "x2"}, {"fact": "account_days", "value": 0})
