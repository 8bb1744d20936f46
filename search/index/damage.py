"""Damage to the stored index: reported by whoever meets it, repaired by the worker (`search.services`).

A question that meets damage is answered from what is whole. Each process reports at most once a minute, and an equal
report that still waits is not written again, so the index is repaired once, however many people ask.
"""

from __future__ import annotations

import logging
import time
from typing import Final

from django.db import DatabaseError, transaction

from portal.core.events import emit
from search.events import IndexDamaged

logger = logging.getLogger(__name__)

#: Time between two reports of a process.
_PAUSE_SECONDS: Final = 60

_last_report: float | None = None


def notice(what: str) -> None:
    """Ask for a repair; `what` is for the log, without anybody's words. Never raises for a database that is busy."""
    global _last_report  # noqa: PLW0603 - one per process
    now = time.monotonic()
    if _last_report is not None and now - _last_report < _PAUSE_SECONDS:
        return
    _last_report = now
    logger.warning("Search: the index is damaged (%s); it answers from what is whole until it is repaired", what)
    try:
        with transaction.atomic():
            emit(IndexDamaged())
    except DatabaseError as error:
        logger.warning("Search: the repair cannot be asked for now: %s", type(error).__name__)


def forget() -> None:
    """Allow the next report at once; for tests."""
    global _last_report  # noqa: PLW0603 - as above
    _last_report = None
