"""The regular work on what was searched: counting, forgetting, gaps, popular questions, evidence."""

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
#: What is noted reaches the database a little later.
_ON_ITS_WAY: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class TidyReport:
    """What a run did."""

    days: int
    forgotten: Forgotten
    gaps: GapReport
    reweighed: int


def is_needed(last_end: dt.datetime | None) -> bool:
    """Whether a day ended, or something was asked or chosen, since `tidy` last ended. Reads the two newest rows."""
    if last_end is None or timezone.localdate(last_end) != timezone.localdate():
        return True
    newest = (
        rows.order_by("-pk").values_list("at", flat=True).first() for rows in (SearchLog.objects, SearchClick.objects)
    )
    return any(at is not None and at > last_end - _ON_ITS_WAY for at in newest)


def tidy() -> TidyReport:
    """Do all of it. Each step is repeatable and a transaction of its own: what a crash cut short is done next time."""
    days = count_days()
    forgotten = forget_old()
    gaps = tend_gaps()
    renew_popular()
    with transaction.atomic():  # the weights and the announcement that they changed
        changed = weigh_clicks()
        for kind, object_ids in sorted(changed.items()):
            services.announce(kind=kind, object_ids=object_ids)
    return TidyReport(days, forgotten, gaps, sum(map(len, changed.values())))
