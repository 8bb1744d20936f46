"""Which of several offers to show: pure functions of what was shown and accepted so far.

The chance that somebody accepts is learnt for each segment and shrunk towards the offer's rate for everybody, so that few
impressions say little. One of the offers is drawn: mostly in proportion to how often it would be the best one by what is known
(Thompson sampling), and with a small part of the draws at random, so that no offer is never tried. The propensity of each one is
exactly the chance with which it was drawn; the same seed draws the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Changes whenever the same inputs would be decided differently; stored with each decision.
POLICY_VERSION: Final = 2
#: Impressions that the rate for everybody is worth in a segment.
SHRINKAGE: Final = 40
#: What is assumed of an offer that nobody has seen, and how many impressions that is worth.
FIRST_RATE: Final = 0.05
FIRST_WEIGHT: Final = 20
#: Part of the draws that is uniform.
EXPLORATION: Final = 0.05
#: As long as all offers together were shown less often, each takes part with its mean: there is nothing to learn from yet.
ENOUGH: Final = 50
#: How often the best one is looked for to learn the shares.
DRAWS: Final = 64
#: What each impression in seven days costs, as a share of the goal's value, and how many count.
FATIGUE: Final = 0.002
MOST_FATIGUE: Final = 20


class Tally(NamedTuple):
    """How often an offer was shown and accepted."""

    shown: int = 0
    accepted: int = 0


NONE: Final = Tally()


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An offer that a member could get, with everything the score depends on."""

    offer_id: int
    value: int
    cost: int
    boost: float = 1.0
    #: Of everybody, and of the member's segment.
    everybody: Tally = NONE
    segment: Tally = NONE
    #: Impressions of the member within seven days.
    seen: int = 0


class Beta(NamedTuple):
    """A distribution of a chance."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)


class Scored(NamedTuple):
    """A candidate with its expected value and the chance with which it was drawn."""

    candidate: Candidate
    score: float
    propensity: float


class Draw(NamedTuple):
    """What was drawn, out of what."""

    chosen: Candidate
    scored: list[Scored]


def posterior(everybody: Tally, segment: Tally) -> Beta:
    """Return what is known of the chance of acceptance in a segment, shrunk to the rate of everybody."""
    rate = (min(everybody.accepted, everybody.shown) + FIRST_RATE * FIRST_WEIGHT) / (everybody.shown + FIRST_WEIGHT)
    accepted = min(segment.accepted, segment.shown)
    return Beta(accepted + SHRINKAGE * rate, segment.shown - accepted + SHRINKAGE * (1 - rate))


def expected_value(candidate: Candidate, chance: float) -> float:
    """Return what showing it is worth, in points: what is won less what it costs, less what showing it again spoils.

    The editors' weight makes more of what is worth something, and never anything good out of what is not.
    """
    fatigue = FATIGUE * candidate.value * min(candidate.seen, MOST_FATIGUE)
    worth = chance * candidate.value - chance * candidate.cost - fatigue
    return worth * candidate.boost if worth > 0 else worth / candidate.boost


def draw(candidates: Sequence[Candidate], *, seed: str) -> Draw:
    """Draw one of the candidates, of which there is at least one."""
    ordered = sorted(candidates, key=lambda candidate: candidate.offer_id)
    known = [posterior(candidate.everybody, candidate.segment) for candidate in ordered]
    chances = random.Random(seed)  # noqa: S311 - it shall be repeatable; nothing is secret
    # Of all together: an offer of its own that had bad luck at first would be frozen with that for thousands of impressions.
    is_known = sum(candidate.everybody.shown for candidate in ordered) >= ENOUGH
    wins = [0] * len(ordered)
    for _ in range(DRAWS):
        values = [
            expected_value(candidate, _chance(beta, chances, is_known=is_known))
            for candidate, beta in zip(ordered, known, strict=True)
        ]
        wins[max(range(len(values)), key=values.__getitem__)] += 1
    uniform = EXPLORATION / len(ordered)
    propensities = [uniform + (1 - EXPLORATION) * won / DRAWS for won in wins]
    [chosen] = chances.choices(ordered, weights=propensities)
    scored = [
        Scored(candidate, expected_value(candidate, beta.mean), propensity)
        for candidate, beta, propensity in zip(ordered, known, propensities, strict=True)
    ]
    return Draw(chosen, scored)


def _chance(beta: Beta, chances: random.Random, *, is_known: bool) -> float:
    return chances.betavariate(beta.alpha, beta.beta) if is_known else beta.mean
