"""Exports that somebody asked for in the admin: made in the background, kept for some days."""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from typing import TYPE_CHECKING, Final

from django.core.files.base import File
from django.db import transaction
from django.utils import timezone
from wagtail.log_actions import log

from faq.exporting.writer import write_zip
from faq.models import Export
from portal.core.exchange import Wish
from portal.core.outbox import describe

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.accounts.models import User

logger = logging.getLogger(__name__)

#: A file is deleted after these days.
DAYS: Final = 7


@transaction.atomic
def ask(*, by: User, with_drafts: bool) -> Export:
    """Have an export made; one that is being made already serves everybody. The log says who asked."""
    waiting = Export.objects.filter(state=Export.State.WAITING, with_drafts=with_drafts).first()
    export = waiting or Export.objects.create(with_drafts=with_drafts)
    log(instance=export, action="wagtail.create", user=by, data={"drafts": with_drafts})
    return export


def has_work() -> bool:
    """Return whether `make_and_tidy` has anything to do; one or two queries."""
    return Export.objects.filter(state=Export.State.WAITING).exists() or _old().exists()


def make_and_tidy() -> int:
    """Make the exports that are waited for, and delete the old ones. A periodic job; returns how many were made."""
    for old in _old():
        _delete(old)
    made = 0
    for export in Export.objects.filter(state=Export.State.WAITING).order_by("pk"):
        try:
            _make(export)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and the others get theirs
            logger.error("Export %s could not be made: %s", export.pk, describe(error))  # noqa: TRY400 - no values
            Export.objects.filter(pk=export.pk, state=Export.State.WAITING).update(state=Export.State.FAILED)
        else:
            made += 1
    return made


def _old() -> QuerySet[Export]:
    return Export.objects.filter(asked_at__lt=timezone.now() - dt.timedelta(days=DAYS))


def _make(export: Export) -> None:
    with tempfile.TemporaryFile() as stream:
        report = write_zip(stream, Wish(drafts=export.with_drafts))
        size = stream.tell()
        stream.seek(0)
        export.file.save(f"articles-{timezone.localdate().isoformat()}.zip", File(stream), save=False)
    ready = Export.objects.filter(pk=export.pk, state=Export.State.WAITING).update(
        state=Export.State.READY, file=export.file.name, size=size, articles=report.counts["articles"]
    )
    if not ready:  # another worker was faster
        export.file.delete(save=False)


def _delete(export: Export) -> None:
    if export.file:
        export.file.delete(save=False)
    export.delete()
