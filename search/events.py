"""What happened to things that can be found. Search hears it from itself: the outbox makes it certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from portal.core.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class EntriesChanged(DomainEvent):
    """Objects of a kind were saved, deleted, published or hidden: what is indexed of them may be wrong now."""

    name: ClassVar[str] = "search.entries_changed"
    merges: ClassVar[bool] = True
    kind: str
    object_ids: list[int]


@dataclass(frozen=True, kw_only=True)
class EntriesWithdrawn(DomainEvent):
    """Entries of these objects are gone from the index in the database, or are for other people now."""

    name: ClassVar[str] = "search.entries_withdrawn"
    merges: ClassVar[bool] = True
    kind: str
    object_ids: list[int]


@dataclass(frozen=True, kw_only=True)
class PageTreeChanged(DomainEvent):
    """A page was moved or renamed: the addresses of everything below it changed, too."""

    name: ClassVar[str] = "search.page_tree_changed"
    merges: ClassVar[bool] = True
    page_id: int


@dataclass(frozen=True, kw_only=True)
class MirrorCheckWanted(DomainEvent):
    """The entries of a kind, of objects numbered above `above`, may differ between cluster and database."""

    name: ClassVar[str] = "search.mirror_check_wanted"
    merges: ClassVar[bool] = True
    kind: str
    above: int
