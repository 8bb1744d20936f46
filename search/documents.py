"""What an app declares to be found: a `SearchDocument` per model, a `SearchEntry` per object and language."""

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

#: Longer texts are cut before they are indexed; the page they stand on is still found by its beginning.
MAX_BODY_LENGTH: Final = 200_000
MAX_FACET_LENGTH: Final = 80

_FACET_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,18}")
#: Parameters of a results page that are no facets.
_OTHER_PARAMETERS: Final = frozenset({"q", "page", "exact", "sort", "updated", "updated_since"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """How a value of a facet is shown beside the title of a result: a tone and a Lucide icon."""

    tone: str = "new"
    icon: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Facet:
    """Something results can be narrowed by. Documents that share one declare the same object.

    `name` is kept in the index and is the parameter in addresses: never rename it. `labels` says what the values are
    called in the active language, by code; values without a name are not shown.
    """

    name: str
    label: str | _StrPromise
    labels: Callable[[], Mapping[str, str]]
    #: Place among the groups of check boxes; small comes first.
    order: int = 100
    #: Whether readers may choose; else it is only kept with the entries.
    is_offered: bool = True
    #: Whether the values are the same for everybody: others are dropped from addresses. Elsewhere they are kept, so that
    #: a made-up address and the name of something hidden lead to the same page.
    has_fixed_values: bool = False
    #: Whether its values stand behind the kind in the line below a result.
    is_in_trail: bool = False
    #: The values that are shown beside the title, by code.
    badges: Mapping[str, Badge] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _FACET_NAME.fullmatch(self.name) or self.name in _OTHER_PARAMETERS:
            raise ImproperlyConfigured(f"{self.name!r} cannot be the name of a facet.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Proof, beside its words, that an entry is a good answer; `per_mille` of the text's score is what full proof adds.

    How far it is proven, in hundredths, comes with each entry, or from `read`: by object, for the objects of a kind.
    """

    name: str
    per_mille: int
    read: Callable[[str, Collection[int]], Mapping[int, int]] | None = None

    def weigh(self, proven: int) -> int:
        """Per mille that `proven` hundredths of it add."""
        return self.per_mille * min(max(proven, 0), 100) // 100


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchEntry:
    """One object in one language, ready for the index.

    `body` is plain text; `keywords` are other words people use for it, searched and never shown. `audience` is an audience expression and is brought to its canonical form; anything else
    raises `InvalidAudienceError`. `popularity`: hundredths, the share of readers it helped, as far as that is proven. `facets` holds codes by the name of the facet, never names. `evidence` is per mille by name.
    `family` is shared by the same content in several languages. Characters a database refuses are taken out.
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
        set_ = object.__setattr__  # the class is frozen for everyone else
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
        """Equal for equal entries indexed by equal rules."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["updated"] = self.updated.timestamp() if self.updated else None  # whatever its time zone
        values["analysis"] = analysis.VERSION
        return hashlib.blake2b(repr(values).encode(), digest_size=20).hexdigest()

    @property
    def values(self) -> list[tuple[str, str]]:
        """Every (facet, value) of the entry, beside kind and language."""
        return [(name, value) for name, values in self.facets.items() for value in values]


def _codes(values: Iterable[str]) -> tuple[str, ...]:
    codes = {" ".join(clean(code).split())[:MAX_FACET_LENGTH] for code in values}
    return tuple(sorted(codes - {""}))


@dataclass(frozen=True, kw_only=True, slots=True)
class HitDetails:
    """What a list of results says about a hit beside its text: short facts, already worded, and a badge."""

    facts: tuple[str, ...] = ()
    badge: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerCard:
    """What a results page shows of an object that answers the question by itself: its short answer and first steps.

    Plain text in the object's language. `step_count` counts all steps, `steps` holds the first few.
    """

    short_answer: str
    steps: tuple[str, ...] = ()
    step_count: int = 0

    @property
    def more_steps(self) -> int:
        return max(0, self.step_count - len(self.steps))


class SearchDocument(ABC, Generic[ModelT]):
    """How the objects of a model are found. Subclass, set the names, `@register`.

    `get_queryset` is the whole truth about what is indexed: an object outside it is removed from the index.
    """

    #: Unique name of the kind, as in ``faq.article``. Kept in the index and in addresses: never rename.
    name: ClassVar[str]
    model: ClassVar[type[Model]]
    #: What a reader calls objects of this kind; `label` for one, `label_plural` for the group.
    label: ClassVar[str | _StrPromise]
    label_plural: ClassVar[str | _StrPromise]
    #: Lucide icon and tile colour in lists.
    icon: ClassVar[str] = "file-text"
    tone: ClassVar[str] = ""
    #: Place among the groups of suggestions and tabs; small comes first.
    order: ClassVar[int] = 100
    #: How many suggestions of this kind are shown while a person types.
    suggestions: ClassVar[int] = 4
    #: What objects of this kind have values of, and what may prove that they are good answers.
    facets: ClassVar[tuple[Facet, ...]] = ()
    evidence: ClassVar[tuple[Evidence, ...]] = ()

    @abstractmethod
    def get_queryset(self) -> QuerySet[ModelT]:
        """The objects that are indexed, with whatever `to_entry` reads fetched in bulk."""

    @abstractmethod
    def to_entry(self, instance: ModelT) -> SearchEntry:
        """The entry of one object of `get_queryset`; see `entry`."""

    def to_entries(self, instance: ModelT) -> Iterable[SearchEntry]:
        """All entries of an object. Override for a row that holds several languages."""
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

        `facets` holds codes and `evidence` hundredths, of what the document declares.
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
        """Those of `ids` that `user` may see now. One query; asked for every hit before it is shown.

        Uses the queryset's own ``visible_to(user)`` where the model has one.
        """
        queryset = self.get_queryset().filter(pk__in=ids)
        narrowed = getattr(queryset, "visible_to", None)
        if narrowed is not None:
            queryset = narrowed(user)
        return set(queryset.order_by().values_list("pk", flat=True))

    def details(self, ids: Collection[int]) -> Mapping[int, HitDetails]:
        """What a result list says beside the text. At most one query, whatever the number of ids."""
        return {}

    def answer_card(self, object_id: int) -> AnswerCard | None:
        """The object as the best answer to a question; none where objects of this kind are no answers.

        At most one query; asked for the first result alone, when it is very likely the one that was meant. Who may read
        the object has been asked before its card is shown.
        """
        return None
