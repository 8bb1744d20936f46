"""What an index must be able to do.

`search.queries` decides what to look for; an index looks. The embedded index and a cluster answer the same small protocol
and pass the same tests (tests/search/contract.py).
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
    """An index. Writing methods take part in the caller's transaction where the index is in the same database."""

    def put(self, entries: Collection[SearchEntry], *, force: bool = False) -> None:
        """Make `entries` all there is about their objects. Entries with the same digest are left alone unless forced."""

    def remove(self, *, kind: str, object_ids: Collection[int]) -> None:
        """Forget the objects, in every language. Unknown ones are no error."""

    def search(self, plan: Plan, *, with_places: bool = True) -> Found:
        """The best entries for `plan`, the best first; equal ones in a fixed order."""

    def facets(self, plan: Plan) -> FacetCounts:
        """How many entries match in each value of each facet that is offered (`search.registry`)."""

    def vocabulary(
        self,
        terms: Collection[str],
        *,
        audiences: Collection[str],
        beginnings: Collection[str] = (),
        completions: int = 0,
    ) -> Vocabulary:
        """What is known of `terms`, and for each beginning up to `completions` of the most frequent terms."""

    def fetch(self, keys: Collection[EntryKey], plan: Plan) -> list[BackendHit]:
        """Those of the entries that the plan's audiences and filters leave, with the places of its terms; unordered.

        Whether they hold any of the terms does not matter; their score is that of `search`, or 0.
        """

    def spellings(self, words: Collection[str], *, audiences: Collection[str]) -> Mapping[str, Spelling]:
        """Those of the folded words that somebody wrote where the audiences may read it; thousands may be asked."""

    def sounding_like(
        self, skeletons: Collection[str], *, audiences: Collection[str], limit: int = 50
    ) -> Mapping[str, Sequence[Spelling]]:
        """For each consonant skeleton (`search.language.finglish.skeleton`) the Persian words that have it, most frequent first."""

    def digests(self, kind: str) -> Iterator[tuple[int, str, str]]:
        """Object, language and digest of every entry of a kind; for finding drift."""

    def kinds(self) -> set[str]:
        """All kinds the index holds entries of."""

    def count(self) -> int:
        """How many entries the index holds."""

    def rebuild(self) -> AbstractContextManager[None]:
        """Around putting everything again: searches see all entries meanwhile, and nothing superfluous afterwards."""


@runtime_checkable
class Mirror(Backend, Protocol):
    """An index on another server, which takes no part in transactions and may keep whoever writes to it waiting."""

    def follow(self, *, kind: str, object_ids: Collection[int], read: Callable[[], Collection[SearchEntry]]) -> None:
        """Make what `read` returns all there is of the objects; whoever read later overtakes, whoever writes later.

        `read` reads the database, and is called again where somebody else was faster.
        """
