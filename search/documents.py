"""What an app declares to be searchable: a `SearchDocument` per model, a `SearchEntry` per object and language."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model, QuerySet

from portal.core.audience import Audience
from search.language import analysis
from search.language.analysis import clean

if TYPE_CHECKING:
    import datetime as dt

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    AnyUser = AbstractBaseUser | AnonymousUser | None

ModelT = TypeVar("ModelT", bound=Model)

#: Longer texts are truncated before indexing; the page is still found by the beginning of its text.
MAX_BODY_LENGTH: Final = 200_000
MAX_FACET_LENGTH: Final = 80

_FACET_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,18}")
#: Parameters of a results page that are not facets.
_OTHER_PARAMETERS: Final = frozenset({"q", "page", "exact", "sort", "updated", "updated_since"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """How a value of a facet is shown next to the title of a result: a tone and a Lucide icon."""

    tone: str = "new"
    icon: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Facet:
    """A property results can be filtered by. Documents that share a facet declare the same object.

    `name` is stored in the index and is the parameter in URLs: never rename it. `labels` returns the names of the
    values in the active language, by code; values without a name are not shown.
    """

    name: str
    label: str | _StrPromise
    labels: Callable[[], Mapping[str, str]]
    #: Position among the groups of check boxes; the lowest comes first.
    order: int = 100
    #: Whether readers can filter by it; otherwise it is only stored with the entries.
    is_offered: bool = True
    #: Whether all readers know the same values: unknown ones are then removed from URLs. For other facets they are
    #: kept, so that a made-up value and the code of a hidden object lead to the same page.
    has_fixed_values: bool = False
    #: Whether its values are shown after the kind in the line below a result.
    is_in_trail: bool = False
    #: The values that are shown as badges next to the title, by code.
    badges: Mapping[str, Badge] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _FACET_NAME.fullmatch(self.name) or self.name in _OTHER_PARAMETERS:
            raise ImproperlyConfigured(f"{self.name!r} cannot be the name of a facet.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Evidence, other than its text, for an entry; full evidence adds `per_mille` to the score of the text.

    Its degree, in hundredths, is given with each entry or read by `read`, which takes a kind and object ids.
    """

    name: str
    per_mille: int
    read: Callable[[str, Collection[int]], Mapping[int, int]] | None = None

    def weigh(self, proven: int) -> int:
        """The per mille that `proven` hundredths of evidence add."""
        return self.per_mille * min(max(proven, 0), 100) // 100


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchEntry:
    """One object in one language, ready to be indexed.

    `body` is plain text; `keywords` are other words people use for it, which are searched but never shown. `audience`
    is an audience expression, normalised to its canonical form; invalid ones raise `InvalidAudienceError`. `popularity`
    is the share of readers it helped, in hundredths, as a lower confidence bound. `facets` holds codes, not labels, by
    facet name; `evidence` per mille by name. `family` is shared by translations of the same content. Characters that a
    database rejects are removed.
    """

    kind: str
    object_id: int
    language: str
    title: str
    url: str
    audience: str
    family: str = ""
    short_answer: str = ""
    body: str = ""
    keywords: str = ""
    facets: Mapping[str, Collection[str]] = field(default_factory=dict)
    popularity: int = 0
    evidence: Mapping[str, int] = field(default_factory=dict)
    updated: dt.datetime | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # the dataclass is frozen
        set_(self, "audience", str(Audience.parse(self.audience)))
        set_(self, "family", self.family or f"{self.kind}:{self.object_id}")
        set_(self, "title", clean(self.title).strip())
        set_(self, "short_answer", clean(self.short_answer).strip())
        set_(self, "body", clean(self.body[:MAX_BODY_LENGTH]).strip())
        set_(self, "keywords", clean(self.keywords).strip())
        set_(self, "facets", {name: codes for name in sorted(self.facets) if (codes := _codes(self.facets[name]))})
        set_(self, "evidence", {name: self.evidence[name] for name in sorted(self.evidence) if self.evidence[name]})

    @property
    def digest(self) -> str:
        """A hash of the entry and of the version of the analysis: equal digests need no indexing."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["updated"] = self.updated.timestamp() if self.updated else None  # independent of the time zone
        values["analysis"] = analysis.VERSION
        return hashlib.blake2b(repr(values).encode(), digest_size=20).hexdigest()

    @property
    def values(self) -> list[tuple[str, str]]:
        """Every (facet, value) of the entry, without kind and language."""
        return [(name, value) for name, values in self.facets.items() for value in values]


def _codes(values: Iterable[str]) -> tuple[str, ...]:
    codes = {" ".join(clean(code).split())[:MAX_FACET_LENGTH] for code in values}
    return tuple(sorted(codes - {""}))


@dataclass(frozen=True, kw_only=True, slots=True)
class HitDetails:
    """What a list of results shows about a hit besides its text: short translated facts, and a badge."""

    facts: tuple[str, ...] = ()
    badge: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerCard:
    """What a results page shows of the best answer: its short answer and first steps.

    Plain text in the object's language. `steps` holds the first few of `step_count` steps.
    """

    short_answer: str
    steps: tuple[str, ...] = ()
    step_count: int = 0

    @property
    def more_steps(self) -> int:
        return max(0, self.step_count - len(self.steps))


class SearchDocument(ABC, Generic[ModelT]):
    """How the objects of a model are indexed. Subclass it, set the attributes and decorate it with `@register`.

    Exactly the objects of `get_queryset` are indexed: an object outside it is removed from the index.
    """

    #: Unique name of the kind, for example ``faq.article``. Stored in the index and used in URLs: never rename it.
    name: ClassVar[str]
    model: ClassVar[type[Model]]
    #: Names of the kind for readers; `label` for one object, `label_plural` for the group.
    label: ClassVar[str | _StrPromise]
    label_plural: ClassVar[str | _StrPromise]
    #: Lucide icon and tile colour in lists.
    icon: ClassVar[str] = "file-text"
    tone: ClassVar[str] = ""
    #: Position among the groups of suggestions and tabs; the lowest comes first.
    order: ClassVar[int] = 100
    #: Maximum number of suggestions of this kind that are shown while a person types.
    suggestions: ClassVar[int] = 4
    #: The facets and the kinds of evidence that entries of this kind may have.
    facets: ClassVar[tuple[Facet, ...]] = ()
    evidence: ClassVar[tuple[Evidence, ...]] = ()

    @abstractmethod
    def get_queryset(self) -> QuerySet[ModelT]:
        """The objects to be indexed; everything `to_entry` reads should be fetched in bulk."""

    @abstractmethod
    def to_entry(self, instance: ModelT) -> SearchEntry:
        """The entry of one object of `get_queryset`; see `entry`."""

    def to_entries(self, instance: ModelT) -> Iterable[SearchEntry]:
        """All entries of an object. Override it if one row holds several languages."""
        return (self.to_entry(instance),)

    def entry(
        self,
        instance: ModelT,
        *,
        facets: Mapping[Facet, Collection[str]] = MappingProxyType({}),
        evidence: Mapping[Evidence, int] = MappingProxyType({}),
        **fields: Any,
    ) -> SearchEntry:
        """A `SearchEntry` of this kind for `instance`; `fields` are the rest of its fields.

        `facets` holds codes and `evidence` hundredths; both must be declared by the document.
        """
        unknown = {facet.name for facet in facets if facet not in self.facets}
        unknown |= {one.name for one in evidence if one not in self.evidence}
        if unknown:
            raise ImproperlyConfigured(f"{self.name} does not declare {', '.join(sorted(unknown))}.")
        return SearchEntry(
            kind=self.name,
            object_id=instance.pk,
            facets={facet.name: codes for facet, codes in facets.items()},
            evidence={one.name: one.weigh(proven) for one, proven in evidence.items()},
            **fields,
        )

    def visible_to(self, user: AnyUser, ids: Collection[int]) -> set[int]:
        """The subset of `ids` that `user` may see now. One query; called for all hits before they are shown.

        Uses the queryset's own ``visible_to(user)`` if the model has one.
        """
        queryset = self.get_queryset().filter(pk__in=ids)
        narrowed = getattr(queryset, "visible_to", None)
        if narrowed is not None:
            queryset = narrowed(user)
        return set(queryset.order_by().values_list("pk", flat=True))

    def address(self, url: str) -> str:
        """The address of a hit for a reader in the active language; `url` is that of its entry."""
        return url

    def details(self, ids: Collection[int]) -> Mapping[int, HitDetails]:
        """What a list of results shows besides the text. At most one query, whatever the number of ids."""
        return {}

    def answer_card(self, object_id: int) -> AnswerCard | None:
        """The object as the best answer to a question; None if objects of this kind are not answers.

        At most one query. Called only for the first result, if it is very likely the right one. Whether the reader may
        see the object is checked before its card is shown.
        """
        return None
