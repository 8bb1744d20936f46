"""The most that a rule gives for one event, whatever happens. Pure, like `evaluation`; never less than what that gives.

None is no answer to leave out: the rule has no limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty.services.earning.evaluation import base_of, multiplied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loyalty.services.earning.evaluation import Bonus, Cap, Rule


def most_for_one_event(
    rule: Rule, campaigns: Iterable[Bonus], member_caps: Iterable[Cap] = (), *, base: int | None
) -> int | None:
    """Return the most points of a rule for one event, with the campaign that gives most at any time; None without limit.

    `base` are those that it gives without campaigns and limits: see `most_base`.
    """
    limits = [cap.limit for cap in (*rule.caps, *member_caps) if cap.is_of_points]
    if base is not None:
        percents = [one.percent for one in campaigns if not one.rules or rule.code in one.rules]
        limits.append(multiplied(base, max(percents, default=100), rule.rounding))
    return min(limits, default=None)


def most_base(rule: Rule, units: int | None = None) -> int | None:
    """Return the most points that a rule gives without campaigns and limits; None if there is no most.

    `units` are the most that the fact can be for each of which it gives points, if that is known.
    """
    if not rule.per_fact:
        return rule.points
    known = [most for most in (units, largest(rule.conditions, rule.per_fact)) if most is not None]
    return base_of(rule, {rule.per_fact: min(known)}) if known else None


def largest(tree: Mapping[str, Any], fact: str) -> int | None:
    """Return a number that a fact does not exceed where a valid tree of conditions holds; None if they set no limit."""
    return _largest(tree, fact, is_negated=False)


def _largest(tree: Mapping[str, Any], fact: str, *, is_negated: bool) -> int | None:
    if "not" in tree:
        return _largest(tree["not"], fact, is_negated=not is_negated)
    for name in ("and", "or"):
        if name in tree:
            parts = [_largest(part, fact, is_negated=is_negated) for part in tree[name]]
            known = [part for part in parts if part is not None]
            # What is not all of some things is not one of them: a negated group is of the other kind.
            if (name == "and") != is_negated:
                return min(known, default=None)
            return max(known) if len(known) == len(parts) else None
    return _largest_of_one(tree, is_negated=is_negated) if tree.get("fact") == fact else None


def _largest_of_one(leaf: Mapping[str, Any], *, is_negated: bool) -> int | None:
    operator, value = leaf["op"], leaf["value"]
    if is_negated:
        return int(value) - 1 if operator == "gte" else None
    if operator in {"in", "between"}:
        return int(max(value))
    return int(value) if operator in {"eq", "lte"} else None
