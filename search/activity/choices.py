"""Clicks as evidence: an object that readers choose where it is shown is a better answer.

The `clicked` value of an object, in hundredths, is the share of visits that chose it, among the visits that chose
anything after the questions it was chosen for. Twenty visits that did not choose it are added for smoothing. Questions
with fewer visits than `SEARCH_LISTED_FROM_VISITS`, and objects chosen from fewer than five networks, do not count, and
the visits of one network count at most a fifth (`portal.core.visitors`), so that nobody can push an article up alone.
`search.index.evidence` caps the total effect.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from portal.core.visitors import ENOUGH_NETWORKS, counted
from search.documents import Evidence
from search.models import ClickEvidence, SearchClick

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

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

    Idempotent; six queries.
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
    rows = SearchClick.objects.filter(day__gte=timezone.localdate() - dt.timedelta(days=_DAYS)).order_by()
    visits = _visits_by(rows, "language", "key")
    enough = _from_enough_networks(rows, "language", "key", "kind", "object_id")
    chosen: dict[tuple[str, int], int] = defaultdict(int)
    shown: dict[tuple[str, int], int] = defaultdict(int)
    for (language, key, kind, object_id), number in _visits_by(rows, "language", "key", "kind", "object_id").items():
        asked = visits[language, key]
        if asked >= settings.SEARCH_LISTED_FROM_VISITS:
            chosen[kind, object_id] += number if (language, key, kind, object_id) in enough else 0
            shown[kind, object_id] += asked
    return {
        identity: 100 * number // (shown[identity] + _SMOOTHING) // _STEP * _STEP for identity, number in chosen.items()
    }


def _visits_by(rows: QuerySet[SearchClick], *names: str) -> dict[tuple[Any, ...], int]:
    """The number of visits that count, for each combination of the fields; one query."""
    sizes: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for *identity, _sector, number in rows.values_list(*names, "sector").annotate(Count("visit", distinct=True)):
        sizes[tuple(identity)].append(number)
    return {identity: sum(counted(some)) for identity, some in sizes.items()}


def _from_enough_networks(rows: QuerySet[SearchClick], *names: str) -> set[tuple[Any, ...]]:
    """The combinations of the fields that enough networks chose; two queries."""
    by_sector = rows.values_list(*names).annotate(sectors=Count("sector", distinct=True))
    by_day = rows.exclude(network="").values_list(*names, "day").annotate(networks=Count("network", distinct=True))
    return {
        *(tuple(identity) for *identity, _sectors in by_sector.filter(sectors__gte=ENOUGH_NETWORKS)),
        *(tuple(identity) for *identity, _day, _networks in by_day.filter(networks__gte=ENOUGH_NETWORKS)),
    }
