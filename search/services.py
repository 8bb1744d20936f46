"""Services that keep the index up to date."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from wagtail.models import Page

from portal.core.events import emit, handler_name
from portal.core.models import OutboxMessage
from search import registry
from search.events import EntriesChanged, EntriesWithdrawn, IndexDamaged, PageTreeChanged
from search.index import cluster
from search.index.answering import get_backend
from search.index.errors import UnavailableError
from search.index.protocol import Backend, Mirror
from search.locks import lock_objects
from search.meaning import vectors
from search.models import IndexedEntry

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from search.documents import SearchDocument, SearchEntry

logger = logging.getLogger(__name__)

_BATCH: Final = 100
#: Batch size of a rebuild; larger ones would make other writers wait.
_LARGE_BATCH: Final = 1_000


@dataclass(slots=True)
class IndexReport:
    """Numbers of objects that a rebuild or a check processed."""

    backend: Backend
    checked: int = 0
    put: int = 0
    removed: int = 0
    failed: int = 0
    #: Number of damaged rows that were removed; the objects they belonged to are put again.
    mended: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.put or self.removed or self.failed or self.mended)


def reindex(queryset: QuerySet[Any]) -> None:
    """Index the objects of a queryset again after a bulk ``update()``, which sends no signal.

    Call it in the transaction of the update, so that both are committed together.
    """
    for document in registry.documents_of(queryset.model):
        announce(kind=document.name, object_ids=list(queryset.order_by().values_list("pk", flat=True)))


@transaction.atomic
def announce(*, kind: str, object_ids: Collection[int]) -> None:
    """Announce that the entries of these objects may be out of date; they are indexed again after the commit."""
    for some in _chunks(sorted(object_ids)):
        emit(EntriesChanged(kind=kind, object_ids=some))


@transaction.atomic
def announce_tree(*, page_id: int) -> None:
    """Announce that the URLs of a page and of all its descendants changed."""
    emit(PageTreeChanged(page_id=page_id))


def handle_entries_changed(event: EntriesChanged) -> None:
    """Index the current state of the objects, whatever changed."""
    index_objects(kind=event.kind, object_ids=event.object_ids)


def handle_page_tree_changed(event: PageTreeChanged) -> None:
    """Announce every page of the current tree."""
    path = Page.objects.filter(pk=event.page_id).values_list("path", flat=True).first()
    if path is None:
        return
    for document in registry.all_documents():
        if issubclass(document.model, Page):
            pages = document.model._default_manager.filter(path__startswith=path)  # noqa: SLF001 - Django's documented name
            announce(kind=document.name, object_ids=list(pages.order_by().values_list("pk", flat=True)))


def index_objects(
    *, kind: str, object_ids: Collection[int], force: bool = False, backend: Backend | None = None
) -> int:
    """Index the current state of the objects in `backend` (by default the database's); return how many have entries.

    Concurrent calls for an object cannot overwrite newer entries with older ones. With `force`, entries with an equal
    digest are written, too. No transaction is open while another server is written to.
    """
    if isinstance(backend, Mirror):
        return _index_in_mirror(backend, kind, object_ids)
    return _index_in_database(kind, object_ids, force=force)


@transaction.atomic
def _index_in_database(kind: str, object_ids: Collection[int], *, force: bool) -> int:
    lock_objects(kind, object_ids)  # so that no other process indexes the objects meanwhile
    entries = _current_entries(kind, object_ids)
    _announce_withdrawn(kind, object_ids, entries)
    indexed = {entry.object_id for entry in entries}
    backend = get_backend()
    backend.put(entries, force=force)
    if gone := set(object_ids) - indexed:
        backend.remove(kind=kind, object_ids=gone)
    vectors.follow(kind=kind, object_ids=object_ids, entries=entries)
    return len(indexed)


def _announce_withdrawn(kind: str, object_ids: Collection[int], entries: Collection[SearchEntry]) -> None:
    """Announce objects that lose an entry or whose audience changes: the cluster may not answer until it knows."""
    if not cluster.is_configured():
        return
    now = {(entry.object_id, entry.language, entry.audience) for entry in entries}
    known = IndexedEntry.objects.filter(kind=kind, object_id__in=object_ids)
    before = set(known.values_list("object_id", "language", "audience"))
    for some in _chunks(sorted({object_id for object_id, _language, _audience in before - now})):
        emit(EntriesWithdrawn(kind=kind, object_ids=some))


def _index_in_mirror(mirror: Mirror, kind: str, object_ids: Collection[int]) -> int:
    indexed: set[int] = set()

    def read() -> list[SearchEntry]:
        entries = _current_entries(kind, object_ids)
        indexed.clear()
        indexed.update(entry.object_id for entry in entries)
        return entries

    mirror.follow(kind=kind, object_ids=object_ids, read=read)
    return len(indexed)


def _current_entries(kind: str, object_ids: Collection[int]) -> list[SearchEntry]:
    """The entries of the objects as they are now; none if the kind's app is no longer installed."""
    document = registry.get_document(kind)
    if document is None:
        return []
    instances = document.get_queryset().filter(pk__in=object_ids)
    return with_evidence(document, [entry for instance in instances for entry in document.to_entries(instance)])


def with_evidence(document: SearchDocument[Any], entries: list[SearchEntry]) -> list[SearchEntry]:
    """The entries with evidence that is read from elsewhere; one query for each kind of evidence."""
    ids = {entry.object_id for entry in entries}
    for evidence in registry.evidence_for(document):
        if evidence.read is None or not ids:
            continue
        proven = evidence.read(document.name, ids)
        entries = [
            replace(entry, evidence={**entry.evidence, evidence.name: evidence.weigh(proven.get(entry.object_id, 0))})
            for entry in entries
        ]
    return entries


def rebuild(backend: Backend | None = None) -> IndexReport:
    """Index everything again and remove obsolete entries. Searches work meanwhile and miss nothing.

    An object that cannot be indexed is logged, counted as failed, and keeps its old entries. Raises `UnavailableError`
    if the cluster fails as a whole.
    """
    backend = backend or get_backend()
    report = IndexReport(backend)
    with backend.rebuild():
        for document in registry.all_documents():
            pks = list(document.get_queryset().order_by("pk").values_list("pk", flat=True))
            report.checked += len(pks)
            for some in _chunks(pks, _LARGE_BATCH):
                report.put += _index_each(document.name, some, report, force=True)
            indexed = {object_id for object_id, _language, _digest in backend.digests(document.name)}
            _remove(document.name, indexed - set(pks), report)
        _remove_unknown_kinds(report)
    return report


def check(backend: Backend | None = None) -> IndexReport:
    """Compare the index with itself and with the database, and repair it. Reads everything, writes what differs."""
    backend = backend or get_backend()
    report = IndexReport(backend, mended=backend.mend())
    for document in registry.all_documents():
        indexed: dict[int, set[tuple[str, str]]] = {}
        for object_id, language, digest in backend.digests(document.name):
            indexed.setdefault(object_id, set()).add((language, digest))
        pks = list(document.get_queryset().order_by("pk").values_list("pk", flat=True))
        report.checked += len(pks)
        for some in _chunks(pks, _LARGE_BATCH):
            expected = _expected_entries(document, some)
            wrong = [pk for pk in some if indexed.get(pk) != expected.get(pk)]
            report.put += _index_each(document.name, wrong, report, force=True) if wrong else 0
        _remove(document.name, indexed.keys() - set(pks), report)
    _remove_unknown_kinds(report)
    return report


def handle_index_damaged(event: IndexDamaged) -> None:
    """Repair the index, unless another worker did so meanwhile."""
    mend()


def mend() -> None:
    """Repair the database's index if it is damaged; cheaper than `check`, which it calls then."""
    backend = get_backend()
    if not backend.mend():
        return
    report = check(backend)
    logger.warning("Search: the damaged index was repaired, %s objects indexed again", report.put)


def has_entries() -> bool:
    """Whether the database's index holds anything; one query."""
    return IndexedEntry.objects.exists()


def is_damaged() -> bool:
    """Whether a repair of the index is waiting or going on; one query."""
    return OutboxMessage.objects.pending().filter(handler=MEND).exists()


MEND: Final = handler_name(handle_index_damaged)


def _expected_entries(document: SearchDocument[Any], pks: Collection[int]) -> dict[int, set[tuple[str, str]]]:
    """Language and digest of every entry the objects should have."""
    expected: dict[int, set[tuple[str, str]]] = {}
    for entry in _current_entries(document.name, pks):
        expected.setdefault(entry.object_id, set()).add((entry.language, entry.digest))
    return expected


def _index_each(kind: str, object_ids: list[int], report: IndexReport, *, force: bool) -> int:
    """Call `index_objects`; if the objects cannot be indexed together, one by one."""
    try:
        return index_objects(kind=kind, object_ids=object_ids, force=force, backend=report.backend)
    except UnavailableError:
        raise  # each of them would fail in the same way
    except Exception:
        if len(object_ids) == 1:
            logger.exception("Search: %s %s cannot be indexed", kind, object_ids[0])
            report.failed += 1
            return 0
        return sum(_index_each(kind, [object_id], report, force=force) for object_id in object_ids)


def _remove(kind: str, object_ids: Iterable[int], report: IndexReport) -> None:
    """Remove the objects' entries, after checking once more, with the objects locked, that they do not exist."""
    for some in _chunks(sorted(object_ids)):
        report.removed += len(some) - index_objects(kind=kind, object_ids=some, backend=report.backend)


def _remove_unknown_kinds(report: IndexReport) -> None:
    backend = report.backend
    for kind in backend.kinds() - {document.name for document in registry.all_documents()}:
        _remove(kind, {object_id for object_id, _language, _digest in backend.digests(kind)}, report)


def _chunks(values: Iterable[int], size: int = _BATCH) -> Iterator[list[int]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk
