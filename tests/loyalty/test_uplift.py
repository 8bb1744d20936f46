"""What is said of offers is true: intervals hold planted effects, and what cannot be known is not said."""

from __future__ import annotations

import math

import pytest

from bench import offers as bench
from loyalty.services.offers import uplift
from loyalty.services.offers.uplift import Arm, Before, Verdict


@pytest.mark.parametrize(
    ("offer", "control", "low", "high"),
    [
        # Examples (a), (d) and (g) of the paper, method 10.
        (Arm(70, 56), Arm(80, 48), 0.0524, 0.3339),
        (Arm(56, 5), Arm(29, 0), -0.0381, 0.1926),
        (Arm(10, 0), Arm(10, 0), -0.2775, 0.2775),
    ],
)
def test_the_interval_for_one_look_is_that_of_the_paper(offer, control, low, high):
    assert uplift.newcombe(offer, control) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("offer", "control"), [(Arm(70, 56), Arm(80, 48)), (Arm(10, 0), Arm(40, 3)), (Arm(5, 5), Arm(9, 0))]
)
def test_the_interval_for_any_time_is_all_that_the_martingale_does_not_exclude(offer, control):
    between = uplift.any_time(offer, control)
    steps = [step / 200 for step in range(201)]
    limit = math.log(1 / uplift.ALPHA)
    possible = [
        first - second
        for first in steps
        for second in steps
        if uplift._surprise(offer, first) + uplift._surprise(control, second) < limit
    ]
    assert between.low <= min(possible) < between.low + 0.02
    assert between.high - 0.02 < max(possible) <= between.high
    assert uplift.any_time(control, offer) == pytest.approx((-between.high, -between.low))


@pytest.mark.parametrize("plan", bench.PLANS[:4], ids=lambda plan: plan.name)
def test_intervals_hold_the_planted_effect(plan):
    tally = bench.measure(plan, range(60 if plan.members < 1000 else 25))
    assert tally.share(tally.one_look) >= 0.9
    assert tally.share(tally.any_time) >= 0.97
    assert tally.false_alarms == 0
    if not plan.effect:
        assert tally.share(tally.called) <= 0.1


def test_a_running_offer_is_judged_more_strictly_than_a_finished_one():
    arms = Arm(1000, 80), Arm(1000, 50)
    running = uplift.result_of(*arms, control_share=0.5, is_final=False)
    finished = uplift.result_of(*arms, control_share=0.5, is_final=True)
    assert (running.verdict, finished.verdict) == (Verdict.INCONCLUSIVE, Verdict.BETTER)
    assert uplift.result_of(*reversed(arms), control_share=0.5, is_final=True).verdict is Verdict.WORSE
    assert uplift.result_of(Arm(1000, 200), Arm(1000, 50), control_share=0.5, is_final=False).verdict is Verdict.BETTER


def test_arms_of_other_sizes_than_intended_have_no_result():
    result = uplift.result_of(Arm(1000, 200), Arm(850, 50), control_share=0.5, is_final=True)
    assert (result.verdict, result.estimate) == (Verdict.HIDDEN, None)
    assert uplift.result_of(Arm(1000, 200), Arm(950, 50), control_share=0.5, is_final=True).estimate is not None
    assert uplift.mismatch_probability(10, 0, control_share=0) == 1
    assert uplift.mismatch_probability(10, 1, control_share=0) == 0


@pytest.mark.parametrize(("members", "smallest"), [(1_000, 0.064), (10_000, 0.020), (200_000, 0.005)])
def test_the_detectable_difference_is_the_known_one(members, smallest):
    control = members // 10
    found = uplift.detectable_difference(
        Arm(members - control, round((members - control) / 20)), Arm(control, control // 20)
    )
    assert found == pytest.approx(smallest, abs=0.001)


@pytest.mark.parametrize(
    "arms", [(Arm(0, 0), Arm(0, 0)), (Arm(3, 0), Arm(0, 0)), (Arm(1, 1), Arm(1, 0)), (Arm(2, 2), Arm(2, 2))]
)
def test_with_hardly_anybody_nothing_is_said(arms):
    result = uplift.result_of(*arms, control_share=0.5, is_final=True)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert -1 <= uplift.any_time(*arms).low <= 0 <= uplift.any_time(*arms).high <= 1


def test_what_would_have_happened_anyway_is_not_paid_for():
    result = uplift.result_of(
        Arm(1000, 100), Arm(1000, 50), control_share=0.5, is_final=True, attributed=90, points=5_000
    )
    estimate = result.estimate
    assert (result.attributed, estimate.additional, estimate.points_each) == (90, pytest.approx(50), pytest.approx(100))
    assert estimate.points_range.low < 100 < estimate.points_range.high < math.inf
    without = uplift.result_of(Arm(1000, 51), Arm(1000, 50), control_share=0.5, is_final=True, points=5_000).estimate
    assert without.points_range.high == math.inf
    assert (
        uplift.result_of(Arm(9, 0), Arm(9, 1), control_share=0.5, is_final=True, points=9).estimate.points_each is None
    )


def test_the_past_of_members_is_subtracted():
    # The same in both arms, and everything is explained: half were active before and all of them convert.
    same = Before(total=50, squares=50, product=50)
    difference, between = uplift.adjusted(Arm(100, 50, same), Arm(100, 50, same))
    assert (difference, between.low, between.high) == pytest.approx((0, 0, 0))
    # More were active before in one arm: their conversions are no effect of the offer.
    more = Before(total=60, squares=60, product=60)
    difference, _between = uplift.adjusted(Arm(100, 60, more), Arm(100, 50, same))
    assert difference == pytest.approx(0, abs=1e-9)
    assert uplift.adjusted(Arm(100, 9, same), Arm(100, 50, same)) is None
    assert uplift.adjusted(Arm(100, 50), Arm(100, 50)) is None


def test_several_small_offers_together_show_what_none_does():
    rows = [
        uplift.result_of(Arm(500, 40 + number), Arm(500, 25), control_share=0.5, is_final=False) for number in range(6)
    ]
    assert {row.verdict for row in rows} == {Verdict.INCONCLUSIVE}
    difference, between = uplift.pooled(rows)
    assert difference == pytest.approx(0.035, abs=0.005)
    assert between.low > 0
    assert uplift.pooled(rows[:1]) is None
