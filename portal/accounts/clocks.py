"""Limits after a clock that was ahead has been corrected."""

from __future__ import annotations

from typing import Any, Final

from allauth.core.internal import ratelimit

#: By how many seconds the clocks of several machines may differ.
_DIFFERENCE: Final = 5

_allauths: Final = ratelimit.apply_rate


def heal_limits() -> None:
    """Have allauth's limits forget what is yet to come: it would count until that day. Called once, in apps.py."""
    ratelimit.apply_rate = _apply_rate


def _apply_rate(history: list[float], now: float, rate: ratelimit.Rate, **options: Any) -> tuple[bool, list[float]]:
    answer: tuple[bool, list[float]] = _allauths(
        [at for at in history if at <= now + _DIFFERENCE], now, rate, **options
    )
    return answer
