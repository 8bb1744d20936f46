"""What an app declares to be found: a `SearchDocument` per model, a `SearchEntry` per object and language."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

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


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchEntry:
    """One object in one language, ready for the index.

    `body` is plain text; `keywords` are other words people use for it, searched and never shown. `audience` is an audience expression and is brought to its canonical form; anything else
    raises `InvalidAudienceError`. `popularity`: hundredths, the share of readers it helped, as far as that is proven. `products`, `topics`, `tags` and `state` hold codes, never names. `family` is shared
    by the same content in several languages. Characters a database refuses are taken out.
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
    products: Collection[str] = ()
    topics: Collection[str] = ()
    tags: Collection[str] = ()
    state: Collection[str] = ()
    popularity: int = 0
    #: Hundredths: how often readers chose it where it was shown; filled in by `search` itself.
    clicked: int = 0
    updated: dt.datetime | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # the class is frozen for everyone else
        set_(self, "audience", str(Audience.parse(self.audience)))
        set_(self, "family", self.family or f"{self.kind}:{self.object_id}")
        set_(self, "title", clean(self.title).strip())
        set_(self, "short_answer", clean(self.short_answer).strip())
        set_(self, "body", clean(self.body[:MAX_BODY_LENGTH]).strip())
        set_(self, "keywords", clean(self.keywords).strip())
        for name in ("products", "topics", "tags", "state"):
            codes = {" ".join(clean(code).split())[:MAX_FACET_LENGTH] for code in getattr(self, name)}
            set_(self, name, tuple(sorted(codes - {""})))

    @property
    def digest(self) -> str:
        """Equal for equal entries indexed by equal rules."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["updated"] = self.updated.timestamp() if self.updated else None  # whatever its time zone
        values["analysis"] = analysis.VERSION
        return hashlib.blake2b(repr(values).encode(), digest_size=20).hexdigest()

    @property
    def facets(self) -> list[tuple[str, str]]:
        """Every (facet, value) the entry can be filtered by, beside kind and language."""
        named = (("product", self.products), ("topic", self.topics), ("tag", self.tags), ("state", self.state))
        return [(name, value) for name, values in named for value in values]


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

    @abstractmethod
    def get_queryset(self) -> QuerySet[ModelT]:
        """The objects that are indexed, with whatever `to_entry` reads fetched in bulk."""

    @abstractmethod
    def to_entry(self, instance: ModelT) -> SearchEntry:
        """The entry of one object of `get_queryset`; see `entry`."""

    def to_entries(self, instance: ModelT) -> Iterable[SearchEntry]:
        """All entries of an object. Override for a row that holds several languages."""
        return (self.to_entry(instance),)

    def entry(self, instance: ModelT, **fields: Any) -> SearchEntry:
        """A `SearchEntry` of this kind for `instance`; `fields` are the rest of its fields."""
        return SearchEntry(kind=self.name, object_id=instance.pk, **fields)

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
