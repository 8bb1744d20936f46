"""Which of several offers is drawn: what must hold whatever was shown and accepted."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.services.offers import scoring
from loyalty.services.offers.scoring import Candidate, Tally, draw, expected_value, posterior

_quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_tallies = st.builds(lambda shown, share: Tally(shown, int(shown * share)), st.integers(0, 3000), st.floats(0, 1))
_candidates = st.builds(
    lambda number, value, cost, boost, everybody, segment, seen: Candidate(
        offer_id=number, value=value, cost=cost, boost=boost, everybody=everybody, segment=segment, seen=seen
    ),
    st.integers(1, 10**6),
    st.integers(1, 1000),
    st.integers(0, 1000),
    st.floats(0.5, 2),
    _tallies,
    _tallies,
    st.integers(0, 50),
)
_lists = st.lists(_candidates, min_size=1, max_size=6, unique_by=lambda candidate: candidate.offer_id)


@_quick
@given(_tallies, _tallies)
def test_the_chance_lies_between_the_rate_of_the_segment_and_that_of_everybody(everybody, segment):
    beta = posterior(everybody, segment)
    overall = posterior(everybody, Tally()).mean

    assert beta.alpha > 0
    assert beta.beta > 0
    rate = segment.accepted / segment.shown if segment.shown else overall
    assert min(rate, overall) - 1e-9 <= beta.mean <= max(rate, overall) + 1e-9


def test_few_impressions_say_little_and_many_say_nearly_everything():
    everybody = Tally(1000, 50)

    assert posterior(everybody, Tally(2, 2)).mean < 0.11
    assert abs(posterior(everybody, Tally(4000, 1200)).mean - 0.3) < 0.01
    assert posterior(Tally(), Tally()).mean == scoring.FIRST_RATE


@_quick
@given(_lists, st.text(max_size=5))
def test_every_offer_has_a_chance_and_the_chances_are_whole(candidates, seed):
    drawn = draw(candidates, seed=seed)

    propensities = [one.propensity for one in drawn.scored]
    assert abs(sum(propensities) - 1) < 1e-9
    assert min(propensities) >= scoring.EXPLORATION / len(candidates) - 1e-12
    assert drawn.chosen in candidates
    assert draw(list(reversed(candidates)), seed=seed) == drawn


@_quick
@given(_candidates, st.floats(0, 1))
def test_weight_and_fatigue_are_bounded(candidate, chance):
    worth = expected_value(candidate, chance)

    assert -2 * (candidate.cost + candidate.value) <= worth <= 2 * candidate.value
    fresher = Candidate(
        offer_id=1, value=candidate.value, cost=candidate.cost, boost=candidate.boost, seen=max(0, candidate.seen - 1)
    )
    assert expected_value(fresher, chance) >= worth
    neutral = Candidate(offer_id=1, value=candidate.value, cost=candidate.cost, seen=candidate.seen)
    assert (worth > 0) == (expected_value(neutral, chance) > 0)  # no weight makes a loss worth showing


def test_what_is_known_well_is_shown_nearly_always_and_the_rest_still_sometimes():
    good = Candidate(offer_id=1, value=100, cost=0, everybody=Tally(4000, 800), segment=Tally(2000, 400))
    bad = Candidate(offer_id=2, value=100, cost=0, everybody=Tally(4000, 80), segment=Tally(2000, 40))

    chosen = [draw([good, bad], seed=str(number)).chosen.offer_id for number in range(400)]

    assert 370 < chosen.count(1) < 400


def test_with_little_traffic_nothing_is_gambled():
    first = Candidate(offer_id=1, value=100, cost=0, everybody=Tally(scoring.ENOUGH // 2 - 1, 0))
    second = Candidate(offer_id=2, value=100, cost=0, everybody=Tally(scoring.ENOUGH // 2 - 1, 10))

    for number in range(5):
        shares = [one.propensity for one in draw([first, second], seed=str(number)).scored]
        assert shares == [scoring.EXPLORATION / 2, 1 - scoring.EXPLORATION / 2]


def test_an_offer_with_bad_luck_at_first_is_tried_again():
    unlucky = Candidate(offer_id=1, value=100, cost=0, everybody=Tally(20, 0), segment=Tally(20, 0))
    usual = Candidate(offer_id=2, value=100, cost=0, everybody=Tally(400, 12), segment=Tally(400, 12))

    tried = [draw([unlucky, usual], seed=str(number)).chosen.offer_id for number in range(200)]

    assert tried.count(1) > 20  # by chance alone it would be 5
