"""Results, ready to show."""

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
    """A value of a facet that is shown beside the title."""

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
    #: What some of its facets call it, as in its topics.
    labels: tuple[str, ...]
    badges: tuple[ShownBadge, ...]
    updated: dt.datetime | None
    details: HitDetails
    score: int

    @property
    def trail(self) -> str:
        """Where the result stands: its section and its topics."""
        return " › ".join((self.kind_label, *self.labels))

    @property
    def direction(self) -> str:
        """``rtl`` or ``ltr``, as the language is written; a title may begin with a foreign word."""
        return "rtl" if get_language_info(self.language)["bidi"] else "ltr"


@dataclass(frozen=True, slots=True)
class OtherLanguage:
    """Results in a language the reader did not ask for."""

    code: str
    name: str
    total: int
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class BestAnswer:
    """A result that very likely answers the question, with what of it is shown at once, escaped and marked."""

    hit: Hit
    short_answer: SafeString
    steps: tuple[SafeString, ...]
    #: How many steps the whole answer has, where it has more.
    all_steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """Everything a results page shows. `typed` is what was asked, `text` what was searched for in the end.

    The hit of the `best` answer is the first of the `hits`, too, and so may be what editors pinned; `listed` are those
    without.
    """

    typed: str
    text: str
    total: int = 0
    page: int = 1
    hits: list[Hit] = field(default_factory=list)
    best: BestAnswer | None = None
    #: Shown above the first page.
    pins: tuple[Pin, ...] = ()
    facets: Mapping[str, ShownFacet] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    #: Where little was found: another text that is likelier and of which this reader sees more results with all words.
    meant: str = ""
    elsewhere: list[OtherLanguage] = field(default_factory=list)
    #: Another one for everything that was found afresh; HTML made of this result is good as long as it lasts.
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
    """A question that asks for less and finds `total` entries, with or without what was chosen."""

    text: str
    total: int
    keeps_filters: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StartingPoints:
    """What to read when a search found nothing, or before one.

    `are_near`: the topics are those near the question. `meant` is what a text that was searched exactly as typed may
    have been meant to be.
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
    """What is offered while a person types; `total` counts all results of the text so far.

    `text` is what they are for; the `notice` says how it came out of what was typed, where it is another one.
    """

    text: str
    total: int = 0
    groups: list[SuggestionGroup] = field(default_factory=list)
    notice: Notice | None = None

    @property
    def count(self) -> int:
        return sum(len(group.hits) for group in self.groups)


def between_words() -> str:
    """What stands between the words of a list, in the active language."""
    return pgettext("between words of a list", ", ")


def open_answer(hit: Hit, card: AnswerCard, terms: Sequence[QueryTerm]) -> BestAnswer:
    """The hit with its card, in which the words of the question are marked."""
    short_answer, *steps = (
        mark_answers(text, terms, language=hit.language) for text in (card.short_answer, *card.steps)
    )
    return BestAnswer(hit, short_answer, tuple(steps), card.step_count if card.more_steps else 0)


def present(hits: Sequence[BackendHit], titles: Sequence[SafeString] | None = None) -> list[Hit]:
    """The hits as they are shown. At most one query per kind, where its document has details to add.

    `titles` replaces the titles with marks where the index said the terms stand.
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
        url=hit.url,
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
    """From the short answer, unless only the text holds what was asked for."""
    in_answer, in_body = hit.places.get(SHORT_ANSWER, ()), hit.places.get(BODY, ())
    if hit.short_answer and (in_answer or not in_body):
        return snippet(hit.short_answer, in_answer)
    return snippet(hit.body, in_body)


def by_language(hits: Sequence[Hit], counts: Mapping[str, int], codes: Collection[str]) -> list[OtherLanguage]:
    """The hits under their languages, the language with most results first."""
    names = dict(settings.LANGUAGES)
    return [
        OtherLanguage(code, names[code], counts[code], [hit for hit in hits if hit.language == code])
        for code in sorted(codes, key=lambda code: -counts[code])
        if code in names
    ]
