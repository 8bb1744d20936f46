"""The import as a whole: people, threads, replies, solutions, votes; then counters and search."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import reset_queries
from django.utils.translation import gettext as _

from community import reconcile
from community.importing.discourse import Discourse
from community.importing.errors import SourceError
from community.importing.records import Skipped
from community.importing.report import Report
from community.importing.stackexchange import StackExchange
from community.importing.store import Store
from community.importing.table import Table
from community.importing.writer import Writer
from community.models import Area
from community.services.imported import index_imported
from portal.core.text import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from community.importing.records import Source

Record = TypeVar("Record")

#: Records in one transaction: few enough that members who post meanwhile wait for a moment only.
BATCH: Final = 300
_NAME: Final = re.compile(r"[\w.:-]{1,80}\Z")

FORMATS: Final[dict[str, Callable[[Path], Source]]] = {
    "stackexchange": StackExchange,
    "discourse": Discourse,
    "csv": Table,
}


def import_community(
    path: Path,
    *,
    form: str,
    source: str = "",
    area: str = "",
    area_of: Mapping[str, str] | None = None,
    dry_run: bool = False,
    keeps_personal_data: bool = False,
    progress: Callable[[str, int], None] = lambda _kind, _done: None,
) -> Report:
    """Import a forum; repeat it with the same `source` to go on, or to add what is new there.

    `area` is the slug of the area for what names none that exists here; `area_of` maps names of theirs to slugs of
    ours. Mail addresses and numbers of persons in texts are masked unless `keeps_personal_data`. `progress` is called
    after each batch with the kind and the number of records read. Raises `SourceError`; what was read before is kept.
    """
    name = source or f"{form}:{path.stem}"
    if not _NAME.match(name):
        raise SourceError(_("The name of the source may have letters, digits, dots, colons and hyphens."))
    report = Report(dry_run=dry_run)
    reader = FORMATS[form](path)
    default = _area(area) if area else None
    for theirs, ours in (area_of or {}).items():
        _area(ours, named_for=theirs)
    with Store() as store:
        writer = Writer(
            source_name=name,
            store=store,
            report=report,
            area=default,
            area_of=area_of or {},
            keeps_personal_data=keeps_personal_data,
        )
        stages: list[tuple[str, Iterable[Any], Callable[[list[Any]], None]]] = [
            ("people", reader.people(), store.add_people),
            ("threads", reader.beginnings(), writer.threads),
            ("replies", reader.replies(), writer.replies),
            ("solutions", reader.acceptances(), writer.solutions),
            ("votes", reader.voices(), writer.votes),
        ]
        for kind, records, write in stages:
            _in_batches(kind, records, write, report, progress)
    if not dry_run:
        report.mended = len(reconcile.mend())
        report.indexed = index_imported(progress)
    return report


def _area(slug: str, *, named_for: str = "") -> Area:
    wanted = fold(slug)
    for area in Area.objects.order_by("pk"):
        if wanted in {fold(area.slug), *(fold(str(title)) for title in area.title.values())}:
            return area
    raise SourceError(
        _("There is no area “%(name)s”. There are: %(areas)s.")
        % {
            "name": f"{named_for}={slug}" if named_for else slug,
            "areas": ", ".join(Area.objects.in_order().values_list("slug", flat=True)) or "—",
        }
    )


def _in_batches(
    kind: str,
    records: Iterable[Any],
    write: Callable[[list[Any]], None],
    report: Report,
    progress: Callable[[str, int], None],
) -> None:
    done = 0
    for batch in _batches(_without_skipped(records, report), BATCH):
        write(batch)
        done += len(batch)
        reset_queries()  # kept where DEBUG is on
        progress(kind, done)


def _without_skipped(records: Iterable[Any], report: Report) -> Iterator[Any]:
    for record in records:
        if isinstance(record, Skipped):
            report.skip(record.kind, record.reason, record.place, is_problem=record.is_problem)
        else:
            yield record


def _batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    remaining = iter(records)
    while batch := list(islice(remaining, size)):
        yield batch
