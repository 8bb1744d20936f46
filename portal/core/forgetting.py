"""Deletes what readers typed when its time is over: `portal.core.privacy.register_typed_text` says when.

The row stays: a "no" under an article counts as before, without its words.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.apps import apps
from django.db.models import Q
from django.utils import timezone

from portal.core.privacy import typed_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet

#: Name of the periodic job; stored, never changes.
JOB: Final = "core.forget_typed_texts"
INTERVAL: Final = timedelta(hours=6)
#: Rows per statement: on SQLite a write locks out all others.
_BATCH: Final = 500


def forget_typed_texts() -> int:
    """Empty all registered texts whose time is over; return the number of rows. Each batch is a transaction."""
    changed = 0
    for rows, fields in _overdue():
        nothing = dict.fromkeys(fields, "")
        while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
            changed += rows.filter(pk__in=pks).update(**nothing)
    return changed


def has_any() -> bool:
    """Return whether there is such a text; one query for each table."""
    return any(rows.exists() for rows, _fields in _overdue())


def _overdue() -> Iterator[tuple[QuerySet[Model], list[str]]]:
    """Yield, for each table, the rows with a text whose time is over, and the columns."""
    columns: defaultdict[tuple[str, str, int], list[str]] = defaultdict(list)
    for typed in typed_texts():
        if typed.keep_days is not None and typed.since:
            columns[typed.model, typed.since, typed.keep_days].append(typed.field)
    now = timezone.now()
    for (label, since, days), fields in columns.items():
        is_empty = Q(**dict.fromkeys(fields, ""))
        all_rows = apps.get_model(label)._base_manager  # noqa: SLF001 - Django's public name for it
        rows = all_rows.filter(**{f"{since}__lt": now - timedelta(days=days)})
        yield rows.exclude(is_empty), fields
