"""The regular work on what was searched: counting, forgetting, gaps, popular questions, evidence."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from search import services
from search.activity.choices import weigh_clicks
from search.activity.counting import Forgotten, count_days, forget_old
from search.activity.gaps import GapReport, tend_gaps
from search.activity.popular import renew_popular

JOB: Final = "search.tidy_search_log"
INTERVAL: Final = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TidyReport:
    """What a run did."""

    days: int
    forgotten: Forgotten
    gaps: GapReport
    reweighed: int


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
