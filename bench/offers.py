"""Whether offers are measured truthfully. Run by `script/bench offers`.

Members are invented whose segments (5 % contribute, 75 % take part in their own threads, 20 % read) and whose answers
to offers are known. So it can be counted how often what the portal says of an offer is true:

  one look     how often the 95 % interval of a finished offer holds the planted effect
  any time     how often the interval of a running offer holds it at each of 20 looks
  called       how often an offer without effect is called better or worse, at some look or at the end
  found        how often one with the detectable effect is called better at the end
  mismatch     how often the arms of a sound assignment are called unsound, and those of one that loses a fifth of the
               control group are noticed

Then offers are chosen for members, by the rule of the portal and by others, and what that earns is compared with always
showing the best one, which only whoever planted the answers knows:

  random       any of six offers
  fixed        the order of what reaching the goal is worth
  portal       `scoring.draw`: chances that are learnt in each segment, drawn towards the rate of everybody

All figures depend on the seeds alone: the same code gives the same figures on every machine.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")

import django  # noqa: E402 - the settings first
from django.apps import apps  # noqa: E402 - the settings first

if not apps.ready:
    django.setup()

from loyalty.services.offers import scoring, uplift  # noqa: E402 - the path first
from loyalty.services.offers.uplift import Arm, Verdict  # noqa: E402 - the path first

#: Segment → its share of the members.
SEGMENTS: Final = {"regular": 0.05, "own-thread": 0.75, "silent": 0.20}
LOOKS: Final = 20
#: Bars of --check: what is promised. With so many seeds it may be missed by three standard errors.
LEAST: Final = {"one look": 0.95, "any time": 0.99, "found": 0.8, "noticed": 0.9}
MOST: Final = {"called": 0.06, "mismatch": 0.001}
#: The share of the best value that the portal reaches at least, after so many impressions.
IMPRESSIONS: Final = (500, 2_000)
REACHED: Final = {500: 0.6, 2_000: 0.75}


class Plan(NamedTuple):
    """An offer as it is planted: for each segment the share that converts without it and with it."""

    name: str
    members: int
    control_share: float
    without: dict[str, float]
    with_offer: dict[str, float]

    @property
    def effect(self) -> float:
        """The true difference over all members."""
        return sum(share * (self.with_offer[name] - self.without[name]) for name, share in SEGMENTS.items())


def _same(rate: float) -> dict[str, float]:
    return dict.fromkeys(SEGMENTS, rate)


_USUAL: Final = {"regular": 0.20, "own-thread": 0.06, "silent": 0.02}
PLANS: Final = (
    Plan("small, half and half, no effect", 200, 0.5, _same(0.05), _same(0.05)),
    Plan("small, half and half, an effect", 200, 0.5, _USUAL, {"regular": 0.3, "own-thread": 0.12, "silent": 0.02}),
    Plan("10 % control, no effect", 2_000, 0.1, _USUAL, _USUAL),
    Plan("10 % control, an effect", 2_000, 0.1, _USUAL, {"regular": 0.25, "own-thread": 0.12, "silent": 0.05}),
    Plan("half and half, detectable", 2_000, 0.5, _same(0.05), _same(0.0805)),
    Plan("half and half, it harms", 2_000, 0.5, _USUAL, {"regular": 0.05, "own-thread": 0.04, "silent": 0.02}),
)


@dataclass(slots=True)
class Tally:
    """How often something was true of so many offers."""

    tried: int = 0
    one_look: int = 0
    any_time: int = 0
    called: int = 0
    better: int = 0
    false_alarms: int = 0
    noticed: int = 0

    def share(self, count: int) -> float:
        """Return the count as a share of the offers."""
        return count / self.tried if self.tried else 0.0


def measure(plan: Plan, seeds: range) -> Tally:
    """Let the offer take place once for each seed, and count what was said of it that is true."""
    tally = Tally()
    for seed in seeds:
        chance = random.Random(f"{plan.name}:{seed}")
        _once(plan, chance, tally)
    return tally


def _once(plan: Plan, chance: random.Random, tally: Tally) -> None:
    members, converted = [0, 0], [0, 0]
    held, called, lost = True, False, 0
    names, weights = list(SEGMENTS), list(SEGMENTS.values())
    for number, segment in enumerate(chance.choices(names, weights, k=plan.members), start=1):
        is_control = chance.random() < plan.control_share
        rates = plan.without if is_control else plan.with_offer
        members[is_control] += 1
        converted[is_control] += chance.random() < rates[segment]
        lost += is_control and chance.random() < 0.2
        if number % max(1, plan.members // LOOKS) == 0:
            result = _result(plan, members, converted, is_final=False)
            called |= result.verdict in {Verdict.BETTER, Verdict.WORSE}
            held &= result.estimate is None or _holds(result.estimate.any_time, plan.effect)
    final = _result(plan, members, converted, is_final=True)
    tally.tried += 1
    tally.one_look += _holds(uplift.newcombe(final.offer, final.control), plan.effect)
    tally.any_time += held
    tally.called += called or final.verdict in {Verdict.BETTER, Verdict.WORSE}
    tally.better += final.verdict is Verdict.BETTER
    tally.false_alarms += final.verdict is Verdict.HIDDEN
    broken = uplift.mismatch_probability(members[0], members[1] - lost, control_share=plan.control_share)
    tally.noticed += broken < uplift.MISMATCH


def _holds(interval: uplift.Interval, effect: float) -> bool:
    return interval.low <= effect <= interval.high


def _result(plan: Plan, members: list[int], converted: list[int], *, is_final: bool) -> uplift.Result:
    offer, control = (Arm(members[arm], converted[arm]) for arm in (False, True))
    return uplift.result_of(offer, control, control_share=plan.control_share, is_final=is_final)


# Choosing ------------------------------------------------------------------------------------------------------------

#: What six offers are worth, and the share of each segment that accepts.
WORTH: Final = (100, 80, 120, 60, 100, 90)
ACCEPT: Final = {
    "regular": (0.02, 0.03, 0.01, 0.20, 0.05, 0.04),
    "own-thread": (0.06, 0.04, 0.01, 0.03, 0.12, 0.02),
    "silent": (0.01, 0.11, 0.02, 0.02, 0.02, 0.03),
}


def chosen_value(seed: int, impressions: int) -> dict[str, float]:
    """Return for each way of choosing which share of the best possible value it reached after so many impressions."""
    chance = random.Random(f"choose:{seed}")
    numbers = range(len(WORTH))
    tallies: dict[tuple[int, str], scoring.Tally] = {}
    total = dict.fromkeys(("best", "random", "fixed", "portal"), 0.0)
    for number in range(impressions):
        [segment] = chance.choices(list(SEGMENTS), list(SEGMENTS.values()))
        values = [ACCEPT[segment][offer] * WORTH[offer] for offer in numbers]
        drawn = scoring.draw(
            [
                scoring.Candidate(
                    offer_id=offer,
                    value=WORTH[offer],
                    cost=0,
                    everybody=tallies.get((offer, "*"), scoring.Tally()),
                    segment=tallies.get((offer, segment), scoring.Tally()),
                )
                for offer in numbers
            ],
            seed=f"{seed}:{number}",
        )
        offer = drawn.chosen.offer_id
        accepted = chance.random() < ACCEPT[segment][offer]
        for name in ("*", segment):
            known = tallies.get((offer, name), scoring.Tally())
            tallies[offer, name] = scoring.Tally(known.shown + 1, known.accepted + accepted)
        total["best"] += max(values)
        total["random"] += sum(values) / len(values)
        total["fixed"] += values[WORTH.index(max(WORTH))]
        total["portal"] += values[offer]
    return {name: value / total["best"] for name, value in total.items() if name != "best"}


def choices(runs: int) -> dict[int, dict[str, float]]:
    """Return for each number of impressions the average share of the best value, by way of choosing."""
    found = {}
    for impressions in IMPRESSIONS:
        rows = [chosen_value(seed, impressions) for seed in range(runs)]
        found[impressions] = {name: sum(row[name] for row in rows) / runs for name in rows[0]}
    return found


# Telling -------------------------------------------------------------------------------------------------------------


def report(tallies: dict[str, Tally]) -> list[str]:
    """Return the figures as a table, and print nothing."""
    heading = (
        f"{'offer':<34} {'one look':>9} {'any time':>9} {'called':>7} {'better':>7} {'mismatch':>9} {'noticed':>8}"
    )
    lines = [heading]
    for name, tally in tallies.items():
        counts = (tally.one_look, tally.any_time, tally.called, tally.better, tally.false_alarms, tally.noticed)
        shares = [f"{tally.share(count):.1%}" for count in counts]
        widths = (9, 9, 7, 7, 9, 8)
        lines.append(f"{name:<34} " + " ".join(f"{one:>{width}}" for one, width in zip(shares, widths, strict=True)))
    return lines


def missed_bars(tallies: dict[str, Tally]) -> list[str]:
    """Return a line for each bar that is missed."""
    missed = []
    for plan in PLANS:
        tally = tallies[plan.name]
        at_least = {"one look": tally.one_look, "any time": tally.any_time}
        at_most = {"mismatch": tally.false_alarms}
        if not plan.effect:
            at_most["called"] = tally.called
        if plan.name.endswith("detectable"):
            at_least |= {"found": tally.better, "noticed": tally.noticed}
        for name, count in at_least.items():
            if tally.share(count) < LEAST[name] - _by_chance(LEAST[name], tally.tried):
                missed.append(f"{plan.name}: {name} {tally.share(count):.1%}, at least {LEAST[name]:.1%} wanted")
        for name, count in at_most.items():
            if tally.share(count) > MOST[name] + _by_chance(MOST[name], tally.tried):
                missed.append(f"{plan.name}: {name} {tally.share(count):.1%}, at most {MOST[name]:.1%} wanted")
    return missed


def _by_chance(share: float, tried: int) -> float:
    return 3 * math.sqrt(share * (1 - share) / tried)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="script/bench offers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few seeds: shows that it works, proves little")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    arguments = parser.parse_args()
    seeds = range(40 if arguments.quick else 1_000)
    tallies = {plan.name: measure(plan, seeds) for plan in PLANS}
    print(*report(tallies), sep="\n")
    missed = missed_bars(tallies)
    print("share of the best value")
    for impressions, shares in choices(5 if arguments.quick else 20).items():
        print(f"{impressions:>7} impressions  " + "  ".join(f"{name} {share:.2f}" for name, share in shares.items()))
        if shares["portal"] < REACHED[impressions]:
            missed.append(f"{impressions} impressions: {shares['portal']:.2f}, at least {REACHED[impressions]} wanted")
    print(*missed, sep="\n")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
