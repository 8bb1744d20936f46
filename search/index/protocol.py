"""The interface of an index.

`search.queries` decides what to search for; an index finds it. The embedded index and the cluster's implement the same
small protocol and pass the same tests (tests/search/contract.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from search.documents import SearchEntry
    from search.index.plan import BackendHit, EntryKey, FacetCounts, Found, Plan, Vocabulary
    from search.language.spelling import Spelling


class Backend(Protocol):
    """An index. Writing methods take part in the caller's transaction if the index is in the same database."""

    def put(self, entries: Collection[SearchEntry], *, force: bool = False) -> None:
        """Replace all entries of the objects in `entries`. Those with an equal digest are not written unless forced."""

    def remove(self, *, kind: str, object_ids: Collection[int]) -> None:
        """Remove the objects in every language. Unknown ones are ignored."""

    def search(self, plan: Plan, *, with_places: bool = True) -> Found:
        """The best entries for `plan`, best first; ties are in a fixed order."""

    def facets(self, plan: Plan) -> FacetCounts:
        """The number of matching entries for each value of each offered facet (`search.registry`)."""

    def vocabulary(
        self,
        terms: Collection[str],
        *,
        audiences: Collection[str],
        beginnings: Collection[str] = (),
        completions: int = 0,
    ) -> Vocabulary:
        """Document frequencies of `terms`, and up to `completions` of the most frequent terms for each beginning."""

    def fetch(self, keys: Collection[EntryKey], plan: Plan) -> list[BackendHit]:
        """The given entries that pass the plan's audiences and filters, with the places of its terms; unordered.

        They need not contain any of the terms; their score is that of `search`, or 0.
        """

    def spellings(self, words: Collection[str], *, audiences: Collection[str]) -> Mapping[str, Spelling]:
        """The spellings of those folded words that occur in entries the audiences may see; there may be thousands."""

    def sounding_like(
        self, skeletons: Collection[str], *, audiences: Collection[str], limit: int = 50
    ) -> Mapping[str, Sequence[Spelling]]:
        """The Persian words with each consonant skeleton (`search.language.finglish`), most frequent first."""

    def digests(self, kind: str) -> Iterator[tuple[int, str, str]]:
        """Object id, language and digest of every entry of a kind, to compare it with the database."""

    def kinds(self) -> set[str]:
        """All kinds that have entries in the index."""

    def count(self) -> int:
        """The number of entries in the index."""

    def mend(self) -> int:
        """Remove what is damaged in storage, so that `digests` shows what to put again; return how much that was."""

    def rebuild(self) -> AbstractContextManager[None]:
        """A context for putting everything again. Searches find all entries meanwhile, and no obsolete ones after."""


@runtime_checkable
class Mirror(Backend, Protocol):
    """An index on another server, which takes no part in transactions and may be slow to write to."""

    def follow(self, *, kind: str, object_ids: Collection[int], read: Callable[[], Collection[SearchEntry]]) -> None:
        """Replace all entries of the objects with what `read` returns; of concurrent calls, the last to read wins.

        `read` reads the database; it is called again if another writer was faster.
        """
