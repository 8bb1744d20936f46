"""Queries to an index and its answers, in types that all indexes share."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from search.index.rarity import rarity
from search.registry import KIND, LANGUAGE

#: The facets that every entry has a value for.
HEADINGS: Final = (KIND.name, LANGUAGE.name)

PAGE_SIZE: Final = 20
#: Further pages are not offered: nobody reads that far, and each would need sorting everything before it.
MAX_PAGES: Final = 50

#: The fields of an entry that are highlighted.
TITLE: Final = "title"
SHORT_ANSWER: Final = "short_answer"
BODY: Final = "body"

#: ``[start, end)`` of a match in the original text of a field.
Place = tuple[int, int]


#: The weight of a word as typed, in per mille.
FULL_WEIGHT: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryTerm:
    """A term to search for, the numbers of the query's words it answers, and its document frequency.

    `weight` is the part of its rarity that counts, in per mille; less than all for a synonym. If an entry contains
    several synonyms of a word, only the strongest counts, and none if the word itself scores more: an entry that
    contains them all is no better than one that contains the word.

    `beside` lists terms that an entry must all contain as well for this one to count: «همراه» beside «اینترنت» answers
    «دیتا», alone it does not. They add nothing to the score, but are highlighted where the term counts. The same text
    may occur in several terms of a plan.
    """

    text: str
    words: tuple[int, ...]
    frequency: int
    weight: int = FULL_WEIGHT
    beside: tuple[str, ...] = ()


class Filters(Mapping[str, tuple[str, ...]]):
    """The filters a reader chose: facet → values. Several values of one facet are combined with "or". Immutable.

    Contains only facets with values. With `updated_since`, only entries last changed at or after that time match;
    entries without a time of change do not.
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
        """The filters on facets that documents declare."""
        return {name: codes for name, codes in self.items() if name not in HEADINGS}

    def choosing(self, **chosen: Iterable[str]) -> Filters:
        """A copy with other values for some facets; an empty list removes the facet."""
        return Filters(updated_since=self.updated_since, **{**self._chosen, **chosen})


class Sort(enum.StrEnum):
    """The order of results."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


#: Kind, object and language of an entry.
EntryKey = tuple[str, int, str]


#: The share of the question, in per mille, that an entry should hold to match; words count by their rarity. While a
#: person types, what holds less is in the way.
ENOUGH: Final = 300
ENOUGH_WHILE_TYPING: Final = 600
#: Wanted number of entries with so much of the question; if there are fewer, they may all be wrong answers.
WANTED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A query to an index.

    An entry matches if the words it contains weigh enough (`least`); a word counts once, whichever term answers it. In a
    language where few entries match, those with at least half as many words as the best one (`few_words`) do as well.
    Without terms everything matches, most popular first. `size` is the number of entries that the document frequencies
    refer to. Of entries that match about equally well, those with one of the values the reader `prefers` and those with
    evidence (`search.index.evidence`) come first.
    """

    terms: tuple[QueryTerm, ...]
    size: int
    audiences: tuple[str, ...]
    filters: Filters = Filters()  # noqa: RUF009 - never changed
    sort: Sort = Sort.RELEVANCE
    prefers: Filters = Filters()  # noqa: RUF009 - never changed
    #: Whether the text is still being typed: an index may then leave out some completions of the last word, to be fast.
    is_unfinished: bool = False
    offset: int = 0
    limit: int = 20

    @property
    def word_count(self) -> int:
        return len({word for term in self.terms for word in term.words})

    @property
    def required(self) -> int:
        """The number of words in a result about the whole question: all of up to three, three quarters of more."""
        count = self.word_count
        return count if count <= 3 else -(-count * 3 // 4)

    @property
    def weights(self) -> dict[int, int]:
        """The rarity of each word, in thousandths: of the rarest term that it was typed as, else of its synonyms."""
        typed: dict[int, int] = {}
        others: dict[int, int] = {}
        for term in self.terms:
            found = typed if term.weight == FULL_WEIGHT and not term.beside else others
            weight = max(1, rarity(term.frequency, self.size) * term.weight // FULL_WEIGHT)
            for word in term.words:
                found[word] = max(found.get(word, 0), weight)
        return others | typed

    @property
    def least(self) -> int:
        """The weight that the words of an entry should have: a share of that of all."""
        share = ENOUGH_WHILE_TYPING if self.is_unfinished else ENOUGH
        return -(-sum(self.weights.values()) * share // FULL_WEIGHT)

    @property
    def wanted(self) -> int:
        """The number of entries per language that should have so much; one is enough while a person types."""
        return 1 if self.is_unfinished else WANTED


def few_words(most: int) -> int:
    """The number of words that is enough where few entries match, and the best one contains `most`."""
    return (most + 1) // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendHit:
    """An entry as stored in the index.

    `places` holds the places of the terms in each field that is shown, in order. `words` are the numbers of the plan's
    words that the entry contains, those in its keywords included, which have no places; empty without places.
    """

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
    words: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A page of hits, and the total number of hits."""

    hits: list[BackendHit]
    total: int


#: Facet name → value → number of entries. The counts of a facet ignore the filter on the same facet.
FacetCounts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """The number of entries, the document frequencies of terms, and the completions of beginnings.

    Contains only terms that occur in an entry the reader may see, so that hidden texts cannot be guessed.
    """

    size: int
    frequencies: Mapping[str, int]
    completions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
