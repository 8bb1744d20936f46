"""The path a reader walked, as it stands in addresses: ``3-1.2-4.u``.

That is version 3; at step 1 the third answer, at step 4 “I am not sure”. Nothing about it is stored anywhere: it is
believed only as far as it can be walked in the graph, so it needs neither a session nor a signature, and the back
button, a bookmark and another device all work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.troubleshooters.graph import Kind

if TYPE_CHECKING:
    from portal.troubleshooters.graph import Graph, Step

#: Most answers of a path; who walks in circles for longer begins again.
MAX_HOPS: Final = 40
#: What stands for “I am not sure”, and for “No” after a solution.
UNSURE: Final = "u"
_PATH: Final = re.compile(r"([0-9]{1,9})((?:-[0-9]{1,5}\.(?:[0-9]{1,2}|u)){0,40})\Z")


@dataclass(frozen=True, slots=True)
class Hop:
    """What somebody chose at a step: the place of the answer, None for “I am not sure”."""

    step: int
    answer: int | None

    def __str__(self) -> str:
        return f"{self.step}.{UNSURE if self.answer is None else self.answer}"


@dataclass(frozen=True, slots=True)
class Path:
    """A version, and the answers that were given in it."""

    version: int
    hops: tuple[Hop, ...] = ()

    def __str__(self) -> str:
        return "-".join([str(self.version), *map(str, self.hops)])

    def then(self, hop: Hop) -> Path:
        """Return the path with one more answer."""
        return Path(self.version, (*self.hops, hop)[-MAX_HOPS:])

    def before(self, place: int) -> Path:
        """Return the path up to one of its answers."""
        return Path(self.version, self.hops[:place])


def parse(text: str) -> Path | None:
    """Return the path an address states, None if it states none."""
    match = _PATH.match(text)
    if match is None:
        return None
    hops = []
    for part in match[2].split("-")[1:]:
        step, _dot, answer = part.partition(".")
        hops.append(Hop(int(step), None if answer == UNSURE else int(answer)))
    return Path(int(match[1]), tuple(hops))


def target_of(step: Step, answer: int | None) -> int | None:
    """Return where an answer leads, None: to people. Raises `LookupError` if the step has no such answer."""
    if answer is None:
        if step.kind is Kind.CONTACT:
            raise LookupError(answer)
        return step.otherwise
    if step.kind is not Kind.QUESTION:
        raise LookupError(answer)
    return step.answers[answer].to


def is_walkable(graph: Graph, path: Path, to: int | None) -> bool:
    """Return whether the answers of a path lead one to the next, and the last one to `to` (None: to people)."""
    places = [*(hop.step for hop in path.hops), to]
    for hop, target in zip(path.hops, places[1:], strict=True):
        step = graph.step(hop.step)
        try:
            if step is None or target_of(step, hop.answer) != target:
                return False
        except LookupError:
            return False
    return True
