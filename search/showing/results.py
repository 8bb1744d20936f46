"""Results as they are shown."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import get_language_info, pgettext

from search import registry
from search.documents import AnswerCard, HitDetails
from search.index.plan import BODY, MAX_PAGES, PAGE_SIZE, SHORT_ANSWER, TITLE, BackendHit, QueryTerm
from search.showing.facets import ShownFacet
from search.showing.highlight import mark, mark_answers, snippet

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from search.asking.notices import Notice
    from search.documents import Facet, SearchDocument
    from search.showing.pins import Pin


@dataclass(frozen=True, slots=True)
class ShownBadge:
    """A value of a facet that is shown next to the title."""

    label: str
    tone: str
    icon: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A result, ready to show: `title` and `snippet` are escaped and marked."""

    kind: str
    object_id: int
    language: str
    url: str
    title: SafeString
    snippet: SafeString
    kind_label: str
    icon: str
    tone: str
    #: Labels of the values of facets in the trail, such as topics.
    labels: tuple[str, ...]
    badges: tuple[ShownBadge, ...]
    updated: dt.datetime | None
    details: HitDetails
    score: int

    @property
    def trail(self) -> str:
        """The section and the topics of the result."""
        return " › ".join((self.kind_label, *self.labels))

    @property
    def direction(self) -> str:
        """``rtl`` or ``ltr``, by language rather than by the first letter: a title may begin with a foreign word."""
        return "rtl" if get_language_info(self.language)["bidi"] else "ltr"


@dataclass(frozen=True, slots=True)
class OtherLanguage:
    """Results in a language that was not searched."""

    code: str
    name: str
    total: int
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class BestAnswer:
    """A result that very likely answers the question, with the texts of its card, escaped and marked."""

    hit: Hit
    short_answer: SafeString
    steps: tuple[SafeString, ...]
    #: Total number of steps if not all are shown; otherwise 0.
    all_steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """Everything a results page shows. `typed` is the text as typed, `text` what was finally searched for.

    The hit of the `best` answer is also the first of the `hits`, and pinned answers may be among them, too; `listed`
    are the hits without these.
    """

    typed: str
    text: str
    total: int = 0
    page: int = 1
    hits: list[Hit] = field(default_factory=list)
    best: BestAnswer | None = None
    #: Shown above the hits of the first page.
    pins: tuple[Pin, ...] = ()
    facets: Mapping[str, ShownFacet] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    #: If little was found: a likelier text with which this reader sees more results that contain all words.
    meant: str = ""
    elsewhere: list[OtherLanguage] = field(default_factory=list)
    #: Unique for each result computed by the index; HTML rendered from this result can be cached under it.
    version: int = field(default=0, compare=False)

    @property
    def listed(self) -> list[Hit]:
        pinned = {(pin.kind, pin.object_id) for pin in self.pins}
        return [
            hit
            for hit in self.hits
            if (self.best is None or hit is not self.best.hit) and (hit.kind, hit.object_id) not in pinned
        ]

    @property
    def page_count(self) -> int:
        return min(MAX_PAGES, -(-self.total // PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class Broader:
    """A broader question that finds `total` entries, with or without the chosen filters."""

    text: str
    total: int
    keeps_filters: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StartingPoints:
    """What is shown if a search found nothing, or before a search.

    `are_near` says whether the topics are those near the question. `meant` is the likeliest reading of a text that was
    searched for exactly as typed.
    """

    topics: ShownFacet
    popular: list[Hit]
    are_near: bool = False
    broader: list[Broader] = field(default_factory=list)
    meant: str = ""


@dataclass(frozen=True, slots=True)
class SuggestionGroup:
    """Suggestions of one kind."""

    kind: str
    label: str
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Suggestions while a person types; `total` is the number of entries that they were chosen from.

    It is not shown: the page of results reads a finished text, accepts entries with less of it, and counts others.
    `text` is the text they are for; the `notice` says how it differs from what was typed, if it does.
    """

    text: str
    total: int = 0
    groups: list[SuggestionGroup] = field(default_factory=list)
    notice: Notice | None = None

    @property
    def count(self) -> int:
        return sum(len(group.hits) for group in self.groups)


def between_words() -> str:
    """The separator between the words of a list in the active language."""
    return pgettext("between words of a list", ", ")


def open_answer(hit: Hit, card: AnswerCard, terms: Sequence[QueryTerm]) -> BestAnswer:
    """The hit with its card, with the words of the question marked."""
    short_answer, *steps = (
        mark_answers(text, terms, language=hit.language) for text in (card.short_answer, *card.steps)
    )
    return BestAnswer(hit, short_answer, tuple(steps), card.step_count if card.more_steps else 0)


def present(hits: Sequence[BackendHit], titles: Sequence[SafeString] | None = None) -> list[Hit]:
    """The hits as they are shown. At most one query per kind, if its document has details.

    `titles` replaces the titles, which are otherwise marked at the places the index returned.
    """
    ids: dict[str, list[int]] = defaultdict(list)
    for hit in hits:
        ids[hit.kind].append(hit.object_id)
    documents = {kind: document for kind in ids if (document := registry.get_document(kind))}
    details = {kind: document.details(ids[kind]) for kind, document in documents.items()}
    facets = {facet: facet.labels() for facet in registry.all_facets() if facet.is_in_trail or facet.badges}
    titles = titles or [mark(hit.title, hit.places.get(TITLE, ())) for hit in hits]
    return [
        _hit(hit, documents[hit.kind], title, facets, details[hit.kind].get(hit.object_id, HitDetails()))
        for hit, title in zip(hits, titles, strict=True)
    ]


def _hit(
    hit: BackendHit,
    document: SearchDocument[Any],
    title: SafeString,
    facets: Mapping[Facet, Mapping[str, str]],
    details: HitDetails,
) -> Hit:
    named = [
        (facet, code, labels[code])
        for facet, labels in facets.items()
        for code in hit.facets.get(facet.name, ())
        if code in labels
    ]
    return Hit(
        kind=hit.kind,
        object_id=hit.object_id,
        language=hit.language,
        url=document.address(hit.url),
        title=title,
        snippet=_snippet(hit),
        kind_label=str(document.label_plural),
        icon=document.icon,
        tone=document.tone,
        labels=tuple(label for facet, _code, label in named if facet.is_in_trail),
        badges=tuple(
            ShownBadge(label, badge.tone, badge.icon)
            for facet, code, label in named
            if (badge := facet.badges.get(code))
        ),
        updated=hit.updated,
        details=details,
        score=hit.score,
    )


def _snippet(hit: BackendHit) -> SafeString:
    """A snippet of the short answer, or of the body if only that contains words of the question."""
    in_answer, in_body = hit.places.get(SHORT_ANSWER, ()), hit.places.get(BODY, ())
    if hit.short_answer and (in_answer or not in_body):
        return snippet(hit.short_answer, in_answer)
    return snippet(hit.body, in_body)


def by_language(hits: Sequence[Hit], counts: Mapping[str, int], codes: Collection[str]) -> list[OtherLanguage]:
    """The hits by language, the language with the most results first."""
    names = dict(settings.LANGUAGES)
    return [
        OtherLanguage(code, names[code], counts[code], [hit for hit in hits if hit.language == code])
        for code in sorted(codes, key=lambda code: -counts[code])
        if code in names
    ]
