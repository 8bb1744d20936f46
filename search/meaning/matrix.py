"""All vectors in memory, and nearest-neighbour search in them. Needs numpy: import it only if the extra is installed.

A vector takes 384 bytes, plus 48 for the signs of its components: the number of signs two vectors share approximates
their angle and is computed twenty times as fast. Angles are computed only for the entries that share the most signs.
Including keys and languages, 100,000 entries take 47 MB, and a question takes 3 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from search.meaning.model import DIMENSIONS

#: Number of entries per language whose angles are computed. Up to so many the result is exact, beyond very nearly.
SHORTLIST: Final = 1_000
_WORDS: Final = DIMENSIONS // 64
_FARTHEST: Final = np.uint16(DIMENSIONS + 1)


class Row(NamedTuple):
    """A stored vector with its entry."""

    pk: int
    kind: str
    object_id: int
    language: str
    audience: str
    vector: bytes


class Near(NamedTuple):
    """An entry and its cosine similarity to the question."""

    kind: str
    object_id: int
    language: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """Immutable: `changed` returns a new matrix, so that searches need no lock."""

    pks: np.ndarray
    object_ids: np.ndarray
    #: Indexes of kind, language and audience in `names`.
    labels: np.ndarray
    vectors: np.ndarray
    lengths: np.ndarray
    #: Sixty-four signs per integer; one row for each sixty-four dimensions.
    signs: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def empty(cls) -> Matrix:
        return cls(
            pks=np.empty(0, np.int64),
            object_ids=np.empty(0, np.int64),
            labels=np.empty((3, 0), np.int16),
            vectors=np.empty((0, DIMENSIONS), np.int8),
            lengths=np.empty(0, np.float32),
            signs=np.empty((_WORDS, 0), np.uint64),
            names=(),
        )

    def __len__(self) -> int:
        return len(self.pks)

    @property
    def byte_count(self) -> int:
        arrays = (self.pks, self.object_ids, self.labels, self.vectors, self.lengths, self.signs)
        return sum(array.nbytes for array in arrays)

    def changed(self, *, gone: Collection[int], new: Sequence[Row]) -> Matrix:
        """A copy without the rows whose primary keys are `gone`, and with the new ones."""
        kept = ~np.isin(self.pks, np.fromiter(gone, np.int64, len(gone))) if gone else slice(None)
        numbers = {name: number for number, name in enumerate(self.names)}
        labels = [
            [numbers.setdefault(name, len(numbers)) for name in (row.kind, row.language, row.audience)] for row in new
        ]
        vectors = np.frombuffer(b"".join(row.vector for row in new), np.int8).reshape(-1, DIMENSIONS)
        return Matrix(
            pks=np.concatenate([self.pks[kept], np.array([row.pk for row in new], np.int64)]),
            object_ids=np.concatenate([self.object_ids[kept], np.array([row.object_id for row in new], np.int64)]),
            labels=np.concatenate([self.labels[:, kept], np.array(labels, np.int16).reshape(-1, 3).T], axis=1),
            vectors=np.concatenate([self.vectors[kept], vectors]),
            lengths=np.concatenate([self.lengths[kept], _lengths(vectors)]),
            signs=np.concatenate([self.signs[:, kept], _signs(vectors).T], axis=1),
            names=tuple(numbers),
        )

    def nearest(
        self,
        direction: np.ndarray,
        *,
        audiences: Collection[str],
        floor: Callable[[str, int], float],
        margin: float,
        limit: int,
    ) -> list[Near]:
        """The nearest entries for these audiences, at most `limit` per language, most similar first.

        The similarity of each is at least `floor` of its language and the number of entries in it, and at most `margin`
        less than that of the best one.
        """
        kinds, languages = self.labels[:2]
        allowed = np.array([name in audiences for name in self.names], np.bool_)[self.labels[2]]
        apart = self._signs_apart(direction) if len(self) > SHORTLIST else None
        found: list[Near] = []
        for language in np.flatnonzero(np.bincount(languages[allowed])):
            rows = np.flatnonzero(allowed & (languages == language))
            least = floor(self.names[language], len(rows))
            if apart is not None and len(rows) > SHORTLIST:
                rows = rows[np.argpartition(apart[rows], SHORTLIST)[:SHORTLIST]]
            similarity = (self.vectors[rows].astype(np.float32) @ direction) / self.lengths[rows]
            good = similarity >= max(least, float(similarity.max()) - margin)
            rows, similarity = rows[good], similarity[good]
            best = np.lexsort((self.object_ids[rows], -similarity))[:limit]
            found += (
                Near(
                    self.names[kinds[row]],
                    int(self.object_ids[row]),
                    self.names[language],
                    float(alike),
                )
                for row, alike in zip(rows[best], similarity[best], strict=True)
            )
        return sorted(found, key=lambda near: (-near.similarity, near.kind, near.object_id, near.language))

    def _signs_apart(self, direction: np.ndarray) -> np.ndarray:
        """The number of dimensions in which each vector has another sign than the question."""
        apart: np.ndarray = np.zeros(len(self), np.uint16)
        for own, other in zip(self.signs, _signs(direction[None])[0], strict=True):
            apart += np.bitwise_count(own ^ other)
        return apart


def _lengths(vectors: np.ndarray) -> np.ndarray:
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.int32)
    return np.maximum(np.sqrt(squares, dtype=np.float32), 1.0)


def _signs(vectors: np.ndarray) -> np.ndarray:
    return np.packbits(vectors > 0, axis=1).view(np.uint64)
