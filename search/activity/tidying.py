"""The hourly job on recorded searches: counting, deleting old rows, gaps, popular questions, click evidence."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from search import services
from search.activity.choices import weigh_clicks
from search.activity.counting import Forgotten, count_days, forget_old
from search.activity.gaps import GapReport, tend_gaps
from search.activity.popular import renew_popular
from search.models import SearchClick, SearchLog

JOB: Final = "search.tidy_search_log"
INTERVAL: Final = dt.timedelta(hours=1)
#: Maximum delay between recording an event and its row in the database.
_ON_ITS_WAY: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class TidyReport:
    """Results of a run."""

    days: int
    forgotten: Forgotten
    gaps: GapReport
    reweighed: int


def is_needed(last_end: dt.datetime | None) -> bool:
    """Whether a new day began, or a search or click was stored, since `tidy` last ended. Reads the two newest rows."""
    if last_end is None or timezone.localdate(last_end) != timezone.localdate():
        return True
    newest = (
        rows.order_by("-pk").values_list("at", flat=True).first() for rows in (SearchLog.objects, SearchClick.objects)
    )
    return any(at is not None and at > last_end - _ON_ITS_WAY for at in newest)


def tidy() -> TidyReport:
    """Run all steps. Each is idempotent and has its own transaction, so that the next run completes an aborted one."""
    days = count_days()
    forgotten = forget_old()
    gaps = tend_gaps()
    renew_popular()
    with transaction.atomic():  # the weights and the announcement of their changes
        changed = weigh_clicks()
        for kind, object_ids in sorted(changed.items()):
            services.announce(kind=kind, object_ids=object_ids)
    return TidyReport(days, forgotten, gaps, sum(map(len, changed.values())))
