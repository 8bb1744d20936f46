"""Checksums of what the index stores, so that a damaged row is recognised when it is read.

A *posting* carries 16 bits of its own, over term, scope, entry and impact: the database can still append postings to a
block without reading it, and of a damaged block the whole postings remain usable. The term and the scope enter by
their texts, so that a posting of a damaged term or scope fails, too. An *entry* has two checksums of eight bytes: of
what is shown of it, which is checked whenever it is shown, and of the rest, which the repair checks. A *term* has the
sum of the checksums of its words.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from django.utils.dateparse import parse_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Number of low bits of a stored impact that hold the impact; the others hold the checksum.
IMPACT_BITS: Final = 16
IMPACT_MASK: Final = np.uint32((1 << IMPACT_BITS) - 1)
_SHIFT: Final = np.uint32(IMPACT_BITS)

_SIZE: Final = 8
_FIRST: Final = np.uint32(0x9E3779B1)
_SECOND: Final = np.uint32(0x85EBCA6B)
_THIRD: Final = np.uint32(0x2C1B3C6D)
_FIFTEEN: Final = np.uint32(15)


def _number(*texts: object) -> int:
    """32 bits of the texts."""
    data = "\0".join(map(str, texts)).encode(errors="replace")
    return int.from_bytes(blake2b(data, digest_size=4).digest())


@lru_cache(maxsize=2048)
def key_of_term(text: str) -> int:
    return _number("term", text)


@lru_cache(maxsize=256)
def key_of_scope(kind: str, language: str, audience: str) -> int:
    return _number("scope", kind, language, audience)


def keys_of(terms: np.ndarray, scopes: np.ndarray) -> np.ndarray:
    """The keys of term and scope as one, for each pair."""
    return (terms.astype(np.uint32) * _FIRST) ^ scopes.astype(np.uint32)


def sealed(pks: np.ndarray, impacts: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The impacts with the checksums of their postings; see `keys_of`."""
    impacts = impacts.astype(np.uint32)
    return impacts | (_check(pks.astype(np.uint32), impacts, keys) << _SHIFT)


def are_whole(pks: np.ndarray, stored: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Which postings are as they were written; all arguments are arrays of uint32."""
    return _check(pks, stored & IMPACT_MASK, keys) == stored >> _SHIFT


def _check(pks: np.ndarray, impacts: np.ndarray, keys: np.ndarray) -> np.ndarray:
    mixed = pks * _FIRST
    mixed ^= impacts * _SECOND
    mixed += keys
    mixed ^= mixed >> _FIFTEEN
    mixed *= _THIRD
    return mixed >> _SHIFT


def seal_of_entry(shown: Sequence[Any], rest: Sequence[Any]) -> bytes:
    """The checksums of an entry: of `pages.SHOWN` and of `pages.PLACES`."""
    return _seal(shown) + _seal(rest)


def is_shown_whole(shown: Sequence[Any], seal: bytes | memoryview | None) -> bool:
    """Whether what is shown of an entry is as it was written."""
    return isinstance(seal, bytes | memoryview) and bytes(seal)[:_SIZE] == _seal(shown)


def is_entry_whole(shown: Sequence[Any], rest: Sequence[Any], seal: bytes | memoryview | None) -> bool:
    return isinstance(seal, bytes | memoryview) and bytes(seal) == seal_of_entry(shown, rest)


def _seal(values: Sequence[Any]) -> bytes:
    hashed = blake2b(digest_size=_SIZE)
    for value in values:
        if isinstance(value, bytes | memoryview):
            data = bytes(value)
        elif isinstance(value, dt.datetime):
            data = _written(value)
        else:
            data = str(value).encode(errors="replace")
        hashed.update(len(data).to_bytes(4))
        hashed.update(data)
    return hashed.digest()


def _written(moment: dt.datetime) -> bytes:
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds").encode()


def moment(value: object) -> dt.datetime | None:
    """A datetime from a raw query: SQLite stores it as text in UTC. None also for what is no time."""
    if isinstance(value, str):
        try:
            value = parse_datetime(value)
        except ValueError:
            return None
    if not isinstance(value, dt.datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def seal_of_word(text: str, spelling: str, skeleton: str) -> int:
    """32 bits of a word."""
    return _number("word", text, spelling, skeleton)
