"""Conditions and the evaluation of rules, which need no database, against an oracle that shares no code with them."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.exceptions import InvalidConditionError
from loyalty.models import Programme
from loyalty.services.earning import FactInfo, FactType, Trigger
from loyalty.services.earning.bounds import largest, most_base, most_for_one_event
from loyalty.services.earning.conditions import DEPTH, NODES, failing, matches, validate
from loyalty.services.earning.evaluation import ALL_RULES, Bonus, Cap, Rule, apply_caps, evaluate
from loyalty.services.earning.periods import periods_of

TRIGGER = Trigger(
    name="tests.done",
    label="کار",
    facts=(
        FactInfo(name="votes", label="رأی", type=FactType.NUMBER),
        FactInfo(name="is_reply", label="پاسخ است", type=FactType.YES_NO),
        FactInfo(name="kind", label="نوع", type=FactType.CHOICE, choices=(("questions", "پرسش"), ("ideas", "ایده"))),
    ),
)
NOW = dt.datetime(2026, 11, 29, 10, 30, tzinfo=dt.UTC)  # a Sunday


def fact(name, op, value):
    return {"fact": name, "op": op, "value": value}


def nested(depth):
    tree = fact("votes", "gte", 1)
    for _level in range(depth - 1):
        tree = {"not": tree}
    return tree


# Conditions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [
        {},
        fact("votes", "gte", 3),
        fact("votes", "between", [1, 5]),
        fact("votes", "in", [1, 2]),
        fact("is_reply", "eq", True),
        fact("kind", "in", ["questions"]),
        fact("kind", "contains", "quest"),
        {
            "and": [
                fact("votes", "lte", 3),
                {"or": [fact("kind", "eq", "ideas"), {"not": fact("is_reply", "eq", True)}]},
            ]
        },
        nested(DEPTH),
        {"or": [fact("votes", "eq", number) for number in range(NODES - 1)]},
    ],
)
def test_what_can_be_judged_is_accepted_and_judged(tree):
    validate(tree, TRIGGER)

    for facts in ({}, {"votes": 2, "is_reply": True, "kind": "ideas"}):
        assert matches(tree, facts) is (failing(tree, facts) is None)


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        "votes > 3",
        fact("secret", "eq", 1),
        fact("votes", "eval", "1"),
        fact("votes", "gte", "3"),
        fact("votes", "gte", True),
        fact("votes", "gte", 1.5),
        fact("votes", "gte", 10**13),
        fact("votes", "between", [1]),
        fact("votes", "in", []),
        fact("votes", "in", list(range(51))),
        fact("votes", ["eq"], 1),
        fact(["votes"], "eq", 1),
        fact("is_reply", "eq", 1),
        fact("is_reply", "gte", True),
        fact("kind", "eq", "unknown"),
        fact("kind", "contains", ""),
        {"and": []},
        {"and": {}},
        {"xor": []},
        {"not": {}},
        {"and": [fact("votes", "eq", 1)], "or": [fact("votes", "eq", 1)]},
        {**fact("votes", "eq", 1), "more": 1},
        nested(DEPTH + 1),
        {"or": [fact("votes", "eq", number) for number in range(NODES)]},
    ],
)
def test_what_could_not_be_judged_is_refused_with_words(tree):
    with pytest.raises(InvalidConditionError, match=r"\S"):
        validate(tree, TRIGGER)


@pytest.mark.parametrize(
    ("tree", "facts", "expected"),
    [
        (fact("votes", "eq", 1), {"votes": True}, "votes"),
        (fact("votes", "between", [2, 4]), {"votes": 4}, None),
        (fact("votes", "between", [2, 4]), {"votes": 5}, "votes"),
        ({"and": [fact("votes", "gte", 1), fact("is_reply", "eq", True)]}, {"votes": 1, "is_reply": False}, "is_reply"),
        ({"not": fact("votes", "gte", 1)}, {"votes": 1}, "votes"),
        ({"not": {"and": [fact("kind", "eq", "ideas")]}}, {"kind": "ideas"}, "kind"),
        (fact("votes", "gte", 0), {}, "votes"),
    ],
)
def test_says_at_which_fact_it_fails(tree, facts, expected):
    assert failing(tree, facts) == expected


LEAVES = st.one_of(
    st.builds(fact, st.just("votes"), st.sampled_from(["eq", "gte", "lte"]), st.integers(0, 4)),
    st.builds(fact, st.just("is_reply"), st.just("eq"), st.booleans()),
    st.builds(fact, st.just("kind"), st.just("in"), st.lists(st.sampled_from(["questions", "ideas"]), min_size=1)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"and": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"or": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)
FACTS = st.fixed_dictionaries(
    {"votes": st.integers(0, 4), "is_reply": st.booleans(), "kind": st.sampled_from(["questions", "ideas"])}
)


def as_python(tree):
    """The same condition as an expression that Python itself judges."""
    [(operator, inner), *_rest] = tree.items()
    if operator in {"and", "or"}:
        return "(" + f" {operator} ".join(as_python(part) for part in inner) + ")"
    if operator == "not":
        return f"(not {as_python(inner)})"
    sign = {"eq": "==", "gte": ">=", "lte": "<=", "in": "in"}[tree["op"]]
    return f"({tree['fact']} {sign} {tree['value']!r})"


@given(TREES, FACTS)
def test_trees_mean_what_the_same_words_mean_in_python(tree, facts):
    assert matches(tree, facts) is bool(eval(as_python(tree), {}, dict(facts)))  # noqa: S307 - made of our own words


# Evaluation ----------------------------------------------------------------------------------------------------------


def points(considered):
    return {one.rule: one.points for one in considered}


def reasons(considered):
    return {one.rule: (one.reason, one.about) for one in considered}


def test_rules_count_in_the_order_of_priority_then_code_whatever_their_order():
    rules = [
        Rule(code=code, version=1, points=1, priority=priority) for code, priority in [("b", 0), ("a", 0), ("c", 5)]
    ]

    assert [one.rule for one in evaluate(rules, [], {}, NOW)] == ["c", "a", "b"]


def test_stop_ends_it_only_where_it_matches():
    rules = [
        Rule(code="a", version=1, points=1, priority=3, stop=True, conditions=fact("votes", "gte", 5)),
        Rule(code="b", version=1, points=2, priority=2, stop=True),
        Rule(code="c", version=1, points=4, priority=1),
    ]
    considered = evaluate(rules, [], {"votes": 1}, NOW)

    assert points(considered) == {"a": 0, "b": 2, "c": 0}
    assert reasons(considered) == {"a": ("condition", "votes"), "b": ("", ""), "c": ("stopped", "b")}


@pytest.mark.parametrize(
    ("stacking", "expected"),
    [("sum", {"a": 5, "b": 9}), ("best", {"a": 0, "b": 9}), ("exclusive", {"a": 5, "b": 0})],
)
def test_of_a_group_all_the_best_or_the_first_counts(stacking, expected):
    rules = [
        Rule(code="a", version=1, points=5, priority=1, stack_group="g", stacking=stacking),
        Rule(code="b", version=1, points=9, stack_group="g", stacking="sum"),
        Rule(code="c", version=1, points=3),
    ]

    assert points(evaluate(rules, [], {}, NOW)) == {**expected, "c": 3}


@pytest.mark.parametrize(
    ("rounding", "expected"), [("floor", [0, 0, 1, 1]), ("half-up", [0, 1, 1, 2]), ("ceiling", [1, 1, 1, 2])]
)
def test_rounding_is_as_it_is_called(rounding, expected):
    rule = Rule(code="a", version=1, points=1, per_fact="votes", per_units=4, rounding=rounding)

    assert [evaluate([rule], [], {"votes": votes}, NOW)[0].points for votes in (1, 2, 4, 6)] == expected


@pytest.mark.parametrize("votes", [0, -5, True, None])
def test_nothing_is_given_for_nothing(votes):
    rule = Rule(code="a", version=1, points=3, per_fact="votes")

    [one] = evaluate([rule], [], {} if votes is None else {"votes": votes}, NOW)

    assert (one.points, one.reason, one.about) == (0, "zero", "votes")


def bonus(code="noruz", percent=150, **how):
    fixed = {"starts_at": NOW - dt.timedelta(days=1), "ends_at": NOW + dt.timedelta(days=1)}
    return Bonus(code=code, percent=percent, **{**fixed, **how})


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, 5),
        ({"starts_at": NOW}, 5),
        ({"ends_at": NOW}, 0),
        ({"weekdays": frozenset({6})}, 5),
        ({"weekdays": frozenset({0})}, 0),
        ({"hour_from": 10, "hour_to": 11}, 5),
        ({"hour_from": 11, "hour_to": 12}, 0),
        ({"rules": frozenset({"a"})}, 5),
        ({"rules": frozenset({"b"})}, 0),
    ],
)
def test_a_campaign_adds_in_its_time_for_its_rules(how, expected):
    [one] = evaluate([Rule(code="a", version=1, points=10)], [bonus(**how)], {}, NOW)

    assert (one.points, one.bonus, one.campaign) == (10 + expected, expected, "noruz" if expected else "")


def test_of_several_campaigns_the_highest_counts_then_the_first_by_code():
    campaigns = [bonus("ab", 200), bonus("abc", 200), bonus("a", 150)]

    for order in (campaigns, campaigns[::-1]):
        [one] = evaluate([Rule(code="a", version=1, points=10)], order, {}, NOW)
        assert (one.points, one.campaign) == (20, "ab")


def capped(rules, campaigns=(), used=None, member=()):
    """Evaluate with limits."""
    considered = evaluate(rules, campaigns, {"votes": 2}, NOW)
    apply_caps(considered, {rule.code: rule for rule in rules}, member, lambda *which: (used or {}).get(which, (0, 0)))
    return considered


def test_a_limit_gives_what_is_left_the_bonus_goes_first():
    rule = Rule(code="a", version=1, points=10, caps=(Cap("day", True, 12),))
    [one] = capped([rule], [bonus()])

    assert (one.points, one.bonus, one.wanted, one.reason) == (12, 2, 15, "rule-day")
    [one] = capped([rule], [bonus()], {("a", "day"): (5, 1)})
    assert (one.points, one.bonus, one.campaign) == (7, 0, "")


def test_a_limit_gives_nothing_if_the_rule_says_so():
    rule = Rule(code="a", version=1, points=10, cap_mode="reject", caps=(Cap("week", True, 12),))
    [one] = capped([rule], used={("a", "week"): (5, 1)})

    assert (one.points, one.reason) == (0, "rule-week")


def test_a_rule_that_was_used_often_enough_gives_nothing():
    rule = Rule(code="a", version=1, points=10, caps=(Cap("ever", False, 1),))

    assert capped([rule])[0].points == 10
    assert [(one.points, one.reason) for one in capped([rule], used={("a", "ever"): (10, 1)})] == [(0, "times-ever")]


def test_the_members_limit_is_for_all_rules_of_the_event_together():
    rules = [Rule(code=code, version=1, points=10) for code in "abc"]
    considered = capped(rules, member=[Cap("day", True, 25)], used={(ALL_RULES, "day"): (8, 1)})

    assert points(considered) == {"a": 10, "b": 7, "c": 0}


RULES = st.lists(
    st.builds(
        Rule,
        code=st.sampled_from("abcd"),
        version=st.just(1),
        points=st.integers(1, 20),
        conditions=st.one_of(st.just({}), st.builds(fact, st.just("votes"), st.just("gte"), st.integers(0, 3))),
        per_fact=st.sampled_from(["", "votes"]),
        per_units=st.integers(1, 7),
        rounding=st.sampled_from(["floor", "half-up", "ceiling"]),
        priority=st.integers(-1, 1),
        stack_group=st.sampled_from(["", "g", "h"]),
        stacking=st.sampled_from(["sum", "best", "exclusive"]),
        stop=st.booleans(),
        cap_mode=st.sampled_from(["clip", "reject"]),
        caps=st.lists(
            st.builds(Cap, st.sampled_from(["day", "week"]), st.booleans(), st.integers(1, 30)), max_size=2
        ).map(tuple),
    ),
    max_size=4,
    unique_by=lambda rule: rule.code,
)


def rounded(exact: Fraction, rounding: str) -> int:
    return {"floor": floor, "ceiling": ceil, "half-up": lambda value: floor(value + Fraction(1, 2))}[rounding](exact)


def oracle(rules, percent, votes, used, cap):
    """What each rule gives, by another way: fractions, and one list after the other."""
    in_order = sorted(sorted(rules, key=lambda rule: rule.code), key=lambda rule: rule.priority, reverse=True)
    hits = []
    for rule in in_order:
        base = rounded(Fraction(rule.points * votes, rule.per_units), rule.rounding) if rule.per_fact else rule.points
        if (not rule.conditions or votes >= rule.conditions["value"]) and base:
            hits.append((rule, max(base, rounded(Fraction(base * percent, 100), rule.rounding))))
            if rule.stop:
                break
    for group in ("g", "h"):
        members = [hit for hit in hits if hit[0].stack_group == group]
        if members and members[0][0].stacking != "sum":
            best = max(members, key=lambda hit: hit[1]) if members[0][0].stacking == "best" else members[0]
            hits = [hit for hit in hits if hit not in members or hit is best]
    result = dict.fromkeys((rule.code for rule in rules), 0)
    for rule, wanted in hits:
        rooms = [
            (limit.limit - used if limit.is_of_points else (wanted if limit.limit > 1 else 0)) for limit in rule.caps
        ]
        given_now = wanted
        for room in [*rooms, cap - used - sum(result.values())]:
            if given_now > room:
                given_now = max(0, room) if rule.cap_mode == "clip" else 0
        result[rule.code] = given_now
    return result


@given(RULES, st.sampled_from([100, 110, 150, 333]), st.integers(0, 6), st.integers(0, 12), st.integers(1, 40))
def test_evaluation_gives_what_the_oracle_gives(rules, percent, votes, used, cap):
    considered = evaluate(rules, [bonus(percent=percent)], {"votes": votes}, NOW)
    apply_caps(considered, {rule.code: rule for rule in rules}, [Cap("day", True, cap)], lambda *_which: (used, 1))

    assert points(considered) == oracle(rules, percent, votes, used, cap)
    assert all(0 <= one.bonus <= one.points <= one.wanted for one in considered)
    assert all(one.reason for one in considered if not one.points)
    assert used + sum(points(considered).values()) <= max(cap, used)


def test_a_campaign_for_some_segments_multiplies_for_their_members_alone():
    rule = Rule(code="a", version=1, points=100)
    some = bonus(code="some", percent=200, segments=frozenset({"silent", "new"}))
    everybody = bonus(code="all", percent=150)

    def given_to(*segments, campaigns=(some, everybody)):
        [one] = evaluate([rule], campaigns, {}, NOW, segments)
        return one.points, one.campaign, one.passed

    assert given_to("new", "regular") == (200, "some", "")
    assert given_to("regular") == (150, "all", "some")
    assert given_to() == (150, "all", "some")
    assert given_to(campaigns=[some]) == (100, "", "some")
    assert given_to(campaigns=[everybody]) == (150, "all", "")


# The most ------------------------------------------------------------------------------------------------------------


NUMBERS = st.integers(-2, 9)
COMPARISONS = st.one_of(
    st.builds(fact, st.sampled_from(["votes", "other"]), st.sampled_from(["eq", "gte", "lte"]), NUMBERS),
    st.builds(fact, st.just("votes"), st.just("in"), st.lists(NUMBERS, min_size=1, max_size=3)),
    st.builds(fact, st.just("votes"), st.just("between"), st.tuples(NUMBERS, NUMBERS).map(sorted)),
)
TREES = st.recursive(
    COMPARISONS,
    lambda parts: st.one_of(
        st.builds(lambda part: {"not": part}, parts),
        st.builds(
            lambda name, group: {name: group}, st.sampled_from(["and", "or"]), st.lists(parts, min_size=1, max_size=3)
        ),
    ),
    max_leaves=6,
)
CAMPAIGNS = st.lists(
    st.tuples(st.integers(101, 1000), st.sampled_from([frozenset(), frozenset("a"), frozenset("z")])), max_size=3
)
CAPS = st.lists(st.builds(Cap, st.sampled_from(["day", "ever"]), st.booleans(), st.integers(1, 60)), max_size=2)


@given(
    st.builds(
        Rule, code=st.just("a"), version=st.just(1), points=st.integers(1, 2_000_000),
        conditions=st.one_of(st.just({}), TREES), per_fact=st.sampled_from(["", "votes"]), per_units=st.integers(1, 7),
        rounding=st.sampled_from(["floor", "half-up", "ceiling"]), cap_mode=st.sampled_from(["clip", "reject"]),
        caps=CAPS.map(tuple),
    ),
    CAMPAIGNS, CAPS, st.sampled_from([None, 0, 5, 60]), st.tuples(st.integers(0, 60), NUMBERS),
)  # fmt: skip
def test_no_rule_of_any_shape_gives_more_for_an_event_than_the_most(rule, campaigns, member, known, numbers):
    votes, other = numbers
    running = [bonus(code=str(at), percent=percent, rules=rules) for at, (percent, rules) in enumerate(campaigns)]
    most = most_for_one_event(rule, running, member, base=most_base(rule, known))
    facts = {"votes": votes if known is None else min(votes, known), "other": other}
    considered = evaluate([rule], running, facts, NOW)
    apply_caps(considered, {"a": rule}, member, lambda *_which: (0, 0))
    is_limited = any(cap.is_of_points for cap in (*rule.caps, *member))
    is_known = not rule.per_fact or known is not None or largest(rule.conditions, "votes") is not None

    assert (most is None) == (not is_limited and not is_known)
    assert most is None or considered[0].points <= most


@given(TREES, st.integers(-3, 300), NUMBERS)
def test_no_number_that_fulfils_conditions_is_larger_than_the_largest(tree, votes, other):
    most = largest(tree, "votes")

    if most is not None and matches(tree, {"votes": votes, "other": other}):
        assert votes <= most


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, None),
        (fact("votes", "lte", 3), 3),
        ({"not": fact("votes", "gte", 3)}, 2),
        ({"and": [fact("votes", "gte", 1), fact("votes", "lte", 9)]}, 9),
        ({"or": [fact("votes", "eq", 1), fact("votes", "in", [2, 7])]}, 7),
        ({"or": [fact("votes", "eq", 1), fact("other", "eq", 2)]}, None),
        ({"not": {"or": [fact("votes", "gte", 5), fact("other", "eq", 2)]}}, 4),
    ],
)
def test_conditions_say_how_large_a_number_can_be(tree, expected):
    assert largest(tree, "votes") == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(1, 9), st.integers(1, 9))
def test_the_parts_of_an_order_never_give_more_than_the_whole_if_rounded_down(parts, per_points, per_units):
    """I22."""
    rule = Rule(code="a", version=1, points=per_points, per_fact="votes", per_units=per_units)

    def given_for(votes):
        return evaluate([rule], [], {"votes": votes}, NOW)[0].points

    assert sum(given_for(part) for part in parts) <= given_for(sum(parts))


# Periods -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "at", "expected"),
    [
        ("jalali", "2026-11-29T10:00", ["day:2026-11-29", "week:2026-11-28", "month:2026-11-22"]),
        ("jalali", "2026-11-27T20:29", ["day:2026-11-27", "week:2026-11-21", "month:2026-11-22"]),
        ("jalali", "2026-11-27T20:30", ["day:2026-11-28", "week:2026-11-28", "month:2026-11-22"]),
        ("jalali", "2026-03-20T20:30", ["day:2026-03-21", "week:2026-03-21", "month:2026-03-21"]),
        ("gregorian", "2026-11-29T10:00", ["day:2026-11-29", "week:2026-11-23", "month:2026-11-01"]),
        ("gregorian", "2026-11-30T20:30", ["day:2026-12-01", "week:2026-11-30", "month:2026-12-01"]),
    ],
)
def test_periods_are_those_of_the_programme(calendar, at, expected):
    programme = Programme(calendar=calendar, time_zone="Asia/Tehran")

    names = periods_of(programme, dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC))

    assert list(names.values()) == [*expected, "ever"]
