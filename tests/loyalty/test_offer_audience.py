"""Who an offer is for: facts about members, conditions on them, and what editors may know of a group."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.exceptions import InvalidConditionError
from loyalty.models import Member, MemberConsent, SegmentMembership
from loyalty.services import ledger, offers
from loyalty.services.earning import FactInfo, FactType, Trigger, conditions
from loyalty.services.members import wallet_for
from loyalty.services.offers import Purpose
from portal.accounts import own_data
from portal.core.localized import LocalizedText
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.loyalty import EarningFactory, OfferFactory, rule_in_force, tiers_in_force
from tests.loyalty.test_tiers import earn

pytestmark = pytest.mark.both_databases(
    "loyalty.models.offers", "loyalty.services.offers.audience", "loyalty.services.offers.consents"
)

HAS_X2 = {"fact": "product", "op": "eq", "value": "x2"}
IS_SILVER = {"fact": "tier", "op": "eq", "value": "silver"}


@pytest.fixture
def programme():
    return EarningFactory().programme


def member(programme, *, product="", **values):
    """A member who wants personal offers."""
    person = UserFactory(**values)
    wallet = wallet_for(user=person, programme=programme)
    offers.set_consent(user=person, programme=programme, purpose=Purpose.PROFILING, is_given=True, source="test")
    if product:
        OwnershipFactory(user=person, product=product)
    return person, wallet


def facts_about(programme, person):
    own = Member.objects.get(user=person)
    return offers.facts_of(programme, [offers.Who(own.key, person.pk)])[own.key]


# Conditions ----------------------------------------------------------------------------------------------------------

_FACTS = Trigger(
    name="member",
    label="",
    facts=(
        FactInfo(name="points", label="", type=FactType.NUMBER),
        FactInfo(name="product", label="", type=FactType.CHOICE, choices=(("x2", ""), ("fibre", ""), ("tv", ""))),
    ),
)
_leaves = st.one_of(
    st.builds(lambda n: {"fact": "points", "op": "gte", "value": n}, st.integers(0, 20)),
    st.builds(lambda code: {"fact": "product", "op": "eq", "value": code}, st.sampled_from(["x2", "fibre", "tv"])),
    st.builds(
        lambda codes: {"fact": "product", "op": "in", "value": codes},
        st.lists(st.sampled_from(["x2", "fibre", "tv"]), min_size=1, max_size=2),
    ),
)
_trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"and": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"or": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)


def _oracle(tree, points, products):
    match tree:
        case {"and": parts}:
            return all(_oracle(part, points, products) for part in parts)
        case {"or": parts}:
            return any(_oracle(part, points, products) for part in parts)
        case {"not": part}:
            return not _oracle(part, points, products)
        case {"fact": "points", "value": value}:
            return points >= value
        case {"op": "eq", "value": value}:
            return value in products
    return bool(set(tree["value"]) & products)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=_trees, points=st.integers(0, 20), products=st.frozensets(st.sampled_from(["x2", "fibre", "tv"])))
def test_conditions_mean_what_they_say_and_reasons_are_true(tree, points, products):
    facts = {"points": points, "product": products}

    reasons = offers.matched(tree, facts)

    assert (reasons is not None) == _oracle(tree, points, products)
    for reason in reasons or []:
        known = facts[reason["fact"]]
        assert reason["value"] in known if isinstance(known, frozenset) else reason["value"] == known


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    junk=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["and", "or", "not", "fact", "op", "value", "x"]), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_what_is_valid_can_be_judged_and_everything_else_is_refused(junk):
    try:
        conditions.validate(junk, _FACTS)
    except InvalidConditionError:
        return
    assert offers.matched(junk, {"points": 3, "product": frozenset({"x2"})}) in (None, []) or junk


# Facts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_knows_of_a_member_what_conditions_can_ask_for(programme):
    rule_in_force(programme)
    tiers_in_force(programme)
    joined = timezone.now() - dt.timedelta(days=40)
    person, wallet = member(programme, product=ProductFactory(code="x2"), language="en", date_joined=joined)
    earn(person, 1)
    SegmentMembership.objects.create(member_key=wallet.member_key, segment="silent")

    known = facts_about(programme, person)

    assert known == {
        "account_days": 40, "language": "en", "points": 100, "redemptions": 0,
        "tier": "silver", "segment": "silent", "product": frozenset({"x2"}),
    }  # fmt: skip
    assert {fact.name for fact in offers.vocabulary(programme).facts} >= known.keys()


@pytest.mark.django_db
def test_counts_who_fulfils_the_conditions_and_wants_personal_offers(programme):
    product = ProductFactory(code="x2")
    for _ in range(2):
        member(programme, product=product)
    member(programme)
    asked_nothing = UserFactory()
    wallet_for(user=asked_nothing, programme=programme)
    OwnershipFactory(user=asked_nothing, product=product)
    member(programme, product=product, is_staff=True)
    frozen, wallet = member(programme, product=product)
    ledger.freeze(wallet=wallet, reason="review", actor="user:1")

    offers.validate(HAS_X2, programme)

    assert offers.audience_count(HAS_X2, programme) == 2
    assert offers.audience_count({}, programme) == 3
    assert frozen.pk not in {who.user_id for who in offers.members_matching(HAS_X2, programme)}


@pytest.mark.django_db
def test_the_number_of_queries_does_not_depend_on_the_number_of_members(programme):
    tiers_in_force(programme)
    product = ProductFactory(code="x2")
    tree = {"and": [HAS_X2, {"not": IS_SILVER}]}
    queries = []
    for _ in range(2):
        for _ in range(3):
            member(programme, product=product)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert offers.audience_count(tree, programme)
        queries.append(len(asked))

    assert queries[0] == queries[1]


@pytest.mark.django_db
def test_a_small_group_is_not_shown_to_editors(programme, monkeypatch):
    product = ProductFactory(code="x2")
    for _ in range(3):
        member(programme, product=product)

    assert offers.audience_sample(HAS_X2, 2, programme) == []
    assert offers.breakdown(HAS_X2, "language", programme) == {}
    assert [offers.Size(count).shown for count in (0, 19, 20, 39, 40)] == [None, None, 20, 20, 40]

    monkeypatch.setattr("loyalty.services.offers.audience.SMALL", 3)
    sample = offers.audience_sample(HAS_X2, 2, programme)

    assert [one["product"] for one in sample] == [frozenset({"x2"})] * 2
    assert offers.breakdown({}, "product", programme) == {"x2": 3}


@pytest.mark.django_db
def test_tells_how_many_members_two_offers_are_for(programme):
    ProductFactory(code="tv")
    member(programme, product=ProductFactory(code="x2"))
    member(programme)
    first = OfferFactory(programme=programme, audience=HAS_X2)

    assert offers.overlap(first, OfferFactory(programme=programme)) == 1
    assert offers.overlap(first, OfferFactory(programme=programme, audience={"not": HAS_X2})) == 0
    assert offers.overlap(first, OfferFactory(audience=HAS_X2)) == 0


# Consents ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_last_word_holds_and_every_word_is_kept(programme):
    person, wallet = member(programme)

    for is_given in (True, False, False, True, False):
        offers.set_consent(
            user=person, programme=programme, purpose=Purpose.PROFILING, is_given=is_given, source="page"
        )

    rows = MemberConsent.objects.filter(member_key=wallet.member_key).order_by("number")
    assert [row.is_given for row in rows] == [True, False, True, False]
    assert not offers.agrees(wallet.member_key, Purpose.PROFILING)
    assert not offers.agrees(wallet.member_key, Purpose.MARKETING)
    with pytest.raises(TypeError):
        rows[0].delete()


@pytest.mark.django_db
def test_agreeing_makes_a_member_and_refusing_does_not(programme):
    person = UserFactory()
    say = {"user": person, "programme": programme, "purpose": Purpose.MARKETING, "source": "page"}

    assert not offers.set_consent(**say, is_given=False)
    assert not Member.objects.filter(user=person).exists()
    assert offers.set_consent(**say, is_given=True)
    assert offers.agrees(Member.objects.get(user=person).key, Purpose.MARKETING)
    with pytest.raises(ValueError, match="participation"):
        offers.set_consent(**{**say, "purpose": Purpose.PARTICIPATION}, is_given=True)


@pytest.mark.django_db
def test_what_is_known_is_exported_and_goes_with_the_member(programme):
    person, wallet = member(programme)
    offer = OfferFactory(programme=programme)
    SegmentMembership.objects.create(member_key=wallet.member_key, segment="regular", evidence={"weeks": 7})
    offer.answers.create(member_key=wallet.member_key, kind="dismissed")

    kinds = [kind for kind, _values in offers.export_offers(person)]
    own_data.erase(person)

    assert kinds == ["consent", "segment", "offer-answer"]
    for model in (MemberConsent, SegmentMembership, type(offer.answers.model())):
        assert not model.objects.filter(member_key=wallet.member_key).exists()


# Offers that cannot be -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("path", {"path": "https://example.com/"}),
        ("path", {"path": "//example.com/"}),
        ("path", {"path": ""}),
        ("terms", {"terms": LocalizedText(fa="\n".join(["یک", "دو", "سه", "چهار", "پنج", "شش"]))}),
        ("placements", {"placements": ["mail"]}),
        ("placements", {"placements": []}),
        ("holdout_percent", {"holdout_percent": 10}),
        ("reward", {"goal": "redeem"}),
        ("boost", {"boost": "2.5"}),
    ],
)
def test_an_offer_that_leads_nowhere_or_cannot_be_measured_is_refused(programme, field, values):
    offer = OfferFactory.build(programme=programme, **values)

    with pytest.raises(ValidationError) as refused:
        offer.full_clean()

    assert set(refused.value.message_dict) == {field}


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"boost": "2.5"}, {"value": 0}, {"budget": 1, "accepted": 2}])
def test_the_database_refuses_it_too(programme, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        OfferFactory(programme=programme, **values)
