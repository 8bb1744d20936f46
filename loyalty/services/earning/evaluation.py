"""What rules make of an event. Pure: no database, no clock; deciding and simulating both use it.

1. In the order of priority (then code) each rule matches or not; one that matches and says `stop` ends it.
2. Of the matching rules of a group all count, the best, or the first. The first of the group says which.
3. A campaign multiplies what is left: the one with the highest factor (then code).
4. Limits, rule by rule in the same order: of the rule, then of the member. What is too much is left off, or all of it.

All is computed in whole numbers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loyalty.models.earning import MAX_POINTS, CapMode, Rounding, Stacking
from loyalty.services.earning import conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from loyalty.services.earning.triggers import Value

#: Rule of counters that count all rules together.
ALL_RULES: Final = ""


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit of points, or of times, in a kind of period."""

    period: str
    is_of_points: bool
    limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A version of a rule as evaluation sees it."""

    code: str
    version: int
    points: int
    conditions: Mapping[str, Any] = field(default_factory=dict)
    per_fact: str = ""
    per_units: int = 1
    rounding: str = Rounding.FLOOR
    priority: int = 0
    stack_group: str = ""
    stacking: str = Stacking.SUM
    stop: bool = False
    cap_mode: str = CapMode.CLIP
    caps: tuple[Cap, ...] = ()
    pending_days: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bonus:
    """A campaign as evaluation sees it."""

    code: str
    percent: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    weekdays: frozenset[int] = frozenset()
    hour_from: int = 0
    hour_to: int = 24
    rules: frozenset[str] = frozenset()
    budget: str = ""
    #: Of one of these segments the member has to be; none: everybody.
    segments: frozenset[str] = frozenset()

    def is_for(self, rule: str, at: dt.datetime) -> bool:
        """Return whether it multiplies what this rule gives at this local time."""
        return (
            self.starts_at <= at < self.ends_at
            and (not self.weekdays or at.weekday() in self.weekdays)
            and self.hour_from <= at.hour < self.hour_to
            and (not self.rules or rule in self.rules)
        )


@dataclass(kw_only=True, slots=True)
class Considered:
    """A rule that was considered, and what came of it. Stored as JSON in the decision."""

    rule: str
    version: int
    #: What the rule and the campaign would give without limits.
    wanted: int = 0
    #: What is given, and the part of it that a campaign pays.
    points: int = 0
    bonus: int = 0
    campaign: str = ""
    budget: str = ""
    #: A campaign that would have given more, but is for members of other segments.
    passed: str = ""
    pending_days: int = 0
    #: Why it gave nothing, or less than it would have: a code of `words.REASONS`.
    reason: str = ""
    #: What the reason is about: a fact, or another rule.
    about: str = ""
    #: Number of the review for which the points wait: see `pace`.
    review: int = 0
    #: Ids of the journals.
    journals: list[int] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


#: What was used in a period: (points, times).
Usage = tuple[int, int]


def evaluate(
    rules: Iterable[Rule],
    campaigns: Sequence[Bonus],
    facts: Mapping[str, Value],
    at: dt.datetime,
    segments: Collection[str] = (),
) -> list[Considered]:
    """Return every rule in the order in which it was considered, before limits. `at` is local to the programme.

    `segments` are those of the member, of whom alone some campaigns are.
    """
    considered: list[Considered] = []
    matching: list[tuple[Rule, Considered]] = []
    stopped_by = ""
    for rule in sorted(rules, key=lambda one: (-one.priority, one.code)):
        one = Considered(rule=rule.code, version=rule.version, pending_days=rule.pending_days)
        considered.append(one)
        if stopped_by:
            one.reason, one.about = "stopped", stopped_by
            continue
        missing = conditions.failing(rule.conditions, facts)
        base = base_of(rule, facts) if missing is None else 0
        if missing is not None or base == 0:
            one.reason, one.about = ("condition", missing) if missing is not None else ("zero", rule.per_fact)
            continue
        running = [bonus for bonus in campaigns if bonus.is_for(rule.code, at)]
        _multiply(one, rule, base, running, segments)
        matching.append((rule, one))
        if rule.stop:
            stopped_by = rule.code
    _stack(matching)
    return considered


def base_of(rule: Rule, facts: Mapping[str, Value]) -> int:
    """Return what a rule that matches gives without campaigns and limits."""
    if not rule.per_fact:
        return rule.points
    units = facts.get(rule.per_fact, 0)
    if type(units) is not int or units <= 0:
        return 0
    return min(divide(rule.points * units, rule.per_units, rule.rounding), MAX_POINTS)


def divide(dividend: int, divisor: int, rounding: str) -> int:
    """Return the quotient of two numbers that are not negative, as a whole number."""
    if rounding == Rounding.CEILING:
        return -(-dividend // divisor)
    if rounding == Rounding.HALF_UP:
        return (2 * dividend + divisor) // (2 * divisor)
    return dividend // divisor


def multiplied(base: int, percent: int, rounding: str) -> int:
    """Return points with what a campaign adds to them, which is never less than nothing."""
    return max(base, min(divide(base * percent, 100, rounding), MAX_POINTS))


def _multiply(one: Considered, rule: Rule, base: int, running: Iterable[Bonus], segments: Collection[str]) -> None:
    in_order = sorted(running, key=lambda bonus: (-bonus.percent, bonus.code))
    best = next((bonus for bonus in in_order if not bonus.segments or not bonus.segments.isdisjoint(segments)), None)
    if in_order and in_order[0] is not best:
        one.passed = in_order[0].code
    one.wanted = one.points = base if best is None else multiplied(base, best.percent, rule.rounding)
    one.bonus = one.points - base
    if best is not None and one.bonus:
        one.campaign, one.budget = best.code, best.budget


def _stack(matching: Sequence[tuple[Rule, Considered]]) -> None:
    """Of each group keep what counts."""
    groups: dict[str, list[tuple[Rule, Considered]]] = {}
    for rule, one in matching:
        if rule.stack_group:
            groups.setdefault(rule.stack_group, []).append((rule, one))
    for members in groups.values():
        stacking = members[0][0].stacking
        if stacking == Stacking.SUM:
            continue
        kept = max(members, key=lambda member: member[1].points) if stacking == Stacking.BEST else members[0]
        for member in members:
            if member is not kept:
                reject(member[1], "not-best" if stacking == Stacking.BEST else "exclusive", kept[0].code)


def reject(one: Considered, reason: str, about: str = "") -> None:
    """Have the rule give nothing."""
    one.points = one.bonus = 0
    one.campaign = one.budget = ""
    one.reason, one.about = reason, about


def clip(one: Considered, most: int, reason: str, *, mode: str) -> None:
    """Have the rule give no more than `most`, or nothing if its mode says so. The bonus goes first."""
    if one.points <= most:
        return
    if most <= 0 or mode == CapMode.REJECT:
        reject(one, reason)
        return
    one.bonus = max(0, one.bonus - (one.points - most))
    one.points = most
    one.reason = reason
    if not one.bonus:
        one.campaign = one.budget = ""


def apply_caps(
    considered: Sequence[Considered],
    rules: Mapping[str, Rule],
    member_caps: Sequence[Cap],
    used: Callable[[str, str], Usage],
) -> None:
    """Apply the limits in order. `used(rule, kind of period)` says what was used before this event."""
    given = 0
    for one in considered:
        if not one.points:
            continue
        rule = rules[one.rule]
        for cap in rule.caps:
            points, times = used(rule.code, cap.period)
            if cap.is_of_points:
                clip(one, cap.limit - points, f"rule-{cap.period}", mode=rule.cap_mode)
            elif one.points and times >= cap.limit:
                reject(one, f"times-{cap.period}")
        for cap in member_caps:
            points, _times = used(ALL_RULES, cap.period)
            clip(one, cap.limit - points - given, f"member-{cap.period}", mode=rule.cap_mode)
        given += one.points
