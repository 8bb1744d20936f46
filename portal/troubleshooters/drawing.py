"""A drawing of a graph for editors: steps in layers from the start downwards, as shapes with coordinates. No library.

What it shows is also said as a list beside it; the drawing itself is hidden from screen readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portal.core.formats import format_number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from portal.troubleshooters.graph import Graph, Step

WIDTH: Final = 160
HEIGHT: Final = 60
_ACROSS: Final = 28
_DOWN: Final = 52
_MARGIN: Final = 24
_LINE: Final = 22
_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A step. `x` and `y` are the corner at the top left, `lines` its title in at most two lines."""

    step: Step
    x: int
    y: int
    lines: Sequence[str]
    has_problem: bool

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line from a step to one it leads to; `is_aside` for “I am not sure”, which is drawn in dashes."""

    path: str
    is_aside: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to be drawn, and how large it is."""

    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    width: int
    height: int


def layers_of(graph: Graph) -> list[list[int]]:
    """Return the numbers of the steps by the longest way from the start; those nobody reaches are the last layer."""
    if graph.start is None:
        return []
    steps = graph.by_number
    order = _in_order(graph, graph.start)
    rank = {number: place for place, number in enumerate(order)}
    depth = dict.fromkeys(order, 0)
    for number in order:
        for target in steps[number].targets:
            if rank.get(target, -1) > rank[number]:  # else it leads back
                depth[target] = max(depth[target], depth[number] + 1)
    layers: list[list[int]] = [[] for _layer in range(max(depth.values()) + 1)]
    for step in graph:
        if step.number in depth:
            layers[depth[step.number]].append(step.number)
    lost = [step.number for step in graph if step.number not in depth]
    return [*_untangled(graph, layers), *([lost] if lost else [])]


def _in_order(graph: Graph, start: int) -> list[int]:
    """Return what is reached from the start, each step before those it leads to, except where the way leads back."""
    steps = graph.by_number
    done: list[int] = []
    seen: set[int] = set()
    waiting: list[tuple[int, bool]] = [(start, False)]
    while waiting:
        number, is_left = waiting.pop()
        if is_left:
            done.append(number)
        elif number not in seen:
            seen.add(number)
            waiting.append((number, True))
            waiting += [(each, False) for each in reversed(steps[number].targets) if each in steps and each not in seen]
    return done[::-1]


def _untangled(graph: Graph, layers: list[list[int]]) -> list[list[int]]:
    """Return the layers with each step near those that lead to it, so that fewer lines cross."""
    before: dict[int, list[int]] = {step.number: [] for step in graph}
    for step in graph:
        for target in step.targets:
            before.get(target, []).append(step.number)
    for _round in range(_ROUNDS):
        place = {number: index / max(1, len(layer)) for layer in layers for index, number in enumerate(layer)}
        for layer in layers[1:]:
            weights = {
                number: sum(place[each] for each in before[number] if each in place) / max(1, len(before[number]))
                for number in layer
            }
            layer.sort(key=lambda number: weights[number])
    return layers


def drawing_of(graph: Graph, *, problems: Collection[int] = (), is_rtl: bool = False) -> Drawing:
    """Return the drawing of a graph; the steps in `problems` are marked. From right to left if `is_rtl`."""
    layers = layers_of(graph)
    widest = max((len(layer) for layer in layers), default=0)
    width = max(1, widest) * (WIDTH + _ACROSS) - _ACROSS + 2 * _MARGIN
    boxes: dict[int, Box] = {}
    steps = graph.by_number
    for row, layer in enumerate(layers):
        begin = (width - (len(layer) * (WIDTH + _ACROSS) - _ACROSS)) // 2
        for column, number in enumerate(layer):
            x = begin + column * (WIDTH + _ACROSS)
            boxes[number] = Box(
                step=steps[number],
                x=width - x - WIDTH if is_rtl else x,
                y=_MARGIN + row * (HEIGHT + _DOWN),
                lines=_lines(f"{format_number(number)}. {steps[number].title}"),
                has_problem=number in problems,
            )
    arrows = [
        Arrow(_curve(boxes[step.number], boxes[target]), all(answer.to != target for answer in step.answers))
        for step in graph
        for target in step.targets
        if target in boxes
    ]
    height = max(1, len(layers)) * (HEIGHT + _DOWN) - _DOWN + 2 * _MARGIN
    return Drawing(list(boxes.values()), arrows, width, height)


def _curve(begin: Box, end: Box) -> str:
    """Return the line from one box to another as an SVG path; back and sideways around the boxes."""
    if end.y > begin.y:
        top, bottom = begin.y + HEIGHT, end.y - 6
        bend = max(20, (bottom - top) // 2)
        return f"M{begin.middle} {top}C{begin.middle} {top + bend} {end.middle} {bottom - bend} {end.middle} {bottom}"
    side = -1 if end.middle <= begin.middle else 1
    edge = begin.x if side < 0 else begin.x + WIDTH
    far = (min(begin.x, end.x) if side < 0 else max(begin.x, end.x) + WIDTH) + side * 18
    target = end.x - 6 if side < 0 else end.x + WIDTH + 6
    if begin is end:
        return f"M{edge} {begin.y + 16}C{far} {begin.y} {far} {begin.y + HEIGHT} {target} {begin.y + HEIGHT - 14}"
    return f"M{edge} {begin.y + 20}C{far} {begin.y + 20} {far} {end.y + 40} {target} {end.y + 40}"


def _lines(text: str) -> list[str]:
    """Return a text in at most two lines."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= _LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    shown = [line if len(line) <= _LINE else f"{line[: _LINE - 1]}…" for line in lines[:2]]
    if len(lines) > len(shown):
        shown[-1] = f"{shown[-1][: _LINE - 1]}…"
    return shown
