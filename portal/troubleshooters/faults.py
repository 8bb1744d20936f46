"""What keeps a troubleshooter from being published: dead ends, loops, steps nobody reaches, missing words and articles."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import gettext as _

from portal.core.text import isolate
from portal.troubleshooters.graph import Kind, reached

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from portal.troubleshooters.graph import Graph, Step


class Fault(enum.StrEnum):
    """Kinds of problems."""

    EMPTY = "empty"
    DEAD_END = "dead-end"
    LOOP = "loop"
    UNREACHABLE = "unreachable"
    NO_WORDS = "no-words"
    ARTICLE = "article"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing an editor has to mend; `step` is the number of the step, None if it is about the whole."""

    fault: Fault
    step: int | None
    message: str


_NAMES: Final = dict(settings.LANGUAGES)


def name_of(step: Step) -> str:
    """Return how messages name a step."""
    return _("step %(number)s, %(title)s") % {"number": step.number, "title": isolate(str(step.title) or "—")}


def problems_of(graph: Graph, *, languages: Collection[str], readable: Mapping[str, Collection[str]]) -> list[Problem]:
    """Return everything that has to be mended before the graph can be published, in the order of its steps.

    `languages` are those the troubleshooter claims to be in; `readable` says of each article in which languages
    everybody may see it who sees the troubleshooter.
    """
    if not graph.steps:
        return [Problem(Fault.EMPTY, None, _("There is no step yet."))]
    found: list[Problem] = []
    seen = _from_the_start(graph)
    with_exit = _with_exit(graph)
    for step in graph:
        name = name_of(step)
        dead = _dead_ends(graph, step)
        found += [Problem(Fault.DEAD_END, step.number, text % {"step": name}) for text in dead]
        if step.number not in seen:
            text = _("Nobody reaches this step, because no answer leads to it: %(step)s.")
            found.append(Problem(Fault.UNREACHABLE, step.number, text % {"step": name}))
        if step.number not in with_exit and not dead:
            text = _("From here the answers lead in a circle and never to an end: %(step)s.")
            found.append(Problem(Fault.LOOP, step.number, text % {"step": name}))
        found += _missing_words(step, languages)
        if step.kind is Kind.ARTICLE:
            found += _article(step, languages, readable)
    return found


def _from_the_start(graph: Graph) -> set[int]:
    steps = graph.by_number
    return reached({graph.steps[0].number}, lambda number: [each for each in steps[number].targets if each in steps])


def _with_exit(graph: Graph) -> set[int]:
    """Return the steps from which the answers lead to an end, sooner or later."""
    before: dict[int, list[int]] = {step.number: [] for step in graph}
    for step in graph:
        for target in [] if step.is_end else step.targets:
            before.get(target, []).append(step.number)
    return reached({step.number for step in graph if step.is_end}, lambda number: before[number])


def _dead_ends(graph: Graph, step: Step) -> list[str]:
    """Return what is wrong with where a step leads: messages with a place for the name of the step."""
    wrong = []
    steps = graph.by_number
    if step.kind is Kind.QUESTION:
        if not step.answers:
            wrong.append(_("This question has no answers: %(step)s."))
        for number, answer in enumerate(step.answers, start=1):
            if answer.to not in steps:
                words = isolate(str(answer.label) or str(number)).replace("%", "%%")
                wrong.append(_("The answer %(answer)s leads nowhere:") % {"answer": words} + " %(step)s.")
    if step.otherwise is not None and step.otherwise not in steps and step.kind is not Kind.CONTACT:
        wrong.append(_("Who is not sure, or was not helped, is led to a step that does not exist: %(step)s."))
    return wrong


def _missing_words(step: Step, languages: Collection[str]) -> list[Problem]:
    found = []
    for code in languages:
        texts = [step.title, *(answer.label for answer in step.answers if step.kind is Kind.QUESTION)]
        if step.kind is Kind.SOLUTION:
            texts.append(step.text)
        # What is written in one language only would be missing in the other.
        optional = [step.text, *(answer.hint for answer in step.answers)]
        texts += [text for text in optional if any(text.values())]
        if not all(text.get(code, "").strip() for text in texts):
            message = _("Words are missing in %(language)s: %(step)s.") % {
                "language": _NAMES.get(code, code),
                "step": name_of(step),
            }
            found.append(Problem(Fault.NO_WORDS, step.number, message))
    return found


def _article(step: Step, languages: Collection[str], readable: Mapping[str, Collection[str]]) -> list[Problem]:
    if not step.article:
        return [Problem(Fault.ARTICLE, step.number, _("No article is chosen: %(step)s.") % {"step": name_of(step)})]
    missing = [code for code in languages if code not in readable.get(step.article, ())]
    return [
        Problem(
            Fault.ARTICLE,
            step.number,
            _("The article is not published in %(language)s, or not everybody may see it who sees this: %(step)s.")
            % {"language": _NAMES.get(code, code), "step": name_of(step)},
        )
        for code in missing
    ]
