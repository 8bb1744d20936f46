"""Conditions of rules: a small tree of JSON with a closed set of operators. Nothing of it is ever executed.

    {}                                                         always
    {"fact": "votes", "op": "gte", "value": 3}
    {"and": […]}   {"or": […]}   {"not": …}

`validate` refuses everything that `matches` could not judge: unknown facts and operators, values of another type, trees
that are too deep or too large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from loyalty.exceptions import InvalidConditionError
from loyalty.services.earning.triggers import FactType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loyalty.services.earning.triggers import FactInfo, Trigger, Value

#: How deep a tree may be, how many nodes and how many values of a list it may have.
DEPTH: Final = 5
NODES: Final = 50
VALUES: Final = 50
#: The largest number to compare with.
LARGEST: Final = 10**12

#: Operator → types of facts it compares.
OPERATORS: Final[Mapping[str, frozenset[FactType]]] = {
    "eq": frozenset(FactType),
    "in": frozenset({FactType.NUMBER, FactType.CHOICE}),
    "gte": frozenset({FactType.NUMBER}),
    "lte": frozenset({FactType.NUMBER}),
    "between": frozenset({FactType.NUMBER}),
    "contains": frozenset({FactType.CHOICE}),
}


def validate(tree: object, trigger: Trigger) -> None:
    """Raise `InvalidConditionError`, with a message for whoever wrote it, unless the tree is one for this trigger."""
    _Checker(trigger).check(tree)


class _Checker:
    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self._nodes = 0

    def check(self, tree: object) -> None:
        if tree != {}:
            self._check(tree, depth=1)

    def _check(self, node: object, *, depth: int) -> None:
        self._nodes += 1
        if depth > DEPTH or self._nodes > NODES:
            raise InvalidConditionError(_("The conditions are too long or too deep."))
        if not isinstance(node, dict):
            raise InvalidConditionError(_("A condition is missing."))
        if node.keys() == {"not"}:
            self._check(node["not"], depth=depth + 1)
        elif node.keys() in ({"and"}, {"or"}):
            [parts] = node.values()
            if not isinstance(parts, list) or not parts:
                raise InvalidConditionError(_("A group of conditions is empty."))
            for part in parts:
                self._check(part, depth=depth + 1)
        elif node.keys() == {"fact", "op", "value"}:
            self._check_comparison(node["fact"], node["op"], node["value"])
        else:
            raise InvalidConditionError(_("A condition is missing."))

    def _check_comparison(self, name: object, operator: object, value: object) -> None:
        fact = self._trigger.fact(name) if isinstance(name, str) else None
        if fact is None:
            raise InvalidConditionError(_("“%(fact)s” is not known of this event.") % {"fact": str(name)[:50]})
        if not isinstance(operator, str) or fact.type not in OPERATORS.get(operator, frozenset()):
            raise InvalidConditionError(_("“%(fact)s” cannot be compared in this way.") % {"fact": fact.label})
        if operator == "between":
            is_right = isinstance(value, list) and len(value) == 2 and all(_fits(fact, one) for one in value)
        elif operator == "in":
            is_right = isinstance(value, list) and 0 < len(value) <= VALUES and all(_fits(fact, one) for one in value)
        elif operator == "contains":
            is_right = isinstance(value, str) and 0 < len(value) <= VALUES
        else:
            is_right = _fits(fact, value)
        if is_right and operator == "between" and isinstance(value, list) and value[0] > value[1]:
            raise InvalidConditionError(_("Write the smaller number of “%(fact)s” first.") % {"fact": fact.label})
        if not is_right:
            raise InvalidConditionError(_("The value for “%(fact)s” is not possible.") % {"fact": fact.label})


def _fits(fact: FactInfo, value: object) -> bool:
    return fact.accepts(value) and (not isinstance(value, int) or abs(value) <= LARGEST)


def matches(tree: Mapping[str, Any], facts: Mapping[str, Value]) -> bool:
    """Return whether the facts of an event fulfil a valid tree. A fact that an older event lacks fulfils nothing."""
    return failing(tree, facts) is None


def failing(tree: Mapping[str, Any], facts: Mapping[str, Value]) -> str | None:
    """Return the name of the fact at which a valid tree fails first, or None if it is fulfilled."""
    if not tree:
        return None
    if "and" in tree:
        return next((name for part in tree["and"] if (name := failing(part, facts)) is not None), None)
    if "or" in tree:
        names = [failing(part, facts) for part in tree["or"]]
        return None if None in names else names[0]
    if "not" in tree:
        return None if failing(tree["not"], facts) is not None else _first_fact(tree["not"])
    return None if compare(tree, facts) else str(tree["fact"])


def _first_fact(tree: Mapping[str, Any]) -> str:
    while "fact" not in tree:
        [inner] = tree.values()
        tree = inner[0] if isinstance(inner, list) else inner
    return str(tree["fact"])


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    # In Python True equals 1.
    "eq": lambda known, value: type(known) is type(value) and known == value,
    "in": lambda known, value: known in value,
    "gte": lambda known, value: known >= value,
    "lte": lambda known, value: known <= value,
    "between": lambda known, value: value[0] <= known <= value[1],
    "contains": lambda known, value: value in known,
}


def compare(leaf: Mapping[str, Any], facts: Mapping[str, Value]) -> bool:
    """Return whether one comparison of a valid tree holds."""
    known = facts.get(leaf["fact"])
    return known is not None and bool(_COMPARE[leaf["op"]](known, leaf["value"]))
