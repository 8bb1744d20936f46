"""Imports of articles that editors start on screen: an upload is checked, run and, if wanted, undone by the worker.

The upload is private and removed when the import has ended, at the latest after a week; the report stays. A worker that dies
leaves the import busy: another one goes on, which is safe, as every import can be repeated.
"""

from __future__ import annotations

import logging
import tempfile
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from wagtail.permissions import page_permission_policy

from faq.events import ImportWanted
from faq.importing import ImportReport, SourceError, StoppedError, import_articles, undo_import
from faq.importing.layout import DOCUMENTS
from faq.importing.logs import quiet_logs
from faq.importing.preview import Preview, PreviewWriter, read_picture, read_preview
from faq.importing.sources import open_source
from faq.importing.tables import TABLES, TableSource
from faq.models import ArticleImport, HelpIndexPage
from portal.core.events import emit
from portal.core.outbox import NotNowError, describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.core.files.uploadedfile import UploadedFile

    from portal.accounts.models import User

logger = logging.getLogger(__name__)

#: What one import may upload at once.
MOST_MEGABYTES: Final = 100
MOST_FILES: Final = 1_000
_FOLDER: Final = "imports"
#: Files of no import are removed after this: a worker or a request that was killed had stored them, and not yet said where.
_UNKNOWN_FOR: Final = timedelta(days=1)
#: Uploads are kept no longer.
KEPT: Final = timedelta(days=7)
#: A worker that has said nothing for so long is taken for dead.
_SILENCE: Final = timedelta(seconds=90)
_SECONDS: Final = 2.0
_SUFFIXES: Final = (*sorted(DOCUMENTS), *sorted(TABLES), ".zip")
#: Among the choices of an import: where it is kept what its articles would look like.
_PREVIEWS: Final = "previews"
_State = ArticleImport.State


class IntakeError(Exception):
    """Raised when something cannot be uploaded or done now; the message is for the person."""


class _TakenOverError(Exception):
    """Raised when another worker goes on with the import."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an uploaded table: its name or number, what it was taken for, and what is in it."""

    key: str
    name: str
    meaning: str
    samples: list[str]


def may_import(user: Any) -> bool:
    """Return whether somebody may add and publish articles, below every list of topics."""
    if not all(page_permission_policy.user_has_permission(user, action) for action in ("add", "publish")):
        return False
    rights = [page.permissions_for_user(user) for page in HelpIndexPage.objects.all()]
    return all(right.can_add_subpage() and right.can_publish_subpage() for right in rights)


def begin(*, files: Sequence[UploadedFile[Any]], by: User, choices: dict[str, Any]) -> ArticleImport:
    """Store an upload and have it checked. Raises `IntakeError` when it is too large or nothing that can be read."""
    if not files or len(files) > MOST_FILES:
        raise IntakeError(_("Choose between one and %(count)d files.") % {"count": MOST_FILES})
    if sum(file.size or 0 for file in files) > MOST_MEGABYTES * 1024 * 1024:
        raise IntakeError(_("All files together are larger than %(count)d MB.") % {"count": MOST_MEGABYTES})
    name = PurePosixPath(str(files[0].name).replace("\\", "/")).name[-200:]
    if len(files) == 1:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in _SUFFIXES:
            raise IntakeError(_("“%(name)s” is neither a zip, a document nor a spreadsheet.") % {"name": name})
        stored = default_storage.save(f"{_FOLDER}/upload{suffix}", File(files[0]))
    else:
        stored = _store_together(files)
        name = _("%(count)d files: %(name)s …") % {"count": len(files), "name": name[-120:]}
    task = ArticleImport(name=name, stored=stored, by=by, choices=choices, interface=translation.get_language() or "en")
    _queue(task, _State.TRYING)
    return task


def _store_together(files: Sequence[UploadedFile[Any]]) -> str:
    """Store several files as one zip."""
    with tempfile.TemporaryFile() as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in files:
                with packed.open(str(file.name).replace("\\", "/").lstrip("/"), "w") as member:
                    for chunk in file.chunks():
                        member.write(chunk)
        stream.seek(0)
        return default_storage.save(f"{_FOLDER}/upload.zip", File(stream))


@transaction.atomic
def _queue(task: ArticleImport, state: str) -> None:
    task.state, task.is_stopping = state, False
    task.done, task.total, task.message = 0, None, ""
    task.alive_at, task.ended_at = None, None
    if state == _State.IMPORTING:
        task.began_at = timezone.now()
        task.counts, task.rows = {}, []  # what was expected is not what was done
    task.save()
    emit(ImportWanted(import_id=task.pk))


def _locked(pk: int) -> ArticleImport:
    return ArticleImport.objects.select_for_update().get(pk=pk)


