"""Clicks as evidence: an object that readers choose where it is shown is a better answer.

The `clicked` value of an object, in hundredths, is the share of visits that chose it, among the visits that chose
anything after the questions it was chosen for. Twenty visits that did not choose it are added for smoothing. Questions
with fewer visits than `SEARCH_LISTED_FROM_VISITS` do not count, so that nobody can push an article up alone, and
`search.index.evidence` caps the total effect.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from search.documents import Evidence
from search.models import ClickEvidence, SearchClick

if TYPE_CHECKING:
    from collections.abc import Collection

_DAYS: Final = 90
#: Number of visits that are assumed to have chosen something else.
_SMOOTHING: Final = 20
#: In hundredths. Finer differences are noise, and each change means indexing the object again.
_STEP: Final = 5


def clicked_of(kind: str, object_ids: Collection[int]) -> dict[int, int]:
    """The click rate of each of these objects that was chosen at all, in hundredths. One query."""
    known = ClickEvidence.objects.filter(kind=kind, object_id__in=object_ids)
    return dict(known.values_list("object_id", "clicked"))


#: Evidence for entries of every kind.
CLICKED: Final = Evidence(name="clicked", per_mille=50, read=clicked_of)


@transaction.atomic
def weigh_clicks() -> dict[str, list[int]]:
    """Recompute the click rate of every object; return the ids of those that changed, by kind.

    Idempotent; three queries.
    """
    weights = _weights()
    changed: dict[str, list[int]] = defaultdict(list)
    gone = []
    for row in ClickEvidence.objects.select_for_update().order_by("pk"):
        weight = weights.pop((row.kind, row.object_id), 0)
        if weight != row.clicked:
            changed[row.kind].append(row.object_id)
            if weight:
                ClickEvidence.objects.filter(pk=row.pk).update(clicked=weight)
            else:
                gone.append(row.pk)
    ClickEvidence.objects.filter(pk__in=gone).delete()
    new = [
        ClickEvidence(kind=kind, object_id=object_id, clicked=weight)
        for (kind, object_id), weight in sorted(weights.items())
        if weight
    ]
    ClickEvidence.objects.bulk_create(
        new,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["kind", "object_id"],
        update_fields=["clicked"],
    )
    for row in new:
        changed[row.kind].append(row.object_id)
    return dict(changed)


def _weights() -> dict[tuple[str, int], int]:
    """The click rate of each object, in hundredths, rounded down to steps of five."""
    rows = SearchClick.objects.filter(day__gte=timezone.localdate() - dt.timedelta(days=_DAYS))
    questions = rows.values_list("language", "key").annotate(all_visits=Count("visit", distinct=True))
    visits = {
        (language, key): number
        for language, key, number in questions.filter(all_visits__gte=settings.SEARCH_LISTED_FROM_VISITS).order_by()
    }
    chosen: dict[tuple[str, int], int] = defaultdict(int)
    shown: dict[tuple[str, int], int] = defaultdict(int)
    objects = rows.values_list("language", "key", "kind", "object_id").annotate(Count("visit", distinct=True))
    for language, key, kind, object_id, number in objects.order_by():
        if (language, key) in visits:
            chosen[kind, object_id] += number
            shown[kind, object_id] += visits[language, key]
    return {
        identity: 100 * number // (shown[identity] + _SMOOTHING) // _STEP * _STEP for identity, number in chosen.items()
    }
