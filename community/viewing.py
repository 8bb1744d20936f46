"""How often threads are looked at: one view for each visitor, thread and day, without anything that says who it was.

A page that is kept reports its thread as a fact (`portal.insight.facts`), so that readers count whom no view serves.
Nothing is written while a page is served: the recorder stores views in batches. A row for each view makes that exact,
however often a batch is tried: the counter changes in the transaction of the row, and only if there was none. No page
becomes cold by that; it shows the number with which it was made.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from community.models import Thread, ThreadView
from portal.core.limits import limited
from portal.core.text import row_number
from portal.core.visitors import counted_visitor
from portal.insight.activity import Activity
from portal.insight.recorder import recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

#: The name under which a page reports its thread.
FACT: Final = "thread"
#: Views of one network that are counted in an hour, whatever browsers it invents.
_COUNTED_PER_HOUR: Final = 3_000
#: Days for which rows are kept: those of a day may be stored late.
_KEPT_DAYS: Final = 2
_PORTION: Final = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewed(Activity):
    """A visitor looked at a thread."""

    thread_id: int

    @property
    def visitor(self) -> str:
        """Return the visitor's key for this day and thread: what somebody reads cannot be joined."""
        return counted_visitor(f"thread:{self.thread_id}", self.address, self.user_agent, self.day)


def note_view(request: HttpRequest, facts: Sequence[str]) -> None:
    """Note that a visitor got the page of a thread. Returns at once."""
    thread_id = row_number(facts[0])
    if thread_id is None:
        return
    if limited(request, "community.view", _COUNTED_PER_HOUR, 3600, is_frequent=True, by_network=True) is None:
        views.record(Viewed.of(request, thread_id=thread_id))


def store_views(batch: Sequence[Viewed]) -> None:
    """Count the views that are the first of their visitor, thread and day. Raises database errors."""
    rows = sorted({(viewed.thread_id, viewed.day, viewed.visitor) for viewed in batch})
    with transaction.atomic():
        known = set(Thread.objects.filter(pk__in={row[0] for row in rows}).values_list("pk", flat=True))
        new = _insert([row for row in rows if row[0] in known])
        for thread_id, number in sorted(Counter(new).items()):
            Thread.objects.filter(pk=thread_id).update(view_count=F("view_count") + number)


def _insert(rows: Sequence[tuple[int, dt.date, str]]) -> list[int]:
    """Insert rows that are not there yet; returns the threads of those that were inserted."""
    if not rows:
        return []
    table = connection.ops.quote_name(ThreadView._meta.db_table)  # noqa: SLF001 - Django's documented name
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    values = [part for pk, day, who in rows for part in (pk, connection.ops.adapt_datefield_value(day), who)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (thread_id, day, visitor) VALUES {places}"  # noqa: S608 - our own table, places only
            " ON CONFLICT DO NOTHING RETURNING thread_id",
            values,
        )
        return [row[0] for row in cursor.fetchall()]


#: Views that wait for being stored.
views: Final = recorder.kind("views of threads", store=store_views)


def forget_views() -> int:
    """Delete the rows of days for which nothing comes any more; returns how many. The counters stay."""
    deleted = 0
    while pks := list(_old().values_list("pk", flat=True)[:_PORTION]):
        deleted += ThreadView.objects.filter(pk__in=pks).delete()[0]
    return deleted


def has_old_views() -> bool:
    """Return whether `forget_views` has anything to do. One query."""
    return _old().exists()


def _old() -> QuerySet[ThreadView]:
    return ThreadView.objects.filter(day__lte=timezone.localdate() - dt.timedelta(days=_KEPT_DAYS))