@transaction.atomic
def check(*, pk: int, columns: dict[str, str]) -> None:
    """Have an upload checked again, with other meanings of its columns."""
    task = _locked(pk)
    if task.is_busy or not task.stored:
        raise IntakeError(_("That cannot be done now."))
    task.choices = {**task.choices, "columns": columns}
    _queue(task, _State.TRYING)


@transaction.atomic
def run(*, pk: int) -> None:
    """Have an upload imported that was checked."""
    task = _locked(pk)
    if task.state not in {_State.TRIED, _State.STOPPED, _State.FAILED} or not task.stored:
        raise IntakeError(_("That cannot be done now."))
    began_at = task.began_at
    _queue(task, _State.IMPORTING)
    if began_at is not None:  # it goes on: what was done before belongs to it
        ArticleImport.objects.filter(pk=pk).update(began_at=began_at)


@transaction.atomic
def undo(*, pk: int) -> None:
    """Have an import undone."""
    task = _locked(pk)
    if task.is_busy or task.began_at is None or task.state == _State.UNDONE:
        raise IntakeError(_("That cannot be done now."))
    _queue(task, _State.UNDOING)


@transaction.atomic
def stop(*, pk: int) -> None:
    """Ask the worker to stop; what is written by then stays, and can be undone."""
    task = _locked(pk)
    if task.state == _State.UNDOING or not task.is_busy:
        raise IntakeError(_("That cannot be done now."))
    task.is_stopping = True
    task.save(update_fields=["is_stopping"])


# The worker -----------------------------------------------------------------------------------------------------------


def carry_out(event: ImportWanted) -> None:
    """Do what is wanted of an import, outside of any transaction. Raises `NotNowError` while another worker is at it."""
    now = timezone.now()
    busy = ArticleImport.objects.filter(pk=event.import_id, state__in=ArticleImport.BUSY)
    free = busy.filter(Q(alive_at=None) | Q(alive_at__lt=now - _SILENCE))
    if not free.update(alive_at=now, claims=F("claims") + 1):
        if busy.exists():
            raise NotNowError
        return
    task = ArticleImport.objects.select_related("by").get(pk=event.import_id)
    mine = ArticleImport.objects.filter(pk=task.pk, claims=task.claims)
    ended: dict[str, Any]
    try:
        with translation.override(task.interface), quiet_logs():
            ended = _undo(task, mine) if task.state == _State.UNDOING else _import(task, mine)
    except _TakenOverError:
        return
    except Exception as error:  # noqa: BLE001 - the person is told; the log has the place
        logger.error("Import %d failed: %s", task.pk, describe(error))  # noqa: TRY400 - no values in the log
        with translation.override(task.interface):
            ended = {
                "state": _State.FAILED,
                "message": _("Something unexpected happened. Try again, or ask the operator."),
            }
    mine.update(**ended, ended_at=timezone.now(), alive_at=None, is_stopping=False)
    if ended["state"] in {_State.DONE, _State.UNDONE}:
        _forget_upload(task)


def _progress(mine: Any, *, may_stop: bool) -> Any:
    last = [time.monotonic()]

    def say(done: int, total: int | None) -> None:
        if time.monotonic() - last[0] < _SECONDS:
            return
        last[0] = time.monotonic()
        if not mine.update(done=done, total=total, alive_at=timezone.now()):
            raise _TakenOverError
        if may_stop and mine.filter(is_stopping=True).exists():
            raise StoppedError

    return say


def _undo(task: ArticleImport, mine: Any) -> dict[str, Any]:
    assert task.began_at is not None  # noqa: S101 - `undo` has asked
    undone = undo_import(task.pk, since=task.began_at, by=task.by, progress=_progress(mine, may_stop=False))
    return {
        "state": _State.UNDONE,
        "left": undone.left,
        "message": "",
        "choices": {**task.choices, "undone": {"removed": undone.removed, "restored": undone.restored}},
    }


def _import(task: ArticleImport, mine: Any) -> dict[str, Any]:
    is_trial = task.state == _State.TRYING
    if mine.filter(is_stopping=True).exists():
        return {"state": _State.TRIED if is_trial and task.rows else _State.STOPPED}
    wanted = task.choices
    previewed: set[int] = set()
    try:
        with tempfile.TemporaryDirectory(prefix="import-") as folder, _previews(task, wanted=is_trial) as previews:
            report = import_articles(
                _fetched(task, Path(folder)),
                dry_run=is_trial,
                language=wanted.get("language", ""),
                topic=wanted.get("topic", ""),
                audience=wanted.get("audience", ""),
                columns=wanted.get("columns") or {},
                publish=bool(wanted.get("publish")),
                user=task.by,
                run=task.pk,
                progress=_progress(mine, may_stop=True),
                previews=previews,
            )
            previewed = previews.rows if previews else set()
        state = _State.TRIED if is_trial else _State.DONE
    except StoppedError as stopped:
        report = stopped.report or ImportReport()
        state = _State.STOPPED
    except SourceError as error:
        return {"state": _State.FAILED, "message": str(error), "counts": {}, "rows": []}
    total = len(report.rows)
    return {
        "state": state,
        "message": "\n".join(report.notes),
        "choices": task.choices,
        "counts": {outcome.value: count for outcome, count in report.counts.items()},
        "rows": [{**row.as_dict(), "preview": number in previewed} for number, row in enumerate(report.rows, start=1)],
        "done": total if state != _State.STOPPED else task.done,
        "total": total,
    }


