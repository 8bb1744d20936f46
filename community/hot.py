"""How hot a thread is: interest now, against age. Stored when something changes; time alone changes no order."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from community.models import Thread

#: A thread this much younger is as hot as one with ten times the interest.
SECONDS_PER_TENFOLD: Final = 2 * 24 * 60 * 60
_BEGINNING: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def hot_of(thread: Thread) -> float:
    """Return log10 of the weighted interest plus an age term."""
    interest = 1 + thread.reply_count + 2 * thread.helpful_count + 3 * thread.me_too_count + 3 * thread.vote_count
    age = (thread.created_at - _BEGINNING).total_seconds() / SECONDS_PER_TENFOLD
    return round(math.log10(max(interest, 1)) + age, 6)
