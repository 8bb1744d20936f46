"""The graph of a troubleshooter: steps and where their answers lead. Knows neither the database nor requests.

A graph is stored as one JSON value: the draft in its troubleshooter, what readers walk in a version that never changes.
Numbers of steps are those of addresses; they are given once and never again, so that a link stays what it was.
"""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import pgettext_lazy

from portal.core.localized import LocalizedText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django.utils.functional import _StrPromise


class Kind(enum.StrEnum):
    """What a step is. All but questions are ends. Values are stored."""

    QUESTION = "question"
    SOLUTION = "solution"
    ARTICLE = "article"
    CONTACT = "contact"

    @property
    def label(self) -> str | _StrPromise:
        return KIND_LABELS[self]


KIND_LABELS: Final[dict[Kind, str | _StrPromise]] = {
    Kind.QUESTION: pgettext_lazy("step", "Question"),
    Kind.SOLUTION: pgettext_lazy("step", "Solution"),
    Kind.ARTICLE: pgettext_lazy("step", "Article"),
    Kind.CONTACT: pgettext_lazy("step", "A person helps"),
}
#: Colours of lights on devices, by stored code.
COLOURS: Final[dict[str, str | _StrPromise]] = {
    "": pgettext_lazy("light", "No light"),
    "g": pgettext_lazy("light", "Green"),
    "a": pgettext_lazy("light", "Orange"),
    "r": pgettext_lazy("light", "Red"),
    "0": pgettext_lazy("light", "Off"),
}
MAX_STEPS: Final = 60
MAX_ANSWERS: Final = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a question; `to` is the number of the step it leads to, None while it leads nowhere."""

    label: LocalizedText
    hint: LocalizedText = field(default_factory=LocalizedText)
    colour: str = ""
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a troubleshooter.

    `otherwise` is where “I am not sure” leads from a question, and “No” from a solution or an article; None: to people.
    `article` is the translation key of a page, as text.
    """

    number: int
    kind: Kind
    title: LocalizedText
    text: LocalizedText = field(default_factory=LocalizedText)
    answers: tuple[Answer, ...] = ()
    otherwise: int | None = None
    article: str = ""

    @property
    def mark(self) -> str:
        """Return what is another text after each change of the step."""
        values = json.dumps(Graph((self,)).to_json(), sort_keys=True)
        return hashlib.blake2b(values.encode(), digest_size=8).hexdigest()

    @property
    def is_end(self) -> bool:
        return self.kind is not Kind.QUESTION

    @property
    def targets(self) -> list[int]:
        """Return the numbers of the steps that follow, each once, in the order of the answers."""
        given = [answer.to for answer in self.answers] if self.kind is Kind.QUESTION else []
        if self.kind is not Kind.CONTACT:
            given.append(self.otherwise)
        return list(dict.fromkeys(number for number in given if number is not None))


@dataclass(frozen=True, slots=True)
class Graph:
    """All steps in the editor's order; the first one is the beginning."""

    steps: tuple[Step, ...] = ()

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def start(self) -> int | None:
        return self.steps[0].number if self.steps else None

    def step(self, number: int | None) -> Step | None:
        """Return a step, None if there is none with this number."""
        return next((step for step in self.steps if step.number == number), None)

    @property
    def by_number(self) -> dict[int, Step]:
        return {step.number: step for step in self.steps}

    # Changes: each returns another graph ---------------------------------------------------------------------------

    def with_step(self, step: Step) -> Graph:
        """Return the graph with this step in place of the one with its number, or at the end."""
        if self.step(step.number) is None:
            return Graph((*self.steps, step))
        return Graph(tuple(step if each.number == step.number else each for each in self.steps))

    def without(self, number: int) -> Graph:
        """Return the graph without a step; what led to it leads nowhere."""
        kept = (step for step in self.steps if step.number != number)
        return Graph(
            tuple(
                replace(
                    step,
                    answers=tuple(replace(each, to=None) if each.to == number else each for each in step.answers),
                    otherwise=None if step.otherwise == number else step.otherwise,
                )
                for step in kept
            )
        )

    def moved(self, number: int, by: int) -> Graph:
        """Return the graph with a step moved up (negative) or down, as far as there is room."""
        steps = list(self.steps)
        place = next((index for index, step in enumerate(steps) if step.number == number), None)
        if place is None:
            return self
        step = steps.pop(place)
        steps.insert(max(0, min(len(steps), place + by)), step)
        return Graph(tuple(steps))

    # Stored form -----------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the graph as plain values."""
        return {
            "steps": [
                {
                    "number": step.number,
                    "kind": step.kind.value,
                    "title": dict(step.title),
                    "text": dict(step.text),
                    "answers": [
                        {"label": dict(each.label), "hint": dict(each.hint), "colour": each.colour, "to": each.to}
                        for each in step.answers
                    ],
                    "otherwise": step.otherwise,
                    "article": step.article,
                }
                for step in self.steps
            ]
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Graph:
        """Return the graph that `to_json` stored."""
        return cls(
            tuple(
                Step(
                    number=step["number"],
                    kind=Kind(step["kind"]),
                    title=LocalizedText(step["title"]),
                    text=LocalizedText(step["text"]),
                    answers=tuple(
                        Answer(LocalizedText(each["label"]), LocalizedText(each["hint"]), each["colour"], each["to"])
                        for each in step["answers"]
                    ),
                    otherwise=step["otherwise"],
                    article=step["article"],
                )
                for step in stored.get("steps", ())
            )
        )


def reached(begin: set[int], neighbours: Callable[[int], list[int]]) -> set[int]:
    """Return what can be reached from `begin`, itself included."""
    found, waiting = set(begin), list(begin)
    while waiting:
        for number in neighbours(waiting.pop()):
            if number not in found:
                found.add(number)
                waiting.append(number)
    return found


def longest_ways(graph: Graph) -> dict[int, int]:
    """Return for each step how many more follow at the most; ways back to an earlier step do not count."""
    steps = graph.by_number
    left: dict[int, int] = {}
    for begin in steps:
        # Depth first with a stack of our own: an editor's chain may be long. 0: enter, 1: leave.
        waiting: list[tuple[int, bool]] = [(begin, False)]
        open_: set[int] = set()
        while waiting:
            number, is_done = waiting.pop()
            step = steps[number]
            targets = [] if step.is_end else [each for each in step.targets if each in steps]
            if is_done:
                open_.discard(number)
                left[number] = max((1 + left[each] for each in targets if each in left), default=0)
            elif number not in left and number not in open_:
                open_.add(number)
                waiting.append((number, True))
                waiting += [(each, False) for each in targets if each not in left and each not in open_]
    return left
