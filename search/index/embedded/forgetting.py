"""Words that no entry has any more: somebody's name, after the person left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from portal.core.scopes import content_changed
from search.index.embedded import sql
from search.index.embedded.writing import EVERYTHING
from search.models import Term

if TYPE_CHECKING:
    from django.db.models import QuerySet


def has_unused_words() -> bool:
    """Return whether there are such words; one query."""
    return _unused().exists()


@transaction.atomic
def forget_unused_words() -> int:
    """Delete them; returns how many rows went. A periodic job; nobody writes to the index meanwhile."""
    sql.write_alone()
    deleted, _rows = _unused().delete()
    if deleted:
        content_changed("search:index")
    return deleted


def _unused() -> QuerySet[Term]:
    return Term.objects.filter(entry_count=0).exclude(text=EVERYTHING)
