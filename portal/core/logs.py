"""What a log line leaves out."""

from __future__ import annotations

import logging


def without_traceback_of_refusals(record: logging.LogRecord) -> bool:
    """Drop the traceback of a refused request (4xx): it says where the code refuses, not that anything is wrong.

    A filter of the logger `django.request`; always True, the line itself stays.
    """
    if record.levelno < logging.ERROR:
        record.exc_info = record.exc_text = None
    return True
