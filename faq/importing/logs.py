"""Quieter logs: Wagtail writes a line or two per saved page, which would hide everything else in a large import."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHATTY: Final = ("wagtail", "django_tasks")


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Limit those loggers to warnings inside the block."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