def _fetched(task: ArticleImport, folder: Path) -> Path:
    """Copy the upload to where it can be read, wherever the storage is. Raises `SourceError` when it is gone."""
    suffix = PurePosixPath(task.stored).suffix
    stem = PurePosixPath(task.name).stem if PurePosixPath(task.name).suffix.lower() == suffix else "import"
    path = folder / f"{stem}{suffix}"
    try:
        with default_storage.open(task.stored, "rb") as source, path.open("wb") as target:
            for chunk in source.chunks():
                target.write(chunk)
    except OSError as error:
        raise SourceError(_("The upload is not there any more; upload it again.")) from error
    return path


# What a check has found -----------------------------------------------------------------------------------------------


@contextmanager
def _previews(task: ArticleImport, *, wanted: bool) -> Iterator[PreviewWriter | None]:
    """Store what a check reads beside the upload, in place of what the check before found."""
    if not wanted:
        yield None
        return
    with tempfile.TemporaryFile() as stream:
        writer = PreviewWriter(stream)
        try:
            yield writer
        finally:
            writer.close()
        stream.seek(0)
        _forget_previews(task)
        task.choices = {**task.choices, _PREVIEWS: default_storage.save(f"{_FOLDER}/preview.zip", File(stream))}


def _forget_previews(task: ArticleImport) -> None:
    if name := task.choices.get(_PREVIEWS):
        default_storage.delete(name)


def preview_of(task: ArticleImport, row: int) -> Preview | None:
    """Return the article that a row of a checked upload would become; None when there is none to be seen."""
    with _kept(task) as stream:
        return read_preview(stream, row) if stream is not None else None


def picture_of(task: ArticleImport, name: str) -> bytes | None:
    """Return a picture of a checked upload."""
    with _kept(task) as stream:
        return read_picture(stream, name) if stream is not None else None


@contextmanager
def _kept(task: ArticleImport) -> Iterator[Any]:
    name = task.choices.get(_PREVIEWS, "")
    if not task.stored or not name or not default_storage.exists(name):
        yield None
        return
    with default_storage.open(name, "rb") as stream:
        yield stream


def columns_of(task: ArticleImport) -> list[Column]:
    """Return the columns of an uploaded table; nothing for other uploads."""
    if PurePosixPath(task.stored).suffix not in TABLES:
        return []
    try:
        with tempfile.TemporaryDirectory(prefix="import-") as folder:
            path = _fetched(task, Path(folder))
            wanted = task.choices.get("columns") or {}
            try:
                source = open_source(path, columns=wanted)
            except SourceError:
                source = open_source(path, columns={**wanted, "1": "title"})  # nothing was recognised
            if not isinstance(source, TableSource):
                return []
            return [
                Column(str(number), name or str(number), meaning, samples)
                for number, (name, meaning, samples) in enumerate(
                    zip(source.header, source.columns, source.samples(), strict=False), start=1
                )
            ]
    except SourceError:
        return []


# Tidying --------------------------------------------------------------------------------------------------------------


def _forget_upload(task: ArticleImport) -> None:
    if task.stored:
        default_storage.delete(task.stored)
        _forget_previews(task)
        ArticleImport.objects.filter(pk=task.pk).update(stored="")


def has_old_uploads() -> bool:
    """Return whether there are uploads that are kept no longer, or files that belong to no import."""
    return _old().exists() or any(True for _name in _left_behind())


def remove_old_uploads() -> None:
    """Remove the uploads of imports that nobody went on with, and files that belong to no import."""
    for task in _old():
        _forget_upload(task)
    for name in list(_left_behind()):
        default_storage.delete(name)


def _left_behind() -> Iterator[str]:
    """Yield the files that no import knows, but for those of the last day: who stores one says so a moment later."""
    try:
        _folders, names = default_storage.listdir(_FOLDER)
    except FileNotFoundError:
        return
    kept = ArticleImport.objects.exclude(stored="").values_list("stored", f"choices__{_PREVIEWS}")
    known = {name for pair in kept for name in pair}
    for name in (f"{_FOLDER}/{each}" for each in names):
        if name not in known and default_storage.get_modified_time(name) < timezone.now() - _UNKNOWN_FOR:
            yield name


def _old() -> Any:
    old = ArticleImport.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(stored="")
    return old.exclude(state__in=ArticleImport.BUSY).only("pk", "stored", "choices")
