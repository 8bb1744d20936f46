"""What an offer achieved, honestly: members who were to see it compared with members who were not.

Everything is computed from counts; nothing of it is read from or written to the database. Members are compared by the
arm they were assigned to, whatever they saw afterwards (intention to treat). docs/decisions/0037-uplift.md says why
these methods and not others.

- `newcombe`: interval of a difference of shares by the hybrid of two score intervals (R. G. Newcombe, Interval
  estimation for the difference between independent proportions, Statistics in Medicine 17, 1998, method 10). It holds
  for small counts too, and for one look at a time that was fixed before.
- `any_time`: an interval that holds at all times at once, however often people look and whenever they stop. For either
  arm the likelihood under a Beta mixture, relative to the one under a share, is a martingale that starts at 1; so is
  the product of both, and by Ville's inequality it exceeds 1/α once with a probability of at most α (H. Robbins,
  Statistical methods related to the law of the iterated logarithm, 1970; S. Howard and others, Time-uniform,
  nonparametric, nonasymptotic confidence sequences, 2021). No approximation is made for large counts.

While an offer runs people look, and the second interval decides, at 99 %; at the end that was planned the first one
does, at 95 %. So at most 6 of 100 offers without any effect are ever called better or worse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The share of intervals that may miss the truth at any time.
ALPHA: Final = 0.01
#: Arms whose sizes are less probable than this were not drawn as intended: the result is not shown.
MISMATCH: Final = 0.001
#: Normal quantiles: two-sided 95 %, and a power of 80 %.
_Z: Final = 1.959963984540054
_Z_POWER: Final = 0.8416212335729143
#: The Beta mixture. It decides where the interval is narrowest, here for the small shares that offers have, and not whether
#: it is right.
_MIXTURE: Final = (0.5, 4.0)
#: Fewer conversions in an arm than this: no normal approximation.
_FEWEST: Final = 10


class Verdict(StrEnum):
    """What can be said about an offer."""

    BETTER = "better"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"
    #: The arms have other sizes than intended: something is wrong with the assignment, or with the counting.
    HIDDEN = "hidden"


class Before(NamedTuple):
    """What the members of an arm did before the offer: Σx, Σx² and, with the conversions y, Σxy."""

    total: float
    squares: float
    product: float


class Arm(NamedTuple):
    """Members who were assigned to an arm and could have had the offer, and how many of them did what was hoped for."""

    members: int
    converted: int
    before: Before | None = None

    @property
    def rate(self) -> float:
        """The share that converted; 0 without members."""
        return self.converted / self.members if self.members else 0.0


class Interval(NamedTuple):
    """A range that holds the truth with a stated probability."""

    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """Return it in another unit, such as members instead of a share. The factor is not negative."""
        return Interval(self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Estimate:
    """By how much the share of members who convert differs, and what that cost."""

    difference: float
    #: 95 %, for one look at the end that was planned.
    interval: Interval
    #: 99 %, for any number of looks.
    any_time: Interval
    #: Difference and interval after subtracting what the members' past explains; None without a past, or with few conversions.
    adjusted: tuple[float, Interval] | None
    #: Conversions that would not have happened without the offer, in the arm that had it.
    additional: float
    additional_range: Interval
    #: Points per additional conversion; None if there is none. `high` is infinite if the offer may have had no effect.
    points_each: float | None
    points_range: Interval | None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one offer. `estimate` is None if it is hidden or an arm is empty."""

    offer: Arm
    control: Arm
    #: How probable arms of such different sizes are if members are assigned as intended.
    mismatch: float
    verdict: Verdict
    estimate: Estimate | None
    #: The smallest difference that so many members would show 8 times out of 10; None if an arm is empty.
    detectable: float | None
    #: The same relative to the share that converts without the offer; None if nobody does.
    detectable_relative: float | None
    #: Conversions that came through the offer, whether or not they would have happened anyway.
    attributed: int
    #: Points that were spent on the offer.
    points: int


