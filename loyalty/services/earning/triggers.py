"""What points can be given for: a closed list of triggers, which `portal.points` declares.

A trigger has facts, which conditions may ask for. Facts are numbers, yes or no, and choices: no text of a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

#: Value of a fact.
Value = bool | int | str


class FactType(StrEnum):
    """Types of facts."""

    NUMBER = "number"
    YES_NO = "yes-no"
    CHOICE = "choice"


@dataclass(frozen=True, kw_only=True, slots=True)
class FactInfo:
    """A fact of a trigger. `choices` are the values of a choice and their labels."""

    name: str
    label: _StrPromise
    type: FactType
    choices: tuple[tuple[str, _StrPromise | str], ...] = ()
    #: Whether it is an amount in the smallest unit of the programme's currency.
    is_money: bool = False
    #: What a number never exceeds; None if that is not known.
    most: int | None = None
    #: As members read it, where that is not the label.
    told: _StrPromise | None = None
    #: What it means, for whoever asks for it in conditions; empty if its label says it all.
    help: _StrPromise | str = ""

    @property
    def name_for_members(self) -> str:
        """What members call it."""
        return str(self.told or self.label)

    def accepts(self, value: object) -> bool:
        """Return whether the value is of its type."""
        if self.type is FactType.YES_NO:
            return isinstance(value, bool)
        if self.type is FactType.NUMBER:
            return type(value) is int and (self.most is None or value <= self.most)
        return isinstance(value, str) and value in dict(self.choices)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """An event for which points can be given. `name` is stored: it never changes."""

    name: str
    #: As a member reads it: “Your answer is accepted”.
    label: _StrPromise
    icon: str = "star"
    facts: tuple[FactInfo, ...] = ()

    def fact(self, name: str) -> FactInfo | None:
        """Return the fact of this name."""
        return next((fact for fact in self.facts if fact.name == name), None)

    @property
    def money(self) -> str:
        """The name of its amount of money; empty if it is about none."""
        return next((fact.name for fact in self.facts if fact.is_money), "")


_triggers: dict[str, Trigger] = {}


def register(trigger: Trigger) -> None:
    """Declare a trigger, once when the apps are ready."""
    _triggers[trigger.name] = trigger


def all_triggers() -> Mapping[str, Trigger]:
    """Return all triggers by name, in the order in which they were declared."""
    return _triggers


def trigger_of(name: str) -> Trigger:
    """Return the trigger. Raises `KeyError` for one that nobody declared."""
    return _triggers[name]
