"""Events of search, which search itself handles; the outbox guarantees that they are delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from portal.core.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class EntriesChanged(DomainEvent):
    """Objects of a kind were saved, deleted, published or hidden: their entries may be out of date."""

    name: ClassVar[str] = "search.entries_changed"
    merges: ClassVar[bool] = True
    kind: str
    object_ids: list[int]


@dataclass(frozen=True, kw_only=True)
class EntriesWithdrawn(DomainEvent):
    """Entries of these objects were removed from the database's index, or have another audience now."""

    name: ClassVar[str] = "search.entries_withdrawn"
    merges: ClassVar[bool] = True
    kind: str
    object_ids: list[int]


@dataclass(frozen=True, kw_only=True)
class PageTreeChanged(DomainEvent):
    """A page was moved or renamed: the URLs of all its descendants changed, too."""

    name: ClassVar[str] = "search.page_tree_changed"
    merges: ClassVar[bool] = True
    page_id: int


@dataclass(frozen=True, kw_only=True)
class MirrorCheckWanted(DomainEvent):
    """The entries of a kind may differ between cluster and database, for objects with ids greater than `above`."""

    name: ClassVar[str] = "search.mirror_check_wanted"
    merges: ClassVar[bool] = True
    kind: str
    above: int


@dataclass(frozen=True, kw_only=True)
class IndexDamaged(DomainEvent):
    """A question met rows of the database's index that are not as they were written."""

    name: ClassVar[str] = "search.index_damaged"
    merges: ClassVar[bool] = True