def result_of(
    offer: Arm, control: Arm, *, control_share: float, is_final: bool, attributed: int = 0, points: int = 0
) -> Result:
    """Compare two arms.

    `control_share` is the share of members that was meant to be in the control group. `is_final` says that this is the
    one look at the end that was planned before; an offer that somebody stopped never has it.
    """
    mismatch = mismatch_probability(offer.members, control.members, control_share=control_share)
    smallest = detectable_difference(offer, control)
    estimate = None
    verdict = Verdict.INCONCLUSIVE
    if mismatch < MISMATCH:
        verdict = Verdict.HIDDEN
    elif offer.members and control.members:
        estimate = _estimate(offer, control, points)
        decisive = estimate.interval if is_final else estimate.any_time
        if decisive.low > 0:
            verdict = Verdict.BETTER
        elif decisive.high < 0:
            verdict = Verdict.WORSE
    return Result(
        offer=offer,
        control=control,
        mismatch=mismatch,
        verdict=verdict,
        estimate=estimate,
        detectable=smallest,
        detectable_relative=smallest / control.rate if smallest is not None and control.converted else None,
        attributed=attributed,
        points=points,
    )


def _estimate(offer: Arm, control: Arm, points: int) -> Estimate:
    difference = offer.rate - control.rate
    interval = newcombe(offer, control)
    additional = difference * offer.members
    in_members = interval.times(offer.members)
    is_known = points > 0 and in_members.high > 0
    return Estimate(
        difference=difference,
        interval=interval,
        any_time=any_time(offer, control),
        adjusted=adjusted(offer, control),
        additional=additional,
        additional_range=in_members,
        points_each=points / additional if additional > 0 else None,
        points_range=Interval(
            points / in_members.high, points / in_members.low if in_members.low > 0 else math.inf
        ) if is_known else None,
    )  # fmt: skip


# Intervals -----------------------------------------------------------------------------------------------------------


def _wilson(arm: Arm) -> Interval:
    if not arm.members:
        return Interval(0.0, 1.0)
    size, square = arm.members, _Z * _Z
    middle = arm.rate + square / (2 * size)
    half = _Z * math.sqrt(arm.rate * (1 - arm.rate) / size + square / (4 * size * size))
    return Interval(max(0.0, (middle - half) / (1 + square / size)), min(1.0, (middle + half) / (1 + square / size)))


def newcombe(offer: Arm, control: Arm) -> Interval:
    """Return the 95 % interval of the difference of shares, for one look."""
    first, second = _wilson(offer), _wilson(control)
    if not offer.members or not control.members:
        return Interval(-1.0, 1.0)
    difference = offer.rate - control.rate
    return Interval(
        difference - math.hypot(offer.rate - first.low, second.high - control.rate),
        difference + math.hypot(first.high - offer.rate, control.rate - second.low),
    )


def any_time(offer: Arm, control: Arm, *, alpha: float = ALPHA) -> Interval:
    """Return the interval of the difference of shares that holds at all times at once, with a probability of 1 − `alpha`."""
    limit = math.log(1 / alpha)
    low = _farthest(control, offer, limit)
    return Interval(-low, _farthest(offer, control, limit))


def _farthest(upper: Arm, lower: Arm, limit: float) -> float:
    """Return the largest difference of shares that the martingale does not exclude.

    Its logarithm is convex in both shares. Where the difference is largest the slopes along both are equal and opposite,
    so that for a slope either share solves a quadratic equation; the slope is searched for by halving.
    """
    fewest, most = 1e-9, 1e12
    for _step in range(60):
        slope = math.sqrt(fewest * most)
        high = _share_with_slope(upper.members, upper.converted, slope)
        low = 1 - _share_with_slope(lower.members, lower.members - lower.converted, slope)
        if _surprise(upper, high) + _surprise(lower, low) < limit:
            fewest = slope
        else:
            most = slope
    slope = most  # on the safe side of the limit
    high = _share_with_slope(upper.members, upper.converted, slope)
    return high - 1 + _share_with_slope(lower.members, lower.members - lower.converted, slope)


def _share_with_slope(members: int, converted: int, slope: float) -> float:
    """Return the share above the observed one at which the surprise has this slope: slope·p² + (n − slope)·p − s = 0."""
    rest = members - slope
    root = math.sqrt(rest * rest + 4 * slope * converted)
    if rest < 0:
        return min(1.0, (root - rest) / (2 * slope))
    return min(1.0, 2 * converted / (rest + root)) if rest + root else 0.0


def _surprise(arm: Arm, share: float) -> float:
    """Return the logarithm of the likelihood under the mixture, relative to the one under this share."""
    failed = arm.members - arm.converted
    converts, fails = _MIXTURE
    surprise = _log_beta(converts + arm.converted, fails + failed) - _log_beta(converts, fails)
    for count, probability in ((arm.converted, share), (failed, 1 - share)):
        if count:
            if probability <= 0:
                return math.inf
            surprise -= count * math.log(probability)
    return surprise


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)


