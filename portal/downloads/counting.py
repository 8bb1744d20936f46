"""How often files are downloaded: each visitor once a day and file, however many requests that takes.

A transfer that is resumed, or fetched in eight parts at the same time, is many requests. A row per visitor, file and day
makes them one: begun with any byte, complete when the last byte was handed over. The view only notes it; the recorder
(`portal.insight.recorder`) stores it in batches. What a page shows is the sum of former days, in the file, and the rows
of the last ones, so that no counter is increased by two processes at once. A job adds up days of which nothing comes any more.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F

from portal.core.files import parse_range
from portal.core.visitors import counted_visitor
from portal.downloads.models import File, Transfer
from portal.downloads.queries import old_day
from portal.insight.activity import Activity
from portal.insight.recorder import recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_PORTION: Final = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent(Activity):
    """A visitor was sent a part of a file."""

    file_id: int
    is_end: bool

    @property
    def visitor(self) -> str:
        """Return the visitor's key for this day and file: what somebody downloads cannot be joined."""
        return counted_visitor(f"download:{self.file_id}", self.address, self.user_agent, self.day)


def note_transfer(request: HttpRequest, response: HttpResponseBase, file: File) -> None:
    """Note what the response hands over. Returns at once; nothing is written while the file is sent."""
    if request.method != "GET" or response.status_code not in {200, 206}:
        return
    transfers.record(Sent.of(request, file_id=file.pk, is_end=_has_end(request, response, file.size)))


def _has_end(request: HttpRequest, response: HttpResponseBase, size: int) -> bool:
    """Return whether the last byte is in it. A web server in front cuts the part out itself: then the request says."""
    is_handed_over = "X-Accel-Redirect" in response.headers
    asked = request.headers.get("Range", "") if is_handed_over or response.status_code == 206 else ""
    try:
        span = parse_range(asked, size) if asked else None
    except ValueError:
        return False
    return span is None or span[1] == size - 1


def store_transfers(batch: Sequence[Sent]) -> None:
    """Store who began and who was sent the end. Storing a batch again changes nothing. Raises database errors."""
    rows: dict[tuple[int, dt.date, str], bool] = {}
    for sent in batch:
        key = (sent.file_id, sent.day, sent.visitor)
        rows[key] = rows.get(key, False) or sent.is_end
    with transaction.atomic():
        known = set(File.objects.filter(pk__in={key[0] for key in rows}).values_list("pk", flat=True))
        begun = [
            Transfer(file_id=key[0], day=key[1], visitor=key[2]) for key in sorted(rows, key=str) if key[0] in known
        ]
        Transfer.objects.bulk_create(begun, ignore_conflicts=True)
        for file_id, day, visitor in sorted((key for key, is_end in rows.items() if is_end), key=str):
            Transfer.objects.filter(file=file_id, day=day, visitor=visitor).update(is_complete=True)


#: Transfers that wait for being stored.
transfers: Final = recorder.kind("downloads", store=store_transfers)


def add_up() -> int:
    """Add the rows of former days to the counters of their files and delete them; returns how many. A periodic job."""
    done = 0
    while True:
        with transaction.atomic():
            rows = list(
                _old().select_for_update().order_by("pk").values_list("pk", "file_id", "is_complete")[:_PORTION]
            )
            started = Counter(file_id for _pk, file_id, _is_complete in rows)
            completed = Counter(file_id for _pk, file_id, is_complete in rows if is_complete)
            for file_id in sorted(started):
                File.objects.filter(pk=file_id).update(
                    started=F("started") + started[file_id], completed=F("completed") + completed[file_id]
                )
            Transfer.objects.filter(pk__in=[row[0] for row in rows]).delete()
        done += len(rows)
        if len(rows) < _PORTION:
            return done


def is_anything_to_add_up() -> bool:
    """Return whether `add_up` has anything to do. One query."""
    return _old().exists()


def _old() -> QuerySet[Transfer]:
    return Transfer.objects.filter(day__lte=old_day())
