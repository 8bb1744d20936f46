"""Keeps the vectors of entries up to date.

Whatever indexes objects also calls `follow`, in the same transaction: the vectors of removed and changed entries are
deleted at once, and new ones are queued. Queued vectors are computed outside any transaction: by the outbox worker
between its passes (`work_out_some`), and by `manage.py rebuild_search` (`work_out_all`).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from portal.core.scopes import content_changed
from search import registry
from search.locks import lock_objects
from search.meaning import model
from search.models import EntryVector, IndexedEntry

if TYPE_CHECKING:
    from search.documents import SearchEntry

logger = logging.getLogger(__name__)

#: The outbox worker checks after every pass whether vectors are queued.
JOB: Final = "search.vectors"
INTERVAL: Final = timedelta(seconds=1)
#: Maximum number of characters of a text; what follows says little about its subject.
_MOST_TEXT: Final = 2_000
_BATCH: Final = 8
#: Maximum time the outbox worker spends on vectors before it delivers messages again.
_SLICE_SECONDS: Final = 8.0

_Key = tuple[str, int, str]


def text_of(entry: SearchEntry) -> str:
    """The text to embed: title and short answer, which says best what an entry is about; without one, the body."""
    return "\n".join(filter(None, (entry.title, entry.short_answer or entry.body)))[:_MOST_TEXT]


def digest_of(entry: SearchEntry) -> str:
    """A hash of model and text: entries with equal digests have equal vectors."""
    return hashlib.blake2b(f"{model.VERSION}\n{text_of(entry)}".encode(), digest_size=20).hexdigest()


def follow(*, kind: str, object_ids: Collection[int], entries: Iterable[SearchEntry]) -> None:
    """Queue vectors for `entries`, which are all entries of these objects now. Does nothing if the extra is off.

    Must run in the transaction that has locked the objects. One query, and two more if something changed.
    """
    if not model.is_enabled():
        return
    wanted = {(entry.object_id, entry.language): (entry.audience, digest_of(entry), entry) for entry in entries}
    wrong: list[int] = []
    rows = EntryVector.objects.filter(kind=kind, object_id__in=object_ids)
    for pk, object_id, language, audience, digest in rows.values_list(
        "pk", "object_id", "language", "audience", "digest"
    ):
        if wanted.get((object_id, language), ("", ""))[:2] == (audience, digest):
            del wanted[object_id, language]
        else:
            wrong.append(pk)
    _delete(wrong)
    EntryVector.objects.bulk_create(
        EntryVector(kind=kind, object_id=object_id, language=language, audience=audience, model=model.VERSION, digest=digest)
        for (object_id, language), (audience, digest, _entry) in wanted.items()
    )  # fmt: skip
    if wrong:
        content_changed("vectors")


def has_work() -> bool:
    """Whether `work_out_some` has anything to do. Read-only."""
    if not model.is_enabled():
        return False
    rows = EntryVector.objects.all()
    return rows.filter(vector=None).exists() or (not rows.exists() and IndexedEntry.objects.exists())


def work_out_some() -> None:
    """Compute queued vectors for some seconds, after queuing all entries if there are none. For the outbox worker."""
    if not model.is_enabled():
        return
    if not EntryVector.objects.exists():
        fill()
    until = time.monotonic() + _SLICE_SECONDS
    while _work_out_batch() and time.monotonic() < until:
        pass


def work_out_all(*, progress: Callable[[int, int], None]) -> int:
    """Compute all queued vectors; return their number. `progress` is called with the numbers done and queued."""
    waiting = EntryVector.objects.filter(vector=None).count()
    done = 0
    while some := _work_out_batch():
        done += some
        progress(done, max(waiting, done))
    return done


def fill() -> int:
    """Queue every entry without a correct vector; return the length of the queue. For `manage.py rebuild_search`."""
    kinds = {document.name: document for document in registry.all_documents()}
    for kind, document in kinds.items():
        pks = list(document.get_queryset().order_by("pk").values_list("pk", flat=True))
        known = EntryVector.objects.filter(kind=kind).values_list("object_id", flat=True).distinct()
        for some in _chunks(sorted({*pks, *known})):
            _follow_again(kind, some)
    _delete(EntryVector.objects.exclude(kind__in=kinds).values_list("pk", flat=True))
    return EntryVector.objects.filter(vector=None).count()


@transaction.atomic
def _follow_again(kind: str, object_ids: Collection[int]) -> None:
    """Call `follow` with the current entries of the objects."""
    document = registry.get_document(kind)
    lock_objects(kind, object_ids)
    instances = list(document.get_queryset().filter(pk__in=object_ids)) if document else []
    entries = [entry for instance in instances for entry in document.to_entries(instance)] if document else []
    follow(kind=kind, object_ids=object_ids, entries=entries)


def _work_out_batch() -> int:
    """Compute the vectors of the oldest queued rows; return the number of rows processed."""
    waiting = list(EntryVector.objects.filter(vector=None).order_by("pk")[:_BATCH])
    objects: dict[str, set[int]] = defaultdict(set)
    for row in waiting:
        objects[row.kind].add(row.object_id)
    texts: dict[tuple[_Key, str], str] = {}
    for kind, object_ids in objects.items():
        document = registry.get_document(kind)
        for instance in document.get_queryset().filter(pk__in=object_ids) if document else ():
            for entry in document.to_entries(instance) if document else ():
                texts[(kind, entry.object_id, entry.language), digest_of(entry)] = text_of(entry)
    ready = [row for row in waiting if (_key(row), row.digest) in texts]
    vectors = model.passage_vectors([texts[_key(row), row.digest] for row in ready], [row.language for row in ready])
    _keep(ready, vectors)
    for row in waiting:
        if row not in ready:  # its object has changed meanwhile
            _follow_again(row.kind, [row.object_id])
    return len(waiting)


@transaction.atomic
def _keep(rows: Sequence[EntryVector], vectors: Sequence[bytes]) -> None:
    """Replace the rows that are still queued by rows with their vectors."""
    objects: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        objects[row.kind].add(row.object_id)
    for kind in sorted(objects):
        lock_objects(kind, objects[kind])
    known = EntryVector.objects.filter(pk__in=[row.pk for row in rows], vector=None)
    waiting = set(known.values_list("pk", flat=True))
    _delete(waiting)
    EntryVector.objects.bulk_create(
        EntryVector(
            kind=row.kind,
            object_id=row.object_id,
            language=row.language,
            audience=row.audience,
            model=row.model,
            digest=row.digest,
            vector=vector,
        )
        for row, vector in zip(rows, vectors, strict=True)
        if row.pk in waiting
    )
    if waiting:
        content_changed("vectors", "search:index")


def _key(row: EntryVector) -> _Key:
    return row.kind, row.object_id, row.language


def _delete(pks: Collection[int] | Iterable[int]) -> None:
    """Delete rows without fetching them, which Django does if any receiver listens to deletions."""
    for some in _chunks(pks):
        EntryVector.objects.filter(pk__in=some)._raw_delete(connection.alias)  # noqa: SLF001 - the documented way fetches


def _chunks(values: Iterable[int]) -> Iterable[list[int]]:
    values = list(values)
    return (values[start : start + 100] for start in range(0, len(values), 100))
