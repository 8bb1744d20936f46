"""Starting points for readers whose search found nothing, or who have not searched yet, instead of an empty page.

These are topics near the question (those of entries with some of its words, in any language and regardless of filters),
the best rated answers about products the reader owns or filtered by, and broader questions that do find something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from portal.catalog.queries import own_product_codes
from portal.core.audience import audiences_for
from search.asking.notices import Notice
from search.asking.questions import Question, ask, prepare, understand
from search.facets import PRODUCT, TOPIC
from search.index.answering import answer
from search.index.plan import BackendHit, Filters, Plan
from search.index.protocol import Backend
from search.index.rarity import rarity
from search.showing.facets import ShownFacet, describe
from search.showing.results import Broader, StartingPoints, present
from search.showing.visibility import seen_by

if TYPE_CHECKING:
    from search.documents import AnyUser

_POPULAR: Final = 5
_NEAR_TOPICS: Final = 5
_BROADER: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    """The reader: language, audiences, products, and chosen filters."""

    language: str
    audiences: tuple[str, ...]
    own_products: tuple[str, ...]
    filters: Filters


def starting_points(
    *,
    user: AnyUser,
    language: str,
    text: str = "",
    filters: Filters = Filters(),  # noqa: B008 - frozen
    exact: bool = False,
    own_products: Sequence[str] | None = None,
) -> StartingPoints:
    """Starting points for a reader whose question found nothing; without a text, general ones.

    Answers about the user's `own_products` come first; these are looked up if they are not given. A constant number of
    queries: at most fifteen, and one for each kind of object shown.
    """
    reader = _Reader(
        language=language,
        audiences=tuple(audiences_for(user)),
        own_products=tuple(own_product_codes(user) if own_products is None else own_products),
        filters=filters,
    )
    typed, _notices = prepare(text)
    start, popular = answer(lambda backend: _start(backend, reader, typed, exact=exact))
    return replace(start, popular=present(seen_by(user, popular)))


def _start(backend: Backend, reader: _Reader, typed: str, *, exact: bool) -> tuple[StartingPoints, list[BackendHit]]:
    here = Plan(terms=(), size=0, audiences=reader.audiences, filters=Filters(language=[reader.language]))
    topics = _topics(backend, here)
    start = StartingPoints(topics=topics, popular=[])
    if typed:
        asked = ask(backend, typed, reader.language, reader.audiences)
        notices: list[Notice] = []
        meant = understand(backend, asked, reader.language, reader.audiences, notices)
        question = asked if exact else meant
        near = _near(backend, question, reader, topics)
        start = StartingPoints(
            topics=near or topics,
            are_near=near is not None,
            popular=[],
            meant=meant.text if exact and notices and meant.terms() else "",
            broader=list(_broader(backend, question, reader)),
        )
    return start, _popular(backend, here, reader)


def _topics(backend: Backend, here: Plan) -> ShownFacet:
    """All topics of entries in the reader's language."""
    shown = describe(backend.facets(here), here.filters)
    return shown.get(TOPIC.name) or ShownFacet(TOPIC.name, TOPIC.label, [])


def _near(backend: Backend, question: Question, reader: _Reader, topics: ShownFacet) -> ShownFacet | None:
    """The topics of entries, in any language, with some of the words, most entries first; None if there are none."""
    terms = question.terms()
    if not terms:
        return None
    counts = backend.facets(Plan(terms=terms, size=question.vocabulary.size, audiences=reader.audiences)).get(
        TOPIC.name, {}
    )
    near = [value for value in topics.values if value.code in counts]
    near.sort(key=lambda value: -counts[value.code])
    return replace(topics, values=near[:_NEAR_TOPICS]) if near else None


def _broader(backend: Backend, question: Question, reader: _Reader) -> Iterator[Broader]:
    """Broader questions that find something: without filters, or without one of the rarest words.

    If no filter was chosen there are none: an entry with any of the words would have been found.
    """
    terms = question.terms()
    if not terms or not reader.filters.choosing(language=()):
        return
    plan = Plan(
        terms=terms,
        size=question.vocabulary.size,
        audiences=reader.audiences,
        filters=Filters(language=reader.filters.languages or [reader.language]),
        limit=1,
    )
    total = backend.search(plan, with_places=False).total
    if total:
        yield Broader(question.text, total, keeps_filters=False)
    filtered = replace(plan, filters=reader.filters.choosing(language=plan.filters.languages))
    for text, less in _without_a_word(question, filtered):
        total = backend.search(less, with_places=False).total
        if total:
            yield Broader(text, total, keeps_filters=True)


def _without_a_word(question: Question, plan: Plan) -> Iterator[tuple[str, Plan]]:
    """The question without one of its words, rarest first, as the rarest most likely prevents results."""
    rarities = {
        word.position: max(rarity(term.frequency, plan.size) for term in plan.terms if word.position in term.words)
        for word in question.words
        if any(word.position in term.words for term in plan.terms)
    }
    if len(rarities) < 2:
        return
    rarest = sorted(rarities, key=lambda position: -rarities[position])
    for position in rarest[:_BROADER]:
        left_out = next(word for word in question.words if word.position == position)
        text = " ".join((question.text[: left_out.start] + question.text[left_out.end :]).split())
        terms = (
            replace(term, words=tuple(word for word in term.words if word != position))
            for term in plan.terms
            if term.words != (position,)
        )
        yield text, replace(plan, terms=tuple(terms))


def _popular(backend: Backend, here: Plan, reader: _Reader) -> list[BackendHit]:
    """The best rated entries: first those about the chosen facet values and the reader's products."""
    own = here.filters.choosing(**{PRODUCT.name: reader.own_products, **reader.filters.declared})
    hits = backend.search(replace(here, filters=own, limit=_POPULAR)).hits if own != here.filters else []
    if len(hits) < _POPULAR:
        known = {(hit.kind, hit.object_id) for hit in hits}
        others = backend.search(replace(here, limit=2 * _POPULAR)).hits
        hits = [*hits, *(hit for hit in others if (hit.kind, hit.object_id) not in known)]
    return hits[:_POPULAR]
