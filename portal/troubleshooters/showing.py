"""A step as its reader sees it: the path so far, what may be answered, how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from portal.core.short_markdown import html_of
from portal.troubleshooters.graph import Kind, longest_ways
from portal.troubleshooters.queries import article_of
from portal.troubleshooters.walking import UNSURE, Hop, is_walkable, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.safestring import SafeString

    from portal.troubleshooters.graph import Answer, Graph, Step
    from portal.troubleshooters.models import AnyUser, Troubleshooter
    from portal.troubleshooters.queries import ArticleLink
    from portal.troubleshooters.walking import Path


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the pages of a troubleshooter are: the readers', or those of an editor's preview."""

    start: str
    step: str
    people: str
    slug: str | int

    def of(self, number: int | None, path: Path | None = None) -> str:
        """Return the address of a step, or of the page where people take over (None), with the path that led there."""
        args = [self.slug] if number is None else [self.slug, number]
        url = reverse(self.people if number is None else self.step, args=args)
        return f"{url}?{urlencode({'p': str(path)})}" if path is not None else url

    @property
    def beginning(self) -> str:
        return reverse(self.start, args=[self.slug])


def addresses_of(troubleshooter: Troubleshooter) -> Addresses:
    """Return where readers find it."""
    prefix = "troubleshooters:"
    return Addresses(f"{prefix}start", f"{prefix}step", f"{prefix}people", troubleshooter.slug)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given. `url` leads back to its question; `answer` is None for “I am not sure”."""

    question: str
    answer: str | None
    url: str
    is_question: bool


@dataclass(frozen=True, slots=True)
class Option:
    """An answer that may be given; `value` is that of its field."""

    value: str
    label: str
    hint: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """All that a page shows of a step, in one language."""

    step: Step
    language: str
    title: str
    html: SafeString
    options: Sequence[Option]
    given: Sequence[Given]
    path: Path
    back: str
    beginning: str
    people: str
    #: How many steps were done and how many follow at the most.
    done: int
    left: int
    article: ArticleLink | None

    @property
    def here(self) -> int:
        """Return the place of this step, counted from one."""
        return self.done + 1

    @property
    def leads_on(self) -> bool:
        """Return whether another step follows if this one does not help."""
        return self.step.kind is not Kind.CONTACT and self.step.otherwise is not None

    @property
    def all(self) -> int:
        return self.here + self.left

    @property
    def unsure(self) -> str:
        return UNSURE


def given_in(graph: Graph, path: Path, language: str, addresses: Addresses) -> list[Given]:
    """Return the answers of a path that can be walked."""
    steps: Mapping[int, Step] = graph.by_number
    found = []
    for place, hop in enumerate(path.hops):
        step = steps[hop.step]
        answer: Answer | None = step.answers[hop.answer] if hop.answer is not None else None
        found.append(
            Given(
                question=step.title.in_language(language),
                answer=answer.label.in_language(language) if answer is not None else None,
                url=addresses.of(step.number, path.before(place)),
                is_question=step.kind is Kind.QUESTION,
            )
        )
    return found


def shown_step(
    graph: Graph, step: Step, path: Path, *, user: AnyUser, language: str, addresses: Addresses
) -> ShownStep:
    """Return a step at the end of a path that can be walked. A query if it names an article."""
    given = given_in(graph, path, language, addresses)
    options = [
        Option(str(place), answer.label.in_language(language), answer.hint.in_language(language), answer.colour)
        for place, answer in enumerate(step.answers)
    ]
    text = step.text.in_language(language)
    return ShownStep(
        step=step,
        language=language,
        title=step.title.in_language(language),
        html=html_of(text),
        options=options if step.kind is Kind.QUESTION else (),
        given=given,
        path=path,
        back=given[-1].url if given else "",
        beginning=addresses.beginning,
        people=addresses.of(None, path.then(Hop(step.number, None))),
        done=len(path.hops),
        left=longest_ways(graph).get(step.number, 0),
        article=article_of(step, user, language),
    )


def address_after(graph: Graph, step: Step, path: Path, answer: int | None, addresses: Addresses) -> str:
    """Return where an answer leads. Raises `LookupError` if the step has no such answer."""
    target = target_of(step, answer)
    if target is not None and graph.step(target) is None:
        target = None  # a draft that is not checked yet
    return addresses.of(target, path.then(Hop(step.number, answer)))


def chosen_address(text: str, graph: Graph, at: Step, path: Path, addresses: Addresses) -> str:
    """Return where an answer in an address leads; empty if it is none of this step."""
    if text != UNSURE and not (text.isascii() and text.isdecimal() and len(text) <= 2):
        return ""
    try:
        return address_after(graph, at, path, None if text == UNSURE else int(text), addresses)
    except LookupError:
        return ""


def believed(graph: Graph, path: Path | None, version: int, to: int | None) -> Path | None:
    """Return the path if it belongs to this version and can be walked to `to`, else None."""
    if path is None or path.version != version or not is_walkable(graph, path, to):
        return None
    return path
