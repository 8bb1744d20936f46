"""A hash chain over all that was booked.

Each checkpoint hashes the journals since the previous one, with their postings, together with its hash. Whoever changes a
row that is covered, with whatever rights on the database, must recompute all later hashes, and cannot change those
that were written down elsewhere: the job logs each one, and `manage.py ledger_check --head` compares.

Asynchronous, since a chain that every journal waits for would let one through at a time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from loyalty.models.ledger import Checkpoint, Journal, Posting
from loyalty.services.ledger import statements
from loyalty.services.ledger.posting import durable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

logger = logging.getLogger(__name__)

#: Journals read at a time.
PORTION: Final = 1000
#: What is hashed, in this order. Never change it: earlier hashes depend on it.
_COLUMNS: Final = (
    *("id", "programme_id", "wallet_id", "number", "code", "key", "request_hash", "amount", "legs"),
    *("available", "pending", "held", "debt", "reverses_id", "source", "reason", "actor", "approver"),
    *("occurred_at", "created_at"),
)
_ACCOUNT: Final = ("id", "programme_id", "wallet_id", "kind", "ref", "bucket")
_POSTING: Final = (
    "journal_id",
    "seq",
    "amount",
    *(f"{side}__{column}" for side in ("debit", "credit") for column in _ACCOUNT),
)


@dataclass(frozen=True, slots=True)
class Covered:
    """What lies between two checkpoints."""

    journals: int
    postings: int
    points: int
    hash: str


def make_checkpoint() -> Checkpoint | None:
    """Add a checkpoint for all journals since the last one; None if there are none, or somebody else adds it now."""
    with transaction.atomic():
        last_journal = statements.settled_journal()
    # What is settled never changes: it is hashed without a transaction, so that nobody waits.
    previous = Checkpoint.objects.order_by("number").last()
    first = previous.last_journal + 1 if previous else 1
    if first > last_journal:
        return None
    covered = cover(first, last_journal, previous.hash if previous else "")
    try:
        with durable():
            made = Checkpoint.objects.create(
                number=previous.number + 1 if previous else 1,
                last_journal=last_journal,
                journals=covered.journals,
                postings=covered.postings,
                points=covered.points,
                hash=covered.hash,
            )
    except IntegrityError:
        return None
    logger.info(
        "Ledger checkpoint %s: %s journals up to %s, hash %s", made.number, made.journals, last_journal, made.hash
    )
    return made


def is_checkpoint_due() -> bool:
    """Return whether anything was booked since the last checkpoint."""
    last = Checkpoint.objects.order_by("number").last()
    return Journal.objects.filter(pk__gt=last.last_journal if last else 0).exists()


def cover(first: int, last: int, previous_hash: str) -> Covered:
    """Hash the journals from `first` to `last`, a thousand at a time."""
    digest = hashlib.sha256(previous_hash.encode())
    journals = postings = points = 0
    for journal, legs in _rows(first, last):
        digest.update(json.dumps([journal, legs], ensure_ascii=False, default=_plain).encode())
        digest.update(b"\n")
        journals += 1
        postings += len(legs)
        points += sum(leg[1] for leg in legs)
    return Covered(journals, postings, points, digest.hexdigest())


def _rows(first: int, last: int) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    after = first - 1
    while True:
        journals = list(
            Journal.objects.filter(pk__gt=after, pk__lte=last).order_by("pk").values_list(*_COLUMNS)[:PORTION]
        )
        if not journals:
            return
        after = journals[-1][0]
        legs: dict[int, list[tuple[Any, ...]]] = {}
        postings = Posting.objects.filter(journal__gte=journals[0][0], journal__lte=after)
        for journal_id, *leg in postings.order_by("journal_id", "seq").values_list(*_POSTING):
            legs.setdefault(journal_id, []).append(tuple(leg))
        for journal in journals:
            yield journal, legs.get(journal[0], [])


def _plain(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not hashed.")
