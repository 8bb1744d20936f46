"""Locks on objects while they are indexed.

Two handlers of the same object must not overlap between reading it and writing to the index: otherwise the one that
read the older text could write last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.db import connection


def lock_objects(kind: str, object_ids: Iterable[int]) -> None:
    """Lock these objects until the transaction ends; waits for other transactions that have locked them.

    Needs a transaction. On SQLite the transaction, begun with IMMEDIATE, is the lock.
    """
    if connection.vendor != "postgresql":
        return
    keys = sorted(_key(kind, object_id) for object_id in object_ids)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def _key(kind: str, object_id: int) -> int:
    digest = hashlib.blake2b(f"search:{kind}:{object_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
