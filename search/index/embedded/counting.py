"""Facet counts: the number of entries for each value."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from search.index.embedded import blocks, pages, sql
from search.index.scoring import facet_term

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from search.index.embedded.blocks import Heading
    from search.index.plan import Plan

#: Up to so many entries, values are read from the entries' rows; for more, from the postings of all values.
_READ_ROWS: Final = 2_000


class Narrowed:
    """The matching entries, restricted by the filters on other facets."""

    def __init__(self, found: Mapping[Heading, np.ndarray], *allowed: np.ndarray | None) -> None:
        self._found: Mapping[Heading, np.ndarray] = found
        for only in allowed:
            if only is not None:
                self._found = {heading: pks[np.isin(pks, only)] for heading, pks in self._found.items()}

    def count(self, part: int, *, kinds: Sequence[str] = (), languages: Sequence[str] = ()) -> dict[str, int]:
        """The number of entries for each kind (part 0) or language (part 1)."""
        counts: dict[str, int] = defaultdict(int)
        for heading, pks in self._of(kinds, languages):
            counts[heading[part]] += len(pks)
        return {value: count for value, count in counts.items() if count}

    def keys(self, *, kinds: Sequence[str], languages: Sequence[str]) -> np.ndarray:
        return np.concatenate([np.empty(0, np.int64), *(pks for _heading, pks in self._of(kinds, languages))])

    def _of(self, kinds: Sequence[str], languages: Sequence[str]) -> Iterator[tuple[Heading, np.ndarray]]:
        for (kind, language), pks in self._found.items():
            if (not kinds or kind in kinds) and (not languages or language in languages):
                yield (kind, language), pks


def everything(plan: Plan) -> dict[Heading, np.ndarray]:
    """The primary keys of all entries the audiences may see."""
    statement = f"""
        SELECT s.kind, s.language, e.id FROM {sql.ENTRY} e JOIN {sql.SCOPE} s ON s.id = e.scope_id
        WHERE s.audience IN ({sql.placeholders(plan.audiences)})
    """  # noqa: S608 - table names and placeholders only
    found: dict[Heading, list[int]] = defaultdict(list)
    for kind, language, pk in sql.fetch(statement, plan.audiences):
        found[kind, language].append(pk)
    return {heading: np.array(pks, np.int64) for heading, pks in found.items()}


def count_values(plan: Plan, pks: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """The number of the entries with each value; read from their rows if they are few, otherwise from postings."""
    counts: dict[str, dict[str, int]] = {name: defaultdict(int) for name in names}
    if not names:
        return counts
    if len(pks) <= _READ_ROWS:
        for (facets_text,) in pages.rows("e.facets_text", pks.tolist()):
            values = pages.values_of(facets_text)
            for name in names:
                for value in values.get(name, ()):
                    counts[name][value] += 1
    else:
        for name in names:
            start = facet_term(name, "")
            for terms in blocks.read((), audiences=plan.audiences, beginning=start).values():
                for text, held in terms.items():
                    if count := int(np.isin(held.pks, pks, assume_unique=True).sum()):
                        counts[name][text.removeprefix(start)] += count
    return {name: dict(values) for name, values in counts.items()}
