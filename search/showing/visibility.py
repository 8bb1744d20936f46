"""Checks in the database which hits a user may see: the index alone never decides about access."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from search import registry

if TYPE_CHECKING:
    from search.documents import AnyUser


class _Shown(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def object_id(self) -> int: ...


_HitT = TypeVar("_HitT", bound=_Shown)


def seen_by(user: AnyUser, hits: Sequence[_HitT]) -> list[_HitT]:
    """The hits the user may see; one query per kind."""
    ids: dict[str, set[int]] = defaultdict(set)
    for hit in hits:
        ids[hit.kind].add(hit.object_id)
    visible: dict[str, set[int]] = {}
    for kind, some in ids.items():
        document = registry.get_document(kind)
        visible[kind] = document.visible_to(user, some) if document else set()
    return [hit for hit in hits if hit.object_id in visible[hit.kind]]
