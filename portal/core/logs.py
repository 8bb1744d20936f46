"""What a log line leaves out."""

from __future__ import annotations

import logging
import re
from typing import Final

#: Addresses that let whoever has them do something.
_TOKEN: Final = re.compile(r"(/account/(?:invitation|first-administrator)/)[^/\s]+")


def without_traceback_of_refusals(record: logging.LogRecord) -> bool:
    """Drop the traceback of a refused request (4xx): it says where the code refuses, not that anything is wrong.

    A filter of the logger `django.request`; always True, the line itself stays.
    """
    if record.levelno < logging.ERROR:
        record.exc_info = record.exc_text = None
    return True


def without_tokens(record: logging.LogRecord) -> bool:
    """Take the tokens of links that work out of a line: who reads logs must not be able to use them.

    A filter of the logger `django.request`; always True.
    """
    if isinstance(record.args, tuple):
        record.args = tuple(_TOKEN.sub(r"\1…", arg) if isinstance(arg, str) else arg for arg in record.args)
    return True
