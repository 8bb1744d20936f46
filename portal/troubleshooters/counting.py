"""Where readers come and where they stop: each visitor once a day and step, whatever they reload or walk again.

A page says which step it shows and from which one its reader came (`portal.insight.facts`); the recorder stores it in
batches after the answer. Rows are deleted after `queries.KEPT_DAYS`, which is also what the report is about.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from portal.core.text import row_number
from portal.core.visitors import counted_visitor
from portal.insight.activity import Activity
from portal.insight.facts import tell
from portal.insight.recorder import recorder
from portal.troubleshooters.models import Arrival, Troubleshooter
from portal.troubleshooters.queries import KEPT_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Name of the fact that pages tell.
FACT: Final = "troubleshooter"
#: What stands for the page where people take over.
PEOPLE: Final = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Came(Activity):
    """A visitor came to a step, from another one or from elsewhere (None)."""

    troubleshooter_id: int
    step: int
    before: int | None

    @property
    def visitor(self) -> str:
        """Return the visitor's key for this day and troubleshooter: what somebody looks for cannot be joined."""
        return counted_visitor(f"troubleshooter:{self.troubleshooter_id}", self.address, self.user_agent, self.day)


def tell_arrival(response: HttpResponseBase, troubleshooter: Troubleshooter, step: int, before: int | None) -> None:
    """Have the page say which step it shows, for every visitor who gets it."""
    tell(response, FACT, troubleshooter.pk, step, "" if before is None else before)


def note(request: HttpRequest, values: Sequence[str]) -> None:
    """Note that a visitor got a page. Returns at once."""
    troubleshooter, step, before = (row_number(value) for value in values)
    if troubleshooter is not None and step is not None:
        arrivals.record(Came.of(request, troubleshooter_id=troubleshooter, step=step, before=before))


def store_arrivals(batch: Sequence[Came]) -> None:
    """Store who came where, and who went on. Storing a batch again changes nothing. Raises database errors."""
    came: dict[tuple[int, int, dt.date, str], bool] = {}
    for one in batch:
        here = (one.troubleshooter_id, one.step, one.day, one.visitor)
        came.setdefault(here, False)
        if one.before is not None and one.before != one.step:
            came[one.troubleshooter_id, one.before, one.day, one.visitor] = True
    with transaction.atomic():
        wanted = {key[0] for key in came}
        # Whether it exists; nothing of it is read.
        known = set(Troubleshooter.objects.filter(pk__in=wanted).values_list("pk", flat=True))
        keys = sorted((key for key in came if key[0] in known), key=str)
        rows = [Arrival(troubleshooter_id=pk, step=step, day=day, visitor=who) for pk, step, day, who in keys]
        Arrival.objects.bulk_create(rows, ignore_conflicts=True)
        for pk, step, day, who in keys:
            if came[pk, step, day, who]:
                Arrival.objects.filter(troubleshooter=pk, step=step, day=day, visitor=who, went_on=False).update(
                    went_on=True
                )


#: Arrivals that wait for being stored.
arrivals: Final = recorder.kind("troubleshooters", store=store_arrivals)


def forget() -> int:
    """Delete rows the report no longer shows; returns how many. A periodic job."""
    deleted, _by_model = _old().delete()
    return deleted


def is_anything_to_forget() -> bool:
    """Return whether `forget` has anything to do. One query."""
    return _old().exists()


def _old() -> QuerySet[Arrival]:
    return Arrival.objects.filter(day__lt=timezone.localdate() - dt.timedelta(days=KEPT_DAYS))
