"""A kind of record for these tests: each becomes a row in a table that every installation has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from portal.core.models import PeriodicJob

if TYPE_CHECKING:
    from collections.abc import Sequence


def store(names: Sequence[str]) -> None:
    """Store one row per name; raises an error if one exists already."""
    with transaction.atomic():
        PeriodicJob.objects.bulk_create(PeriodicJob(name=name) for name in names)


def stored() -> list[str]:
    return list(PeriodicJob.objects.order_by("pk").values_list("name", flat=True))
