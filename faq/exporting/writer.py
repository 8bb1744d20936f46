"""Writing an export: lines and files one after the other, so that memory does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from django.utils.translation import gettext as _

from faq.exporting import rows
from faq.exporting.archive import FORMAT, MANIFEST, VERSION, ExportError, FolderOutput, ZipOutput, copy
from faq.exporting.files import Keeping
from faq.exporting.naming import SHARED, Names
from portal.core import exchange
from portal.core.exchange import Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from faq.exporting.archive import Output
    from portal.core.exchange import Row

    #: Called with the number of articles written and their total.
    Progress = Callable[[int, int], None]

__all__ = ["ExportReport", "Wish", "export_articles", "write"]


@dataclass(slots=True)
class ExportReport:
    """What is in an export: lines by kind, and what is used and whose file is gone."""

    counts: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def export_articles(path: Path, wish: Wish | None = None, *, progress: Progress | None = None) -> ExportReport:
    """Write everything the help pages hold to a folder, which must be empty or missing, or a new ``.zip``, which is for this account alone.

    Raises `ExportError`. The same content gives the same bytes.
    """
    wish = wish or Wish()
    if path.suffix.lower() != ".zip":
        return write(FolderOutput(path), wish, progress=progress)
    if path.exists():
        raise ExportError(_("“%(path)s” exists already.") % {"path": path})
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("wb") as stream:
            unfinished.chmod(0o600)  # drafts and addresses are not for every account of the machine
            report = write_zip(stream, wish, progress=progress)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return report


def write_zip(stream: IO[bytes], wish: Wish, *, progress: Progress | None = None) -> ExportReport:
    """Write an export to a stream as a zip."""
    output = ZipOutput(stream)
    report = write(output, wish, progress=progress)
    output.close()
    return report


def write(output: Output, wish: Wish, *, progress: Progress | None = None) -> ExportReport:
    """Write an export to a folder or zip."""
    report = ExportReport()
    sink = Keeping()
    names = Names(sink, drafts=wish.drafts)

    def put(kind: str, found: Iterable[Row], total: int = 0) -> None:
        report.counts[kind] = 0
        with output.open(f"{kind}.jsonl") as stream:
            for row in found:
                stream.write(f"{exchange.line(row)}\n".encode())
                report.counts[kind] += 1
                if total and progress is not None:
                    progress(report.counts[kind], total)

    put("topics", rows.topics())
    put("products", rows.products())
    put("topic_pages", rows.topic_pages(wish))
    put(SHARED, rows.shared_texts(names))
    ids = rows.article_ids(wish)
    put("articles", rows.articles(ids, names, wish), len(ids))
    put("redirects", rows.redirects(names))
    for kind, used in names.used.items():
        put(kind, (used[key] for key in sorted(used)))
    for part in exchange.parts():
        put(part.name, part.rows(wish, sink))
    for name in sorted(sink.files):
        stored = sink.files[name]
        with stored.storage.open(str(stored.name)) as source, output.open(name) as target:
            copy(source, target)
    report.missing = sorted(names.missing)
    manifest = {
        "format": FORMAT, "version": VERSION, "drafts": wish.drafts, "people": wish.people, "counts": report.counts,
    }  # fmt: skip
    with output.open(MANIFEST) as stream:
        stream.write(f"{exchange.line(manifest)}\n".encode())
    return report