def adjusted(offer: Arm, control: Arm) -> tuple[float, Interval] | None:
    """Return the difference without what the past of the members explains, and its 95 % interval for one look.

    CUPED (A. Deng and others, Improving the sensitivity of online controlled experiments by utilizing pre-experiment
    data, WSDM 2013). None without a past, with the same past for everybody, or with too few conversions.
    """
    if offer.before is None or control.before is None or min(offer.converted, control.converted) < _FEWEST:
        return None
    pairs = ((offer, offer.before), (control, control.before))
    moments = [_moments(arm, before) for arm, before in pairs]
    of_past = sum(arm.members * one.past for (arm, _before), one in zip(pairs, moments, strict=True))
    together = sum(arm.members * one.both for (arm, _before), one in zip(pairs, moments, strict=True))
    if of_past <= 0:
        return None
    weight = together / of_past
    earlier = offer.before.total / offer.members - control.before.total / control.members
    difference = offer.rate - control.rate - weight * earlier
    variance = sum(
        max(0.0, one.now - 2 * weight * one.both + weight * weight * one.past) / (arm.members - 1)
        for (arm, _before), one in zip(pairs, moments, strict=True)
    )
    half = _Z * math.sqrt(variance)
    return difference, Interval(difference - half, difference + half)


class _Moments(NamedTuple):
    now: float
    past: float
    both: float


def _moments(arm: Arm, before: Before) -> _Moments:
    mean = before.total / arm.members
    return _Moments(
        now=arm.rate * (1 - arm.rate),
        past=before.squares / arm.members - mean * mean,
        both=before.product / arm.members - mean * arm.rate,
    )


# Sizes ---------------------------------------------------------------------------------------------------------------


def mismatch_probability(offer: int, control: int, *, control_share: float) -> float:
    """Return how probable arms are whose sizes differ at least so much from what was intended (χ², one degree of freedom).

    1 if everybody or nobody was meant to be in the control group and is; 0 if somebody is not.
    """
    total = offer + control
    expected = total * control_share
    if not 0 < control_share < 1:
        return float(math.isclose(control, expected))
    if not total:
        return 1.0
    square = (control - expected) ** 2 / expected + (offer - (total - expected)) ** 2 / (total - expected)
    return math.erfc(math.sqrt(square / 2))


def detectable_difference(offer: Arm, control: Arm) -> float | None:
    """Return the smallest difference that is found with a power of 80 % at 5 %; None if an arm is empty.

    The share that converts without the offer is that of both arms, with one more who does and one who does not, so that
    a few members who all did nothing do not look as if everything could be detected.
    """
    if not offer.members or not control.members:
        return None
    rate = (offer.converted + control.converted + 1) / (offer.members + control.members + 2)
    variance = rate * (1 - rate) * (1 / offer.members + 1 / control.members)
    return min(1.0, (_Z + _Z_POWER) * math.sqrt(variance))


# Several offers together ---------------------------------------------------------------------------------------------


def pooled(results: Sequence[Result]) -> tuple[float, Interval] | None:
    """Return the average difference of several offers and its 95 % interval; None for fewer than two that can be used.

    Random effects (R. DerSimonian and N. Laird, Meta-analysis in clinical trials, 1986): offers may have different
    effects. Shares get one more of either kind, so that an arm without conversions has a variance too.
    """
    rows = [_smoothed(one) for one in results if one.estimate is not None]
    if len(rows) < 2:
        return None
    weights = [1 / variance for _difference, variance in rows]
    mean = sum(weight * row[0] for weight, row in zip(weights, rows, strict=True)) / sum(weights)
    spread = sum(weight * (row[0] - mean) ** 2 for weight, row in zip(weights, rows, strict=True))
    scale = sum(weights) - sum(weight * weight for weight in weights) / sum(weights)
    between = max(0.0, (spread - (len(rows) - 1)) / scale) if scale > 0 else 0.0
    weights = [1 / (variance + between) for _difference, variance in rows]
    mean = sum(weight * row[0] for weight, row in zip(weights, rows, strict=True)) / sum(weights)
    half = _Z / math.sqrt(sum(weights))
    return mean, Interval(mean - half, mean + half)


def _smoothed(result: Result) -> tuple[float, float]:
    shares = [(arm.converted + 1) / (arm.members + 2) for arm in (result.offer, result.control)]
    sizes = [arm.members + 2 for arm in (result.offer, result.control)]
    variance = sum(share * (1 - share) / size for share, size in zip(shares, sizes, strict=True))
    return shares[0] - shares[1], variance
