"""What is asked of an index, and what it answers: the same words for all of them."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from search.registry import KIND, LANGUAGE

#: The facets every entry has a value of.
HEADINGS: Final = (KIND.name, LANGUAGE.name)

PAGE_SIZE: Final = 20
#: Pages beyond are not offered; nobody reads so far, and each costs a sort of everything before it.
MAX_PAGES: Final = 50

#: Fields of an entry a highlight can be in.
TITLE: Final = "title"
SHORT_ANSWER: Final = "short_answer"
BODY: Final = "body"

#: ``[start, end)`` of a match in the original text of a field.
Place = tuple[int, int]


#: The weight of a word as it was asked for, in per mille.
FULL_WEIGHT: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryTerm:
    """A term to look for, the numbers of the query's words it answers, and how many entries hold it.

    `weight` says, in per mille, how much of its rarity counts: less than all for a synonym. Of the synonyms of a word
    that an entry holds only the strongest counts, and none where the word itself is stronger: an entry that holds
    them all is no better than one that holds the word.

    `beside` are terms an entry must hold as well, all of them, for this one to count there: «همراه» beside «اینترنت»
    answers «دیتا», alone it does not. They add nothing to the score; their places are shown where the term counts.
    The same text may stand in several terms of a plan.
    """

    text: str
    words: tuple[int, ...]
    frequency: int
    weight: int = FULL_WEIGHT
    beside: tuple[str, ...] = ()


class Filters(Mapping[str, tuple[str, ...]]):
    """What a reader narrowed the results to: facet → values. Several values of one facet mean "or". Never changed.

    Only facets with values are in it. `updated_since`: only what was last changed then or later; what says nothing of
    that is left out.
    """

    __slots__ = ("_chosen", "updated_since")

    def __init__(self, *, updated_since: dt.datetime | None = None, **chosen: Iterable[str]) -> None:
        self.updated_since = updated_since
        values = {name: tuple(dict.fromkeys(chosen[name])) for name in sorted(chosen)}
        self._chosen = {name: codes for name, codes in values.items() if codes}

    def __getitem__(self, facet: str) -> tuple[str, ...]:
        return self._chosen[facet]

    def __iter__(self) -> Iterator[str]:
        return iter(self._chosen)

    def __len__(self) -> int:
        return len(self._chosen)

    def __bool__(self) -> bool:
        return bool(self._chosen) or self.updated_since is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Filters):
            return NotImplemented
        return (self._chosen, self.updated_since) == (other._chosen, other.updated_since)

    def __hash__(self) -> int:
        return hash((tuple(self._chosen.items()), self.updated_since))

    def __repr__(self) -> str:
        return f"Filters({self._chosen}, updated_since={self.updated_since})"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that were chosen."""
        return self.get(KIND.name, ())

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that were chosen."""
        return self.get(LANGUAGE.name, ())

    @property
    def declared(self) -> dict[str, tuple[str, ...]]:
        """What was chosen of the facets that documents declare."""
        return {name: codes for name, codes in self.items() if name not in HEADINGS}

    def choosing(self, **chosen: Iterable[str]) -> Filters:
        """The same with these values of these facets instead; with no values, without the facet."""
        return Filters(updated_since=self.updated_since, **{**self._chosen, **chosen})


class Sort(enum.StrEnum):
    """The order of results."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


#: Kind, object and language of an entry.
EntryKey = tuple[str, int, str]


#: Entries that hold all that was asked; where there are fewer, one of them alone may be the wrong answer.
WANTED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A question to the index.

    An entry matches when it holds enough of the words (`enough`); a word counts once, whichever term answers it.
    Without terms everything matches, the popular first. `size` is the number of entries the frequencies belong to.
    Among entries that match alike, those with any of the values the reader `prefers` and those with evidence of being
    good (`search.index.evidence`) come first.
    """

    terms: tuple[QueryTerm, ...]
    size: int
    audiences: tuple[str, ...]
    filters: Filters = Filters()  # noqa: RUF009 - never changed
    sort: Sort = Sort.RELEVANCE
    prefers: Filters = Filters()  # noqa: RUF009 - never changed
    #: Still being typed: an index may leave out some of the many words the last one may become, to be quick.
    is_unfinished: bool = False
    offset: int = 0
    limit: int = 20

    @property
    def word_count(self) -> int:
        return len({word for term in self.terms for word in term.words})

    @property
    def required(self) -> int:
        """How many words an entry should hold: all of up to three, three quarters of more; see `enough`."""
        count = self.word_count
        return count if count <= 3 else -(-count * 3 // 4)

    @property
    def wanted(self) -> int:
        """How many entries of a language should hold so many words: one is enough while a person types."""
        return 1 if self.is_unfinished else WANTED

    def enough(self, *, most: int, holding: int) -> int:
        """How many words an entry must hold in a language where `holding` entries hold as many as are required.

        Where these are too few, entries with half as many as the best one's (`most`) are found beside them.
        """
        return self.required if holding >= self.wanted else (most + 1) // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendHit:
    """An entry as the index holds it. `places` says where the terms stand in each field, in order."""

    kind: str
    object_id: int
    family: str
    language: str
    title: str
    short_answer: str
    body: str
    url: str
    facets: Mapping[str, tuple[str, ...]]
    popularity: int
    updated: dt.datetime | None
    score: int
    matched: int
    places: Mapping[str, Sequence[Place]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A page of hits and how many there are in all."""

    hits: list[BackendHit]
    total: int


#: Facet name → value → entries. The counts of a facet ignore what was chosen in the same facet.
FacetCounts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """What the index knows: how many entries it holds, how many hold each term, and the terms some beginnings lead to.

    Only terms that stand in an entry the asker may see are known: what is hidden cannot be guessed from the answers.
    """

    size: int
    frequencies: Mapping[str, int]
    completions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
